//! The memory engine: ordered maps, for tests and the simulator.
//!
//! It answers exactly as the SQLite engine does and keeps nothing beyond its
//! own life; a clone of it is what a disk would show after a crash.

use crate::Engine;
use crate::body::{check_seq, encode, failed};
use parlour_base::storage::{StoreDone, StoreFault, StoreOp, StoreReply, StoreRequest, Write};
use parlour_base::{Epoch, Json, RoomId, Seq};
use std::collections::BTreeMap;

/// A (namespace, name) or a (kind, key).
type Pair = (String, String);

/// An engine without a disk.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MemoryEngine {
    names: BTreeMap<Pair, RoomId>,
    records: BTreeMap<Pair, Json>,
    rooms: BTreeMap<RoomId, Room>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Room {
    epoch: Epoch,
    body: Option<Json>,
    chat: BTreeMap<(Epoch, Seq, String), Json>,
    /// Where in `chat` a key is.
    places: BTreeMap<String, (Epoch, Seq)>,
}

impl Engine for MemoryEngine {
    fn execute(&mut self, batch: Vec<StoreRequest>) -> Vec<StoreReply> {
        batch.into_iter().map(|r| StoreReply { id: r.id, result: self.one(r.op) }).collect()
    }
}

impl MemoryEngine {
    fn one(&mut self, op: StoreOp) -> Result<StoreDone, StoreFault> {
        match op {
            StoreOp::LoadDirectory => Ok(self.directory()),
            StoreOp::OpenRoom(room) => self.open(room),
            StoreOp::Commit(writes) => {
                self.check(&writes)?;
                writes.into_iter().for_each(|write| self.apply(write));
                Ok(StoreDone::Committed)
            }
            _ => Err(failed("this engine does not know the request")),
        }
    }

    fn directory(&self) -> StoreDone {
        let names = self.names.iter().map(|((a, b), room)| (a.clone(), b.clone(), *room)).collect();
        let records = self
            .records
            .iter()
            .map(|((a, b), body)| (a.clone(), b.clone(), body.clone()))
            .collect();
        StoreDone::Directory { names, records }
    }

    fn open(&mut self, room: RoomId) -> Result<StoreDone, StoreFault> {
        let room = self.rooms.entry(room).or_default();
        let next = room.epoch.0.checked_add(1).ok_or_else(|| failed("no epoch is left"))?;
        room.epoch = Epoch(next);
        Ok(StoreDone::Room {
            epoch: room.epoch,
            body: room.body.clone(),
            chat: room.chat.values().cloned().collect(),
        })
    }

    /// Finds the first write that would be refused; what passes here cannot
    /// fail in [`Self::apply`].
    fn check(&self, writes: &[Write]) -> Result<(), StoreFault> {
        // Names as the writes before this one leave them.
        let mut names: BTreeMap<(&str, &str), Option<RoomId>> = BTreeMap::new();
        for write in writes {
            match write {
                Write::BindName { namespace, name, room } => {
                    let bound = names.get(&(namespace.as_str(), name.as_str())).copied();
                    let stored = || self.names.get(&(namespace.clone(), name.clone())).copied();
                    if bound.unwrap_or_else(stored).is_some_and(|other| other != *room) {
                        return Err(StoreFault::NameTaken);
                    }
                    names.insert((namespace, name), Some(*room));
                }
                Write::UnbindName { namespace, name } => {
                    names.insert((namespace, name), None);
                }
                Write::Record { body: Some(body), .. } => drop(encode(body)?),
                Write::Record { body: None, .. } => {}
                Write::Room { room, epoch, body } => {
                    self.fence(*room, *epoch)?;
                    drop(encode(body)?);
                }
                Write::Chat { room, epoch, seq, body, .. } => {
                    self.fence(*room, *epoch)?;
                    check_seq(*seq)?;
                    drop(encode(body)?);
                }
                Write::ForgetChat { room, epoch, .. } => self.fence(*room, *epoch)?,
                _ => return Err(failed("this engine does not know the write")),
            }
        }
        Ok(())
    }

    fn fence(&self, room: RoomId, epoch: Epoch) -> Result<(), StoreFault> {
        match self.rooms.get(&room) {
            Some(known) if known.epoch == epoch => Ok(()),
            _ => Err(StoreFault::Fenced),
        }
    }

    fn apply(&mut self, write: Write) {
        match write {
            Write::BindName { namespace, name, room } => {
                self.names.insert((namespace, name), room);
            }
            Write::UnbindName { namespace, name } => {
                self.names.remove(&(namespace, name));
            }
            Write::Record { kind, key, body: Some(body) } => {
                self.records.insert((kind, key), body);
            }
            Write::Record { kind, key, body: None } => {
                self.records.remove(&(kind, key));
            }
            Write::Room { room, body, .. } => self.rooms.entry(room).or_default().body = Some(body),
            Write::Chat { room, epoch, seq, key, body, keep, .. } => {
                self.rooms.entry(room).or_default().say((epoch, seq, key), body, keep);
            }
            Write::ForgetChat { room, keys, .. } => {
                self.rooms.entry(room).or_default().forget(keys);
            }
            _ => {}
        }
    }
}

impl Room {
    fn say(&mut self, at: (Epoch, Seq, String), body: Json, keep: u32) {
        let (epoch, seq, key) = at;
        self.forget(Some(vec![key.clone()]));
        self.places.insert(key.clone(), (epoch, seq));
        self.chat.insert((epoch, seq, key), body);
        let keep = usize::try_from(keep).unwrap_or(usize::MAX);
        while self.chat.len() > keep {
            let Some(((_, _, key), _)) = self.chat.pop_first() else { break };
            self.places.remove(&key);
        }
    }

    fn forget(&mut self, keys: Option<Vec<String>>) {
        let Some(keys) = keys else {
            self.chat.clear();
            self.places.clear();
            return;
        };
        for key in keys {
            if let Some((epoch, seq)) = self.places.remove(&key) {
                self.chat.remove(&(epoch, seq, key));
            }
        }
    }
}
