//! Random histories: every engine answers them alike, whether it is reopened
//! in between or not. A failing case prints itself and its seed.

mod support;

use parlour_base::storage::{StoreDone, StoreOp, StoreReply, StoreRequest, Write};
use parlour_base::{Epoch, RoomId, Seq, Wall};
use parlour_store::{Engine, MemoryEngine, SqliteEngine, backup, restore};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;
use support::{Disk, requests, room};

/// Something that happens to a store.
#[derive(Debug, Clone)]
enum Step {
    Batch(Vec<Ask>),
    Reopen,
}

/// A request whose epochs are still relative to the owner's.
#[derive(Debug, Clone)]
enum Ask {
    Load,
    Open(u64),
    /// With how far behind its owner each writer is.
    Commit(Vec<(Write, u64)>),
}

fn rooms() -> impl Strategy<Value = RoomId> {
    (1_u64..4).prop_map(room)
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![Just("a"), Just("b"), Just("c"), Just("")].prop_map(str::to_owned)
}

fn writes() -> impl Strategy<Value = Write> {
    let epoch = Epoch(0);
    let body = || any::<u8>().prop_map(|n| json!({ "n": n }));
    prop_oneof![
        3 => (word(), word(), rooms())
            .prop_map(|(namespace, name, room)| Write::BindName { namespace, name, room }),
        1 => (word(), word()).prop_map(|(namespace, name)| Write::UnbindName { namespace, name }),
        2 => (word(), word(), proptest::option::of(body()))
            .prop_map(|(kind, key, body)| Write::Record { kind, key, body }),
        2 => (rooms(), body()).prop_map(move |(room, body)| Write::Room { room, epoch, body }),
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

fn asks() -> impl Strategy<Value = Ask> {
    let behind = prop_oneof![9 => Just(0_u64), 1 => 1_u64..3];
    prop_oneof![
        1 => Just(Ask::Load),
        3 => (1_u64..4).prop_map(Ask::Open),
        6 => proptest::collection::vec((writes(), behind), 0..5).prop_map(Ask::Commit),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        9 => proptest::collection::vec(asks(), 1..12).prop_map(Step::Batch),
        1 => Just(Step::Reopen),
    ]
}

/// Puts the epochs in, by following which opening is the last.
fn concrete(asks: Vec<Ask>, owners: &mut BTreeMap<RoomId, u64>) -> Vec<StoreRequest> {
    requests(asks.into_iter().map(|ask| match ask {
        Ask::Load => StoreOp::LoadDirectory,
        Ask::Open(n) => {
            *owners.entry(room(n)).or_default() += 1;
            StoreOp::OpenRoom(room(n))
        }
        Ask::Commit(writes) => {
            let place = |(mut write, behind): (Write, u64)| {
                if let Write::Room { room, epoch, .. }
                | Write::Chat { room, epoch, .. }
                | Write::ForgetChat { room, epoch, .. } = &mut write
                {
                    let owner = owners.get(room).copied().unwrap_or_default();
                    *epoch = Epoch(owner.saturating_sub(behind));
                }
                write
            };
            StoreOp::Commit(writes.into_iter().map(place).collect())
        }
    }))
}

/// Everything an engine holds of the three rooms and the directory.
fn contents(engine: &mut dyn Engine) -> Vec<StoreReply> {
    let opens = (1..=3).map(|n| StoreOp::OpenRoom(room(n)));
    engine.execute(requests(opens.chain([StoreOp::LoadDirectory])))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..Default::default() })]

    #[test]
    fn all_engines_answer_a_history_alike(history in proptest::collection::vec(steps(), 1..16)) {
        let disk = Disk::new();
        let mut sqlite = Some(disk.engine());
        let mut memory = MemoryEngine::default();
        let mut owners = BTreeMap::new();
        for step in history {
            let engine: &mut SqliteEngine = sqlite.as_mut().expect("open between steps");
            match step {
                Step::Batch(asks) => {
                    let batch = concrete(asks, &mut owners);
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
        let batch = concrete(asks, &mut BTreeMap::new());
        let grouped: Vec<_> =
            batch.chunks(group).flat_map(|part| other.execute(part.to_vec())).collect();
        prop_assert_eq!(one.execute(batch), grouped);
        prop_assert_eq!(contents(&mut one), contents(&mut other));
    }
}

/// Restoring raises epochs; the rest must be equal.
fn without_epoch(reply: StoreReply) -> StoreReply {
    let result = reply.result.map(|done| match done {
        StoreDone::Room { body, chat, .. } => StoreDone::Room { epoch: Epoch(0), body, chat },
        other => other,
    });
    StoreReply { id: reply.id, result }
}
