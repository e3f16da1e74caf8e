//! Texts that a copy of the database must not reveal: sealed under a key that
//! only the client's Hawk id can rebuild, and that is never stored.
//!
//! Source: RFC 5869 (HKDF), NIST SP 800-38D (AES-GCM).

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// What the key is for.
const INFO: &[u8] = b"parlour/rooms/account";

/// Length of the random value each sealing needs.
pub const NONCE_BYTES: usize = NONCE_LEN;

/// Seals a text for the holder of a Hawk id. The nonce must be random.
#[must_use]
pub fn seal(hawk_id: &str, text: &str, nonce: [u8; NONCE_BYTES]) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let unique = Nonce::assume_unique_for_key(nonce);
    key(hawk_id)?.seal_in_place_append_tag(unique, Aad::empty(), &mut bytes).ok()?;
    Some(STANDARD_NO_PAD.encode([nonce.as_slice(), &bytes].concat()))
}

/// Opens what [`seal`] wrote; everything else is `None` alike.
#[must_use]
pub fn open(hawk_id: &str, sealed: &str) -> Option<String> {
    let bytes = STANDARD_NO_PAD.decode(sealed).ok()?;
    let (nonce, rest) = bytes.split_first_chunk::<NONCE_BYTES>()?;
    let mut rest = rest.to_vec();
    let unique = Nonce::assume_unique_for_key(*nonce);
    let text = key(hawk_id)?.open_in_place(unique, Aad::empty(), &mut rest).ok()?;
    String::from_utf8(text.to_vec()).ok()
}

fn key(hawk_id: &str) -> Option<LessSafeKey> {
    let material = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(hawk_id.as_bytes());
    let okm = material.expand(&[INFO], &AES_256_GCM).ok()?;
    Some(LessSafeKey::new(UnboundKey::from(okm)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_id_opens_what_was_sealed() {
        let sealed = seal("id", "ada@example.com", [7; NONCE_BYTES]).expect("short");
        assert_eq!(open("id", &sealed).as_deref(), Some("ada@example.com"));
        assert_eq!(open("ie", &sealed), None);
        for odd in ["", "AAAA", sealed.get(1..).expect("ascii")] {
            assert_eq!(open("id", odd), None);
        }
    }
}
