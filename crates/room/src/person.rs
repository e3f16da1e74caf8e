//! Who somebody is, to the room: an identity and the names that doors show.

use parlour_base::UserId;
use serde::{Deserialize, Serialize};

/// Somebody, stored account or guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The identity.
    pub user: UserId,
    /// Without an account; gone when they go.
    #[serde(default)]
    pub guest: bool,
    /// Their name in call control (a local part), if they have one.
    #[serde(default)]
    pub kik: Option<String>,
    /// The account that the rooms door shows, if they are logged in to one.
    #[serde(default)]
    pub account: Option<String>,
}

impl Person {
    /// Somebody without an account.
    #[must_use]
    pub const fn guest(user: UserId) -> Self {
        Self { user, guest: true, kik: None, account: None }
    }

    /// Somebody with one.
    #[must_use]
    pub const fn known(user: UserId) -> Self {
        Self { user, guest: false, kik: None, account: None }
    }
}
