//! A large store starts quickly, and its rooms open without reading others'.

mod support;

use parlour_base::storage::{StoreOp, Write};
use parlour_store::Engine as _;
use serde_json::json;
use std::time::{Duration, Instant};
use support::{Disk, bind, chat, commit, directory, open, record, requests, room, settings};

/// The longest a store may take to start, also on a slow machine.
const START_MAX: Duration = Duration::from_secs(2);

const ROOMS: u64 = 10_000;

#[test]
#[allow(clippy::disallowed_methods, reason = "the start is measured")]
fn a_store_with_many_rooms_starts_quickly() {
    let disk = Disk::new();
    let mut engine = disk.engine();
    let replies = engine.execute(requests((1..=ROOMS).map(|n| StoreOp::OpenRoom(room(n)))));
    assert!(replies.iter().all(|reply| reply.result.is_ok()));
    let writes: Vec<Write> = (1..=ROOMS).flat_map(filled).collect();
    assert_eq!(commit(&mut engine, writes), Ok(()));
    drop(engine);

    let start = Instant::now();
    let mut engine = disk.engine();
    let (names, records) = directory(&mut engine);
    let (_, _, chat) = open(&mut engine, ROOMS / 2);
    let took = start.elapsed();
    assert_eq!((names.len(), records.len(), chat.len()), (10_000, 10_000, 5));
    assert!(took < START_MAX, "started in {took:?}");
}

/// What an ordinary room leaves in a store.
fn filled(n: u64) -> Vec<Write> {
    let epoch = parlour_base::Epoch(1);
    let name = format!("room/{n}");
    let body = json!({"title": name, "about": "x".repeat(200)});
    let mut writes = vec![bind("galene", &name, n), record("group", &name, Some(body.clone()))];
    writes.push(settings(n, epoch, body));
    writes.extend((1..=5).map(|seq| chat(n, epoch, seq, &seq.to_string(), 50)));
    writes
}
