//! Session tokens and the credentials derived from them.

use crate::rooms::identity::hex;
use aws_lc_rs::hkdf;
use parlour_base::Secret;

/// What the derivation is for, as every client has it.
const INFO: &[u8] = b"identity.mozilla.com/picl/v1/sessionToken";

/// The 32 random bytes that a session is made of; handed out once, in hex.
#[derive(Debug, Clone)]
pub struct SessionToken(Secret<[u8; 32]>);

/// What a client signs with.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// 64 hexadecimal digits: sent with each request.
    pub id: String,
    /// 64 hexadecimal digits; their text is the key, not what they stand for.
    pub key: Secret<String>,
}

/// The length of what is derived, as the library wants to hear it.
struct Length;

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        64
    }
}

impl SessionToken {
    /// The token of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }

    /// The text that is handed out; whoever has it is the session.
    #[must_use]
    pub fn text(&self) -> String {
        hex(self.0.expose())
    }

    /// The id and key of this session.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        let mut out = [0; 64];
        let material = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(self.0.expose());
        let filled = material.expand(&[INFO], Length).and_then(|okm| okm.fill(&mut out));
        // 64 bytes are two blocks of a hash; the library refuses 256 and more.
        debug_assert!(filled.is_ok(), "HKDF gives two blocks");
        let (id, key) = out.split_at(32);
        Credentials { id: hex(id), key: Secret::new(hex(key)) }
    }
}
