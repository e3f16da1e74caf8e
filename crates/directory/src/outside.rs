//! Names that people have elsewhere, and what user they mean here.
//!
//! An outside name is a pair: a namespace, such as `kik` or the users of one
//! group file, and a name in it. The same name in two namespaces is two people
//! unless somebody linked them. A name that nobody linked means a user all the
//! same, always the same one: its handle follows from the name.

use aws_lc_rs::hmac;
use parlour_base::storage::Key;
use parlour_base::{Secret, UserId};

/// The kind of record that links an outside name to a stored user: the key is
/// [`Outside::key`], the body the user's handle as text.
pub const LINK: &str = "link";

/// A name that somebody has elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outside {
    /// Such as `kik`.
    pub namespace: String,
    /// The name in it.
    pub name: String,
}

impl Outside {
    /// A local part of call control.
    #[must_use]
    pub fn kik(name: &str) -> Self {
        Self { namespace: "kik".to_owned(), name: name.to_owned() }
    }

    /// An account of the rooms door, by e-mail in lower case.
    #[must_use]
    pub fn account(name: &str) -> Self {
        Self { namespace: "account".to_owned(), name: name.to_owned() }
    }

    /// A login.
    #[must_use]
    pub fn login(name: &str) -> Self {
        Self { namespace: "login".to_owned(), name: name.to_owned() }
    }

    /// A user of one group's definition.
    #[must_use]
    pub fn galene(group: &str, name: &str) -> Self {
        Self { namespace: format!("galene:{group}"), name: name.to_owned() }
    }

    /// The text by which it is stored: no namespace holds a line feed.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}\n{}", self.namespace, self.name)
    }

    /// Where to look for a stored user of this name.
    #[must_use]
    pub fn lookup(&self) -> Key {
        Key::Record { kind: LINK.to_owned(), key: self.key() }
    }

    /// The user that it means as long as nobody linked it to another.
    #[must_use]
    pub fn derived(&self, secret: &Secret<Vec<u8>>) -> UserId {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
        let mut text = self.key().into_bytes();
        loop {
            let tag = hmac::sign(&key, &text);
            let bits = tag.as_ref().first_chunk::<8>().map_or(0, |b| u64::from_be_bytes(*b));
            if let Some(user) = UserId::new(bits) {
                return user;
            }
            text.push(0);
        }
    }
}
