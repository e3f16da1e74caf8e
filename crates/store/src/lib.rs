//! The store: two engines that execute [`StoreRequest`]s, and the thread that
//! feeds one of them.
//!
//! Owns the data folder, the database file and its schema, and the store
//! thread. Refuses to know what a record, a room or a chat entry means: bodies
//! are JSON that it keeps and gives back. The rules that every engine follows
//! are written at [`parlour_base::storage`] and checked by
//! `tests/conformance/`.
//!
//! This crate is part of the edge: it may use threads, files and clocks.

pub mod backup;
mod body;
pub mod folder;
pub mod gauges;
pub mod memory;
pub mod sqlite;
pub mod writer;

pub use backup::{backup, restore, verify};
pub use body::{BODY_BYTES_MAX, BODY_DEPTH_MAX, SEQ_MAX};
pub use folder::DataFolder;
pub use gauges::Gauges;
pub use memory::MemoryEngine;
pub use sqlite::SqliteEngine;
pub use writer::{Submitter, Writer};

use parlour_base::storage::{StoreOp, StoreReply, StoreRequest};

/// Something that keeps what it is told.
pub trait Engine: Send {
    /// Executes the requests in order as one group commit, and answers each
    /// in the same order.
    ///
    /// A refused request leaves nothing behind and does not touch the others.
    /// When the group cannot be made durable, every answer is
    /// [`StoreFault::Failed`](parlour_base::storage::StoreFault::Failed) and
    /// the engine stands where it stood before.
    fn execute(&mut self, batch: Vec<StoreRequest>) -> Vec<StoreReply>;
}

impl<E: Engine + ?Sized> Engine for Box<E> {
    fn execute(&mut self, batch: Vec<StoreRequest>) -> Vec<StoreReply> {
        (**self).execute(batch)
    }
}

/// Whether a request leaves everything as it is, whatever comes of it.
pub(crate) fn only_reads(op: &StoreOp) -> bool {
    matches!(
        op,
        StoreOp::LoadDirectory { .. }
            | StoreOp::Find(_)
            | StoreOp::List { .. }
            | StoreOp::ListRooms { .. }
    )
}
