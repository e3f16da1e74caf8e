//! Which names mean which room, and the definitions kept in the store.

use crate::invitation::Invitation;
use parlour_base::storage::Write;
use parlour_base::{Json, RoomId, Wall};
use std::collections::BTreeMap;

/// The kind under which stored group definitions are kept.
const GROUP: &str = "group";
/// The kind under which invitations are kept.
const INVITATION: &str = "invitation";
/// Most invitations in force at a time; a further one is not made.
pub const INVITATIONS_MAX: usize = 100_000;

/// The names of rooms and the stored group definitions.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    names: BTreeMap<(String, String), RoomId>,
    groups: BTreeMap<String, Json>,
    invitations: BTreeMap<String, Invitation>,
}

impl Directory {
    /// What the store had at the start.
    #[must_use]
    pub fn load(
        names: Vec<(String, String, RoomId)>,
        records: Vec<(String, String, Json)>,
    ) -> Self {
        let names = names.into_iter().map(|(space, name, room)| ((space, name), room)).collect();
        let mut directory = Self { names, ..Self::default() };
        for (kind, key, body) in records {
            if kind == GROUP {
                directory.groups.insert(key, body);
            } else if kind == INVITATION
                && let Ok(invitation) = serde_json::from_value(body)
            {
                directory.invitations.insert(key, invitation);
            }
        }
        directory
    }

    /// Whether nothing was ever stored.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.names.is_empty() && self.groups.is_empty()
    }

    /// The room that a name of a namespace means.
    #[must_use]
    pub fn room(&self, namespace: &str, name: &str) -> Option<RoomId> {
        self.names.get(&(namespace.to_owned(), name.to_owned())).copied()
    }

    /// Binds a name to a room, and says what to write. The binding holds at
    /// once in memory; the store refuses it if the name is taken.
    pub fn bind(&mut self, namespace: &str, name: &str, room: RoomId) -> Write {
        self.names.insert((namespace.to_owned(), name.to_owned()), room);
        Write::BindName { namespace: namespace.to_owned(), name: name.to_owned(), room }
    }

    /// Takes back a binding that the store refused.
    pub fn unbind(&mut self, namespace: &str, name: &str) {
        self.names.remove(&(namespace.to_owned(), name.to_owned()));
    }

    /// The stored definition of a group.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&Json> {
        self.groups.get(name)
    }

    /// The names of the stored definitions.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.groups.keys().map(String::as_str)
    }

    /// Keeps the definition of a group, or removes it, and says what to write.
    pub fn define(&mut self, name: &str, body: Option<Json>) -> Write {
        match &body {
            Some(body) => self.groups.insert(name.to_owned(), body.clone()),
            None => self.groups.remove(name),
        };
        Write::Record { kind: GROUP.to_owned(), key: name.to_owned(), body }
    }

    /// The invitation of a token.
    #[must_use]
    pub fn invitation(&self, token: &str) -> Option<&Invitation> {
        self.invitations.get(token)
    }

    /// The tokens and invitations of a group.
    pub fn invitations<'d>(
        &'d self,
        group: &'d str,
    ) -> impl Iterator<Item = (&'d str, &'d Invitation)> {
        let all = self.invitations.iter().map(|(token, one)| (token.as_str(), one));
        all.filter(move |(_, one)| one.group == group)
    }

    /// Keeps an invitation, or removes it, and says what to write.
    pub fn invite(&mut self, token: &str, invitation: Option<Invitation>) -> Write {
        let body = invitation
            .as_ref()
            .map(|one| serde_json::to_value(one).expect("every part has a JSON form"));
        match invitation {
            Some(invitation) => self.invitations.insert(token.to_owned(), invitation),
            None => self.invitations.remove(token),
        };
        Write::Record { kind: INVITATION.to_owned(), key: token.to_owned(), body }
    }

    /// Whether one more invitation may be made.
    #[must_use]
    pub fn has_place_for_invitation(&self) -> bool {
        self.invitations.len() < INVITATIONS_MAX
    }

    /// Forgets invitations long past their end, and says what to write.
    pub fn forget_stale(&mut self, now: Wall) -> Vec<Write> {
        let stale = self.invitations.iter().filter(|(_, one)| one.is_stale(now));
        let stale: Vec<String> = stale.map(|(token, _)| token.clone()).collect();
        stale.iter().map(|token| self.invite(token, None)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_apart_by_namespace() {
        let (a, b) = (RoomId::new(1).expect("fine"), RoomId::new(2).expect("fine"));
        let mut directory = Directory::default();
        assert!(directory.is_new());
        directory.bind("galene", "lab", a);
        directory.bind("kik", "lab", b);
        assert_eq!(directory.room("galene", "lab"), Some(a));
        assert_eq!(directory.room("kik", "lab"), Some(b));
        directory.unbind("galene", "lab");
        assert_eq!(directory.room("galene", "lab"), None);
    }

    #[test]
    fn definitions_come_back_from_what_was_written() {
        let mut directory = Directory::default();
        let Write::Record { kind, key, body: Some(body) } =
            directory.define("lobby", Some(Json::from(1)))
        else {
            panic!("a record is to be kept");
        };
        let again = Directory::load(Vec::new(), vec![(kind, key, body)]);
        assert_eq!(again.group("lobby"), Some(&Json::from(1)));
        directory.define("lobby", None);
        assert_eq!(directory.groups().count(), 0);
    }
}
