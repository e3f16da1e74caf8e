//! Keys of applications: what they ask with, and what they sign tokens with.
//!
//! Of a key to ask with only a digest is kept. Its text is a mark, the id and
//! a secret of 256 random bits, so a plain digest cannot be turned around.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlour_base::{Entropy, JsonMap, Secret, Wall};
use serde::{Deserialize, Serialize};

/// The kind of record that a key is, by its id.
pub const KEY: &str = "key";
/// What the text of every key begins with.
const MARK: &str = "pk_";
/// Length of an id: 8 bytes in hexadecimal digits.
const ID_CHARS: usize = 16;
/// Longest text that is looked at, in bytes.
const TEXT_BYTES_MAX: usize = 128;

/// A stored key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// What it is for.
    pub label: String,
    /// What it may do, by name.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The digest of its secret.
    #[serde(default)]
    pub digest: Option<String>,
    /// The public key that its tokens are signed with.
    #[serde(default)]
    pub jwk: Option<JsonMap>,
    /// The only namespace whose names its tokens may speak for.
    #[serde(default)]
    pub namespace: Option<String>,
    /// When it was made.
    pub created: Wall,
    /// When it ends.
    #[serde(default)]
    pub expires: Option<Wall>,
}

/// The text of a key, taken apart.
#[derive(Debug, Clone)]
pub struct KeyText {
    /// Names the record.
    pub id: String,
    secret: Secret<String>,
}

impl KeyText {
    /// A new one.
    #[must_use]
    pub fn generate(entropy: &mut Entropy) -> Self {
        Self { id: new_id(entropy), secret: Secret::new(entropy.text::<32>()) }
    }

    /// Takes a text apart; `None` if it is not of the form of a key.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(MARK).filter(|_| text.len() <= TEXT_BYTES_MAX)?;
        let (id, secret) = rest.split_once('_')?;
        is_id(id).then(|| Self { id: id.to_owned(), secret: Secret::new(secret.to_owned()) })
    }

    /// What is handed out, once.
    #[must_use]
    pub fn text(&self) -> Secret<String> {
        Secret::new(format!("{MARK}{}_{}", self.id, self.secret.expose()))
    }

    /// What is kept.
    #[must_use]
    pub fn digest(&self) -> String {
        let digest = digest::digest(&digest::SHA256, self.secret.expose().as_bytes());
        URL_SAFE_NO_PAD.encode(digest)
    }

    /// The secret part, to derive other secrets from.
    #[must_use]
    pub const fn secret(&self) -> &Secret<String> {
        &self.secret
    }

    /// Whether it is the key of this record, and its time is not over.
    #[must_use]
    pub fn opens(&self, record: &KeyRecord, now: Wall) -> bool {
        let Some(digest) = &record.digest else { return false };
        let fits = Secret::new(digest.as_str()).matches(self.digest());
        fits && record.is_in_force(now)
    }
}

impl KeyRecord {
    /// Whether its time is not over.
    #[must_use]
    pub fn is_in_force(&self, now: Wall) -> bool {
        self.expires.is_none_or(|end| now < end)
    }
}

/// A new id for a key.
#[must_use]
pub fn new_id(entropy: &mut Entropy) -> String {
    format!("{:016x}", entropy.bits())
}

/// Whether a text is an id of a key.
#[must_use]
pub fn is_id(text: &str) -> bool {
    text.len() == ID_CHARS && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: &KeyText) -> KeyRecord {
        KeyRecord {
            label: "x".to_owned(),
            scopes: Vec::new(),
            digest: Some(key.digest()),
            jwk: None,
            namespace: None,
            created: Wall(0),
            expires: Some(Wall(10)),
        }
    }

    #[test]
    fn a_key_opens_its_own_record_until_it_ends() {
        let mut entropy = Entropy::from_seed([5; 32]);
        let (key, other) = (KeyText::generate(&mut entropy), KeyText::generate(&mut entropy));
        let again = KeyText::of(key.text().expose()).expect("its own form");
        assert!(again.opens(&record(&key), Wall(9)));
        assert!(!again.opens(&record(&key), Wall(10)), "it has ended");
        assert!(!other.opens(&record(&key), Wall(9)));
        let signer = KeyRecord { digest: None, ..record(&key) };
        assert!(!again.opens(&signer, Wall(9)), "a key that signs opens nothing");
    }

    #[test]
    fn what_is_stored_and_printed_does_not_hold_the_secret() {
        let key = KeyText::generate(&mut Entropy::from_seed([6; 32]));
        let secret = key.secret().expose();
        let shown = format!("{key:?}{:?}{}", record(&key), serde_json::json!(record(&key)));
        assert!(!shown.contains(secret));
    }

    #[test]
    fn other_texts_are_no_keys() {
        for text in
            ["", "pk_", "pk_0123456789abcdef", "pk_0123456789abcdeF_x", "sk_0123456789abcdef_x"]
        {
            assert!(KeyText::of(text).is_none(), "{text}");
        }
        assert!(KeyText::of(&format!("pk_0123456789abcdef_{}", "x".repeat(200))).is_none());
    }
}
