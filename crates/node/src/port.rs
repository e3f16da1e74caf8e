//! The shard's plug: everything that goes in and everything that comes out.
//!
//! The edge (or the simulator) carries these; it never looks at a room. Ids
//! made by the shard come back unchanged in the matching input.

use parlour_base::storage::{StoreReply, StoreRequest};
use parlour_base::{ConnId, Pii, Secret, Verifier};

use parlour_session::call::{Call, Fetch, Fetched, Notice};
use parlour_sfu::plan;
use parlour_wire::callctl::pb::selfhost::video::v1::{
    ClientConnectedRequest, ClientConnectedResponse,
};
use parlour_wire::galene::GroupStatus;
use std::net::SocketAddr;
use std::sync::Arc;

/// Names one errand of the shard at the edge until its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrandId(pub u64);

/// Names one question of the edge until its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueryId(pub u64);

/// Names one call: a request of a door without connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(u64);

impl CallId {
    /// The mark of calls that a door makes for itself.
    const OWN: u64 = 1 << 63;

    /// The edge's *n*-th call.
    #[must_use]
    pub const fn new(n: u64) -> Self {
        Self(n & !Self::OWN)
    }

    pub(crate) const fn own(n: u64) -> Self {
        Self(n | Self::OWN)
    }

    pub(crate) const fn is_own(self) -> bool {
        self.0 & Self::OWN != 0
    }
}

/// What a shard is told.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input {
    /// A client opened a WebSocket at the Galène door.
    Opened {
        /// The connection, new.
        conn: ConnId,
        /// Its remote address, as the listener or a trusted proxy has it.
        remote: Pii<SocketAddr>,
    },
    /// One frame of a client, within the size limit.
    Frame {
        /// The connection.
        conn: ConnId,
        /// A text frame's text; a binary frame's bytes are not passed on.
        frame: Frame,
    },
    /// A client's connection is gone, for whatever reason, or was closed on
    /// the shard's order. The last input of a connection.
    Closed(ConnId),
    /// The store's answer.
    Stored(StoreReply),
    /// Whether the password fitted; `None` when the pool is too busy to say.
    Checked(ErrandId, Option<bool>),
    /// What is kept of a password; `None` when the pool is too busy.
    Hashed(ErrandId, Option<Secret<String>>),
    /// The group file looked for.
    GroupRead(ErrandId, GroupLookup),
    /// What a media worker reports.
    Media(plan::WorkerIndex, plan::Notice),
    /// A question of the HTTP side.
    Query(QueryId, Query),
    /// A request of a door without connections; answered by
    /// [`Output::Answer`] or [`Output::Busy`].
    Call(CallId, Box<dyn Call>),
    /// What came of [`Output::Fetch`].
    Fetched(CallId, Fetched),
    /// What came of [`Output::Present`]; `None` if the keeper did not answer.
    Presented(CallId, Option<ClientConnectedResponse>),
    /// The keeper of the calls has this connection closed.
    Evict(u64),
    /// The server stops: tell everybody and let go.
    Shutdown,
    /// Nothing but time has passed.
    Tick,
}

/// One WebSocket message.
#[derive(Debug, Clone)]
pub enum Frame {
    /// Text.
    Text(String),
    /// Binary, which Galène's protocol does not have.
    Binary,
}

/// What the group folder held for a name.
#[derive(Debug, Clone)]
pub enum GroupLookup {
    /// The file of that name, or of its nearest parent that has one.
    Found {
        /// The group that the file describes: the name asked for or a parent.
        name: String,
        /// The file's content.
        text: Vec<u8>,
    },
    /// No file for it or any parent.
    Missing,
    /// The folder or file could not be read; the text is for the log.
    Failed(String),
}

/// A question of the HTTP side.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Query {
    /// The status of one group by name.
    Group(String),
    /// The status of all public groups, given the names that have files.
    PublicGroups(Vec<String>),
    /// Figures for `/metrics`.
    Gauges,
}

/// The answer to a [`Query`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Reply {
    /// The group, or `None` if there is no such group.
    Group(Option<GroupStatus>),
    /// Public groups, sorted by name.
    PublicGroups(Vec<GroupStatus>),
    /// Figures.
    Gauges(Gauges),
}

/// What a shard holds at the moment, and what it has counted since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Connections.
    pub sessions: u64,
    /// Rooms in memory.
    pub rooms: u64,
    /// Members in all rooms.
    pub members: u64,
    /// Published streams.
    pub streams: u64,
    /// Down legs: (member, stream) pairs being served.
    pub legs: u64,
    /// Seats held in all rooms.
    pub seats: u64,
    /// Commands that wait for the store.
    pub waiting_commands: u64,
    /// Departures and ends that could not be written and are tried again.
    pub tried_again: u64,
    /// Joins under way.
    pub entries: u64,
    /// Calls under way: requests of doors without connections.
    pub calls: u64,
    /// Calls that wait for another one to be done with the same.
    pub calls_in_line: u64,
    /// Rooms on their way into memory.
    pub openings: u64,
    /// Rooms not in memory that have something coming.
    pub due_rooms: u64,
    /// Records and pages of records that are remembered.
    pub recent_records: u64,
    /// Look-ups of calls that were answered from memory, since the start.
    pub recent_hits_total: u64,
    /// Look-ups of calls that could have been and were not, since the start.
    pub recent_misses_total: u64,
    /// Calls refused because too many were under way, since the start.
    pub calls_refused_total: u64,
    /// Events numbered since the start.
    pub events_total: u64,
    /// Commands refused by a room since the start.
    pub refusals_total: u64,
    /// Sessions closed for misbehaviour since the start.
    pub misbehaviours_total: u64,
    /// Durable work refused because the store failed or was busy.
    pub store_refusals_total: u64,
}

/// What a shard orders.
#[derive(Debug)]
#[non_exhaustive]
pub enum Output {
    /// Send this text frame.
    Send {
        /// The connection.
        conn: ConnId,
        /// One JSON object; others may be sent the same bytes.
        text: Arc<str>,
    },
    /// Close the WebSocket after what was sent before; answer with
    /// [`Input::Closed`] when it is gone.
    Close {
        /// The connection.
        conn: ConnId,
        /// WebSocket close code.
        code: u16,
        /// Close reason, below 124 bytes.
        reason: String,
    },
    /// Ask the store.
    Store(StoreRequest),
    /// Check a password, in a pool of as many threads as there are cores.
    Check {
        /// For the answer.
        errand: ErrandId,
        /// What it must fit.
        verifier: Verifier,
        /// What the client sent.
        password: Secret<String>,
    },
    /// Turn a password into what is kept of it, in the same pool; answer with
    /// [`Input::Hashed`], in the form of a group file (docs/protocols/galene.md
    /// §5.5).
    Hash {
        /// For the answer.
        errand: ErrandId,
        /// The password.
        password: Secret<String>,
        /// Random bytes.
        salt: [u8; 16],
        /// How often it is hashed.
        rounds: u32,
    },
    /// Read the group file of this name or of its nearest parent.
    ReadGroup {
        /// For the answer.
        errand: ErrandId,
        /// A valid group name.
        name: String,
    },
    /// Order a media worker. Large, beside frames that are many and small.
    Media(plan::WorkerIndex, Box<plan::Command>),
    /// Answer a question.
    Reply(QueryId, Reply),
    /// The reply to a call.
    Answer(CallId, parlour_session::Reply),
    /// A call was not begun: too many are under way, or the server is not
    /// ready.
    Busy(CallId),
    /// Ask another service for a call; answer with [`Input::Fetched`].
    Fetch(CallId, Fetch),
    /// Ask the keeper of the calls about a token; answer with
    /// [`Input::Presented`].
    Present(CallId, ClientConnectedRequest),
    /// Tell somebody who is not connected here.
    Notice(Notice),
    /// All sessions were told to close after [`Input::Shutdown`].
    Drained,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_small_since_a_large_room_makes_thousands_at_once() {
        assert!(size_of::<Output>() <= 224, "{} bytes", size_of::<Output>());
        let said = size_of::<parlour_session::galene::Output>();
        assert!(said <= 40, "{said} bytes");
    }
}
