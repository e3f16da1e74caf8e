//! Contacts: whom a user knows. Each is listed twice, under the user and under
//! the contact, so that a user who goes leaves no contact behind.

use crate::record;
use parlour_base::storage::Write;
use parlour_base::{Json, UserId, Wall};
use serde::{Deserialize, Serialize};

/// The kind under which the contacts of a user are kept, by user and contact.
pub const CONTACT: &str = "contact";
/// The kind that lists whose contact somebody is, by contact and user.
pub const CONTACT_OF: &str = "contact-of";

/// A contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// What the user calls it.
    #[serde(default)]
    pub name: Option<String>,
    /// Since when.
    pub since: Wall,
}

/// The key of a pair.
#[must_use]
pub fn pair(one: UserId, other: UserId) -> String {
    format!("{one}/{other}")
}

/// What all pairs of somebody begin with.
#[must_use]
pub fn prefix(one: UserId) -> String {
    format!("{one}/")
}

/// Keeps a contact.
#[must_use]
pub fn keep(user: UserId, contact: UserId, body: &Contact) -> Vec<Write> {
    vec![
        record::keep(CONTACT, &pair(user, contact), record::to_json(body)),
        record::keep(CONTACT_OF, &pair(contact, user), Json::Bool(true)),
    ]
}

/// Forgets a contact.
#[must_use]
pub fn forget(user: UserId, contact: UserId) -> Vec<Write> {
    vec![
        record::forget(CONTACT, &pair(user, contact)),
        record::forget(CONTACT_OF, &pair(contact, user)),
    ]
}

/// The two of a pair.
#[must_use]
pub fn both(key: &str) -> Option<(UserId, UserId)> {
    let (one, other) = key.split_once('/')?;
    Some((one.parse().ok()?, other.parse().ok()?))
}
