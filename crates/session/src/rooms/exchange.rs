//! The progress of one-to-one calls: two sides who say hello, ring, accept,
//! bring up media, and end.
//!
//! Owns the calls that are under way and their timers. Refuses to know
//! sockets: the edge numbers them and passes texts both ways.
//!
//! Source: docs/protocols/rooms.md §7.

use parlour_base::{Json, Mono, Now, RoomId, Secret, UserId};
use parlour_wire::rooms::progress::{ProgressError, Said, Told};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// How long each part of a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// From one side's hello to the other's.
    pub supervisory: Duration,
    /// From the callee's hello to its accepting.
    pub ringing: Duration,
    /// From accepting to media on both sides.
    pub connection: Duration,
    /// Life of a call that nobody says hello to.
    pub life: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            supervisory: Duration::from_secs(10),
            ringing: Duration::from_secs(30),
            connection: Duration::from_secs(10),
            life: Duration::from_secs(60),
        }
    }
}

/// Most calls at a time; the oldest goes when there are more.
pub const CALLS_MAX: usize = 10_000;
/// Most sockets of one call; a further one is closed.
pub const SOCKETS_MAX: usize = 50;

/// Why a callee's other devices stop ringing.
const ANSWERED_ELSEWHERE: &str = "answered-elsewhere";

/// A socket, as the edge numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Socket(pub u64);

/// A call to be kept.
#[derive(Debug)]
pub struct Placing {
    /// Names it.
    pub call_id: String,
    /// Shows that one is its caller.
    pub caller_token: Secret<String>,
    /// Shows that one is called.
    pub callee_token: Secret<String>,
    /// Who is called.
    pub callees: Vec<UserId>,
    /// Seconds since 1970.
    pub placed_at: i64,
    /// What the callees are shown of it.
    pub entry: Json,
    /// Where its media is.
    pub room: RoomId,
}

/// What happened.
#[derive(Debug)]
pub enum Input<'i> {
    /// A call was placed.
    Place(Placing),
    /// A user's calls are to be forgotten.
    Forget(UserId),
    /// A socket said something.
    Text(Socket, &'i str),
    /// A socket is closed.
    Closed(Socket),
    /// It is time.
    Tick,
}

/// What the edge is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send a text.
    Send(Socket, String),
    /// Close a socket, after what was sent.
    Close(Socket),
    /// A call is over; its room is not needed any more.
    Over(RoomId),
}

/// Which side of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Caller,
    Callee,
}

/// Where a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Init,
    HalfInitiated(Side),
    Alerting,
    Connecting,
    HalfConnected(Side),
    Connected,
    Terminated,
}

impl State {
    /// The word that clients are told.
    const fn shown(self) -> &'static str {
        match self {
            Self::Init | Self::HalfInitiated(_) => "init",
            Self::Alerting => "alerting",
            Self::Connecting => "connecting",
            Self::HalfConnected(_) => "half-connected",
            Self::Connected => "connected",
            Self::Terminated => "terminated",
        }
    }

    const fn is_over(self) -> bool {
        matches!(self, Self::Connected | Self::Terminated)
    }
}

/// A call under way.
#[derive(Debug)]
struct Call {
    placing: Placing,
    state: State,
    reason: Option<String>,
    /// Who is there, on which side, and what it was told last.
    sockets: BTreeMap<Socket, (Side, &'static str)>,
    /// When its callee first said hello.
    rings: Option<Mono>,
    due: Mono,
    order: u64,
}

/// The calls of the server.
#[derive(Debug, Default)]
pub struct Exchange {
    timers: Timers,
    calls: BTreeMap<String, Call>,
    /// Which call a socket has said hello to.
    joined: BTreeMap<Socket, String>,
    due: BTreeSet<(Mono, String)>,
    order: BTreeMap<u64, String>,
    next: u64,
    out: VecDeque<Output>,
}

impl Exchange {
    /// An exchange without calls.
    #[must_use]
    pub fn new(timers: Timers) -> Self {
        Self { timers, ..Self::default() }
    }

    /// Takes in what happened.
    pub fn handle(&mut self, now: Now, input: Input<'_>) {
        match input {
            Input::Place(placing) => self.place(now.mono, placing),
            Input::Forget(user) => self.forget(user),
            Input::Text(socket, text) => self.text(now.mono, socket, text),
            Input::Closed(socket) => self.closed(socket),
            Input::Tick => self.tick(now.mono),
        }
    }

    /// What is to be done, until `None`.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When something is due by itself.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        self.due.first().map(|(due, _)| *due)
    }

    /// The calls a user has not answered, placed then or later.
    #[must_use]
    pub fn pending(&self, user: UserId, since: i64) -> Vec<Json> {
        let calls = self.calls.values().filter(|call| {
            call.placing.callees.contains(&user)
                && call.placing.placed_at >= since
                && !call.state.is_over()
        });
        calls.map(|call| call.placing.entry.clone()).collect()
    }

    fn place(&mut self, now: Mono, placing: Placing) {
        if self.calls.len() >= CALLS_MAX
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.drop_call(&oldest);
        }
        self.next = self.next.saturating_add(1);
        let (id, order, due) = (placing.call_id.clone(), self.next, now + self.timers.life);
        let state = State::Init;
        let sockets = BTreeMap::new();
        self.due.insert((due, id.clone()));
        self.order.insert(order, id.clone());
        self.calls
            .insert(id, Call { placing, state, reason: None, sockets, rings: None, due, order });
    }

    fn forget(&mut self, user: UserId) {
        let of_user = |call: &&Call| call.placing.callees.contains(&user);
        let ids: Vec<String> =
            self.calls.values().filter(of_user).map(|c| c.placing.call_id.clone()).collect();
        for id in ids {
            self.terminate(&id, None);
        }
    }

    fn text(&mut self, now: Mono, socket: Socket, text: &str) {
        let result = match Said::read(text) {
            Ok(Said::Echo(value)) => {
                self.send(socket, &Told::Echo(value));
                Ok(())
            }
            Ok(Said::Hello { call_id, auth }) => self.hello(now, socket, &call_id, &auth),
            Ok(Said::Action { event, reason }) => self.action(now, socket, event, reason),
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            self.send(socket, &Told::Error(error));
            self.out.push_back(Output::Close(socket));
        }
    }

    fn hello(
        &mut self,
        now: Mono,
        socket: Socket,
        id: &str,
        auth: &Secret<String>,
    ) -> Result<(), ProgressError> {
        let call = self.calls.get_mut(id).ok_or(ProgressError::CallId)?;
        let side = match () {
            () if call.placing.caller_token.matches(auth.expose()) => Side::Caller,
            () if call.placing.callee_token.matches(auth.expose()) => Side::Callee,
            () => return Err(ProgressError::Authentication),
        };
        let is_there = call.sockets.contains_key(&socket);
        let full = call.sockets.len() >= SOCKETS_MAX && !is_there;
        if full || self.joined.get(&socket).is_some_and(|joined| joined != id) {
            return Err(ProgressError::Authentication);
        }
        let (state, reason) = match call.state {
            State::Connecting | State::HalfConnected(_) if side == Side::Callee && !is_there => {
                (State::Terminated.shown(), Some(ANSWERED_ELSEWHERE.to_owned()))
            }
            state => (state.shown(), call.reason.clone()),
        };
        if call.state.is_over() || state == State::Terminated.shown() {
            self.send(socket, &Told::Hello { state, reason });
            self.out.push_back(Output::Close(socket));
            return Ok(());
        }
        call.sockets.insert(socket, (side, state));
        let Timers { supervisory, ringing, .. } = self.timers;
        if side == Side::Callee {
            call.rings.get_or_insert(now);
        }
        let rings = call.rings.unwrap_or(now);
        let (next, due) = match call.state {
            State::Init => (State::HalfInitiated(side), now + supervisory),
            State::HalfInitiated(first) if first != side => (State::Alerting, rings + ringing),
            state => (state, call.due),
        };
        self.joined.insert(socket, id.to_owned());
        self.send(socket, &Told::Hello { state, reason });
        self.set_due(id, due);
        self.enter(id, next);
        Ok(())
    }

    fn action(
        &mut self,
        now: Mono,
        socket: Socket,
        event: String,
        reason: Option<String>,
    ) -> Result<(), ProgressError> {
        let id = self.joined.get(&socket).cloned().ok_or(ProgressError::Authentication)?;
        let call = self.calls.get_mut(&id).ok_or(ProgressError::CallId)?;
        let side = call.sockets.get(&socket).map(|(side, _)| *side);
        let side = side.ok_or(ProgressError::Authentication)?;
        let next = match (event.as_str(), call.state) {
            ("terminate", state) if !state.is_over() => {
                self.terminate(&id, reason);
                return Ok(());
            }
            ("accept", State::Alerting) if side == Side::Callee => State::Connecting,
            ("media-up", State::Connecting) => State::HalfConnected(side),
            ("media-up", State::HalfConnected(first)) if first != side => State::Connected,
            // Said twice by the same side, which changes nothing.
            ("media-up", state @ State::HalfConnected(_)) => state,
            (_, state) => {
                return Err(ProgressError::Transition { state: state.shown(), event });
            }
        };
        if next == State::Connecting {
            self.answered_elsewhere(&id, socket);
            self.set_due(&id, now + self.timers.connection);
        }
        self.enter(&id, next);
        Ok(())
    }

    /// The other devices of a callee who accepted stop ringing.
    fn answered_elsewhere(&mut self, id: &str, accepted: Socket) {
        let Some(call) = self.calls.get_mut(id) else { return };
        let others = call
            .sockets
            .iter()
            .filter(|(socket, (side, _))| **socket != accepted && *side == Side::Callee);
        let others: Vec<Socket> = others.map(|(socket, _)| *socket).collect();
        for socket in others {
            if let Some(call) = self.calls.get_mut(id) {
                call.sockets.remove(&socket);
            }
            self.joined.remove(&socket);
            let reason = Some(ANSWERED_ELSEWHERE.to_owned());
            self.send(socket, &Told::Progress { state: State::Terminated.shown(), reason });
            self.out.push_back(Output::Close(socket));
        }
    }

    /// Moves a call and tells everybody who was not told that state before.
    fn enter(&mut self, id: &str, state: State) {
        let Some(call) = self.calls.get_mut(id) else { return };
        call.state = state;
        let (shown, reason, over) = (state.shown(), call.reason.clone(), state.is_over());
        let mut told = Vec::new();
        for (socket, (_, last)) in &mut call.sockets {
            if *last != shown {
                *last = shown;
                told.push(*socket);
            }
        }
        for socket in told {
            self.send(socket, &Told::Progress { state: shown, reason: reason.clone() });
        }
        if over {
            self.end(id);
        }
    }

    fn terminate(&mut self, id: &str, reason: Option<String>) {
        if let Some(call) = self.calls.get_mut(id) {
            call.reason = reason;
        }
        self.enter(id, State::Terminated);
    }

    /// Nothing more happens to a call: its sockets close. One that was ended
    /// is still known for a while, so that latecomers hear of it.
    fn end(&mut self, id: &str) {
        let Some(call) = self.calls.get_mut(id) else { return };
        let sockets = std::mem::take(&mut call.sockets);
        let (terminated, room) = (call.state == State::Terminated, call.placing.room);
        for socket in sockets.into_keys() {
            self.joined.remove(&socket);
            self.out.push_back(Output::Close(socket));
        }
        if terminated {
            self.out.push_back(Output::Over(room));
        }
    }

    fn closed(&mut self, socket: Socket) {
        let Some(id) = self.joined.remove(&socket) else { return };
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Some((side, _)) = call.sockets.remove(&socket) else { return };
        let was_last = !call.sockets.values().any(|(other, _)| *other == side);
        if was_last && !call.state.is_over() {
            self.terminate(&id, Some("closed".to_owned()));
        }
    }

    fn tick(&mut self, now: Mono) {
        while let Some((due, id)) = self.due.first().cloned() {
            if due > now {
                return;
            }
            let state = self.calls.get(&id).map(|call| call.state);
            match state {
                Some(State::Init | State::Connected | State::Terminated) | None => {
                    self.due.remove(&(due, id.clone()));
                    self.drop_call(&id);
                }
                Some(_) => {
                    self.set_due(&id, now + self.timers.life);
                    self.terminate(&id, Some("timeout".to_owned()));
                }
            }
        }
    }

    fn set_due(&mut self, id: &str, due: Mono) {
        if let Some(call) = self.calls.get_mut(id) {
            self.due.remove(&(call.due, id.to_owned()));
            call.due = due;
            self.due.insert((due, id.to_owned()));
        }
    }

    fn drop_call(&mut self, id: &str) {
        let Some(call) = self.calls.remove(id) else { return };
        self.due.remove(&(call.due, id.to_owned()));
        self.order.remove(&call.order);
        for socket in call.sockets.into_keys() {
            self.joined.remove(&socket);
            self.out.push_back(Output::Close(socket));
        }
        // The media of a call that is connected goes on without it.
        if !call.state.is_over() {
            self.out.push_back(Output::Over(call.placing.room));
        }
    }

    fn send(&mut self, socket: Socket, told: &Told) {
        self.out.push_back(Output::Send(socket, told.text()));
    }
}
