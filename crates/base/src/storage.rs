//! Storage is a message: what a shard asks of the store, and what it answers.
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
    /// Every name and every record of the directory, for the start.
    LoadDirectory,
    /// One more than the room's highest epoch, made durable, with the room's
    /// record and chat; a room that was never written has neither.
    OpenRoom(RoomId),
    /// These writes together, durably, or none of them.
    Commit(Vec<Write>),
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
    /// Removes a name; harmless if there is none.
    UnbindName {
        /// Such as `galene`.
        namespace: String,
        /// The name to remove.
        name: String,
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
    /// Replaces the room's record: settings, lock, floors.
    Room {
        /// The room.
        room: RoomId,
        /// The epoch it was opened with.
        epoch: Epoch,
        /// The record.
        body: Json,
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
        /// (namespace, name, room), in that order.
        names: Vec<(String, String, RoomId)>,
        /// (kind, key, body), in that order.
        records: Vec<(String, String, Json)>,
    },
    /// For [`StoreOp::OpenRoom`].
    Room {
        /// The epoch that now owns the room.
        epoch: Epoch,
        /// What [`Write::Room`] last wrote.
        body: Option<Json>,
        /// Chat bodies, oldest first: ordered by (epoch, seq).
        chat: Vec<Json>,
    },
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
    /// The name is bound to another room.
    #[error("the name is taken")]
    NameTaken,
    /// Too many requests wait already.
    #[error("the store is busy")]
    Busy,
    /// The disk is full or failing; the text is for the log.
    #[error("the store failed: {0}")]
    Failed(String),
}
