//! What only this engine does: its settings, its one commit for a group, and
//! its faults. Faults are made by SQLite's own hooks, so that they strike at
//! every place in turn.

use super::*;
use crate::MemoryEngine;
use parlour_base::storage::{Key, Write};
use parlour_base::{Epoch, RoomId, Seq, Wall};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

mod plans;

fn engine() -> (TempDir, SqliteEngine) {
    let place = tempfile::tempdir().expect("a temporary folder");
    let engine = reopen(&place);
    (place, engine)
}

fn reopen(place: &TempDir) -> SqliteEngine {
    let folder = DataFolder::open(&place.path().join("data")).expect("a free data folder");
    SqliteEngine::open(folder).expect("a good store")
}

fn conn(engine: &mut SqliteEngine) -> &mut Connection {
    engine.conn.as_mut().expect("connected")
}

fn room(n: u64) -> RoomId {
    RoomId::new(n).expect("not reserved")
}

fn requests(ops: impl IntoIterator<Item = StoreOp>) -> Vec<StoreRequest> {
    (1..).zip(ops).map(|(n, op)| StoreRequest { id: StoreId(n), op }).collect()
}

fn opening(n: u64) -> StoreOp {
    StoreOp::OpenRoom { room: room(n), create: true }
}

fn loading() -> StoreOp {
    StoreOp::LoadDirectory { kinds: vec!["k".to_owned()] }
}

fn record(key: &str) -> Write {
    Write::Record { kind: "k".to_owned(), key: key.to_owned(), body: Some(json!(key)) }
}

fn chat(of: u64, epoch: Epoch, n: u64) -> Write {
    let key = format!("{n}");
    let (seq, at) = (Seq(n), Wall(0));
    Write::Chat { room: room(of), epoch, seq, key, at, body: json!(n), keep: 20 }
}

fn failures(replies: &[StoreReply]) -> usize {
    replies.iter().filter(|r| matches!(r.result, Err(StoreFault::Failed(_)))).count()
}

/// Everything an engine holds. Opens rooms 1 to 3, so it is no mere look.
fn contents(engine: &mut dyn Engine) -> Vec<StoreReply> {
    let list = StoreOp::List { kind: "k".to_owned(), prefix: String::new(), after: None, most: 99 };
    let names = (1..=3).map(|n| Key::NamesOf(room(n))).collect();
    let reads =
        [loading(), list, StoreOp::Find(names), StoreOp::ListRooms { after: None, most: 9 }];
    engine.execute(requests((1..=3).map(opening).chain(reads)))
}

#[test]
fn the_settings_that_durability_rests_on_are_in_force() {
    let (_place, mut engine) = engine();
    let mut pragma = |name| {
        let value = conn(&mut engine)
            .pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0));
        match value.expect("a known pragma") {
            rusqlite::types::Value::Integer(n) => n.to_string(),
            other => format!("{other:?}"),
        }
    };
    assert_eq!(pragma("journal_mode"), "Text(\"wal\")");
    assert_eq!(pragma("synchronous"), "2", "FULL");
    assert_eq!(pragma("fullfsync"), "1");
    assert_eq!(pragma("checkpoint_fullfsync"), "1");
    assert_eq!(pragma("secure_delete"), "2", "FAST");
    assert_eq!(pragma("trusted_schema"), "0");
    assert_eq!(pragma("user_version"), schema::VERSION.to_string());
}

#[test]
fn a_group_of_256_chat_writes_is_one_commit() {
    let (_place, mut engine) = engine();
    engine.execute(requests([opening(1)]));
    let commits = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&commits);
    let hook = move || {
        count.fetch_add(1, Ordering::Relaxed);
        false
    };
    conn(&mut engine).commit_hook(Some(hook)).expect("hooks are built in");
    let ops = (1..=256).map(|n| StoreOp::Commit(vec![chat(1, Epoch(1), n)]));
    let replies = engine.execute(requests(ops));
    assert!(replies.iter().all(|reply| reply.result == Ok(StoreDone::Committed)));
    assert_eq!(commits.load(Ordering::Relaxed), 1);
}

#[test]
fn a_commit_that_fails_takes_the_whole_group_back() {
    let (place, mut engine) = engine();
    engine.execute(requests([opening(1)]));
    let batch = || {
        requests([
            StoreOp::Commit(vec![record("a"), chat(1, Epoch(1), 1)]),
            opening(1),
            loading(),
            StoreOp::Commit(vec![chat(1, Epoch(9), 1)]),
        ])
    };
    conn(&mut engine).commit_hook(Some(|| true)).expect("hooks are built in");
    for _ in 0..3 {
        let replies = engine.execute(batch());
        assert_eq!(failures(&replies), 4);
        assert_eq!(replies.iter().map(|r| r.id.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
    }
    conn(&mut engine).commit_hook(None::<fn() -> bool>).expect("hooks are built in");
    drop(engine);
    let mut engine = reopen(&place);
    let replies = engine.execute(batch());
    assert_eq!(failures(&replies), 0);
    let opened =
        StoreDone::Room { epoch: Epoch(2), body: None, parts: vec![], chat: vec![json!(1)] };
    assert_eq!(replies.get(1).map(|r| r.result.clone()), Some(Ok(opened)));
}

/// Makes the `nth` look at SQLite's interrupt switch find it set, up to the
/// beginning of the commit: SQLite looks once more after a commit took effect
/// and would then report a failure that was none. Only a progress handler can
/// cause that, and the engine has none. How a commit fails is tested above.
fn interrupt(engine: &mut SqliteEngine, nth: u64) {
    let seen = Arc::new(AtomicU64::new(0));
    let committing = Arc::clone(&seen);
    let handler = move || seen.fetch_add(1, Ordering::Relaxed) + 1 == nth;
    let hook = move || {
        committing.store(1 << 32, Ordering::Relaxed);
        false
    };
    conn(engine).progress_handler(1, Some(handler)).expect("hooks are built in");
    conn(engine).commit_hook(Some(hook)).expect("hooks are built in");
}

/// Requests of every kind; room 1 was just opened with `epoch` and room 3 with
/// `doomed`. Few keys, so that the number of steps stays about the same from run to run.
fn ops_of_every_kind(nth: u64, epoch: Epoch, doomed: Epoch) -> Vec<StoreOp> {
    let (k, key) = (|| "k".to_owned(), (nth % 8).to_string());
    let name = |room| (k(), (nth % 3).to_string(), room);
    let older = Write::Record { kind: k(), key: (nth * 5 % 8).to_string(), body: None };
    let part = |key: u64, body| Write::Part {
        room: room(1),
        epoch,
        kind: k(),
        key: (key % 4).to_string(),
        body,
    };
    let [(namespace, name, owner), (other_ns, other_name, other)] = [name(room(1)), name(room(2))];
    let forgetting = StoreOp::Commit(vec![
        Write::Chat {
            room: room(3),
            epoch: doomed,
            seq: Seq(1),
            key: k(),
            at: Wall(0),
            body: json!(nth),
            keep: 1,
        },
        Write::Part { room: room(3), epoch: doomed, kind: k(), key: k(), body: Some(json!(nth)) },
        Write::BindName { namespace: "doomed".to_owned(), name: k(), room: room(3) },
        Write::ForgetRoom { room: room(3), epoch: doomed },
    ]);
    vec![
        StoreOp::Commit(vec![record(&key), chat(1, epoch, nth)]),
        StoreOp::Commit(vec![chat(1, Epoch(0), nth)]),
        StoreOp::Commit(vec![
            Write::Room { room: room(1), epoch, body: json!(nth) },
            part(nth, Some(json!(nth))),
            part(nth + 2, None),
            Write::Due { room: room(1), epoch, at: Some(Wall(i64::try_from(nth).unwrap_or(0))) },
        ]),
        StoreOp::Commit(vec![
            Write::BindName { namespace, name, room: owner },
            // Taken now and then.
            Write::Claim { kind: k(), key: key.clone(), body: json!(key) },
            Write::Claim { kind: k(), key: "9".to_owned(), body: json!(nth % 2) },
        ]),
        forgetting,
        StoreOp::OpenRoom { room: room(3), create: false },
        StoreOp::Commit(vec![Write::UnbindName {
            namespace: other_ns,
            name: other_name,
            room: other,
        }]),
        opening(2),
        StoreOp::Commit(vec![older]),
        StoreOp::Find(vec![Key::NamesOf(room(1)), Key::Record { kind: k(), key }]),
        StoreOp::ListRooms { after: None, most: 2 },
        loading(),
    ]
}

#[test]
fn whichever_step_fails_what_was_acknowledged_is_there_and_nothing_else() {
    let (place, mut engine) = engine();
    let mut model = MemoryEngine::default();
    let (mut failed_runs, mut forgotten) = (0, 0);
    for nth in 1..5_000 {
        let seen = contents(&mut model);
        assert_eq!(contents(&mut engine), seen, "before step {nth} fails");
        let epoch_of = |n: usize| match seen.get(n).map(|reply| &reply.result) {
            Some(Ok(StoreDone::Room { epoch, .. })) => *epoch,
            other => panic!("room {} opens, not {other:?}", n + 1),
        };
        let batch = requests(ops_of_every_kind(nth, epoch_of(0), epoch_of(2)));
        let batch_len = batch.len();
        interrupt(&mut engine, nth);
        let replies = engine.execute(batch.clone());
        if let Some(conn) = &mut engine.conn {
            conn.progress_handler(1, None::<fn() -> bool>).expect("hooks are built in");
            conn.commit_hook(None::<fn() -> bool>).expect("hooks are built in");
        }
        // The model is told only what the engine did not fail at.
        let (told, answers): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .zip(replies)
            .filter(|(_, reply)| !matches!(reply.result, Err(StoreFault::Failed(_))))
            .unzip();
        let all = told.len() == batch_len;
        forgotten += usize::from(answers.iter().any(|reply| reply.result == Ok(StoreDone::NoRoom)));
        assert_eq!(model.execute(told), answers, "while step {nth} failed");
        if all {
            break;
        }
        failed_runs += 1;
    }
    assert!((100..4_000).contains(&failed_runs), "{failed_runs} runs failed");
    assert!((100..failed_runs).contains(&forgotten), "room 3 was forgotten {forgotten} times");
    drop(engine);
    let mut engine = reopen(&place);
    assert_eq!(contents(&mut engine), contents(&mut model));
    schema::integrity(conn(&mut engine)).expect("undamaged");
}

#[test]
fn a_full_store_refuses_clearly_and_works_again_when_there_is_room() {
    let (_place, mut engine) = engine();
    engine.set_size_limit(Some(ByteSize::kib(96))).expect("told");
    let big = |n: u64| Write::Record {
        kind: "k".to_owned(),
        key: n.to_string(),
        body: Some(json!("x".repeat(3_000))),
    };
    let mut model = MemoryEngine::default();
    let mut refused = 0;
    for n in (0..400).step_by(4) {
        let batch = requests((n..n + 4).map(|n| StoreOp::Commit(vec![big(n), big(n + 10_000)])));
        let replies = engine.execute(batch.clone());
        for (request, reply) in batch.into_iter().zip(replies) {
            match reply.result {
                Ok(_) => drop(model.execute(vec![request])),
                Err(StoreFault::Failed(cause)) => {
                    assert!(cause.contains("full"), "{cause}");
                    refused += 1;
                }
                Err(other) => panic!("not {other:?}"),
            }
        }
    }
    assert!(refused > 300, "only {refused} refused");
    let load = || requests([loading()]);
    assert_eq!(engine.execute(load()), model.execute(load()));
    engine.set_size_limit(None).expect("told");
    let replies = engine.execute(requests([StoreOp::Commit(vec![big(1_000)])]));
    assert_eq!(failures(&replies), 0);
}

#[test]
fn a_store_that_may_not_be_written_refuses_and_works_again_later() {
    let (_place, mut engine) = engine();
    let batch = || requests([StoreOp::Commit(vec![record("a")]), opening(1)]);
    conn(&mut engine).pragma_update(None, "query_only", true).expect("a known pragma");
    assert_eq!(failures(&engine.execute(batch())), 2);
    let load = engine.execute(requests([loading()]));
    assert_eq!(failures(&load), 0, "reading goes on");
    conn(&mut engine).pragma_update(None, "query_only", false).expect("a known pragma");
    assert_eq!(failures(&engine.execute(batch())), 0);
}

#[test]
fn a_lost_connection_is_made_again_by_the_next_batch() {
    let (_place, mut engine) = engine();
    engine.execute(requests([StoreOp::Commit(vec![record("a")])]));
    engine.set_size_limit(Some(ByteSize::mib(1))).expect("told");
    engine.conn = None;
    let file = engine.folder.database();
    let aside = beside(&file, ".aside");
    std::fs::rename(&file, &aside).expect("renamed");
    assert_eq!(failures(&engine.execute(requests([loading()]))), 1);
    std::fs::rename(&aside, &file).expect("renamed");
    let replies = engine.execute(requests([loading()]));
    assert_eq!(failures(&replies), 0);
    let pages: i64 = conn(&mut engine)
        .query_row("PRAGMA max_page_count", (), |row| row.get(0))
        .expect("a known pragma");
    assert_eq!(pages, 256, "the limit is kept");
}
