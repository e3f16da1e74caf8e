//! A store with 100,000 rooms and 1,000,000 users: how long the server takes to
//! be ready, and how much memory it takes, compared with an empty store.

use crate::support::{PATIENCE, Server, Wish, ask};
use crate::world::{World, make_key};
use parlour_base::storage::{StoreId, StoreOp, StoreRequest, Write};
use parlour_base::{Epoch, RoomId, UserId};
use parlour_server::clock::Clock;
use parlour_store::{DataFolder, Engine as _, SqliteEngine};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

const ROOMS: u64 = 100_000;
const USERS: u64 = 1_000_000;
const BATCH: u64 = 10_000;

/// The longest a server may take from its start until it is ready.
const READY_MAX: Duration = Duration::from_secs(2);
/// Most memory that what is stored, and not in use, may cost, in KiB.
const MORE_KIB_MAX: u64 = 16 << 10;

#[test]
#[ignore = "writes a store of some hundred megabytes"]
fn a_start_and_its_memory_do_not_follow_what_is_stored() {
    let (_, empty, _) = started(tempfile::tempdir().unwrap());
    let data = tempfile::tempdir().unwrap();
    fill(data.path());
    let (took, full, server) = started(data);
    println!(
        "ready after {took:?}; {empty} KiB empty, {full} KiB with {ROOMS} rooms and {USERS} users"
    );
    assert!(took <= READY_MAX, "{took:?}");
    assert!(full <= empty + MORE_KIB_MAX, "{empty} KiB empty, {full} KiB full");
    let key = make_key(&server, &["operator"]);
    let world = World { server, key };
    let room = RoomId::new(ROOMS / 2).unwrap().to_string();
    assert_eq!(
        world.get(&format!("/rooms/{room}")).body["display_name"],
        format!("r{}", ROOMS / 2)
    );
    let found = world.get(&format!("/users?login=u{}", USERS / 2));
    assert_eq!(found.body["items"][0]["id"], UserId::new(USERS / 2).unwrap().to_string());
}

/// Starts a server: time until it is ready, and its memory in KiB.
fn started(data: tempfile::TempDir) -> (Duration, u64, Server) {
    let clock = Clock::start();
    let server = Server::at(data, &Wish::default());
    while ask(server.ops, "GET", "/ready", &[]).status != 200 {
        assert!(clock.elapsed() < PATIENCE, "it is never ready");
    }
    let took = clock.elapsed();
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kib = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    (took, kib, server)
}

fn fill(data: &Path) {
    let mut engine = SqliteEngine::open(DataFolder::open(data).unwrap()).unwrap();
    for from in (1..=ROOMS).step_by(usize::try_from(BATCH).unwrap()) {
        let ids = from..(from + BATCH).min(ROOMS + 1);
        let open = |n: u64| StoreOp::OpenRoom { room: RoomId::new(n).unwrap(), create: true };
        all_right(&mut engine, ids.clone().map(open).collect());
        all_right(&mut engine, vec![StoreOp::Commit(ids.flat_map(room).collect())]);
    }
    for from in (1..=USERS).step_by(usize::try_from(BATCH).unwrap()) {
        let ids = from..(from + BATCH).min(USERS + 1);
        all_right(&mut engine, vec![StoreOp::Commit(ids.flat_map(user).collect())]);
    }
}

fn room(n: u64) -> Vec<Write> {
    let room = RoomId::new(n).unwrap();
    let body = json!({"rules": {"display_name": format!("r{n}")},
        "policy": {"doors": ["galene"], "entry": "open"}});
    let bind = |namespace: &str| Write::BindName {
        namespace: namespace.to_owned(),
        name: format!("r{n}"),
        room,
    };
    vec![Write::Room { room, epoch: Epoch(1), body }, bind("galene"), bind("app")]
}

fn user(n: u64) -> Vec<Write> {
    let id = UserId::new(n).unwrap().to_string();
    let keep = |kind: &str, key: String, body: Value| Write::Record {
        kind: kind.to_owned(),
        key,
        body: Some(body),
    };
    let body = json!({"login": format!("u{n}"), "display_name": format!("User {n}"),
        "galene": [], "accounts": [], "created": 0, "changed": 0});
    vec![keep("user", id.clone(), body), keep("link", format!("login\nu{n}"), json!(id))]
}

fn all_right(engine: &mut SqliteEngine, ops: Vec<StoreOp>) {
    let batch = ops.into_iter().map(|op| StoreRequest { id: StoreId(1), op }).collect();
    assert!(engine.execute(batch).iter().all(|reply| reply.result.is_ok()));
}
