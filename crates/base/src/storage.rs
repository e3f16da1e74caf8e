//! Storage is a message: what a shard asks of the store, and what it answers.
//!
//! What is stored falls into two halves. The *directory* is names, and records
//! under (kind, key); it is looked up piece by piece, so memory follows what is
//! in use and not what is stored. A *room* is its body, its parts (grants,
//! participants: whatever grows one by one) and its chat; it is read as a whole
//! when it is opened.
//!
//! A shard emits a [`StoreRequest`] and later receives the [`StoreReply`] with
//! the same id. Engines (SQLite, memory) execute requests in the order in which
//! they arrive; a [`StoreOp::Commit`] is all or nothing, and a reply with
//! [`StoreDone::Committed`] means that it survives the loss of the process and
//! of the machine's power. Bodies are JSON of the crate that wrote them; the
//! store never looks inside.
//!
//! Every write to a room carries the epoch that the room was opened with. The
//! store keeps the highest epoch it has handed out for a room and refuses any
//! other with [`StoreFault::Fenced`], so a room that was opened elsewhere
//! meanwhile cannot be written from its former owner, nor one that was never
//! opened.

use crate::Json;
use crate::id::{Epoch, RoomId, Seq};
use crate::time::Wall;

/// Names one request until its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreId(pub u64);

/// One thing asked of the store.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreRequest {
    /// Comes back in the reply.
    pub id: StoreId,
    /// What to do.
    pub op: StoreOp,
}

/// The answer to one request.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreReply {
    /// The request's.
    pub id: StoreId,
    /// What came of it.
    pub result: Result<StoreDone, StoreFault>,
}

/// What can be asked.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum StoreOp {
    /// What is kept in memory from the start: all records of these kinds, and
    /// the rooms that something is due in.
    LoadDirectory {
        /// Such as `group`.
        kinds: Vec<String>,
    },
    /// One more than the room's highest epoch, made durable, with all that is
    /// kept of the room; a room that was never written has nothing.
    OpenRoom {
        /// The room.
        room: RoomId,
        /// Make it if there is none; without, a room that was never opened, or
        /// was forgotten, is answered with [`StoreDone::NoRoom`] and leaves no
        /// trace.
        create: bool,
    },
    /// Looks these up, all at one moment.
    Find(Vec<Key>),
    /// A page of records, by key.
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
    /// A page of the rooms that have a body, by id.
    ListRooms {
        /// Only ids behind this one.
        after: Option<RoomId>,
        /// At most this many.
        most: u32,
    },
    /// These writes together, durably, or none of them, in this order.
    Commit(Vec<Write>),
}

/// Something of the directory to look up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Key {
    /// The room that a name means; found as [`Found::Room`].
    Name {
        /// Such as `galene`.
        namespace: String,
        /// The name.
        name: String,
    },
    /// The names of a room; found as [`Found::Names`].
    NamesOf(RoomId),
    /// A record; found as [`Found::Record`].
    Record {
        /// Which sort of record.
        kind: String,
        /// Its key.
        key: String,
    },
}

/// What was under a [`Key`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Found {
    /// For [`Key::Name`].
    Room(Option<RoomId>),
    /// For [`Key::NamesOf`]: (namespace, name), in that order.
    Names(Vec<(String, String)>),
    /// For [`Key::Record`].
    Record(Option<Json>),
}

/// One change.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Write {
    /// Binds `name` in `namespace` to a room. A binding to another room is
    /// refused with [`StoreFault::NameTaken`]; the same one again is harmless.
    BindName {
        /// Such as `galene`.
        namespace: String,
        /// Unique within the namespace.
        name: String,
        /// The room meant by it.
        room: RoomId,
    },
    /// Takes a name from a room; harmless if it is not this room's.
    UnbindName {
        /// Such as `galene`.
        namespace: String,
        /// The name to remove.
        name: String,
        /// Whose it is.
        room: RoomId,
    },
    /// Keeps a record like [`Write::Record`], unless there is another one under
    /// that key: then [`StoreFault::NameTaken`]. The same one again is harmless.
    Claim {
        /// Which sort of record, such as `login`.
        kind: String,
        /// Unique within the kind.
        key: String,
        /// The record.
        body: Json,
    },
    /// Changes nothing, and is refused with [`StoreFault::Changed`] unless this
    /// is what is kept under (`kind`, `key`); `None`: nothing is. What follows
    /// in the commit replaces what its writer has read, or is not done.
    Expect {
        /// Which sort of record.
        kind: String,
        /// Its key.
        key: String,
        /// What was read.
        body: Option<Json>,
    },
    /// Keeps a record of the directory under (`kind`, `key`); `None` removes it.
    Record {
        /// Which sort of record, such as `group`.
        kind: String,
        /// Unique within the kind.
        key: String,
        /// The record.
        body: Option<Json>,
    },
    /// Replaces the room's body: settings, lock, floors.
    Room {
        /// The room.
        room: RoomId,
        /// The epoch it was opened with.
        epoch: Epoch,
        /// The body.
        body: Json,
    },
    /// Keeps a part of the room under (`kind`, `key`); `None` removes it.
    Part {
        /// The room.
        room: RoomId,
        /// The epoch it was opened with.
        epoch: Epoch,
        /// Which sort of part, such as `grant`.
        kind: String,
        /// Unique within the room and the kind.
        key: String,
        /// The part.
        body: Option<Json>,
    },
    /// Notes when the room has to be opened at the latest, because something
    /// in it is due then; `None` if never.
    Due {
        /// The room.
        room: RoomId,
        /// The epoch it was opened with.
        epoch: Epoch,
        /// By the wall clock.
        at: Option<Wall>,
    },
    /// Forgets the room: body, parts, chat, due time and every name of it. Its
    /// epochs go on, so nobody who still holds it can write to it.
    ForgetRoom {
        /// The room.
        room: RoomId,
        /// The epoch it was opened with.
        epoch: Epoch,
    },
    /// Adds a chat entry and forgets the room's oldest ones beyond `keep`.
    /// An entry with the same key is replaced, so a repeated write is harmless.
    Chat {
        /// The room.
        room: RoomId,
        /// The epoch it was opened with.
        epoch: Epoch,
        /// The entry's place in the epoch.
        seq: Seq,
        /// Unique within the room.
        key: String,
        /// When it was said.
        at: Wall,
        /// The entry.
        body: Json,
        /// How many entries the room keeps.
        keep: u32,
    },
    /// Forgets these chat entries; `None` forgets all.
    ForgetChat {
        /// The room.
        room: RoomId,
        /// The epoch it was opened with.
        epoch: Epoch,
        /// Keys of the entries.
        keys: Option<Vec<String>>,
    },
}

/// What a request brought.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum StoreDone {
    /// For [`StoreOp::LoadDirectory`].
    Directory {
        /// Nothing was ever stored.
        new: bool,
        /// (kind, key, body), in that order.
        records: Vec<(String, String, Json)>,
        /// The rooms that something is due in, the earliest first.
        due: Vec<(Wall, RoomId)>,
    },
    /// For [`StoreOp::OpenRoom`].
    Room {
        /// The epoch that now owns the room.
        epoch: Epoch,
        /// What [`Write::Room`] last wrote.
        body: Option<Json>,
        /// (kind, key, body) of its parts, in that order.
        parts: Vec<(String, String, Json)>,
        /// Chat bodies, oldest first: ordered by (epoch, seq).
        chat: Vec<Json>,
    },
    /// For [`StoreOp::OpenRoom`] of a room that is not there.
    NoRoom,
    /// For [`StoreOp::Find`], in the order of the keys.
    Found(Vec<Found>),
    /// For [`StoreOp::List`]: (key, body), by key.
    Listed(Vec<(String, Json)>),
    /// For [`StoreOp::ListRooms`].
    Rooms(Vec<RoomId>),
    /// For [`StoreOp::Commit`].
    Committed,
}

/// Why a request brought nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreFault {
    /// A newer epoch owns the room.
    #[error("the room was opened elsewhere")]
    Fenced,
    /// The name is bound to another room, or the key to another record.
    #[error("the name is taken")]
    NameTaken,
    /// A record is not what its writer expected.
    #[error("the record has changed")]
    Changed,
    /// Too many requests wait already.
    #[error("the store is busy")]
    Busy,
    /// The disk is full or failing; the text is for the log.
    #[error("the store failed: {0}")]
    Failed(String),
}
