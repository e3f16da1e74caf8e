//! How many writes of each kind the store acknowledges in a second, with a
//! number of requests under way. A measurement, not a test: run it with
//! `--ignored --nocapture`; `PARLOUR_TEST_RATE_MS` is how long for each kind.

mod support;

use parlour_base::storage::{StoreDone, StoreId, StoreOp, StoreReply, StoreRequest, Write};
use parlour_base::{Epoch, Json, Seq, Wall};
use parlour_store::Writer;
use serde_json::json;
use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};
use support::{
    Disk, bind, claim, due, forget_room, name_key, opening, part, record, room, settings,
};

/// Requests under way at a time.
const UNDER_WAY: u64 = 64;

/// Rooms that share the writes.
const ROOMS: u64 = 200;

/// About what a grant, a participant or a user takes.
fn body(n: u64) -> Json {
    json!({"user": n, "name": "Ada Lovelace", "rights": ["present", "message", "token"], "n": n})
}

fn commit(write: Write) -> StoreOp {
    StoreOp::Commit(vec![write])
}

fn say(n: u64, of: u64) -> StoreOp {
    let (room, seq, at) = (room(of), Seq(n), Wall(1_790_000_000_000));
    let key = n.to_string();
    commit(Write::Chat { room, epoch: Epoch(1), seq, key, at, body: body(n), keep: 50 })
}

#[test]
#[ignore = "a measurement"]
fn rates_of_each_kind_of_write() {
    let e = Epoch(1);
    let key = |n: u64| format!("{:016x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    measure("room body", &|n, of| commit(settings(of, e, body(n))));
    measure("new part", &|n, of| commit(part(of, e, "grant", &key(n), Some(body(n)))));
    measure("part again", &|n, of| {
        commit(part(of, e, "grant", &(n % 50).to_string(), Some(body(n))))
    });
    measure("part removed", &|n, of| commit(part(of, e, "grant", &key(n), None)));
    measure("due", &|n, of| commit(due(of, e, Some(i64::try_from(n % 10_000).expect("small")))));
    measure("chat, 50 kept", &say);
    measure("record", &|n, _| commit(record("user", &key(n), Some(body(n)))));
    measure("claim", &|n, _| commit(claim("login", &key(n), body(n))));
    measure("name", &|n, of| commit(bind("kik", &key(n), of)));
    measure("body, part, due", &|n, of| {
        let grant = part(of, e, "grant", &(n % 50).to_string(), Some(body(n)));
        StoreOp::Commit(vec![settings(of, e, body(n)), grant, due(of, e, None)])
    });
    measure("new room", &|n, _| opening(ROOMS + n));
    measure("room forgotten", &|n, _| {
        if n % 2 == 1 { opening(ROOMS + n) } else { commit(forget_room(ROOMS + n - 1, e)) }
    });
    measure("a name found", &|n, _| StoreOp::Find(vec![name_key("kik", &key(n))]));
}

#[allow(clippy::disallowed_methods, reason = "a measurement")]
fn measure(what: &str, op: &dyn Fn(u64, u64) -> StoreOp) {
    let time = std::env::var("PARLOUR_TEST_RATE_MS").ok().and_then(|ms| ms.parse().ok());
    let time = Duration::from_millis(time.unwrap_or(1_000));
    let disk = Disk::new();
    let mut engine = disk.engine();
    for n in 1..=ROOMS {
        support::open(&mut engine, n);
    }
    let (replies, heard) = sync_channel::<StoreReply>(UNDER_WAY as usize);
    let queue = NonZeroUsize::new(UNDER_WAY as usize).expect("not zero");
    let writer = Writer::spawn(engine, queue, move |reply| replies.send(reply).expect("heard"));
    let writer = writer.expect("a thread");
    let submit = |n: u64| {
        let request = StoreRequest { id: StoreId(n), op: op(n, 1 + n % ROOMS) };
        writer.try_submit(request).expect("room for what is under way");
    };
    (1..=UNDER_WAY).for_each(submit);
    let start = Instant::now();
    let mut done = 0;
    while start.elapsed() < time {
        let result = heard.recv().expect("answered").result;
        assert!(
            matches!(
                result,
                Ok(StoreDone::Committed | StoreDone::Room { .. } | StoreDone::Found(_))
            ),
            "{what}: {result:?}"
        );
        done += 1;
        submit(UNDER_WAY + done);
    }
    let rate = done as f64 / start.elapsed().as_secs_f64();
    let gauges = writer.gauges();
    let batches = gauges.batches.load(Ordering::Relaxed).max(1) as f64;
    let each = done as f64 / batches;
    let group_us = gauges.commit_us_sum.load(Ordering::Relaxed) as f64 / batches;
    println!("{what:16} {rate:8.0}/s   {each:5.1} in a group   {group_us:6.0} us each group");
    // The thread must not wait for somebody to hear the rest.
    let rest = std::thread::spawn(move || heard.iter().count());
    drop(writer);
    rest.join().expect("ends with the writer");
}
