//! Texts that a copy of the database must not reveal: those of a session, sealed
//! under a key that only the client's Hawk id can rebuild and that is never
//! stored, and the names of those inside a room, sealed under a key of the
//! room's token and a secret that is kept elsewhere.
//!
//! Source: RFC 5869 (HKDF), NIST SP 800-38D (AES-GCM).

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// What the key is for.
const INFO: &[u8] = b"parlour/rooms/account";

/// The same for those inside a room.
const INSIDE: &[u8] = b"account-name";

/// What a sealed name of somebody inside begins with.
const MARK: &str = "sealed1.";

/// Length of the random value each sealing needs.
pub const NONCE_BYTES: usize = NONCE_LEN;

/// Seals a text for the holder of a Hawk id. The nonce must be random.
#[must_use]
pub fn seal(hawk_id: &str, text: &str, nonce: [u8; NONCE_BYTES]) -> Option<String> {
    sealed(&session_key(hawk_id)?, text, nonce)
}

/// Opens what [`seal`] wrote; everything else is `None` alike.
#[must_use]
pub fn open(hawk_id: &str, sealed: &str) -> Option<String> {
    opened(&session_key(hawk_id)?, sealed)
}

/// Seals the name of somebody inside a room. The nonce must be random.
#[must_use]
pub fn seal_inside(
    secret: &[u8],
    room: &str,
    name: &str,
    nonce: [u8; NONCE_BYTES],
) -> Option<String> {
    let key = aead(derived(secret, room.as_bytes(), INSIDE)?)?;
    Some(format!("{MARK}{}", sealed(&key, name, nonce)?))
}

/// Opens what [`seal_inside`] wrote; what was never sealed is as it is, and what
/// was sealed with another secret is `None`.
#[must_use]
pub fn open_inside(secret: &[u8], room: &str, name: &str) -> Option<String> {
    match name.strip_prefix(MARK) {
        Some(sealed) => opened(&aead(derived(secret, room.as_bytes(), INSIDE)?)?, sealed),
        None => Some(name.to_owned()),
    }
}

fn sealed(key: &LessSafeKey, text: &str, nonce: [u8; NONCE_BYTES]) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let unique = Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(unique, Aad::empty(), &mut bytes).ok()?;
    Some(STANDARD_NO_PAD.encode([nonce.as_slice(), &bytes].concat()))
}

fn opened(key: &LessSafeKey, sealed: &str) -> Option<String> {
    let bytes = STANDARD_NO_PAD.decode(sealed).ok()?;
    let (nonce, rest) = bytes.split_first_chunk::<NONCE_BYTES>()?;
    let mut rest = rest.to_vec();
    let unique = Nonce::assume_unique_for_key(*nonce);
    let text = key.open_in_place(unique, Aad::empty(), &mut rest).ok()?;
    String::from_utf8(text.to_vec()).ok()
}

fn session_key(hawk_id: &str) -> Option<LessSafeKey> {
    aead(derived(&[], hawk_id.as_bytes(), INFO)?)
}

fn derived(salt: &[u8], material: &[u8], info: &[u8]) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    let material = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(material);
    let info = [info];
    material.expand(&info, &AES_256_GCM).ok()?.fill(&mut key).ok()?;
    Some(key)
}

fn aead(key: [u8; 32]) -> Option<LessSafeKey> {
    Some(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).ok()?))
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

    #[test]
    fn a_name_inside_a_room_is_sealed_with_the_secret_of_the_server() {
        let name = "ada@example.com";
        let sealed = seal_inside(b"s", "room", name, [7; NONCE_BYTES]).expect("short");
        assert!(!sealed.contains("ada"));
        assert_eq!(open_inside(b"s", "room", &sealed).as_deref(), Some(name));
        assert_eq!(open_inside(b"t", "room", &sealed), None);
        assert_eq!(open_inside(b"s", "moor", &sealed), None);
        assert_eq!(open_inside(b"s", "room", name).as_deref(), Some(name), "of an older store");
    }

    #[test]
    fn the_key_of_a_name_inside_is_that_of_an_existing_database() {
        let key = derived(b"202122232425262728292a2b2c2d2e2f", b"QzBbvGmIZWU", INSIDE);
        let text: String = key.expect("short").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text, "4c6099cc63a4572cbc33dd19aec6436bbf7bbfcffc7517d8d1e7ab7345e09080");
    }
}
