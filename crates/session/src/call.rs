//! Calls: one request of a door without a connection of its own, on its way to
//! its reply.
//!
//! A call is a small machine. The node resumes it with the outcome of the step
//! that it asked for, and it answers with the next step, until it is done. It
//! holds no room and no record of its own: what it needs it looks up, what it
//! changes it has a room or the store change, and it never waits for anything
//! but its own step.

use parlour_base::storage::{Found, Key, StoreFault, Write};
use parlour_base::{Entropy, Json, Now, RoomId, Secret, Verifier};
use parlour_directory::MediaKeys;
use parlour_room::{Actor, Command, Event, Refusal, RequestId, Room};
use parlour_wire::callctl::pb::selfhost::video::v1::{
    ClientConnectedRequest, ClientConnectedResponse,
};
use std::any::Any;
use std::fmt;
use std::time::Duration;

/// One request on its way to its reply.
pub trait Call: fmt::Debug + Send {
    /// Takes the outcome of the step before, [`Outcome::Begin`] at first, and
    /// says what is to be done next.
    fn resume(&mut self, desk: &mut Desk<'_>, outcome: Outcome) -> Step;

    /// The client's name for this request, if it gave one: who is told of what
    /// came of it is told this too.
    fn request(&self) -> Option<RequestId> {
        None
    }
}

/// What a call may look at while it thinks.
#[derive(Debug)]
pub struct Desk<'d> {
    /// What the clocks show.
    pub now: Now,
    /// Randomness.
    pub entropy: &'d mut Entropy,
    /// What media tokens are made and checked with.
    pub media_keys: &'d MediaKeys,
    /// The room that the step before was about, as everybody sees it: after
    /// [`Outcome::Room`], [`Outcome::Did`] and [`Outcome::Refused`].
    pub room: Option<&'d Room>,
    /// The names of that room: (namespace, name).
    pub names: &'d [(String, String)],
}

/// Which room is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The one with this id, if it is stored.
    Id(RoomId),
    /// A new one with this id.
    New(RoomId),
    /// The one that this name means.
    Name {
        /// Such as `kik`.
        namespace: String,
        /// The name.
        name: String,
        /// Make one if there is none, and bind the name to it.
        create: bool,
    },
}

/// What calls do one after the other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Line {
    /// Changes of a room: each begins with what the one before left.
    Room(RoomId),
    /// Requests with one `Idempotency-Key`, by key and name: the second finds
    /// what came of the first, and not what is not seen yet.
    Repeat(String),
}

/// What a call wants done.
#[derive(Debug)]
pub enum Step {
    /// Wait until no earlier call is in this line; [`Outcome::Turn`]. The call
    /// is in it until it is done.
    Turn(Line),
    /// Look these up; [`Outcome::Found`].
    Find(Vec<Key>),
    /// A page of records; [`Outcome::Listed`]. See
    /// [`StoreOp::List`](parlour_base::storage::StoreOp::List).
    List {
        /// The sort of record.
        kind: String,
        /// Only keys that begin with this.
        prefix: String,
        /// Only keys behind this one.
        after: Option<String>,
        /// At most this many.
        most: u32,
    },
    /// A page of rooms; [`Outcome::Rooms`].
    ListRooms {
        /// Only ids behind this one.
        after: Option<RoomId>,
        /// At most this many.
        most: u32,
    },
    /// Write to the directory; [`Outcome::Committed`].
    Commit(Vec<Write>),
    /// Take a room into memory; [`Outcome::Room`] or [`Outcome::NoRoom`].
    Open(Target),
    /// Have a room do something, and write this in the same commit;
    /// [`Outcome::Did`], [`Outcome::Refused`], or [`Outcome::NoRoom`] when it
    /// is not in memory any more.
    Command {
        /// The room, which an [`Step::Open`] brought into memory before.
        room: RoomId,
        /// Who asks.
        actor: Actor,
        /// What.
        command: Command,
        /// Writes to the directory that belong to it. If the command has no
        /// effect they are not made.
        along: Vec<Write>,
    },
    /// Check a password in the pool; [`Outcome::Checked`].
    Check {
        /// What it must fit.
        verifier: Verifier,
        /// What was sent.
        password: Secret<String>,
    },
    /// Turn a password into what is kept of it, in the pool;
    /// [`Outcome::Hashed`].
    Hash {
        /// The password.
        password: Secret<String>,
        /// Random bytes.
        salt: [u8; 16],
        /// How often it is hashed.
        rounds: u32,
    },
    /// Have the edge ask another service; [`Outcome::Fetched`].
    Fetch(Fetch),
    /// Have the edge ask the keeper of the calls whether a token may in;
    /// [`Outcome::Presented`].
    Present(ClientConnectedRequest),
    /// Here is the reply; the call is over.
    Done(Reply),
}

/// The outcome of a step.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing has been done yet.
    Begin,
    /// For [`Step::Turn`].
    Turn,
    /// For [`Step::Find`], in the order of the keys.
    Found(Vec<Found>),
    /// For [`Step::List`]: (key, body), by key.
    Listed(Vec<(String, Json)>),
    /// For [`Step::ListRooms`].
    Rooms(Vec<RoomId>),
    /// For [`Step::Commit`]: it is on disk.
    Committed,
    /// For [`Step::Open`]: the room is on the desk.
    Room {
        /// Nothing was stored of it yet: somebody has to say what it is.
        blank: bool,
    },
    /// There is no such room.
    NoRoom,
    /// For [`Step::Command`]: these events happened, are on disk as far as
    /// they have to be, and everybody has seen them. Empty if there was
    /// nothing to do.
    Did(Vec<Event>),
    /// For [`Step::Command`]: the room said no, and nothing has changed.
    Refused(Refusal),
    /// For [`Step::Check`]: whether it fitted.
    Checked(bool),
    /// For [`Step::Hash`]: the form of a group file, as JSON text.
    Hashed(Secret<String>),
    /// For [`Step::Fetch`].
    Fetched(Fetched),
    /// For [`Step::Present`]; `None` if the keeper does not answer.
    Presented(Option<ClientConnectedResponse>),
    /// Our side failed, or the store said no ([`StoreFault::NameTaken`]);
    /// nothing of the step has been done, as far as is known.
    Fault(StoreFault),
}

/// A request to another service.
#[derive(Debug, Clone)]
pub struct Fetch {
    /// In capitals.
    pub method: &'static str,
    /// Where; what an operator configured, never what a client sent.
    pub url: String,
    /// (name, value) pairs.
    pub headers: Vec<(String, Secret<String>)>,
    /// The body.
    pub body: Secret<Vec<u8>>,
    /// How long it may take, where that is less than the edge allows.
    pub within: Option<Duration>,
}

/// What another service answered.
#[derive(Debug, Clone)]
pub enum Fetched {
    /// An answer with this status and body, cut at the edge's limit.
    Answer {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: Vec<u8>,
    },
    /// None in time, or none at all.
    Nothing,
}

/// What a door makes of something that happened in a room.
#[derive(Debug)]
pub enum Observed {
    /// A call of the door's own: something has to be looked up.
    Call(Box<dyn Call>),
    /// The edge is to tell somebody.
    Notice(Notice),
}

/// What the edge is to tell somebody who is not connected as a session.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice {
    /// The rooms door has somebody to tell.
    Rooms(crate::rooms::Told),
    /// Who is in the call of a conversation has changed.
    Roster(Box<crate::callctl::Roster>),
    /// A media server apart has to close a connection.
    Eviction(crate::callctl::Eviction),
    /// This media server's connection of this number, for which a token was
    /// presented to the keeper of the calls, is over.
    Departed(u64),
}

/// The reply of a call that a door made for itself: what it found out is to be
/// told.
#[derive(Debug)]
pub struct Notices(pub Vec<Notice>);

/// What comes of a call: a value of the door that made it. The edge that sent
/// the request knows its type.
pub struct Reply(Box<dyn Any + Send>);

impl Reply {
    /// Wraps a door's reply.
    #[must_use]
    pub fn new(reply: impl Any + Send) -> Self {
        Self(Box::new(reply))
    }

    /// A reply that nobody waits for.
    #[must_use]
    pub fn nothing() -> Self {
        Self::new(())
    }

    /// Takes the door's reply out; `None` if it is another door's.
    #[must_use]
    pub fn open<T: Any>(self) -> Option<T> {
        self.0.downcast().ok().map(|reply| *reply)
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reply")
    }
}
