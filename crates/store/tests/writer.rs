//! The store thread: order, bounds, stopping.

mod support;

use parlour_base::storage::{StoreDone, StoreFault, StoreId, StoreOp, StoreReply, StoreRequest};
use parlour_store::writer::{BATCH_MAX, Died};
use parlour_store::{Engine, MemoryEngine, Writer};
use serde_json::json;
use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use support::{
    Disk, bind, claim, list, listing, loading, open, opening, record, record_key, settings,
};

/// More than any test here puts into a queue of its own.
const ENOUGH: usize = 2_000;

/// An engine that waits for a word before each group and tells its size.
struct Gated<E> {
    inner: E,
    go: Receiver<()>,
    sizes: SyncSender<usize>,
}

impl<E: Engine> Engine for Gated<E> {
    fn execute(&mut self, batch: Vec<StoreRequest>) -> Vec<StoreReply> {
        self.sizes.send(batch.len()).expect("the test listens");
        self.go.recv().expect("the test lets it go");
        self.inner.execute(batch)
    }
}

fn gated<E: Engine>(inner: E) -> (Gated<E>, SyncSender<()>, Receiver<usize>) {
    let ((let_go, go), (sizes, seen)) = (sync_channel(ENOUGH), sync_channel(ENOUGH));
    (Gated { inner, go, sizes }, let_go, seen)
}

fn len(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).expect("not zero")
}

fn ask(n: u64) -> StoreRequest {
    StoreRequest { id: StoreId(n), op: opening(1) }
}

#[test]
fn every_request_is_answered_once_and_in_order() {
    let (replies, answers) = sync_channel(ENOUGH);
    let writer = Writer::spawn(MemoryEngine::default(), len(2_000), move |reply| {
        replies.send(reply).expect("the test listens");
    })
    .expect("a thread");
    for n in 1..=1_000 {
        assert_eq!(writer.try_submit(ask(n)), Ok(()));
    }
    let mut engine = writer.stop().expect("alive");
    let answers: Vec<StoreReply> = answers.iter().collect();
    for (n, answer) in (1..).zip(&answers) {
        assert_eq!(answer.id, StoreId(n));
        let Ok(StoreDone::Room { epoch, .. }) = &answer.result else { panic!("{answer:?}") };
        assert_eq!(epoch.0, n);
    }
    assert_eq!(answers.len(), 1_000);
    assert_eq!(open(&mut engine, 1).0.0, 1_001, "the engine comes back");
}

#[test]
fn a_full_queue_gives_the_request_back() {
    let (engine, let_go, seen) = gated(MemoryEngine::default());
    let writer = Writer::spawn(engine, len(3), drop).expect("a thread");
    assert_eq!(writer.try_submit(ask(0)), Ok(()));
    assert_eq!(seen.recv(), Ok(1), "the thread is busy with the first");
    for n in 1..=3 {
        assert_eq!(writer.try_submit(ask(n)), Ok(()));
    }
    assert_eq!(writer.try_submit(ask(4)), Err(ask(4)));
    let gauges = writer.gauges();
    assert_eq!(gauges.queue_depth.load(Ordering::Relaxed), 3);
    assert_eq!(gauges.queue_limit.load(Ordering::Relaxed), 3);
    assert_eq!(gauges.turned_away.load(Ordering::Relaxed), 1);
    let_go.send(()).expect("waiting");
    assert_eq!(seen.recv(), Ok(3), "the rest in one group");
    assert_eq!(writer.try_submit(ask(4)), Ok(()), "there is room again");
    for _ in 0..2 {
        let_go.send(()).expect("waiting");
    }
    drop(writer);
    assert_eq!(gauges.queue_depth.load(Ordering::Relaxed), 0);
    assert_eq!(gauges.batches.load(Ordering::Relaxed), 3);
    assert_eq!(gauges.requests.load(Ordering::Relaxed), 5);
}

#[test]
fn what_waits_is_taken_as_one_group_up_to_the_limit() {
    let (engine, let_go, seen) = gated(MemoryEngine::default());
    let writer = Writer::spawn(engine, len(1_000), drop).expect("a thread");
    assert_eq!(writer.try_submit(ask(0)), Ok(()));
    assert_eq!(seen.recv(), Ok(1));
    for n in 0..BATCH_MAX as u64 + 7 {
        assert_eq!(writer.try_submit(ask(n)), Ok(()));
    }
    for _ in 0..3 {
        let_go.send(()).expect("waiting");
    }
    drop(writer);
    assert_eq!(seen.iter().collect::<Vec<_>>(), [BATCH_MAX, 7]);
}

#[test]
fn stopping_executes_what_waits_and_refuses_what_comes_later() {
    let disk = Disk::new();
    let (engine, let_go, seen) = gated(disk.engine());
    let (replies, answers) = sync_channel(ENOUGH);
    let writer = Writer::spawn(engine, len(100), move |reply: StoreReply| {
        replies.send(reply.result).expect("the test listens");
    })
    .expect("a thread");
    let submitter = writer.submitter();
    let keep = |n: u64| StoreRequest {
        id: StoreId(n),
        op: StoreOp::Commit(vec![record("k", &n.to_string(), Some(json!(n)))]),
    };
    assert_eq!(submitter.try_submit(keep(0)), Ok(()));
    assert_eq!(seen.recv(), Ok(1));
    for n in 1..50 {
        assert_eq!(submitter.try_submit(keep(n)), Ok(()));
    }
    for _ in 0..2 {
        let_go.send(()).expect("waiting");
    }
    drop(writer.stop().expect("alive"));
    assert_eq!(submitter.try_submit(keep(50)), Err(keep(50)));
    assert_eq!(answers.iter().collect::<Vec<_>>(), vec![Ok(StoreDone::Committed); 50]);
    assert_eq!(list(&mut disk.engine(), "k", "", None, 99).len(), 50);
}

#[test]
fn the_numbers_tell_writes_from_refusals_and_faults() {
    let writer = Writer::spawn(MemoryEngine::default(), len(10), drop).expect("a thread");
    let deep = (0..200).fold(json!(0), |inner, _| json!([inner]));
    let commits = [
        vec![bind("n", "a", 1), record("k", "a", Some(json!(1)))],
        vec![bind("n", "a", 2)],
        vec![claim("k", "a", json!(2))],
        vec![settings(1, parlour_base::Epoch(1), json!(1))],
        vec![record("k", "b", Some(deep))],
    ];
    for (n, writes) in (1..).zip(commits) {
        let request = StoreRequest { id: StoreId(n), op: StoreOp::Commit(writes) };
        assert_eq!(writer.try_submit(request), Ok(()));
    }
    let looks = [
        loading(&[]),
        StoreOp::Find(vec![record_key("k", "a")]),
        listing("k", "", None, 1),
        StoreOp::ListRooms { after: None, most: 1 },
    ];
    for (n, op) in (10..).zip(looks) {
        assert_eq!(writer.try_submit(StoreRequest { id: StoreId(n), op }), Ok(()));
    }
    let gauges = writer.gauges();
    drop(writer.stop().expect("alive"));
    assert_eq!(gauges.requests.load(Ordering::Relaxed), 9);
    assert_eq!(gauges.reads.load(Ordering::Relaxed), 4);
    assert_eq!(gauges.writes.load(Ordering::Relaxed), 2);
    assert_eq!(gauges.refusals.load(Ordering::Relaxed), 3);
    assert_eq!(gauges.faults.load(Ordering::Relaxed), 1);
    let buckets = gauges.commit_buckets.iter().map(|b| b.load(Ordering::Relaxed));
    assert_eq!(buckets.sum::<u64>(), gauges.batches.load(Ordering::Relaxed));
}

/// An engine with a bug.
struct Broken;

impl Engine for Broken {
    fn execute(&mut self, _: Vec<StoreRequest>) -> Vec<StoreReply> {
        panic!("a planted bug")
    }
}

#[test]
fn a_dead_thread_takes_nothing_more_and_says_so() {
    let engine: Box<dyn Engine> = Box::new(Broken);
    let writer = Writer::spawn(engine, len(1), drop).expect("a thread");
    assert!(writer.is_running());
    // Until the thread has unwound, the queue may take requests that no one
    // will answer.
    while writer.try_submit(ask(1)).is_ok() || writer.is_running() {
        std::thread::yield_now();
    }
    assert_eq!(writer.try_submit(ask(2)), Err(ask(2)));
    assert!(matches!(writer.stop(), Err(Died)));
}

#[test]
fn a_fault_of_the_engine_reaches_the_one_who_asked() {
    let disk = Disk::new();
    let mut engine = disk.engine();
    engine.set_size_limit(Some(parlour_base::ByteSize::kib(48))).expect("told");
    let (replies, answers) = sync_channel(ENOUGH);
    let writer = Writer::spawn(engine, len(10), move |reply: StoreReply| {
        replies.send(reply.result).expect("the test listens");
    })
    .expect("a thread");
    let big = StoreOp::Commit(vec![record("k", "a", Some(json!("x".repeat(100_000))))]);
    assert_eq!(writer.try_submit(StoreRequest { id: StoreId(1), op: big }), Ok(()));
    assert!(matches!(answers.recv(), Ok(Err(StoreFault::Failed(_)))));
    let small = StoreOp::Commit(vec![record("k", "a", Some(json!("x")))]);
    assert_eq!(writer.try_submit(StoreRequest { id: StoreId(2), op: small }), Ok(()));
    assert_eq!(answers.recv(), Ok(Ok(StoreDone::Committed)));
}
