//! Random histories: every engine answers them alike, whether it is reopened
//! in between or not. A failing case prints itself and its seed.

mod support;

use parlour_base::storage::{Key, StoreDone, StoreOp, StoreReply, StoreRequest, Write};
use parlour_base::{Epoch, RoomId, Seq, Wall};
use parlour_store::{Engine, MemoryEngine, SqliteEngine, backup, restore};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;
use support::{Disk, listing, loading, name_key, open_known, opening, record_key, requests, room};

/// Something that happens to a store.
#[derive(Debug, Clone)]
enum Step {
    Batch(Vec<Ask>),
    Reopen,
}

/// A request whose epochs are still relative to the owner's.
#[derive(Debug, Clone)]
enum Ask {
    Read(StoreOp),
    Open(u64),
    OpenKnown(u64),
    /// With how far behind its owner each writer is.
    Commit(Vec<(Write, u64)>),
}

/// Ids on both sides of the sign, as a signed number has it.
const ROOMS: [u64; 3] = [1, 2, u64::MAX - 7];

fn ids() -> impl Strategy<Value = u64> {
    prop_oneof![Just(ROOMS[0]), Just(ROOMS[1]), Just(ROOMS[2])]
}

fn rooms() -> impl Strategy<Value = RoomId> {
    ids().prop_map(room)
}

const WORDS: [&str; 5] = ["a", "b", "a%", "ab", ""];

fn word() -> impl Strategy<Value = String> {
    (0..WORDS.len()).prop_map(|n| WORDS[n].to_owned())
}

fn writes() -> impl Strategy<Value = Write> {
    prop_oneof![writes_of_directory(), writes_of_rooms(), writes_of_chat()]
}

/// Few bodies, so that claims meet their own.
fn body() -> impl Strategy<Value = parlour_base::Json> {
    (0_u8..4).prop_map(|n| json!({ "n": n }))
}

fn writes_of_directory() -> impl Strategy<Value = Write> {
    prop_oneof![
        3 => (word(), word(), rooms())
            .prop_map(|(namespace, name, room)| Write::BindName { namespace, name, room }),
        1 => (word(), word(), rooms())
            .prop_map(|(namespace, name, room)| Write::UnbindName { namespace, name, room }),
        2 => (word(), word(), body())
            .prop_map(|(kind, key, body)| Write::Claim { kind, key, body }),
        1 => (word(), word(), proptest::option::of(body()))
            .prop_map(|(kind, key, body)| Write::Expect { kind, key, body }),
        2 => (word(), word(), proptest::option::of(body()))
            .prop_map(|(kind, key, body)| Write::Record { kind, key, body }),
    ]
}

fn writes_of_rooms() -> impl Strategy<Value = Write> {
    let epoch = Epoch(0);
    prop_oneof![
        2 => (rooms(), body()).prop_map(move |(room, body)| Write::Room { room, epoch, body }),
        4 => (rooms(), word(), word(), proptest::option::of(body())).prop_map(
            move |(room, kind, key, body)| Write::Part { room, epoch, kind, key, body }
        ),
        2 => (rooms(), proptest::option::of(-3_i64..3))
            .prop_map(move |(room, at)| Write::Due { room, epoch, at: at.map(Wall) }),
        1 => rooms().prop_map(move |room| Write::ForgetRoom { room, epoch }),
    ]
}

fn writes_of_chat() -> impl Strategy<Value = Write> {
    let epoch = Epoch(0);
    prop_oneof![
        6 => (rooms(), 1_u64..9, word(), body(), 0_u32..5).prop_map(
            move |(room, seq, key, body, keep)| {
                let (seq, at) = (Seq(seq), Wall(0));
                Write::Chat { room, epoch, seq, key, at, body, keep }
            }
        ),
        1 => (rooms(), proptest::option::of(proptest::collection::vec(word(), 0..3)))
            .prop_map(move |(room, keys)| Write::ForgetChat { room, epoch, keys }),
    ]
}

fn reads() -> impl Strategy<Value = StoreOp> {
    let key = prop_oneof![
        (word(), word()).prop_map(|(namespace, name)| Key::Name { namespace, name }),
        (word(), word()).prop_map(|(kind, key)| Key::Record { kind, key }),
        rooms().prop_map(Key::NamesOf),
    ];
    prop_oneof![
        proptest::collection::vec(word(), 0..4).prop_map(|kinds| StoreOp::LoadDirectory { kinds }),
        proptest::collection::vec(key, 0..6).prop_map(StoreOp::Find),
        (word(), word(), proptest::option::of(word()), 0_u32..4)
            .prop_map(|(kind, prefix, after, most)| StoreOp::List { kind, prefix, after, most }),
        (proptest::option::of(rooms()), 0_u32..4)
            .prop_map(|(after, most)| StoreOp::ListRooms { after, most }),
    ]
}

fn asks() -> impl Strategy<Value = Ask> {
    let behind = prop_oneof![9 => Just(0_u64), 1 => 1_u64..3];
    prop_oneof![
        2 => reads().prop_map(Ask::Read),
        3 => ids().prop_map(Ask::Open),
        1 => ids().prop_map(Ask::OpenKnown),
        8 => proptest::collection::vec((writes(), behind), 0..5).prop_map(Ask::Commit),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        9 => proptest::collection::vec(asks(), 1..12).prop_map(Step::Batch),
        1 => Just(Step::Reopen),
    ]
}

/// Puts the epochs in, by following who opened a room last.
#[derive(Default)]
struct Owners {
    model: MemoryEngine,
    epochs: BTreeMap<RoomId, u64>,
}

impl Owners {
    fn concrete(&mut self, asks: Vec<Ask>) -> Vec<StoreRequest> {
        requests(asks.into_iter().map(|ask| self.op(ask)).collect::<Vec<_>>())
    }

    fn op(&mut self, ask: Ask) -> StoreOp {
        let op = match ask {
            Ask::Read(op) => op,
            Ask::Open(n) => opening(n),
            Ask::OpenKnown(n) => open_known(n),
            Ask::Commit(writes) => StoreOp::Commit(
                writes.into_iter().map(|(write, behind)| self.place(write, behind)).collect(),
            ),
        };
        let reply = self.model.execute(requests([op.clone()])).pop().expect("one answer");
        if let (StoreOp::OpenRoom { room, .. }, Ok(StoreDone::Room { epoch, .. })) =
            (&op, reply.result)
        {
            self.epochs.insert(*room, epoch.0);
        }
        op
    }

    fn place(&self, mut write: Write, behind: u64) -> Write {
        if let Write::Room { room, epoch, .. }
        | Write::Part { room, epoch, .. }
        | Write::Due { room, epoch, .. }
        | Write::ForgetRoom { room, epoch }
        | Write::Chat { room, epoch, .. }
        | Write::ForgetChat { room, epoch, .. } = &mut write
        {
            let owner = self.epochs.get(room).copied().unwrap_or_default();
            *epoch = Epoch(owner.saturating_sub(behind));
        }
        write
    }
}

/// Everything an engine holds of the rooms and the directory.
fn contents(engine: &mut dyn Engine) -> Vec<StoreReply> {
    let pairs = || WORDS.iter().flat_map(|a| WORDS.iter().map(move |b| (a, b)));
    let found = ROOMS.iter().map(|&n| Key::NamesOf(room(n)));
    let found = found.chain(pairs().map(|(a, b)| name_key(a, b)));
    let found = found.chain(pairs().map(|(a, b)| record_key(a, b)));
    let reads = [
        loading(&WORDS),
        StoreOp::Find(found.collect()),
        StoreOp::ListRooms { after: None, most: 9 },
    ];
    let lists = WORDS.iter().map(|kind| listing(kind, "", None, 9));
    let opens = ROOMS.into_iter().map(open_known);
    engine.execute(requests(reads.into_iter().chain(lists).chain(opens)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..Default::default() })]

    #[test]
    fn all_engines_answer_a_history_alike(history in proptest::collection::vec(steps(), 1..16)) {
        let disk = Disk::new();
        let mut sqlite = Some(disk.engine());
        let mut memory = MemoryEngine::default();
        let mut owners = Owners::default();
        for step in history {
            let engine: &mut SqliteEngine = sqlite.as_mut().expect("open between steps");
            match step {
                Step::Batch(asks) => {
                    let batch = owners.concrete(asks);
                    prop_assert_eq!(engine.execute(batch.clone()), memory.execute(batch));
                }
                Step::Reopen => {
                    drop(sqlite.take());
                    sqlite = Some(disk.engine());
                }
            }
        }
        let engine = sqlite.as_mut().expect("open between steps");
        backup(&disk.folder(), &disk.path("copy")).expect("copied");
        prop_assert_eq!(contents(engine), contents(&mut memory.clone()));
        let copy = Disk::new();
        restore(&disk.path("copy"), &copy.folder()).expect("restored");
        let all = contents(&mut copy.engine()).into_iter().zip(contents(&mut memory));
        for (of_copy, original) in all {
            prop_assert_eq!(without_epoch(of_copy), without_epoch(original));
        }
    }

    #[test]
    fn how_requests_are_grouped_changes_nothing(
        asks in proptest::collection::vec(asks(), 1..40),
        group in 1_usize..8,
    ) {
        let (one, other) = (Disk::new(), Disk::new());
        let (mut one, mut other) = (one.engine(), other.engine());
        let batch = Owners::default().concrete(asks);
        let grouped: Vec<_> =
            batch.chunks(group).flat_map(|part| other.execute(part.to_vec())).collect();
        prop_assert_eq!(one.execute(batch), grouped);
        prop_assert_eq!(contents(&mut one), contents(&mut other));
    }
}

/// Restoring raises epochs; the rest must be equal.
fn without_epoch(reply: StoreReply) -> StoreReply {
    let result = reply.result.map(|done| match done {
        StoreDone::Room { body, parts, chat, .. } => {
            StoreDone::Room { epoch: Epoch(0), body, parts, chat }
        }
        other => other,
    });
    StoreReply { id: reply.id, result }
}
