//! A large store starts quickly, and its rooms open without reading others'.
//! That the work of a start does not grow with the store is counted in steps
//! beside the engine; here it is timed.

mod support;

use parlour_base::Wall;
use parlour_base::storage::{StoreOp, Write};
use parlour_store::{Engine as _, SqliteEngine};
use serde_json::json;
use std::time::{Duration, Instant};
use support::{
    Disk, bind, chat, due, load, meant, open, opening, part, record, requests, room, settings,
};

/// The longest a store may take to start, also on a slow machine.
const START_MAX: Duration = Duration::from_secs(2);

/// Every so many-th room has a group, and something due.
const SPECIAL: u64 = 1_000;

#[test]
fn a_store_with_many_rooms_and_users_starts_quickly() {
    starts_quickly(10_000, 20_000);
}

#[test]
#[ignore = "writes a store of a gigabyte"]
fn a_very_large_store_starts_quickly() {
    starts_quickly(100_000, 1_000_000);
}

#[allow(clippy::disallowed_methods, reason = "the start is measured")]
fn starts_quickly(rooms: u64, users: u64) {
    let disk = Disk::new();
    let mut engine = disk.engine();
    for from in (1..=rooms).step_by(10_000) {
        let ids = from..(from + 10_000).min(rooms + 1);
        all_right(&mut engine, ids.clone().map(opening).collect());
        all_right(&mut engine, ids.map(|n| StoreOp::Commit(filled(n))).collect());
    }
    for from in (0..users).step_by(10_000) {
        let user = |n: u64| record("user", &n.to_string(), Some(json!({"name": format!("u{n}")})));
        let ids = from..(from + 10_000).min(users);
        all_right(&mut engine, vec![StoreOp::Commit(ids.map(user).collect())]);
    }
    drop(engine);

    let start = Instant::now();
    let mut engine = disk.engine();
    let directory = load(&mut engine, &["group", "key"]);
    let took = start.elapsed();
    let found = meant(&mut engine, "galene", &format!("room/{}", rooms / 2));
    let (_, _, chat) = open(&mut engine, rooms / 2);
    println!(
        "{rooms} rooms, {users} users: started in {took:?}, room in {:?}",
        start.elapsed() - took
    );
    let special = usize::try_from(rooms / SPECIAL).expect("small");
    assert_eq!((directory.records.len(), directory.due.len()), (special, special));
    assert_eq!(directory.due.first(), Some(&(Wall(1_000), room(SPECIAL))));
    assert_eq!((found, chat.len()), (Some(room(rooms / 2)), 5));
    assert!(took < START_MAX, "started in {took:?}");
}

fn all_right(engine: &mut SqliteEngine, ops: Vec<StoreOp>) {
    let replies = engine.execute(requests(ops));
    assert!(replies.iter().all(|reply| reply.result.is_ok()));
}

/// What an ordinary room leaves in a store.
fn filled(n: u64) -> Vec<Write> {
    let epoch = parlour_base::Epoch(1);
    let name = format!("room/{n}");
    let body = json!({"title": name, "about": "x".repeat(200)});
    let mut writes = vec![bind("galene", &name, n), settings(n, epoch, body.clone())];
    writes.push(part(n, epoch, "grant", "ada", Some(json!("op"))));
    if n.is_multiple_of(SPECIAL) {
        writes.push(record("group", &name, Some(body)));
        writes.push(due(n, epoch, Some(i64::try_from(n).expect("small"))));
    }
    writes.extend((1..=5).map(|seq| chat(n, epoch, seq, &seq.to_string(), 50)));
    writes
}
