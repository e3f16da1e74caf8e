//! Stored users and what they are called elsewhere.
//!
//! A user is a record under its handle. Each name that it has elsewhere is a
//! record of its own, a *link* ([`crate::outside`]), so that no two users have
//! the same; links are made and removed in the commit that changes the user.

use crate::outside::{LINK, Outside};
use crate::record;
use parlour_base::storage::Write;
use parlour_base::{Json, UserId, Wall};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The kind of record that a user is.
pub const USER: &str = "user";

/// A stored user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The name to log in with.
    #[serde(default)]
    pub login: Option<String>,
    /// The name others see.
    #[serde(default)]
    pub display_name: Option<String>,
    /// The name in call control.
    #[serde(default)]
    pub kik: Option<String>,
    /// Names in definitions of groups: (group, name).
    #[serde(default)]
    pub galene: Vec<(String, String)>,
    /// Accounts of the rooms door, by e-mail.
    #[serde(default)]
    pub accounts: Vec<String>,
    /// When it was made.
    pub created: Wall,
    /// When it was last changed.
    pub changed: Wall,
}

/// Which part of a user a name elsewhere is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The login.
    Login,
    /// The name in call control.
    Kik,
    /// A name in a group's definition.
    Galene,
    /// An account of the rooms door.
    Account,
}

impl User {
    /// The names that must be nobody else's.
    #[must_use]
    pub fn outside(&self) -> BTreeSet<(Part, Outside)> {
        let login = self.login.iter().map(|name| (Part::Login, Outside::login(name)));
        let kik = self.kik.iter().map(|name| (Part::Kik, Outside::kik(name)));
        let galene = self.galene.iter();
        let galene = galene.map(|(group, name)| (Part::Galene, Outside::galene(group, name)));
        let accounts = self.accounts.iter().map(|name| (Part::Account, Outside::account(name)));
        login.chain(kik).chain(galene).chain(accounts).collect()
    }
}

/// What takes a user from one state to another, all in one commit, which is
/// refused with [`NameTaken`](parlour_base::storage::StoreFault::NameTaken) if
/// a new name belongs to somebody else, and with
/// [`Changed`](parlour_base::storage::StoreFault::Changed) if the user is not
/// what was read.
#[must_use]
pub fn change(user: UserId, was: Option<&Json>, new: Option<&User>) -> Vec<Write> {
    let id = user.to_string();
    let old: Option<User> = record::from_json(was.cloned());
    let old = old.map(|old| old.outside()).unwrap_or_default();
    let now = new.map(User::outside).unwrap_or_default();
    let mut writes = vec![record::expect(USER, &id, was.cloned())];
    writes.push(Write::Record {
        kind: USER.to_owned(),
        key: id.clone(),
        body: new.map(record::to_json),
    });
    writes.extend(old.difference(&now).map(|(_, name)| record::forget(LINK, &name.key())));
    writes.extend(now.difference(&old).map(|(_, name)| Write::Claim {
        kind: LINK.to_owned(),
        key: name.key(),
        body: Json::from(id.clone()),
    }));
    writes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(login: &str, accounts: &[&str]) -> User {
        User {
            login: Some(login.to_owned()),
            display_name: None,
            kik: Some("ada_x1".to_owned()),
            galene: vec![("lab".to_owned(), "ada".to_owned())],
            accounts: accounts.iter().map(|text| (*text).to_owned()).collect(),
            created: Wall(1),
            changed: Wall(1),
        }
    }

    fn touched(writes: &[Write]) -> Vec<String> {
        let text = |write: &Write| match write {
            Write::Claim { key, .. } => Some(format!("+{key}")),
            Write::Record { kind, key, body: None } if kind == LINK => Some(format!("-{key}")),
            _ => None,
        };
        writes.iter().filter_map(text).collect()
    }

    #[test]
    fn only_names_that_change_are_claimed_and_freed() {
        let id = UserId::new(7).expect("fine");
        let (old, new) = (user("ada", &["a@x"]), user("eve", &["a@x", "b@x"]));
        let made = change(id, None, Some(&old));
        assert_eq!(touched(&made).len(), 4);
        let changed = change(id, Some(&record::to_json(&old)), Some(&new));
        assert_eq!(touched(&changed), ["-login\nada", "+login\neve", "+account\nb@x"]);
        let gone = change(id, Some(&record::to_json(&new)), None);
        assert_eq!(touched(&gone).len(), 5);
        assert!(touched(&gone).iter().all(|one| one.starts_with('-')));
    }

    #[test]
    fn a_change_expects_what_was_read() {
        let id = UserId::new(7).expect("fine");
        let old = record::to_json(&user("ada", &[]));
        let writes = change(id, Some(&old), None);
        assert_eq!(writes.first(), Some(&record::expect(USER, &id.to_string(), Some(old))));
        assert_eq!(
            change(id, None, Some(&user("ada", &[]))).first(),
            Some(&record::expect(USER, &id.to_string(), None))
        );
    }
}
