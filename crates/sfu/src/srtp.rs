//! SRTP and SRTCP: one direction of one transport at a time.
//!
//! Owns key derivation (RFC 3711 §4.3), the two AEAD transforms of RFC 7714,
//! AES-CM with HMAC-SHA1-80 (RFC 3711 §4.1, §4.2), roll-over counters and
//! replay windows. No MKI; encrypted SRTCP only. Refuses to know where keys
//! come from and what packets mean.
//!
//! A sender passes the whole packet index in, so that nothing here has to
//! guess it; never using an index twice for a source is the caller's duty.

mod cipher;
mod derive;
mod open;
mod replay;
mod seal;

#[cfg(test)]
mod tests;

pub use cipher::Profile;
pub use open::{Open, OpenError};
pub use seal::Seal;

/// Master key and master salt of one direction.
#[derive(Clone)]
pub struct Master {
    /// The key: 16 or 32 bytes.
    pub key: Vec<u8>,
    /// The salt: 12 or 14 bytes.
    pub salt: Vec<u8>,
}

impl std::fmt::Debug for Master {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Master(<secret>)")
    }
}

/// Keying material of a DTLS handshake, cut into both directions
/// (RFC 5764 §4.2): client key, server key, client salt, server salt.
#[derive(Debug, Clone)]
pub struct Exported {
    /// The negotiated protection profile.
    pub profile: Profile,
    /// What the DTLS client writes with.
    pub client: Master,
    /// What the DTLS server writes with.
    pub server: Master,
}

impl Exported {
    /// Cuts exported keying material; `None` if it has the wrong length.
    #[must_use]
    pub fn cut(profile: Profile, material: &[u8]) -> Option<Self> {
        let (key, salt) = (profile.key_bytes(), profile.salt_bytes());
        let (client_key, rest) = material.split_at_checked(key)?;
        let (server_key, rest) = rest.split_at_checked(key)?;
        let (client_salt, rest) = rest.split_at_checked(salt)?;
        let (server_salt, rest) = rest.split_at_checked(salt)?;
        let master = |key: &[u8], salt: &[u8]| Master { key: key.to_vec(), salt: salt.to_vec() };
        rest.is_empty().then(|| Self {
            profile,
            client: master(client_key, client_salt),
            server: master(server_key, server_salt),
        })
    }
}
