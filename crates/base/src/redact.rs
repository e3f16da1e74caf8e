//! Values that must not be printed: secrets and personal data.

use serde::{Deserialize, Deserializer};
use std::fmt;
use subtle::ConstantTimeEq as _;

/// A password, key or token: prints a placeholder, compares in constant time.
#[derive(Clone, Default)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a secret.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The secret itself; the caller takes over the duty not to print it.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The secret itself, taken out, with the same duty.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: AsRef<[u8]>> Secret<T> {
    /// Whether both hold the same bytes, without telling where they differ.
    pub fn matches(&self, other: impl AsRef<[u8]>) -> bool {
        self.0.as_ref().ct_eq(other.as_ref()).into()
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        T::deserialize(d).map(Self)
    }
}

/// A name or address of a person: readable by code, not by logs.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pii<T>(pub T);

impl<T> fmt::Debug for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<personal>")
    }
}

impl<T> fmt::Display for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<personal>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_secrets_nor_personal_data_print() {
        let text = format!("{:?} {}", Secret::new("hunter2"), Pii("192.0.2.1"));
        assert_eq!(text, "<secret> <personal>");
    }

    #[test]
    fn secrets_compare_by_bytes() {
        assert!(Secret::new("a".to_owned()).matches("a"));
        assert!(!Secret::new("a".to_owned()).matches("ab"));
    }
}
