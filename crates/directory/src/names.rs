//! Which names mean which room in memory, and what of the store is always in
//! memory: definitions of groups, invitations, secrets.

use crate::invitation::Invitation;
use crate::media_token::MediaKeys;
use parlour_base::storage::Write;
use parlour_base::{Entropy, Json, RoomId, Wall};
use std::collections::BTreeMap;

/// The kind under which stored group definitions are kept.
const GROUP: &str = "group";
/// The kind under which invitations are kept.
const INVITATION: &str = "invitation";
/// Most invitations in force at a time; a further one is not made.
pub const INVITATIONS_MAX: usize = 100_000;

/// The kind under which secrets of the server are kept.
const SECRET: &str = "secret";
/// The key of what media tokens are made with.
const MEDIA: &str = "media";

/// The kind under which floors are kept.
const FLOOR: &str = "floor";
/// The key of the floor of call states' clocks.
const CLOCK: &str = "clock";

/// The kinds of records that are in memory from the start; others are looked
/// up when they are needed.
pub const RESIDENT: [&str; 4] = [GROUP, INVITATION, SECRET, FLOOR];

/// The names of rooms in memory, the stored group definitions, invitations and
/// secrets.
#[derive(Debug, Clone)]
pub struct Directory {
    new: bool,
    names: BTreeMap<(String, String), RoomId>,
    groups: BTreeMap<String, Json>,
    invitations: BTreeMap<String, Invitation>,
    media_keys: MediaKeys,
    floor: u64,
}

impl Directory {
    /// What the store had at the start, and what is to be written at once
    /// because it was not there.
    #[must_use]
    pub fn load(
        new: bool,
        records: Vec<(String, String, Json)>,
        entropy: &mut Entropy,
    ) -> (Self, Option<Write>) {
        let mut directory = Self {
            new,
            names: BTreeMap::new(),
            groups: BTreeMap::new(),
            invitations: BTreeMap::new(),
            media_keys: MediaKeys::generate(entropy),
            floor: 0,
        };
        let mut secret = None;
        for (kind, key, body) in records {
            match (kind.as_str(), key.as_str()) {
                (GROUP, _) => {
                    directory.groups.insert(key, body);
                }
                (INVITATION, _) => {
                    let invitation = serde_json::from_value(body).ok();
                    directory.invitations.extend(invitation.map(|one| (key, one)));
                }
                (FLOOR, CLOCK) => directory.floor = body.as_u64().unwrap_or(0),
                (SECRET, MEDIA) => secret = MediaKeys::from_json(body),
                _ => {}
            }
        }
        let write = secret.is_none().then(|| directory.keep_media_keys());
        directory.media_keys = secret.unwrap_or(directory.media_keys);
        (directory, write)
    }

    fn keep_media_keys(&self) -> Write {
        let (kind, key) = (SECRET.to_owned(), MEDIA.to_owned());
        // Keys that are there already are never replaced by accident.
        Write::Claim { kind, key, body: self.media_keys.to_json() }
    }

    /// What media tokens are made and checked with.
    #[must_use]
    pub const fn media_keys(&self) -> &MediaKeys {
        &self.media_keys
    }

    /// Where the clock of call states of a new room begins: not before any
    /// that a deleted room has shown.
    #[must_use]
    pub const fn floor(&self) -> u64 {
        self.floor
    }

    /// A room whose clock stood there is gone; says what to write, if
    /// something is.
    pub fn raise_floor(&mut self, clock: u64) -> Option<Write> {
        if clock <= self.floor {
            return None;
        }
        self.floor = clock;
        let (kind, key) = (FLOOR.to_owned(), CLOCK.to_owned());
        Some(Write::Record { kind, key, body: Some(clock.into()) })
    }

    /// Whether nothing was ever stored.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.new
    }

    /// The room in memory that a name of a namespace means.
    #[must_use]
    pub fn room(&self, namespace: &str, name: &str) -> Option<RoomId> {
        self.names.get(&(namespace.to_owned(), name.to_owned())).copied()
    }

    /// A room in memory has this name.
    pub fn bind(&mut self, room: RoomId, name: &(String, String)) {
        self.names.insert(name.clone(), room);
    }

    /// A room has this name no more, or is in memory no more.
    pub fn unbind(&mut self, room: RoomId, name: &(String, String)) {
        if self.names.get(name) == Some(&room) {
            self.names.remove(name);
        }
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

    fn empty() -> Directory {
        Directory::load(true, Vec::new(), &mut Entropy::from_seed([1; 32])).0
    }

    #[test]
    fn names_are_apart_by_namespace() {
        let (a, b) = (RoomId::new(1).expect("fine"), RoomId::new(2).expect("fine"));
        let lab = |space: &str| (space.to_owned(), "lab".to_owned());
        let mut directory = empty();
        directory.bind(a, &lab("galene"));
        directory.bind(b, &lab("kik"));
        assert_eq!(directory.room("galene", "lab"), Some(a));
        assert_eq!(directory.room("kik", "lab"), Some(b));
        directory.unbind(b, &lab("galene"));
        assert_eq!(directory.room("galene", "lab"), Some(a), "it is not that room's");
        directory.unbind(a, &lab("galene"));
        assert_eq!(directory.room("galene", "lab"), None);
    }

    #[test]
    fn definitions_and_secrets_come_back_from_what_was_written() {
        let mut entropy = Entropy::from_seed([2; 32]);
        let (mut directory, first) = Directory::load(true, Vec::new(), &mut entropy);
        let writes = [first.expect("new secrets"), directory.define("lobby", Some(Json::from(1)))];
        let records = writes.map(|write| match write {
            Write::Record { kind, key, body: Some(body) } | Write::Claim { kind, key, body } => {
                (kind, key, body)
            }
            _ => panic!("a record is to be kept"),
        });
        let (again, write) = Directory::load(false, records.into(), &mut entropy);
        assert!(write.is_none() && !again.is_new());
        assert_eq!(again.group("lobby"), Some(&Json::from(1)));
        assert_eq!(again.media_keys().to_json(), directory.media_keys().to_json());
        directory.define("lobby", None);
        assert_eq!(directory.groups().count(), 0);
    }
}
