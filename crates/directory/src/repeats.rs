//! Requests that were sent twice: what came of the first is kept for a time,
//! sealed with the secret of the key that asked, since it may hold secrets.
//!
//! Source: RFC 5869 (HKDF), NIST SP 800-38D (AES-GCM).

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{digest, hkdf};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlour_base::{Entropy, Secret, Wall};
use serde::{Deserialize, Serialize};

/// The kind of record, by the id of the key and what the request was called.
pub const REPEAT: &str = "idempotency";

/// What the sealing key is for.
const INFO: &[u8] = b"parlour/api/idempotency";

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeat {
    /// The digest of the request.
    pub fingerprint: String,
    /// The sealed answer.
    pub answer: String,
    /// When it may be forgotten.
    pub expires: Wall,
}

/// The digest of a request.
#[must_use]
pub fn fingerprint(parts: &[&[u8]]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(part);
    }
    URL_SAFE_NO_PAD.encode(context.finish())
}

/// Seals an answer for whoever has the secret.
#[must_use]
pub fn seal(secret: &Secret<String>, answer: &str, entropy: &mut Entropy) -> Option<String> {
    let mut nonce = [0; NONCE_LEN];
    entropy.fill(&mut nonce);
    let mut bytes = answer.as_bytes().to_vec();
    let unique = Nonce::assume_unique_for_key(nonce);
    key(secret)?.seal_in_place_append_tag(unique, Aad::empty(), &mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &bytes].concat()))
}

/// Opens what [`seal`] wrote.
#[must_use]
pub fn open(secret: &Secret<String>, sealed: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let (nonce, rest) = bytes.split_first_chunk::<NONCE_LEN>()?;
    let mut rest = rest.to_vec();
    let unique = Nonce::assume_unique_for_key(*nonce);
    let text = key(secret)?.open_in_place(unique, Aad::empty(), &mut rest).ok()?;
    String::from_utf8(text.to_vec()).ok()
}

fn key(secret: &Secret<String>) -> Option<LessSafeKey> {
    let material = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(secret.expose().as_bytes());
    let okm = material.expand(&[INFO], &AES_256_GCM).ok()?;
    Some(LessSafeKey::new(UnboundKey::from(okm)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_secret_opens_an_answer() {
        let secret = |text: &str| Secret::new(text.to_owned());
        let mut entropy = Entropy::from_seed([1; 32]);
        let sealed = seal(&secret("a"), "pk_secret", &mut entropy).expect("short");
        assert!(!sealed.contains("pk_secret"));
        assert_eq!(open(&secret("a"), &sealed).as_deref(), Some("pk_secret"));
        assert_eq!(open(&secret("b"), &sealed), None);
        assert_eq!(open(&secret("a"), "AAAA"), None);
    }

    #[test]
    fn a_fingerprint_tells_where_one_part_ends() {
        assert_ne!(fingerprint(&[b"a", b"bc"]), fingerprint(&[b"ab", b"c"]));
        assert_eq!(fingerprint(&[b"a", b"bc"]), fingerprint(&[b"a", b"bc"]));
    }
}
