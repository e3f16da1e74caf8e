//! The memory engine: ordered maps, for tests and the simulator.
//!
//! It answers exactly as the SQLite engine does and keeps nothing beyond its
//! own life; a clone of it is what a disk would show after a crash.

mod commit;
mod room;

use crate::Engine;
use crate::body::failed;
use parlour_base::storage::{Found, Key, StoreDone, StoreFault, StoreOp, StoreReply, StoreRequest};
use parlour_base::{Epoch, Json, RoomId};
use room::Room;
use std::collections::{BTreeMap, BTreeSet};

/// A (namespace, name) or a (kind, key).
type Pair = (String, String);

/// An engine without a disk.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MemoryEngine {
    names: BTreeMap<Pair, RoomId>,
    /// The same the other way round; no set is empty.
    names_of: BTreeMap<RoomId, BTreeSet<Pair>>,
    records: BTreeMap<Pair, Json>,
    /// Every room that was ever opened.
    rooms: BTreeMap<RoomId, Room>,
    /// A name or record was removed, so an empty store is not a new one.
    emptied: bool,
}

impl Engine for MemoryEngine {
    fn execute(&mut self, batch: Vec<StoreRequest>) -> Vec<StoreReply> {
        batch.into_iter().map(|r| StoreReply { id: r.id, result: self.one(r.op) }).collect()
    }
}

impl MemoryEngine {
    fn one(&mut self, op: StoreOp) -> Result<StoreDone, StoreFault> {
        match op {
            StoreOp::LoadDirectory { kinds } => Ok(self.load(&kinds)),
            StoreOp::OpenRoom { room, create } => self.open(room, create),
            StoreOp::Find(keys) => {
                let found = keys.into_iter().map(|key| self.find(key));
                Ok(StoreDone::Found(found.collect::<Result<_, _>>()?))
            }
            StoreOp::List { kind, prefix, after, most } => {
                Ok(self.list(&kind, &prefix, after.as_deref(), most))
            }
            StoreOp::ListRooms { after, most } => Ok(self.list_rooms(after, most)),
            StoreOp::Commit(writes) => self.commit(writes),
            _ => Err(failed("this engine does not know the request")),
        }
    }

    fn load(&self, kinds: &[String]) -> StoreDone {
        let new = !self.emptied
            && self.names.is_empty()
            && self.records.is_empty()
            && self.rooms.is_empty();
        let wanted = self.records.iter().filter(|((kind, _), _)| kinds.contains(kind));
        let records =
            wanted.map(|((kind, key), body)| (kind.clone(), key.clone(), body.clone())).collect();
        let due = self.rooms.iter().filter_map(|(id, room)| Some((room.due?, *id)));
        let due = due.collect::<BTreeSet<_>>().into_iter().collect();
        StoreDone::Directory { new, records, due }
    }

    fn open(&mut self, id: RoomId, create: bool) -> Result<StoreDone, StoreFault> {
        if !create && self.rooms.get(&id).is_none_or(|room| room.forgotten) {
            return Ok(StoreDone::NoRoom);
        }
        let room = self.rooms.entry(id).or_default();
        let next = room.epoch.0.checked_add(1).ok_or_else(|| failed("no epoch is left"))?;
        room.epoch = Epoch(next);
        room.forgotten = false;
        let parts = room.parts.iter();
        Ok(StoreDone::Room {
            epoch: room.epoch,
            body: room.body.clone(),
            parts: parts.map(|((kind, key), b)| (kind.clone(), key.clone(), b.clone())).collect(),
            chat: room.chat.values().cloned().collect(),
        })
    }

    fn find(&self, key: Key) -> Result<Found, StoreFault> {
        match key {
            Key::Name { namespace, name } => {
                Ok(Found::Room(self.names.get(&(namespace, name)).copied()))
            }
            Key::NamesOf(room) => {
                let names = self.names_of.get(&room).into_iter().flatten();
                Ok(Found::Names(names.cloned().collect()))
            }
            Key::Record { kind, key } => Ok(Found::Record(self.records.get(&(kind, key)).cloned())),
            _ => Err(failed("this engine does not know the key")),
        }
    }

    fn list(&self, kind: &str, prefix: &str, after: Option<&str>, most: u32) -> StoreDone {
        let from = after.unwrap_or_default().max(prefix);
        let page = self
            .records
            .range((kind.to_owned(), from.to_owned())..)
            .take_while(|((of, key), _)| of == kind && key.starts_with(prefix))
            .filter(|((_, key), _)| after.is_none_or(|after| key.as_str() > after))
            .take(usize::try_from(most).unwrap_or(usize::MAX));
        StoreDone::Listed(page.map(|((_, key), body)| (key.clone(), body.clone())).collect())
    }

    fn list_rooms(&self, after: Option<RoomId>, most: u32) -> StoreDone {
        use std::ops::Bound::{Excluded, Unbounded};
        let page = self
            .rooms
            .range((after.map_or(Unbounded, Excluded), Unbounded))
            .filter(|(_, room)| room.body.is_some())
            .take(usize::try_from(most).unwrap_or(usize::MAX));
        StoreDone::Rooms(page.map(|(id, _)| *id).collect())
    }
}
