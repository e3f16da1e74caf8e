//! A store in memory that keeps what a room asks to be kept, and a room that
//! can be lost and opened again from it.

use parlour_base::storage::Write;
use parlour_base::{Epoch, Json, Now, RoomId, Wall};
use parlour_room::record::{Kept, RoomRecord};
use parlour_room::{Actor, Command, Event, Limits, Refusal, Room};
use std::collections::BTreeMap;

/// What is on disk of one room.
#[derive(Debug, Clone, Default)]
pub struct FakeStore {
    body: Option<Json>,
    parts: BTreeMap<(String, String), Json>,
    chat: Vec<(String, Json)>,
    pub due: Option<Wall>,
    pub forgotten: bool,
}

impl FakeStore {
    pub fn with(record: &RoomRecord) -> Self {
        let body = serde_json::to_value(record).expect("it has a JSON form");
        Self { body: Some(body), ..Self::default() }
    }

    pub fn write(&mut self, write: Write) {
        match write {
            Write::Room { body, .. } => self.body = Some(body),
            Write::Part { kind, key, body: Some(body), .. } => {
                self.parts.insert((kind, key), body);
            }
            Write::Part { kind, key, body: None, .. } => {
                self.parts.remove(&(kind, key));
            }
            Write::Due { at, .. } => self.due = at,
            Write::Chat { key, body, keep, .. } => {
                self.chat.push((key, body));
                let excess = self.chat.len().saturating_sub(keep as usize);
                self.chat.drain(..excess);
            }
            Write::ForgetChat { keys: None, .. } => self.chat.clear(),
            Write::ForgetChat { keys: Some(keys), .. } => {
                self.chat.retain(|(key, _)| !keys.contains(key));
            }
            Write::ForgetRoom { .. } => *self = Self { forgotten: true, ..Self::default() },
            other => panic!("a room does not ask for {other:?}"),
        }
    }

    pub fn read(&self) -> Kept {
        let part = |((kind, key), body): (&(String, String), &Json)| {
            (kind.clone(), key.clone(), body.clone())
        };
        let chat = self.chat.iter().map(|(_, body)| body.clone()).collect();
        Kept::read(self.body.clone(), self.parts.iter().map(part).collect(), chat)
    }

    pub fn parts_of(&self, kind: &str) -> usize {
        self.parts.keys().filter(|(of, _)| of == kind).count()
    }
}

/// A room whose writes all reach the disk, and which can be opened again.
#[derive(Debug, Clone)]
pub struct Home {
    pub room: Room,
    pub store: FakeStore,
    limits: Limits,
}

impl Home {
    pub fn new(record: &RoomRecord, limits: Limits) -> Self {
        let store = FakeStore::with(record);
        let id = RoomId::new(7).expect("not reserved");
        let room = Room::open(id, Epoch(1), limits, store.read());
        Self { room, store, limits }
    }

    /// Asks, keeps what is to be kept, and checks the room.
    pub fn ask(&mut self, now: Now, actor: &Actor, what: Command) -> Result<Vec<Event>, Refusal> {
        let events = self.room.apply(now, actor, what)?;
        for write in events.iter().flat_map(|event| self.room.writes_for(event)) {
            self.store.write(write);
        }
        self.room.check();
        Ok(events)
    }

    pub fn house(&mut self, now: Now, what: Command) -> Result<Vec<Event>, Refusal> {
        self.ask(now, &Actor::House, what)
    }

    pub fn caller(&mut self, now: Now, who: &str, what: Command) -> Result<Vec<Event>, Refusal> {
        self.ask(now, &Actor::Caller(super::user(who)), what)
    }

    pub fn entrant(&mut self, now: Now, id: &str, what: Command) -> Result<Vec<Event>, Refusal> {
        self.ask(now, &Actor::Entrant(super::id(id)), what)
    }

    /// The process is lost, and another one opens the room.
    pub fn restart(&mut self) {
        let epoch = Epoch(self.room.epoch().0 + 1);
        self.room = Room::open(self.room.id(), epoch, self.limits, self.store.read());
        self.room.check();
    }
}
