//! The exchange of one-to-one calls at the edge: one value behind a lock, and
//! a queue towards each socket.

use super::Rooms;
use crate::clock::Clock;
use crate::config::rooms::Rooms as Settings;
use crate::http::Site;
use parlour_base::{Json, RoomId};
use parlour_node::rooms::exchange::{Input, Output};
use parlour_node::rooms::{Effect, Exchange, Socket};
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, mpsc};

/// Messages that may wait for one socket; a slower one is closed.
const QUEUE_MAX: usize = 32;

/// What a socket is told; `None` closes it.
pub(super) type Letter = Option<String>;

/// The calls under way and who listens.
#[derive(Debug)]
pub(super) struct Calls {
    inner: Mutex<Inner>,
    clock: Clock,
    sockets_max: usize,
    /// The next deadline may have changed.
    changed: Notify,
}

#[derive(Debug)]
struct Inner {
    exchange: Exchange,
    sockets: HashMap<Socket, mpsc::Sender<Letter>>,
    next: u64,
    ticking: bool,
}

impl Calls {
    pub(super) fn new(settings: &Settings, clock: Clock) -> Self {
        let exchange = Exchange::new(settings.call_timers());
        let (sockets, next, ticking) = (HashMap::new(), 0, false);
        Self {
            inner: Mutex::new(Inner { exchange, sockets, next, ticking }),
            clock,
            sockets_max: usize::try_from(settings.call_sockets_max).unwrap_or(usize::MAX),
            changed: Notify::new(),
        }
    }

    /// Does what an answer asks; the body of the answer, if it changes.
    pub(super) fn take(
        self: &Arc<Self>,
        site: &Arc<Site>,
        rooms: &Arc<Rooms>,
        effect: Effect,
    ) -> Option<Json> {
        match effect {
            Effect::Place(placing) => self.input(site, rooms, Input::Place(*placing)),
            Effect::Forget { user } => self.input(site, rooms, Input::Forget(user)),
            Effect::List { user, since } => {
                let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
                let calls = inner.exchange.pending(user, since);
                return Some(json!({ "calls": calls }));
            }
        }
        None
    }

    /// A socket that may listen; `None` if there are too many.
    pub(super) fn open(&self) -> Option<(Socket, mpsc::Receiver<Letter>)> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.sockets.len() >= self.sockets_max {
            return None;
        }
        inner.next += 1;
        let socket = Socket(inner.next);
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        inner.sockets.insert(socket, sender);
        Some((socket, receiver))
    }

    /// A socket said something.
    pub(super) fn text(
        self: &Arc<Self>,
        site: &Arc<Site>,
        rooms: &Arc<Rooms>,
        socket: Socket,
        text: &str,
    ) {
        self.input(site, rooms, Input::Text(socket, text));
    }

    /// A socket is gone.
    pub(super) fn closed(self: &Arc<Self>, site: &Arc<Site>, rooms: &Arc<Rooms>, socket: Socket) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).sockets.remove(&socket);
        self.input(site, rooms, Input::Closed(socket));
    }

    fn input(self: &Arc<Self>, site: &Arc<Site>, rooms: &Arc<Rooms>, input: Input<'_>) {
        let over = {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.exchange.handle(self.clock.now(), input);
            let over = inner.carry();
            if !inner.ticking && inner.exchange.deadline().is_some() {
                inner.ticking = true;
                self.tick_from_now_on(site, rooms);
            }
            over
        };
        self.changed.notify_one();
        for room in over {
            end_room(site, rooms, room);
        }
    }

    /// Ticks as long as there are calls.
    fn tick_from_now_on(self: &Arc<Self>, site: &Arc<Site>, rooms: &Arc<Rooms>) {
        let (this, site, rooms) = (Arc::clone(self), Arc::clone(site), Arc::clone(rooms));
        tokio::spawn(async move {
            while let Some(wait) = this.until_due() {
                // Both may be dropped: they hold nothing.
                tokio::select! {
                    () = tokio::time::sleep(wait) => this.input(&site, &rooms, Input::Tick),
                    () = this.changed.notified() => {}
                }
            }
        });
    }

    /// How long until something is due; `None` ends the ticking.
    fn until_due(&self) -> Option<std::time::Duration> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let due = inner.exchange.deadline();
        inner.ticking = due.is_some();
        due.map(|due| self.clock.until(due))
    }
}

impl Inner {
    /// Passes on what the exchange says; the rooms of calls that are over.
    fn carry(&mut self) -> Vec<RoomId> {
        let mut over = Vec::new();
        while let Some(output) = self.exchange.poll() {
            match output {
                Output::Send(socket, text) => self.tell(socket, Some(text)),
                Output::Close(socket) => self.tell(socket, None),
                Output::Over(room) => over.push(room),
            }
        }
        over
    }

    /// A socket that does not take what it is told is let go: its task ends
    /// when its queue does.
    fn tell(&mut self, socket: Socket, letter: Letter) {
        let last = letter.is_none();
        let told = self.sockets.get(&socket).is_some_and(|queue| queue.try_send(letter).is_ok());
        if last || !told {
            self.sockets.remove(&socket);
        }
    }
}

/// The room of a call that is over goes.
fn end_room(site: &Arc<Site>, rooms: &Arc<Rooms>, room: RoomId) {
    let (site, door) = (Arc::clone(site), Arc::clone(&rooms.door));
    tokio::spawn(async move {
        // If it cannot be now, the room's own life ends it.
        drop(site.shard.call(door.end_call(room)).await);
    });
}
