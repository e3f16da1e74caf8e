//! How the memory engine makes a commit all or nothing: it does one write
//! after the other and notes what each replaced; at the first refusal it puts
//! that back, the last first.

use super::room::{ChatChanges, Room};
use super::{MemoryEngine, Pair};
use crate::body::{check_seq, encode, failed};
use parlour_base::storage::{StoreDone, StoreFault, Write};
use parlour_base::{Epoch, Json, RoomId, Wall};

/// What was there before a write.
enum Undo {
    Name(Pair, Option<RoomId>),
    Record(Pair, Option<Json>),
    Emptied(bool),
    Body(RoomId, Option<Json>),
    Part(RoomId, Pair, Option<Json>),
    Due(RoomId, Option<Wall>),
    Chat(RoomId, ChatChanges),
    Whole(RoomId, Box<Room>),
}

impl MemoryEngine {
    pub(super) fn commit(&mut self, writes: Vec<Write>) -> Result<StoreDone, StoreFault> {
        let mut done = Vec::new();
        for write in writes {
            if let Err(fault) = self.write(write, &mut done) {
                done.into_iter().rev().for_each(|undo| self.undo(undo));
                return Err(fault);
            }
        }
        Ok(StoreDone::Committed)
    }

    /// Does one write, or refuses it and changes nothing.
    fn write(&mut self, write: Write, done: &mut Vec<Undo>) -> Result<(), StoreFault> {
        match write {
            Write::BindName { namespace, name, room } => {
                let pair = (namespace, name);
                if self.names.get(&pair).is_some_and(|bound| *bound != room) {
                    return Err(StoreFault::NameTaken);
                }
                self.name(pair, Some(room), done);
            }
            Write::UnbindName { namespace, name, room } => {
                let pair = (namespace, name);
                if self.names.get(&pair) == Some(&room) {
                    self.name(pair, None, done);
                }
            }
            Write::Claim { kind, key, body } => {
                drop(encode(&body)?);
                let pair = (kind, key);
                if self.records.get(&pair).is_some_and(|kept| *kept != body) {
                    return Err(StoreFault::NameTaken);
                }
                self.record(pair, Some(body), done);
            }
            Write::Expect { kind, key, body } => {
                if self.records.get(&(kind, key)) != body.as_ref() {
                    return Err(StoreFault::Changed);
                }
            }
            Write::Record { kind, key, body } => {
                body.as_ref().map(encode).transpose()?;
                self.record((kind, key), body, done);
            }
            other => self.write_room(other, done)?,
        }
        Ok(())
    }

    fn write_room(&mut self, write: Write, done: &mut Vec<Undo>) -> Result<(), StoreFault> {
        match write {
            Write::Room { room: id, epoch, body } => {
                drop(encode(&body)?);
                let room = self.fence(id, epoch)?;
                done.push(Undo::Body(id, room.body.replace(body)));
            }
            Write::Part { room: id, epoch, kind, key, body } => {
                body.as_ref().map(encode).transpose()?;
                let room = self.fence(id, epoch)?;
                let pair = (kind, key);
                let was = match body {
                    Some(body) => room.parts.insert(pair.clone(), body),
                    None => room.parts.remove(&pair),
                };
                done.push(Undo::Part(id, pair, was));
            }
            Write::Due { room: id, epoch, at } => {
                let room = self.fence(id, epoch)?;
                done.push(Undo::Due(id, std::mem::replace(&mut room.due, at)));
            }
            Write::ForgetRoom { room, epoch } => self.forget_room(room, epoch, done)?,
            Write::Chat { room: id, epoch, seq, key, body, keep, .. } => {
                check_seq(seq)?;
                drop(encode(&body)?);
                let room = self.fence(id, epoch)?;
                done.push(Undo::Chat(id, room.say((epoch, seq, key), body, keep)));
            }
            Write::ForgetChat { room: id, epoch, keys } => {
                let room = self.fence(id, epoch)?;
                let changes = match keys {
                    Some(keys) => room.forget_keys(&keys),
                    None => room.forget_chat(),
                };
                done.push(Undo::Chat(id, changes));
            }
            _ => return Err(failed("this engine does not know the write")),
        }
        Ok(())
    }

    /// Lets only the epoch pass that the room was opened with last, and none
    /// once it is forgotten.
    fn fence(&mut self, room: RoomId, epoch: Epoch) -> Result<&mut Room, StoreFault> {
        match self.rooms.get_mut(&room) {
            Some(known) if known.epoch == epoch && !known.forgotten => Ok(known),
            _ => Err(StoreFault::Fenced),
        }
    }

    fn forget_room(
        &mut self,
        id: RoomId,
        epoch: Epoch,
        done: &mut Vec<Undo>,
    ) -> Result<(), StoreFault> {
        let room = self.fence(id, epoch)?;
        done.push(Undo::Whole(id, Box::new(room.forget())));
        for pair in self.names_of.get(&id).cloned().unwrap_or_default() {
            self.name(pair, None, done);
        }
        Ok(())
    }

    fn name(&mut self, pair: Pair, room: Option<RoomId>, done: &mut Vec<Undo>) {
        let was = self.set_name(pair.clone(), room);
        self.note_removal(was.is_some() && room.is_none(), done);
        done.push(Undo::Name(pair, was));
    }

    fn record(&mut self, pair: Pair, body: Option<Json>, done: &mut Vec<Undo>) {
        let removes = body.is_none();
        let was = self.set_record(pair.clone(), body);
        self.note_removal(was.is_some() && removes, done);
        done.push(Undo::Record(pair, was));
    }

    fn note_removal(&mut self, removed: bool, done: &mut Vec<Undo>) {
        if removed {
            done.push(Undo::Emptied(std::mem::replace(&mut self.emptied, true)));
        }
    }

    /// Binds or frees a name in both directions, and gives what it meant.
    fn set_name(&mut self, pair: Pair, room: Option<RoomId>) -> Option<RoomId> {
        let was = match room {
            Some(room) => self.names.insert(pair.clone(), room),
            None => self.names.remove(&pair),
        };
        if let Some(names) = was.and_then(|was| self.names_of.get_mut(&was)) {
            names.remove(&pair);
        }
        if let Some(was) = was.filter(|was| self.names_of.get(was).is_some_and(|n| n.is_empty())) {
            self.names_of.remove(&was);
        }
        if let Some(room) = room {
            self.names_of.entry(room).or_default().insert(pair);
        }
        was
    }

    fn set_record(&mut self, pair: Pair, body: Option<Json>) -> Option<Json> {
        match body {
            Some(body) => self.records.insert(pair, body),
            None => self.records.remove(&pair),
        }
    }

    fn undo(&mut self, undo: Undo) {
        match undo {
            Undo::Name(pair, was) => {
                self.set_name(pair, was);
            }
            Undo::Record(pair, was) => {
                self.set_record(pair, was);
            }
            Undo::Emptied(was) => self.emptied = was,
            Undo::Body(id, was) => self.undo_room(id, |room| room.body = was),
            Undo::Part(id, pair, Some(was)) => self.undo_room(id, |room| {
                room.parts.insert(pair, was);
            }),
            Undo::Part(id, pair, None) => self.undo_room(id, |room| {
                room.parts.remove(&pair);
            }),
            Undo::Due(id, was) => self.undo_room(id, |room| room.due = was),
            Undo::Chat(id, changes) => self.undo_room(id, |room| room.undo(changes)),
            Undo::Whole(id, was) => self.undo_room(id, |room| *room = *was),
        }
    }

    /// Only rooms that were there are ever changed by a commit.
    fn undo_room(&mut self, id: RoomId, change: impl FnOnce(&mut Room)) {
        if let Some(room) = self.rooms.get_mut(&id) {
            change(room);
        }
    }
}
