//! The stored form of a password: what it must fit, never what it is.

use crate::redact::Secret;

/// What a password is checked against (docs/protocols/galene.md §5.5).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Verifier {
    /// A bcrypt hash such as `$2a$10$…`.
    Bcrypt(Secret<String>),
    /// Fits nothing.
    Never,
    /// PBKDF2 with HMAC-SHA-256; the derived key has the length of `key`.
    Pbkdf2 {
        /// The derived key.
        key: Secret<Vec<u8>>,
        /// The salt.
        salt: Vec<u8>,
        /// The number of rounds.
        iterations: u32,
    },
    /// The password itself.
    Plain(Secret<String>),
    /// Fits everything.
    Wildcard,
}
