//! How much of the file requests read: what SQLite plans for every statement
//! that the engine executes, and how many steps it takes on a small store and
//! on a large one.

use super::*;
use parlour_base::storage::Found;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use std::collections::BTreeSet;
use std::sync::Mutex;

/// Requests that between them execute every statement.
fn every_statement() -> Vec<StoreOp> {
    let (of, epoch) = (room(1), Epoch(1));
    let text = |text: &str| text.to_owned();
    let part = |body| Write::Part { room: of, epoch, kind: text("k"), key: text("a"), body };
    let bind = Write::BindName { namespace: text("n"), name: text("a"), room: of };
    let unbind = Write::UnbindName { namespace: text("n"), name: text("a"), room: of };
    let remove = Write::Record { kind: text("k"), key: text("a"), body: None };
    let claim = || Write::Claim { kind: text("k"), key: text("a"), body: json!(1) };
    let last = char::MAX.to_string();
    let mut ops = vec![
        opening(1),
        StoreOp::OpenRoom { room: of, create: false },
        opening(2),
        StoreOp::Commit(vec![record("b"), claim(), claim(), remove, bind, unbind]),
        StoreOp::List { kind: text("k"), prefix: text("a"), after: None, most: 3 },
        StoreOp::List { kind: text("k"), prefix: last, after: Some(text("a")), most: 3 },
    ];
    let epoch = Epoch(2);
    let part = |body| match part(body) {
        Write::Part { room, kind, key, body, .. } => Write::Part { room, epoch, kind, key, body },
        other => other,
    };
    ops.push(StoreOp::Commit(vec![
        Write::Room { room: of, epoch, body: json!(1) },
        part(Some(json!(1))),
        part(None),
        Write::Due { room: of, epoch, at: Some(Wall(1)) },
        chat(1, epoch, 1),
        Write::Chat {
            room: of,
            epoch,
            seq: Seq(2),
            key: text("2"),
            at: Wall(0),
            body: json!(2),
            keep: 1,
        },
        Write::ForgetChat { room: of, epoch, keys: Some(vec![text("a")]) },
        Write::ForgetChat { room: of, epoch, keys: None },
        Write::ForgetRoom { room: of, epoch },
    ]));
    ops.extend(reads());
    ops
}

fn reads() -> [StoreOp; 3] {
    let text = |text: &str| text.to_owned();
    let keys = vec![
        Key::Name { namespace: text("n"), name: text("a") },
        Key::NamesOf(room(1)),
        Key::Record { kind: text("k"), key: text("3") },
    ];
    [loading(), StoreOp::Find(keys), StoreOp::ListRooms { after: Some(room(1)), most: 3 }]
}

/// The texts of what is executed for these requests.
fn executed(engine: &mut SqliteEngine, ops: Vec<StoreOp>) -> BTreeSet<String> {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let note = Arc::clone(&seen);
    let trace = move |event: TraceEvent<'_>| {
        if let TraceEvent::Stmt(statement, _) = event {
            note.lock().expect("unharmed").insert(statement.sql().into_owned());
        }
    };
    let codes = TraceEventCodes::SQLITE_TRACE_STMT;
    conn(engine).trace_v2(codes, Some(trace)).expect("hooks are built in");
    let replies = engine.execute(requests(ops));
    assert!(replies.iter().all(|reply| reply.result.is_ok()), "{replies:?}");
    conn(engine)
        .trace_v2(TraceEventCodes::empty(), None::<fn(TraceEvent<'_>)>)
        .expect("hooks are built in");
    std::mem::take(&mut *seen.lock().expect("unharmed"))
}

#[test]
fn no_statement_reads_a_whole_table_or_sorts() {
    let (_place, mut engine) = engine();
    let kinds = ["SELECT", "INSERT", "UPDATE", "DELETE"];
    let mut statements = executed(&mut engine, every_statement());
    statements.retain(|sql| kinds.iter().any(|kind| sql.starts_with(kind)));
    assert!(statements.len() > 30, "only {statements:#?}");
    assert!(statements.len() < STATEMENTS_KEPT, "all stay prepared");
    for sql in statements {
        let conn = conn(&mut engine);
        let mut plan = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("sound");
        let values = rusqlite::params_from_iter(vec![1; plan.parameter_count()]);
        let steps = plan.query_map(values, |row| row.get::<_, String>(3)).expect("a plan");
        let steps: Vec<String> = steps.map(|step| step.expect("a step")).collect();
        // Whether there is any row at all is seen by the first. The due rooms
        // have an index of their own, which is read whole.
        let fine = |step: &String| {
            !step.starts_with("SCAN")
                || sql.starts_with("SELECT NOT (EXISTS")
                || step == "SCAN room USING COVERING INDEX room_by_due"
        };
        assert!(steps.iter().all(fine), "{sql}: {steps:?}");
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{sql}: {steps:?}");
    }
}

/// A store with ten groups, five rooms that something is due in, and besides
/// them so many rooms and users.
fn store_of(more: u64) -> (TempDir, SqliteEngine) {
    let (place, mut engine) = engine();
    let special = 1..=10_u64;
    let ordinary = 1_000..1_000 + more;
    let all = || special.clone().chain(ordinary.clone());
    let mut ops: Vec<StoreOp> = all().map(opening).collect();
    ops.extend(special.clone().map(|n| StoreOp::Commit(vec![record(&n.to_string())])));
    ops.extend(all().map(|n| StoreOp::Commit(furnished(n))));
    ops.extend(special.clone().step_by(2).map(|n| {
        StoreOp::Commit(vec![Write::Due { room: room(n), epoch: Epoch(1), at: Some(Wall(1)) }])
    }));
    let replies = engine.execute(requests(ops));
    assert!(replies.iter().all(|reply| reply.result.is_ok()));
    (place, engine)
}

/// A room's body, part, name and chat, and a user.
fn furnished(n: u64) -> Vec<Write> {
    let (of, epoch, key) = (room(n), Epoch(1), n.to_string());
    let (kind, body) = (|kind: &str| kind.to_owned(), || json!({"n": n}));
    vec![
        Write::Room { room: of, epoch, body: body() },
        Write::Part { room: of, epoch, kind: kind("k"), key: key.clone(), body: Some(body()) },
        Write::BindName { namespace: kind("n"), name: key.clone(), room: of },
        chat(n, epoch, 1),
        Write::Claim { kind: kind("user"), key, body: body() },
    ]
}

/// How often SQLite looks at its interrupt switch while it does this; it does
/// so for each row.
fn steps_of(engine: &mut SqliteEngine, op: StoreOp) -> (u64, StoreDone) {
    let steps = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&steps);
    let handler = move || {
        count.fetch_add(1, Ordering::Relaxed);
        false
    };
    // Once before, so that all is prepared.
    engine.execute(requests([op.clone()]));
    conn(engine).progress_handler(1, Some(handler)).expect("hooks are built in");
    let mut replies = engine.execute(requests([op]));
    conn(engine).progress_handler(1, None::<fn() -> bool>).expect("hooks are built in");
    (steps.load(Ordering::Relaxed), replies.remove(0).result.expect("done"))
}

#[test]
fn neither_a_start_nor_a_look_nor_an_opening_costs_more_in_a_larger_store() {
    let ((_small, mut small), (_large, mut large)) = (store_of(0), store_of(2_000));
    let list =
        StoreOp::List { kind: "user".to_owned(), prefix: "1".to_owned(), after: None, most: 2 };
    for op in reads().into_iter().chain([list, opening(3)]) {
        let ((few, _), (many, done)) =
            (steps_of(&mut small, op.clone()), steps_of(&mut large, op.clone()));
        assert!(few > 0 && few.abs_diff(many) <= 1, "{op:?}: {few} steps, {many} of a large store");
        match done {
            StoreDone::Directory { new, records, due } => {
                assert_eq!((new, records.len(), due.len()), (false, 10, 5));
            }
            StoreDone::Found(found) => {
                assert!(matches!(found.last(), Some(Found::Record(Some(_)))))
            }
            _ => {}
        }
    }
    // The canary: the count would notice.
    let all = |most| StoreOp::ListRooms { after: None, most };
    let (few, _) = steps_of(&mut large, all(10));
    let (many, _) = steps_of(&mut large, all(1_000));
    assert!(many > few + 900, "{few} and {many} steps");
}
