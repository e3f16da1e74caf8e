//! Short words for requests, and a data folder that goes away by itself.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use parlour_base::storage::{StoreDone, StoreFault, StoreId, StoreOp, StoreRequest, Write};
use parlour_base::{Epoch, Json, RoomId, Seq, Wall};
use parlour_store::{DataFolder, Engine, SqliteEngine};
use std::path::PathBuf;
use tempfile::TempDir;

/// A data folder in a temporary place.
pub struct Disk {
    place: TempDir,
}

impl Disk {
    pub fn new() -> Self {
        Self { place: tempfile::tempdir().expect("a temporary folder") }
    }

    pub fn folder(&self) -> PathBuf {
        self.place.path().join("data")
    }

    /// Any other path in the temporary place.
    pub fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    pub fn engine(&self) -> SqliteEngine {
        let folder = DataFolder::open(&self.folder()).expect("a free data folder");
        SqliteEngine::open(folder).expect("a good store")
    }
}

pub fn room(n: u64) -> RoomId {
    RoomId::new(n).expect("not reserved")
}

pub fn bind(namespace: &str, name: &str, to: u64) -> Write {
    Write::BindName { namespace: namespace.to_owned(), name: name.to_owned(), room: room(to) }
}

pub fn unbind(namespace: &str, name: &str) -> Write {
    Write::UnbindName { namespace: namespace.to_owned(), name: name.to_owned() }
}

pub fn record(kind: &str, key: &str, body: Option<Json>) -> Write {
    Write::Record { kind: kind.to_owned(), key: key.to_owned(), body }
}

pub fn settings(of: u64, epoch: Epoch, body: Json) -> Write {
    Write::Room { room: room(of), epoch, body }
}

/// What [`chat`] says.
pub fn note(key: &str) -> Json {
    Json::String(format!("note {key}"))
}

pub fn chat(of: u64, epoch: Epoch, seq: u64, key: &str, keep: u32) -> Write {
    Write::Chat {
        room: room(of),
        epoch,
        seq: Seq(seq),
        key: key.to_owned(),
        at: Wall(1_700_000_000_000),
        body: note(key),
        keep,
    }
}

pub fn forget(of: u64, epoch: Epoch, keys: Option<&[&str]>) -> Write {
    let keys = keys.map(|keys| keys.iter().map(|&key| key.to_owned()).collect());
    Write::ForgetChat { room: room(of), epoch, keys }
}

/// Numbers the requests from 1.
pub fn requests(ops: impl IntoIterator<Item = StoreOp>) -> Vec<StoreRequest> {
    (1..).zip(ops).map(|(n, op)| StoreRequest { id: StoreId(n), op }).collect()
}

pub fn one(e: &mut dyn Engine, op: StoreOp) -> Result<StoreDone, StoreFault> {
    let mut replies = e.execute(requests([op]));
    assert_eq!(replies.len(), 1, "one answer for one request");
    replies.remove(0).result
}

pub fn commit(e: &mut dyn Engine, writes: Vec<Write>) -> Result<(), StoreFault> {
    one(e, StoreOp::Commit(writes)).map(|done| assert_eq!(done, StoreDone::Committed))
}

pub fn open(e: &mut dyn Engine, n: u64) -> (Epoch, Option<Json>, Vec<Json>) {
    match one(e, StoreOp::OpenRoom(room(n))) {
        Ok(StoreDone::Room { epoch, body, chat }) => (epoch, body, chat),
        other => panic!("an open room, not {other:?}"),
    }
}

type Names = Vec<(String, String, RoomId)>;
type Records = Vec<(String, String, Json)>;

pub fn directory(e: &mut dyn Engine) -> (Names, Records) {
    match one(e, StoreOp::LoadDirectory) {
        Ok(StoreDone::Directory { names, records }) => (names, records),
        other => panic!("a directory, not {other:?}"),
    }
}
