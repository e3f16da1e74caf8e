//! What groups there are: their files, and what the store has of them.

use super::{GALENE, LOBBY, Unreadable, load_directory};
use crate::groups::{self, Definition};
use crate::port::GroupLookup;
use crate::shard::{Shard, Timer};
use parlour_base::storage::{StoreDone, StoreOp, Write};
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
        let (new, records, due) = match done {
            Some(StoreDone::Directory { new, records, due }) => (new, records, due),
            // The keys are kept now: once more, with them.
            Some(StoreDone::Committed) => {
                self.load_with(load_directory());
                return;
            }
            // Without it no name is known; ask until it comes.
            _ => {
                let again = now.mono + self.config.limits.store_patience.0;
                self.entries.reload = Some(again);
                self.arm(Some(again), Timer::Entries);
                return;
            }
        };
        self.entries.is_new |= new;
        let is_new = self.entries.is_new;
        let (directory, keys) = Directory::load(is_new, records, &mut self.entropy);
        if let Some(keys) = keys {
            // Whatever is made with keys lasts: nothing is made with any that
            // are not on disk.
            self.load_with(StoreOp::Commit(vec![keys]));
            return;
        }
        self.entries.loading = None;
        self.entries.reload = None;
        self.directory = directory;
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

    fn load_with(&mut self, op: StoreOp) {
        self.entries.reload = None;
        self.entries.loading = Some(self.store(op));
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
