//! Steps in the words of the API: what they bring, or the problem.

use crate::call::{Line, Outcome, Step, Target};
use crate::flow::{self, Seen};
use parlour_base::storage::{Found, Key, StoreFault, Write};
use parlour_base::{Json, RoomId, Secret};
use parlour_directory::record;
use parlour_room::{Actor, Command, Event, Refusal};
use parlour_wire::api::{Code, Problem};
use std::ops::Deref;

/// How often a room that went out of memory between two steps is opened again.
pub(super) const TRIES: u8 = 3;

/// What comes of something.
pub(super) type Done<T> = Result<T, Problem>;

/// What the store's no means to an application.
pub(super) fn fault(fault: StoreFault) -> Problem {
    match fault {
        StoreFault::NameTaken => Code::NameTaken.into(),
        StoreFault::Changed => Code::Conflict.into(),
        StoreFault::Busy => Code::Busy.into(),
        _ => Code::StoreUnavailable.into(),
    }
}

/// What a room's no means.
pub(super) fn refusal(refusal: &Refusal) -> Problem {
    match refusal {
        Refusal::StoreUnavailable => Code::StoreUnavailable.into(),
        Refusal::RoomGone | Refusal::UnknownSeat | Refusal::UnknownMember => Code::NotFound.into(),
        Refusal::TooLarge => Code::LimitReached.into(),
        other => Problem::refused(other.code()),
    }
}

/// A request's way to the node, in the words of the API.
#[derive(Debug, Clone)]
pub(super) struct Port(pub(super) flow::Port);

impl Deref for Port {
    type Target = flow::Port;

    fn deref(&self) -> &flow::Port {
        &self.0
    }
}

impl Port {
    /// Waits for those before it.
    pub(super) async fn turn(&self, line: Line) -> Done<()> {
        match self.step(Step::Turn(line)).await {
            Outcome::Turn => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// Looks things up.
    pub(super) async fn find(&self, keys: Vec<Key>) -> Done<Vec<Found>> {
        match self.step(Step::Find(keys)).await {
            Outcome::Found(found) => Ok(found),
            other => Err(unexpected(other)),
        }
    }

    /// Looks one record up.
    pub(super) async fn record(&self, kind: &str, key: &str) -> Done<Option<Json>> {
        match self.find(vec![record::key(kind, key)]).await?.pop() {
            Some(Found::Record(body)) => Ok(body),
            _ => Err(Code::Internal.into()),
        }
    }

    /// Which room a name means.
    pub(super) async fn named(&self, namespace: &str, name: &str) -> Done<Option<RoomId>> {
        let key = Key::Name { namespace: namespace.to_owned(), name: name.to_owned() };
        match self.find(vec![key]).await?.pop() {
            Some(Found::Room(room)) => Ok(room),
            _ => Err(Code::Internal.into()),
        }
    }

    /// A page of records.
    pub(super) async fn list(
        &self,
        kind: &str,
        prefix: &str,
        after: Option<String>,
        most: u32,
    ) -> Done<Vec<(String, Json)>> {
        let (kind, prefix) = (kind.to_owned(), prefix.to_owned());
        match self.step(Step::List { kind, prefix, after, most }).await {
            Outcome::Listed(list) => Ok(list),
            other => Err(unexpected(other)),
        }
    }

    /// A page of rooms.
    pub(super) async fn rooms(&self, after: Option<RoomId>, most: u32) -> Done<Vec<RoomId>> {
        match self.step(Step::ListRooms { after, most }).await {
            Outcome::Rooms(rooms) => Ok(rooms),
            other => Err(unexpected(other)),
        }
    }

    /// Whether a room is stored, without taking it into memory.
    pub(super) async fn is_room(&self, room: RoomId) -> Done<bool> {
        let before = RoomId::new(room.bits().saturating_sub(1));
        Ok(self.rooms(before, 1).await?.first() == Some(&room))
    }

    /// Writes to the directory.
    pub(super) async fn commit(&self, writes: Vec<Write>) -> Done<()> {
        match self.step(Step::Commit(writes)).await {
            Outcome::Committed => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// Takes a room into memory; `None` if there is none, or nobody ever said
    /// what it is.
    pub(super) async fn open(&self, room: RoomId) -> Done<Option<Seen>> {
        match self.step(Step::Open(Target::Id(room))).await {
            Outcome::Room { blank } => {
                let is_one = |seen: &Seen| !(seen.room.is_gone() || blank && seen.names.is_empty());
                Ok(self.seen().filter(is_one))
            }
            Outcome::NoRoom => Ok(None),
            other => Err(unexpected(other)),
        }
    }

    /// Makes a room, which nobody has described yet.
    pub(super) async fn make(&self, room: RoomId) -> Done<()> {
        match self.step(Step::Open(Target::New(room))).await {
            Outcome::Room { .. } => Ok(()),
            Outcome::NoRoom => Err(Code::Busy.into()),
            other => Err(unexpected(other)),
        }
    }

    /// Has a room do something for the house, and writes this along with it.
    /// `None`: it is not in memory any more.
    pub(super) async fn command(
        &self,
        room: RoomId,
        command: Command,
        along: Vec<Write>,
    ) -> Done<Option<Vec<Event>>> {
        let step = Step::Command { room, actor: Actor::House, command, along };
        match self.step(step).await {
            Outcome::Did(events) => Ok(Some(events)),
            Outcome::NoRoom => Ok(None),
            Outcome::Refused(why) => Err(refusal(&why)),
            other => Err(unexpected(other)),
        }
    }

    /// Opens a room and has it do what `make` says after a look at it, with
    /// what is written along; `None` says that there is nothing to do. Gives
    /// the room after it, unless it has left memory at once.
    pub(super) async fn change(
        &self,
        room: RoomId,
        make: impl Fn(&Seen) -> Done<Option<(Command, Vec<Write>)>>,
    ) -> Done<Option<Seen>> {
        for _ in 0..TRIES {
            let seen = self.open(room).await?.ok_or_else(|| Problem::new(Code::NotFound))?;
            let Some((command, along)) = make(&seen)? else { return Ok(Some(seen)) };
            // Held meanwhile, the room would be copied to be changed.
            drop(seen);
            if self.command(room, command, along).await?.is_some() {
                return Ok(self.seen());
            }
        }
        Err(Code::Busy.into())
    }

    /// The same, and the room after it in any case.
    pub(super) async fn changed(
        &self,
        room: RoomId,
        make: impl Fn(&Seen) -> Done<Option<(Command, Vec<Write>)>>,
    ) -> Done<Seen> {
        let after = match self.change(room, make).await? {
            Some(seen) => Some(seen),
            None => self.open(room).await?,
        };
        after.ok_or_else(|| Problem::new(Code::NotFound))
    }

    /// Turns a password into what is kept of it.
    pub(super) async fn hash(&self, password: Secret<String>, rounds: u32) -> Done<String> {
        let mut salt = [0; 16];
        self.random(|entropy| entropy.fill(&mut salt));
        match self.step(Step::Hash { password, salt, rounds }).await {
            Outcome::Hashed(hash) => Ok(hash.expose().clone()),
            other => Err(unexpected(other)),
        }
    }
}

fn unexpected(outcome: Outcome) -> Problem {
    match outcome {
        Outcome::Fault(why) => fault(why),
        _ => Code::Internal.into(),
    }
}

/// A command with nothing that is written along.
pub(super) const fn alone(command: Command) -> (Command, Vec<Write>) {
    (command, Vec::new())
}
