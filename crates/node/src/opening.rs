//! Taking rooms into memory: by id, or by a name that may have to be bound
//! first. Whoever wants a room that is on its way waits with the others.

use crate::port::CallId;
use crate::shard::{Shard, Timer};
use parlour_base::storage::{Found, Key, StoreDone, StoreFault, StoreId, StoreOp, Write};
use parlour_base::{ConnId, Epoch, Mono, Now, RoomId};
use parlour_room::Room;
use parlour_room::record::Kept;
use parlour_session::{Outcome, Target};
use std::collections::BTreeMap;

/// (namespace, name).
pub(crate) type Name = (String, String);

/// Names an opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct OpeningId(u64);

/// The rooms on their way into memory.
#[derive(Debug, Default)]
pub(crate) struct Openings {
    next: u64,
    openings: BTreeMap<OpeningId, Opening>,
    by_name: BTreeMap<Name, OpeningId>,
    by_room: BTreeMap<RoomId, OpeningId>,
    requests: BTreeMap<StoreId, OpeningId>,
}

/// A room on its way.
#[derive(Debug)]
struct Opening {
    since: Mono,
    name: Option<Name>,
    room: Option<RoomId>,
    /// The names of the room, once they have come.
    names: Option<Vec<Name>>,
    /// The room, once it has come.
    came: Option<Box<Came>>,
    stage: Stage,
    waiting: Vec<(Waiter, bool)>,
}

/// What the store has of a room.
#[derive(Debug)]
struct Came {
    epoch: Epoch,
    /// Nothing was written to it yet.
    blank: bool,
    kept: Kept,
}

/// What the store is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Which room the name means.
    Finding,
    /// To bind the name to a new room.
    Binding,
    /// The names of the room, and the room.
    Opening,
}

/// Who waits for a room.
#[derive(Debug)]
pub(crate) enum Waiter {
    /// Somebody who is let in.
    Join(Box<crate::entry::Admitted>),
    /// A call.
    Call(CallId),
    /// Something is due in it.
    Due(RoomId),
}

/// Why a room did not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// There is none.
    Missing,
    /// Our side failed.
    Fault(StoreFault),
}

impl Openings {
    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.openings.len()
    }

    /// How many wait for a room to be let in.
    pub(crate) fn waiting(&self) -> usize {
        let joins = |o: &Opening| {
            o.waiting.iter().filter(|(waiter, _)| matches!(waiter, Waiter::Join(_))).count()
        };
        self.openings.values().map(joins).sum()
    }

    /// A client is gone: it waits for nothing any more.
    pub(crate) fn forget(&mut self, conn: ConnId) {
        let is_its =
            |waiter: &Waiter| matches!(waiter, Waiter::Join(admitted) if admitted.is_of(conn));
        for opening in self.openings.values_mut() {
            opening.waiting.retain(|(waiter, _)| !is_its(waiter));
        }
    }

    fn remove(&mut self, id: OpeningId) -> Option<Opening> {
        let opening = self.openings.remove(&id)?;
        if let Some(name) = &opening.name {
            self.by_name.remove(name);
        }
        if let Some(room) = &opening.room {
            self.by_room.remove(room);
        }
        Some(opening)
    }
}

impl Shard {
    /// Has a room brought into memory for somebody, who is told when it is
    /// there; at once if it is there.
    pub(crate) fn want(&mut self, now: Now, target: Target, waiter: Waiter) {
        let (room, name, create) = match target {
            Target::Id(room) => (Some(room), None, false),
            Target::New(room) => (Some(room), None, true),
            Target::Name { namespace, name, create } => {
                (self.directory.room(&namespace, &name), Some((namespace, name)), create)
            }
        };
        if let Some(room) = room.filter(|room| self.rooms.contains_key(room)) {
            self.room_is_there(now, room, waiter);
            return;
        }
        let openings = &mut self.openings;
        let by_name = || name.as_ref().and_then(|name| openings.by_name.get(name));
        let under_way = room.and_then(|room| openings.by_room.get(&room)).or_else(by_name);
        if let Some(opening) = under_way.and_then(|id| openings.openings.get_mut(id)) {
            opening.waiting.push((waiter, create));
            return;
        }
        let full = self.rooms.len() + openings.len() >= self.config.limits.rooms as usize;
        if full || self.stopping {
            self.room_did_not_come(now, waiter, &NoRoom::Fault(StoreFault::Busy));
            return;
        }
        self.begin_opening(now, room, name, (waiter, create));
    }

    fn begin_opening(
        &mut self,
        now: Now,
        room: Option<RoomId>,
        name: Option<Name>,
        waiter: (Waiter, bool),
    ) {
        let id = OpeningId(self.openings.next);
        self.openings.next += 1;
        self.openings.by_name.extend(name.clone().map(|name| (name, id)));
        self.openings.by_room.extend(room.map(|room| (room, id)));
        let opening = Opening {
            since: now.mono,
            name,
            room,
            names: None,
            came: None,
            stage: Stage::Finding,
            waiting: vec![waiter],
        };
        self.openings.openings.insert(id, opening);
        self.arm(Some(now.mono + self.config.limits.store_patience.0), Timer::Openings);
        match room {
            Some(_) => self.open_room(id),
            None => self.find_room(id),
        }
    }

    fn request(&mut self, id: OpeningId, stage: Stage, op: StoreOp) {
        if let Some(opening) = self.openings.openings.get_mut(&id) {
            opening.stage = stage;
            let request = self.store(op);
            self.openings.requests.insert(request, id);
        }
    }

    fn find_room(&mut self, id: OpeningId) {
        let name = self.openings.openings.get(&id).and_then(|opening| opening.name.clone());
        if let Some((namespace, name)) = name {
            let key = Key::Name { namespace, name };
            self.request(id, Stage::Finding, StoreOp::Find(vec![key]));
        }
    }

    fn open_room(&mut self, id: OpeningId) {
        let Some(opening) = self.openings.openings.get(&id) else { return };
        let Some(room) = opening.room else { return };
        let create = opening.waiting.iter().any(|(_, create)| *create);
        // Whichever answer comes first waits for the other: a room without its
        // names would be another conversation than it is.
        self.request(id, Stage::Opening, StoreOp::Find(vec![Key::NamesOf(room)]));
        self.request(id, Stage::Opening, StoreOp::OpenRoom { room, create });
    }

    /// The store has answered; false if it was not about an opening.
    pub(crate) fn opening_stored(
        &mut self,
        now: Now,
        request: StoreId,
        result: Result<StoreDone, StoreFault>,
    ) -> Result<(), Result<StoreDone, StoreFault>> {
        let Some(id) = self.openings.requests.remove(&request) else { return Err(result) };
        let Some(stage) = self.openings.openings.get(&id).map(|opening| opening.stage) else {
            return Ok(());
        };
        match (stage, result) {
            (Stage::Finding, Ok(StoreDone::Found(found))) => self.name_found(now, id, &found),
            (Stage::Binding, Ok(StoreDone::Committed)) => self.open_room(id),
            // Somebody else bound it meanwhile.
            (Stage::Binding, Err(StoreFault::NameTaken)) => self.find_room(id),
            (Stage::Opening, Ok(StoreDone::Found(found))) => self.names_found(now, id, found),
            (Stage::Opening, Ok(StoreDone::Room { epoch, body, parts, chat })) => {
                let blank = body.is_none() && parts.is_empty();
                let came = Came { epoch, blank, kept: Kept::read(body, parts, chat) };
                if let Some(opening) = self.openings.openings.get_mut(&id) {
                    opening.came = Some(Box::new(came));
                }
                self.room_came(now, id);
            }
            (_, Ok(StoreDone::NoRoom)) => self.opening_failed(now, id, &NoRoom::Missing),
            (_, Err(fault)) => self.opening_failed(now, id, &NoRoom::Fault(fault)),
            (_, Ok(_)) => {}
        }
        Ok(())
    }

    fn name_found(&mut self, now: Now, id: OpeningId, found: &[Found]) {
        let Some(opening) = self.openings.openings.get_mut(&id) else { return };
        let Some((namespace, name)) = opening.name.clone() else { return };
        match found {
            [Found::Room(Some(room))] => self.room_found(now, id, *room),
            [Found::Room(None)] if opening.waiting.iter().any(|(_, create)| *create) => {
                let room = self.entropy.room_id();
                opening.room = Some(room);
                self.openings.by_room.insert(room, id);
                let write = Write::BindName { namespace, name, room };
                self.request(id, Stage::Binding, StoreOp::Commit(vec![write]));
            }
            _ => self.opening_failed(now, id, &NoRoom::Missing),
        }
    }

    /// The name means this room, which may be there, or on its way, by another
    /// name or by its id.
    fn room_found(&mut self, now: Now, id: OpeningId, room: RoomId) {
        if self.rooms.contains_key(&room) {
            let Some(opening) = self.openings.remove(id) else { return };
            for (waiter, _) in opening.waiting {
                self.room_is_there(now, room, waiter);
            }
            return;
        }
        if let Some(other) = self.openings.by_room.get(&room).copied().filter(|other| *other != id)
        {
            let Some(opening) = self.openings.remove(id) else { return };
            if let Some(other) = self.openings.openings.get_mut(&other) {
                other.waiting.extend(opening.waiting);
            }
            return;
        }
        if let Some(opening) = self.openings.openings.get_mut(&id) {
            opening.room = Some(room);
            // A name means a room, even if nothing was written to it yet.
            opening.waiting.iter_mut().for_each(|(_, create)| *create = true);
            self.openings.by_room.insert(room, id);
            self.open_room(id);
        }
    }

    fn names_found(&mut self, now: Now, id: OpeningId, found: Vec<Found>) {
        if let Some(opening) = self.openings.openings.get_mut(&id)
            && let Some(Found::Names(names)) = found.into_iter().next()
        {
            opening.names = Some(names);
        }
        self.room_came(now, id);
    }

    /// Takes the room in once everything of it is here.
    fn room_came(&mut self, now: Now, id: OpeningId) {
        let is_whole = |opening: &&Opening| opening.names.is_some() && opening.came.is_some();
        if self.openings.openings.get(&id).filter(is_whole).is_none() {
            return;
        }
        let Some(Opening {
            room: Some(room), names: Some(names), came: Some(came), waiting, ..
        }) = self.openings.remove(id)
        else {
            return;
        };
        let Came { epoch, blank, mut kept } = *came;
        kept.floor = self.directory.floor();
        let most = self.config.room.chat_entries as usize;
        kept.chat.drain(..kept.chat.len().saturating_sub(most));
        self.host(now, Room::open(room, epoch, self.config.room, kept), names, blank);
        for (waiter, _) in waiting {
            self.room_is_there(now, room, waiter);
        }
    }

    fn opening_failed(&mut self, now: Now, id: OpeningId, why: &NoRoom) {
        let Some(opening) = self.openings.remove(id) else { return };
        for (waiter, _) in opening.waiting {
            self.room_did_not_come(now, waiter, why);
        }
    }

    fn room_is_there(&mut self, now: Now, room: RoomId, waiter: Waiter) {
        match waiter {
            Waiter::Join(admitted) => self.join(now, room, *admitted),
            Waiter::Call(call) => {
                let blank = self.rooms.get(&room).is_some_and(|hosted| hosted.blank);
                self.call_at(call, room, Outcome::Room { blank });
            }
            Waiter::Due(_) => self.due_opened(now, None),
        }
    }

    fn room_did_not_come(&mut self, now: Now, waiter: Waiter, why: &NoRoom) {
        match (waiter, why) {
            (Waiter::Join(admitted), why) => self.join_failed(now, &admitted, why),
            (Waiter::Call(call), NoRoom::Missing) => self.call_ready(call, Outcome::NoRoom),
            (Waiter::Call(call), NoRoom::Fault(fault)) => {
                self.call_ready(call, Outcome::Fault(fault.clone()));
            }
            (Waiter::Due(_), NoRoom::Missing) => self.due_opened(now, None),
            (Waiter::Due(room), NoRoom::Fault(_)) => self.due_opened(now, Some(room)),
        }
    }

    /// Gives up on what the store has not answered for too long.
    pub(crate) fn openings_tick(&mut self, now: Now) {
        let patience = self.config.limits.store_patience.0;
        let late = |(_, o): &(&OpeningId, &Opening)| now.mono.since(o.since) >= patience;
        let openings = &self.openings.openings;
        let late: Vec<OpeningId> = openings.iter().filter(late).map(|(id, _)| *id).collect();
        for id in late {
            let why = NoRoom::Fault(StoreFault::Busy);
            self.opening_failed(now, id, &why);
        }
        self.openings.requests.retain(|_, id| self.openings.openings.contains_key(id));
        let next = self.openings.openings.values().map(|opening| opening.since).min();
        self.arm(next.map(|since| since + patience), Timer::Openings);
    }
}
