//! Short words for requests, and a data folder that goes away by itself.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use parlour_base::storage::{
    Found, Key, StoreDone, StoreFault, StoreId, StoreOp, StoreRequest, Write,
};
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

pub fn unbind(namespace: &str, name: &str, from: u64) -> Write {
    Write::UnbindName { namespace: namespace.to_owned(), name: name.to_owned(), room: room(from) }
}

pub fn claim(kind: &str, key: &str, body: Json) -> Write {
    Write::Claim { kind: kind.to_owned(), key: key.to_owned(), body }
}

pub fn record(kind: &str, key: &str, body: Option<Json>) -> Write {
    Write::Record { kind: kind.to_owned(), key: key.to_owned(), body }
}

pub fn settings(of: u64, epoch: Epoch, body: Json) -> Write {
    Write::Room { room: room(of), epoch, body }
}

pub fn part(of: u64, epoch: Epoch, kind: &str, key: &str, body: Option<Json>) -> Write {
    Write::Part { room: room(of), epoch, kind: kind.to_owned(), key: key.to_owned(), body }
}

pub fn due(of: u64, epoch: Epoch, at: Option<i64>) -> Write {
    Write::Due { room: room(of), epoch, at: at.map(Wall) }
}

pub fn forget_room(of: u64, epoch: Epoch) -> Write {
    Write::ForgetRoom { room: room(of), epoch }
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

pub fn opening(n: u64) -> StoreOp {
    StoreOp::OpenRoom { room: room(n), create: true }
}

pub fn open_known(n: u64) -> StoreOp {
    StoreOp::OpenRoom { room: room(n), create: false }
}

/// Opens a room and gives its epoch, body and chat.
pub fn open(e: &mut dyn Engine, n: u64) -> (Epoch, Option<Json>, Vec<Json>) {
    match one(e, opening(n)) {
        Ok(StoreDone::Room { epoch, body, chat, .. }) => (epoch, body, chat),
        other => panic!("an open room, not {other:?}"),
    }
}

/// Opens a room and gives its parts.
pub fn parts(e: &mut dyn Engine, n: u64) -> Records {
    match one(e, opening(n)) {
        Ok(StoreDone::Room { parts, .. }) => parts,
        other => panic!("an open room, not {other:?}"),
    }
}

pub fn kept(kind: &str, key: &str, body: Json) -> (String, String, Json) {
    (kind.to_owned(), key.to_owned(), body)
}

pub type Records = Vec<(String, String, Json)>;

/// What a start reads: whether the store is new, records, due rooms.
pub struct Directory {
    pub new: bool,
    pub records: Records,
    pub due: Vec<(Wall, RoomId)>,
}

pub fn loading(kinds: &[&str]) -> StoreOp {
    StoreOp::LoadDirectory { kinds: kinds.iter().map(|&kind| kind.to_owned()).collect() }
}

pub fn load(e: &mut dyn Engine, kinds: &[&str]) -> Directory {
    match one(e, loading(kinds)) {
        Ok(StoreDone::Directory { new, records, due }) => Directory { new, records, due },
        other => panic!("a directory, not {other:?}"),
    }
}

pub fn records(e: &mut dyn Engine, kinds: &[&str]) -> Records {
    load(e, kinds).records
}

pub fn find(e: &mut dyn Engine, keys: Vec<Key>) -> Vec<Found> {
    match one(e, StoreOp::Find(keys)) {
        Ok(StoreDone::Found(found)) => found,
        other => panic!("what was found, not {other:?}"),
    }
}

pub fn name_key(namespace: &str, name: &str) -> Key {
    Key::Name { namespace: namespace.to_owned(), name: name.to_owned() }
}

pub fn record_key(kind: &str, key: &str) -> Key {
    Key::Record { kind: kind.to_owned(), key: key.to_owned() }
}

/// The room that a name means.
pub fn meant(e: &mut dyn Engine, namespace: &str, name: &str) -> Option<RoomId> {
    match find(e, vec![name_key(namespace, name)]).pop() {
        Some(Found::Room(room)) => room,
        other => panic!("what a name means, not {other:?}"),
    }
}

pub fn names_of(e: &mut dyn Engine, n: u64) -> Vec<(String, String)> {
    match find(e, vec![Key::NamesOf(room(n))]).pop() {
        Some(Found::Names(names)) => names,
        other => panic!("names of a room, not {other:?}"),
    }
}

pub fn name(namespace: &str, name: &str) -> (String, String) {
    (namespace.to_owned(), name.to_owned())
}

pub fn listing(kind: &str, prefix: &str, after: Option<&str>, most: u32) -> StoreOp {
    let (kind, prefix) = (kind.to_owned(), prefix.to_owned());
    StoreOp::List { kind, prefix, after: after.map(str::to_owned), most }
}

/// The keys of a page of records.
pub fn list(
    e: &mut dyn Engine,
    kind: &str,
    prefix: &str,
    after: Option<&str>,
    most: u32,
) -> Vec<String> {
    match one(e, listing(kind, prefix, after, most)) {
        Ok(StoreDone::Listed(page)) => page.into_iter().map(|(key, _)| key).collect(),
        other => panic!("a page, not {other:?}"),
    }
}

pub fn list_rooms(e: &mut dyn Engine, after: Option<u64>, most: u32) -> Vec<u64> {
    match one(e, StoreOp::ListRooms { after: after.map(room), most }) {
        Ok(StoreDone::Rooms(page)) => page.into_iter().map(RoomId::bits).collect(),
        other => panic!("a page of rooms, not {other:?}"),
    }
}
