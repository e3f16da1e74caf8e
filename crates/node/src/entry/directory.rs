//! What groups there are: their files, and what the store has of them.

use super::{GALENE, LOBBY, Unreadable};
use crate::groups::{self, Definition};
use crate::port::GroupLookup;
use crate::shard::{Shard, Timer};
use parlour_base::storage::{StoreDone, Write};
use parlour_base::{Now, RoomId};
use parlour_directory::Directory;
use parlour_room::{Command, Rules};
use parlour_wire::galene::name;

impl Shard {
    /// The definition of a group: its file, its parent's file, or what the
    /// store has of it.
    pub(super) fn definition(
        &self,
        group: &str,
        lookup: GroupLookup,
    ) -> Result<Option<Definition>, Unreadable> {
        let (found, text) = match lookup {
            GroupLookup::Found { name, text } => (name, text),
            GroupLookup::Missing => match self.stored_definition(group) {
                Some(stored) => stored,
                None => return Ok(None),
            },
            GroupLookup::Failed(_) => return Err(Unreadable),
        };
        let definition = Definition::read(&text).map_err(|_| Unreadable)?;
        if found == group { Ok(Some(definition)) } else { Ok(definition.for_subgroup()) }
    }

    /// A definition was read, for whatever reason; the room of the group and
    /// those inside learn what changed.
    pub(super) fn renew(&mut self, now: Now, group: &str, rules: &Rules) {
        if let Some(room) = self.directory.room(GALENE, group) {
            self.configure(now, room, rules);
        }
    }

    pub(super) fn configure(&mut self, now: Now, room: RoomId, rules: &Rules) {
        let Some(hosted) = self.rooms.get(&room) else { return };
        if hosted.timeline.head().rules() != rules {
            let rules = Box::new(rules.clone());
            self.house(now, room, Command::Configure(rules));
        }
    }

    pub(super) fn stored_definition(&self, group: &str) -> Option<(String, Vec<u8>)> {
        let mut at = Some(group);
        while let Some(name) = at {
            if let Some(body) = self.directory.group(name) {
                return Some((name.to_owned(), body.to_string().into_bytes()));
            }
            at = name::parent(name);
        }
        None
    }

    pub(super) fn directory_loaded(&mut self, now: Now, done: Option<StoreDone>) {
        let Some(StoreDone::Directory { new, records, due }) = done else {
            // Without it no name is known; ask until it comes.
            let again = now.mono + self.config.limits.store_patience.0;
            self.entries.reload = Some(again);
            self.arm(Some(again), Timer::Entries);
            return;
        };
        self.entries.loading = None;
        self.entries.reload = None;
        let (directory, write) = Directory::load(new, records, &mut self.entropy);
        self.directory = directory;
        if let Some(write) = write {
            self.store_quietly(write);
        }
        self.mind_lobby();
        for (at, room) in due {
            self.due_later(now, at, room);
        }
        for (conn, request) in std::mem::take(&mut self.entries.early) {
            self.enter(now, conn, request);
        }
        for (id, query) in std::mem::take(&mut self.entries.questions) {
            self.query(id, query);
        }
    }

    /// Asks for the directory again if the answer does not come.
    pub(crate) fn mind_directory(&mut self, now: Now) {
        if self.entries.loading.is_some() && self.entries.reload.is_none() {
            let again = now.mono + self.config.limits.store_patience.0;
            self.entries.reload = Some(again);
            self.arm(Some(again), Timer::Entries);
        }
    }

    /// Opens the lobby on a store that is new, and removes it when unwanted.
    pub(super) fn mind_lobby(&mut self) {
        let write: Option<Write> = if !self.config.lobby {
            self.directory.group(LOBBY).is_some().then(|| self.directory.define(LOBBY, None))
        } else if self.directory.is_new() {
            Some(self.directory.define(LOBBY, Some(groups::lobby())))
        } else {
            None
        };
        if let Some(write) = write {
            self.store_quietly(write);
        }
    }
}
