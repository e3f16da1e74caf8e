//! What a request asks of the node, with the failures of our own side as the
//! error that clients are told.

use super::calls::is_of_call;
use super::http::{Door, Marks, Request};
use crate::call::{Call, Fetch, Fetched, Outcome, Reply, Step, Target};
use crate::flow;
use parlour_base::storage::{Found, Key, Write};
use parlour_base::{Json, RoomId, Wall};
use parlour_room::{Actor, Command, Door as Way, Event, Refusal, Room};
use parlour_wire::rooms::{ApiError, Body, accept};
use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;

/// A request on its way.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) door: Arc<Door>,
    pub(super) request: Request,
    pub(super) body: Body,
    pub(super) port: Port,
    pub(super) marks: Marks,
}

/// What a room did.
pub(super) enum Done {
    /// These events.
    Events(Vec<Event>),
    /// It said no.
    Refused(Refusal),
    /// It is gone.
    Gone,
}

/// How many records are read at a time.
pub(super) const PAGE: u32 = 200;

/// A request's way to the node, in the words of this door.
#[derive(Debug, Clone)]
pub(super) struct Port(flow::Port);

impl Deref for Port {
    type Target = flow::Port;

    fn deref(&self) -> &flow::Port {
        &self.0
    }
}

impl Port {
    /// A call that begins with this.
    pub(super) fn call<R>(begin: impl FnOnce(Self) -> R + Send + 'static) -> Box<dyn Call>
    where
        R: Future<Output = Reply> + Send + 'static,
    {
        flow::Flow::boxed(move |port| begin(Self(port)))
    }

    /// Looks up one record.
    pub(super) async fn record(&self, kind: &str, key: &str) -> Result<Option<Json>, ApiError> {
        let key = Key::Record { kind: kind.to_owned(), key: key.to_owned() };
        match self.step(Step::Find(vec![key])).await {
            Outcome::Found(mut found) => match found.pop() {
                Some(Found::Record(body)) => Ok(body),
                _ => Err(ApiError::unavailable()),
            },
            _ => Err(ApiError::unavailable()),
        }
    }

    /// Records whose keys begin with this, at most so many.
    pub(super) async fn records(
        &self,
        kind: &str,
        prefix: &str,
        most: u32,
    ) -> Result<Vec<(String, Json)>, ApiError> {
        let mut all: Vec<(String, Json)> = Vec::new();
        loop {
            let left = most.saturating_sub(u32::try_from(all.len()).unwrap_or(u32::MAX));
            let most = left.min(PAGE);
            if most == 0 {
                return Ok(all);
            }
            let (kind, prefix) = (kind.to_owned(), prefix.to_owned());
            let after = all.last().map(|(key, _)| key.clone());
            let page = Step::List { kind, prefix, after, most };
            let Outcome::Listed(page) = self.step(page).await else {
                return Err(ApiError::unavailable());
            };
            let is_last = page.len() < most as usize;
            all.extend(page);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// Writes to the directory.
    pub(super) async fn commit(&self, writes: Vec<Write>) -> Result<(), ApiError> {
        if writes.is_empty() {
            return Ok(());
        }
        match self.step(Step::Commit(writes)).await {
            Outcome::Committed => Ok(()),
            _ => Err(ApiError::unavailable()),
        }
    }

    /// The room of this id, whatever it is.
    pub(super) async fn open(&self, target: Target) -> Result<Option<Room>, ApiError> {
        match self.step(Step::Open(target)).await {
            Outcome::Room { .. } => Ok(self.room()),
            Outcome::NoRoom => Ok(None),
            _ => Err(ApiError::unavailable()),
        }
    }

    /// Has a room do something.
    pub(super) async fn command(
        &self,
        room: RoomId,
        actor: Actor,
        command: Command,
        along: Vec<Write>,
    ) -> Result<Done, ApiError> {
        let again = (actor.clone(), command.clone(), along.clone());
        let mut outcome = self.step(Step::Command { room, actor, command, along }).await;
        if matches!(outcome, Outcome::NoRoom) && self.open(Target::Id(room)).await?.is_some() {
            // It left memory since it was opened, not the store.
            let (actor, command, along) = again;
            outcome = self.step(Step::Command { room, actor, command, along }).await;
        }
        match outcome {
            Outcome::Did(events) => Ok(Done::Events(events)),
            Outcome::Refused(Refusal::StoreUnavailable) => Err(ApiError::unavailable()),
            Outcome::Refused(Refusal::RoomGone) | Outcome::NoRoom => Ok(Done::Gone),
            Outcome::Refused(refusal) => Ok(Done::Refused(refusal)),
            _ => Err(ApiError::unavailable()),
        }
    }

    /// Asks another service; `None` if it did not answer.
    pub(super) async fn fetch(&self, fetch: Fetch) -> Option<(u16, Vec<u8>)> {
        match self.step(Step::Fetch(fetch)).await {
            Outcome::Fetched(Fetched::Answer { status, body }) => Some((status, body)),
            _ => None,
        }
    }
}

impl Visit {
    /// The room of a token, if the rooms door is open there and it is not the
    /// media of a call.
    ///
    /// # Errors
    /// 404 if there is none.
    pub(super) async fn room(&self, token: &str) -> Result<Room, ApiError> {
        let id: RoomId = token.parse().map_err(|_| ApiError::no_token())?;
        let room = self.port.open(Target::Id(id)).await?;
        let now = self.port.now().wall;
        let is_there = |room: &Room| is_leased(room, now) && !is_of_call(room);
        room.filter(is_there).ok_or_else(ApiError::no_token)
    }

    /// Refuses a client that does not take JSON.
    pub(super) fn needs_json(&self) -> Result<(), ApiError> {
        let accept = self.request.headers.accept.as_deref();
        if accept::takes_json(accept) { Ok(()) } else { Err(ApiError::not_acceptable()) }
    }

    /// Seconds since 1970.
    pub(super) fn seconds(&self) -> i64 {
        seconds(self.port.now().wall)
    }
}

/// Whether a room is one of this door's, and not over.
pub(super) fn is_leased(room: &Room, now: Wall) -> bool {
    let lasts = room.term().is_none_or(|term| term.expires > now);
    !room.is_gone() && room.lease().is_some() && room.policy().doors.has(Way::Rooms) && lasts
}

/// Whole seconds since 1970.
pub(super) const fn seconds(at: Wall) -> i64 {
    at.0.div_euclid(1_000)
}

/// A time so many milliseconds later.
pub(super) fn later(at: Wall, span: std::time::Duration) -> Wall {
    let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    Wall(at.0.saturating_add(millis))
}
