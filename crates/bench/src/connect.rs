//! The scenario `connect`: WebSockets that say nothing.

use crate::clock::instant;
use crate::report::Report;
use crate::server::Server;
use crate::signal::{Socket, client_id, open};
use anyhow::{Context as _, Result};
use std::time::Duration;
use tokio::task::JoinSet;

/// Connections that are being made at the same time.
const AT_ONCE: usize = 64;

/// The scenario's size.
#[derive(Debug, Clone, Copy)]
pub struct Connect {
    /// How many connections.
    pub count: usize,
    /// How long to hold them.
    pub hold: Duration,
}

/// Runs it.
///
/// # Errors
/// If the server is not there; connections that it refuses are counted.
pub fn run(connect: Connect, server: &Server) -> Result<Report> {
    let mut report = Report::new("connect");
    report.set("connections", connect.count);
    report.set("held_seconds", connect.hold.as_secs());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(connect, server, &mut report))?;
    Ok(report)
}

async fn measure(connect: Connect, server: &Server, report: &mut Report) -> Result<()> {
    let url = server.websocket();
    // The first one pays for what the server makes only once.
    let first = open(&url, &client_id(connect.count)).await.context("the first connection")?;
    let memory = || server.process.map(crate::process::Process::resident).transpose();
    let cpu = || server.process.map(crate::process::Process::cpu).transpose();
    let (memory_before, cpu_before, start) = (memory()?, cpu()?, instant());
    let (held, failed) = fill(connect.count, &url).await;
    let took = start.elapsed().as_secs_f64();
    let (memory_full, cpu_full) = (memory()?, cpu()?);
    tokio::time::sleep(connect.hold).await;
    let cpu_held = cpu()?;

    let made = held.len().max(1) as f64;
    let each = |us: Option<f64>| us.map(|us| us / made);
    let count = u64::try_from(held.len().max(1)).unwrap_or(1);
    let growth = |after: Option<u64>| Some(after?.saturating_sub(memory_before?) / count);
    let us = |after: Option<Duration>, before: Option<Duration>| {
        Some(after?.saturating_sub(before?).as_secs_f64() * 1e6)
    };
    report.add(
        "connections_per_s",
        (made / took).round(),
        "1/s",
        "from TCP to the server's handshake message, as fast as both sides go",
    );
    report.add(
        "bytes_per_connection",
        growth(memory_full),
        "bytes",
        "growth of resident memory while they came, with what their handshakes used; what the \
         kernel holds for the socket is not in it",
    );
    report.add(
        "bytes_per_connection_held",
        growth(memory()?),
        "bytes",
        "the same after they were held",
    );
    report.add(
        "connect_cpu_us",
        each(us(cpu_full, cpu_before)),
        "µs",
        "server CPU per new connection",
    );
    report.add(
        "idle_cpu_us_per_s",
        each(us(cpu_held, cpu_full)).map(|us| us / connect.hold.as_secs_f64().max(1e-3)),
        "µs/s",
        "server CPU per connection and second while nobody says anything",
    );
    report.add("refused", failed, "", "connections that did not come about");
    if failed > 0 {
        report.void(format!("{failed} of {} connections were refused", connect.count));
    }
    if !server.is_own() && server.process.is_none() {
        report.note("the target's process is not known (--pid): no CPU time, no memory");
    }
    drop(first);
    Ok(())
}

/// Opens `count` connections, some at a time.
async fn fill(count: usize, url: &str) -> (Vec<Socket>, usize) {
    let mut tasks = JoinSet::new();
    let (mut held, mut failed, mut next) = (Vec::new(), 0, 0);
    loop {
        while next < count && tasks.len() < AT_ONCE {
            let (url, id) = (url.to_owned(), client_id(next));
            tasks.spawn(async move { open(&url, &id).await });
            next += 1;
        }
        match tasks.join_next().await {
            Some(Ok(Ok(socket))) => held.push(socket),
            Some(_) => failed += 1,
            None => return (held, failed),
        }
    }
}

/// Asks for as many open files as the system lets us have; a server that is
/// started afterwards inherits it. Without it, connections fail and are
/// counted.
pub(crate) fn raise_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_err() {
        eprintln!("bench: the limit of open files stays as it is");
    }
}
