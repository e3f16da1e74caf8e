//! Who somebody is by a token that the operator's application signed.
//!
//! The subject is `ext:kik:NAME`; the handle of a stored user names nobody in
//! call control.

use super::NAMESPACE;
use parlour_base::{Secret, Wall};
use parlour_directory::jwt::{SigningKey, subject};
use parlour_wire::callctl::LocalPart;
use parlour_wire::json;

/// Whom tokens must be meant for.
const AUDIENCE: &str = "parlour";
/// The name of this door in tokens.
const DOOR: &str = "callctl";

/// The keys that sign such tokens.
#[derive(Debug, Default)]
pub struct BearerKeys(Vec<SigningKey>);

impl BearerKeys {
    /// Reads a JWK set (RFC 7517 §5); `None` if it is none or has a key of a
    /// kind that is not accepted.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let value = json::parse_bytes(text).ok()?;
        let keys = value.get("keys")?.as_array()?;
        let keys = keys.iter().map(|key| SigningKey::from_jwk(key.as_object()?));
        keys.collect::<Option<Vec<_>>>().map(Self)
    }

    /// Whom a token names.
    #[must_use]
    pub fn name(&self, token: &Secret<String>, now: Wall) -> Option<LocalPart> {
        let subject = subject(&self.0, token, now, AUDIENCE, DOOR)?;
        let name = subject.strip_prefix("ext:")?.strip_prefix(NAMESPACE)?.strip_prefix(':')?;
        LocalPart::parse(name).ok()
    }
}
