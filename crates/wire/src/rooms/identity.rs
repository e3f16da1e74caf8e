//! Names that stand for people without saying who they are: keyed hashes of
//! Hawk ids, e-mails and access tokens.
//!
//! Source: docs/protocols/rooms.md §3.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlour_base::Secret;

/// A server secret that names are hashed with.
#[derive(Debug, Clone)]
pub struct NameKey(Secret<Vec<u8>>);

impl NameKey {
    /// The key of these bytes.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(Secret::new(bytes))
    }

    /// The name of a device session, from its Hawk id.
    #[must_use]
    pub fn device(&self, hawk_id: &str) -> String {
        self.mac(hawk_id)
    }

    /// The name of a user, from an e-mail in any case or a phone number.
    #[must_use]
    pub fn user(&self, account: &str) -> String {
        self.mac(&account.to_lowercase())
    }

    /// The name an anonymous participant's token is kept under.
    #[must_use]
    pub fn access_token(&self, token: &str) -> String {
        self.mac(token)
    }

    /// The name of a room's media session, which says nothing of its token.
    #[must_use]
    pub fn session(&self, room: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.expose());
        let tag = hmac::sign(&key, format!("media session {room}").as_bytes());
        format!("1_{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
    }

    fn mac(&self, text: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.expose());
        hex(hmac::sign(&key, text.as_bytes()).as_ref())
    }
}

/// Lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble & 15)).copied().unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_an_existing_database() {
        let device = NameKey::new((0..16).collect());
        let user = NameKey::new((16..32).collect());
        let id = "5fa7b1a9a3266f052b766e956f525b583607e777f264a5bb67b57ed5e34c2c5c";
        assert_eq!(
            device.device(id),
            "ca7d0afd9db67c32a5c6b7891ce1384bbadab0b8dc2fa328153388f02359e61f"
        );
        assert_eq!(
            user.user("Alice@Example.com"),
            "3b22e32feaa57c5e40e278bb23b148bbca5aafe9fcb0c071dd6f83f456e6c057"
        );
        assert_eq!(
            user.access_token("T1==ZXhhbXBsZQ=="),
            "5e4a23e6eb5e9e40ac16e73b9a65fe5d551f198bd8dc5de7e0ed413cce8d1c70"
        );
    }

    #[test]
    fn a_media_session_has_a_lasting_name_that_is_not_its_rooms() {
        let key = NameKey::new((0..16).collect());
        let name = key.session("AAAAAAAAAAE");
        assert_eq!(name, key.session("AAAAAAAAAAE"));
        assert_ne!(name, key.session("AAAAAAAAAAI"));
        assert_ne!(name, NameKey::new((16..32).collect()).session("AAAAAAAAAAE"));
        assert!(name.starts_with("1_") && name.len() == 45 && !name.contains("AAAAAAAAAAE"));
    }
}
