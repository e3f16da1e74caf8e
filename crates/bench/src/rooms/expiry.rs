//! Many rooms in which people run out: what they cost while nothing happens,
//! and how late their end is noticed.
//!
//! The store is filled before the server starts, by the room core itself.

use super::Rooms;
use super::made::{Made, commit, done, later, open, wall};
use crate::clock::instant;
use crate::process::Process;
use crate::report::Report;
use crate::server::Server;
use anyhow::{Context as _, Result};
use parlour_base::{Entropy, Wall};
use parlour_store::{DataFolder, Engine as _, SqliteEngine};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// People in a room.
const PEOPLE: usize = 2;

/// Rooms made durable together.
const GROUP: usize = 500;

/// Time from the start of the server until the first one runs out.
const LEAD: Duration = Duration::from_secs(20);

/// How long is looked at a server that has nothing to do.
const IDLE: Duration = Duration::from_secs(5);

/// How much longer than planned is waited for the last.
const GRACE: Duration = Duration::from_secs(60);

/// The spans by which the server counts lateness, in milliseconds.
const SPANS: [(&str, u64); 7] = [
    ("5ms", 5),
    ("10ms", 10),
    ("25ms", 25),
    ("50ms", 50),
    ("100ms", 100),
    ("250ms", 250),
    ("1s", 1_000),
];

/// Runs it on a server of its own.
///
/// # Errors
/// If the store or the server fails.
pub(super) fn run(size: Rooms, program: &Path, report: &mut Report) -> Result<()> {
    let people = size.rooms.saturating_mul(PEOPLE);
    report.set("expiring_rooms", size.rooms);
    report.set("expiring_people", people);
    report.set("spread_seconds", size.spread.as_secs());
    // Filling takes a while, and nobody may run out before the server is there.
    let filling = Duration::from_micros(500).saturating_mul(u32::try_from(size.rooms)?);
    let first = later(wall(), filling + LEAD);
    let server = Server::start_on(program, &size.settings(), |data| fill(size, data, first))?;
    let cpu = || server.process.map(Process::cpu).transpose();
    let ready = wall();
    if later(ready, IDLE + IDLE).0 > first.0 {
        report.void("the store took too long to fill: people ran out before the server was ready");
        return Ok(());
    }
    // What a start leaves to do is done by then.
    sleep(later(ready, IDLE).0 - wall().0);
    let (before, since) = (cpu()?, instant());
    sleep(first.0 - wall().0 - 500);
    let idle = cpu()?.zip(before).map(|(after, before)| after.saturating_sub(before));
    let idle = idle.map(|idle| idle.as_secs_f64() / since.elapsed().as_secs_f64());
    report.add("idle_rooms_cpu_share", idle, "cores", "with all of them inside and nobody due");

    let before = cpu()?;
    let end = instant() + size.spread + GRACE;
    let late = loop {
        let late = server.labelled("parlour_rooms_expiries_total")?;
        let all: u64 = late.values().sum();
        if all >= u64::try_from(people)? {
            break late;
        }
        if instant() > end {
            report.void("not everybody ran out");
            break late;
        }
        sleep(1_000);
    };
    let used = cpu()?.zip(before).map(|(after, before)| after.saturating_sub(before));
    let all: u64 = late.values().sum();
    let each = used.map(|used| used.as_secs_f64() * 1e6 / all.max(1) as f64);
    report.add("expired", all, "", "people who ran out without a request");
    report.add("expiry_cpu_us", each, "µs", "server CPU for each of them, scrapes included");
    report.add("expiry_late_p50_ms", within(&late, 50), "ms", "noticed at most so late, half");
    report.add("expiry_late_p99_ms", within(&late, 99), "ms", "noticed at most so late, 99 %");
    server.stop();
    Ok(())
}

/// The least span that so many of a hundred fit in.
fn within(late: &BTreeMap<String, u64>, percent: u64) -> Option<u64> {
    let all: u64 = late.values().sum();
    let mut seen = 0_u64;
    SPANS.iter().find_map(|(name, ms)| {
        seen += late.get(*name).copied().unwrap_or(0);
        (seen * 100 >= all * percent).then_some(*ms)
    })
}

/// Fills the store of a data folder.
fn fill(size: Rooms, data: &Path, first: Wall) -> Result<()> {
    let mut engine = SqliteEngine::open(DataFolder::open(data)?)?;
    let (mut entropy, now) = (Entropy::from_seed([9; 32]), wall());
    let spread = u32::try_from(size.spread.as_millis().max(1)).context("a shorter spread")?;
    let mut left = size.rooms;
    while left > 0 {
        let mut requests = Vec::new();
        for _ in 0..left.min(GROUP) {
            let mut room = Made::new(&mut entropy, now, 5)?;
            let mut writes = std::mem::take(&mut room.writes);
            for _ in 0..PEOPLE {
                let expires = Wall(first.0 + i64::from(entropy.below(spread)));
                writes.extend(room.join(&mut entropy, now, expires)?);
            }
            requests.push(open(0, room.id()));
            requests.push(commit(0, writes));
        }
        for reply in engine.execute(requests) {
            done(reply)?;
        }
        left = left.saturating_sub(GROUP);
    }
    Ok(())
}

#[allow(clippy::disallowed_methods, reason = "the time of the first is waited for")]
fn sleep(ms: i64) {
    std::thread::sleep(Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
}
