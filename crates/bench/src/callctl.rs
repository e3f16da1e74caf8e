//! The scenario `callctl`: joins and leaves over gRPC, how fast a change
//! reaches those who watch, and what an idle stream costs.

mod client;
mod rate;

use crate::clock::instant;
use crate::histogram::Histogram;
use crate::process::Process;
use crate::report::Report;
use crate::server::Server;
use anyhow::{Context as _, Result};
pub(crate) use client::{BRIDGE, OPERATOR};
use client::{Caller, operator};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// The group that is watched.
const GROUP: &str = "1000000000000_g";

/// Streams that are being opened at the same time.
const AT_ONCE: usize = 128;

/// The scenario's size.
#[derive(Debug, Clone, Copy)]
pub struct Callctl {
    /// Conversations, each a pair.
    pub conversations: usize,
    /// Callers at the same time.
    pub callers: usize,
    /// HTTP/2 connections of the callers.
    pub connections: usize,
    /// How long joins and leaves are counted.
    pub time: Duration,
    /// Members who watch one group.
    pub watchers: usize,
    /// Changes that they are told of.
    pub changes: usize,
    /// Idle streams.
    pub streams: usize,
    /// HTTP/2 connections of the idle streams.
    pub stream_connections: usize,
}

/// Runs it.
///
/// # Errors
/// If the server refuses something or goes away.
pub fn run(size: Callctl, server: &Server) -> Result<Report> {
    let mut report = Report::new("callctl");
    report.set("conversations", size.conversations);
    report.set("callers", size.callers);
    report.set("seconds", size.time.as_secs());
    report.set("watchers", size.watchers);
    report.set("streams", size.streams);
    rate::rate(size, server, &mut report)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        reach(size, server, &mut report).await?;
        idle(size, server, &mut report).await
    })?;
    if !server.is_own() {
        report.note("the target must have the secrets of the bench (crates/bench/src/callctl)");
    }
    Ok(report)
}

/// From the call that changes a list to each of those who watch it.
async fn reach(size: Callctl, server: &Server, report: &mut Report) -> Result<()> {
    let names: Vec<String> = (0..size.watchers.max(1)).map(client::watcher).collect();
    operator(server)?.members(GROUP, &names).await?;
    let (heard, mut told) = mpsc::channel::<Instant>(size.watchers.max(1) * 4);
    let mut watching = JoinSet::new();
    let mut ready = JoinSet::new();
    for name in &names {
        let channel = client::connect(server)?;
        let (caller, heard) = (Caller::new(channel, name, GROUP), heard.clone());
        ready.spawn(async move { anyhow::Ok((caller.watch().await?, heard)) });
    }
    while let Some(one) = ready.join_next().await {
        let (mut watch, heard) = one??;
        watching.spawn(async move {
            while watch.change().await.is_ok() {
                if heard.send(instant()).await.is_err() {
                    return;
                }
            }
        });
    }
    let mut caller = Caller::new(client::connect(server)?, &client::watcher(0), GROUP);
    let mut times = Histogram::default();
    for change in 0..size.changes.max(1) {
        let start = instant();
        if change % 2 == 0 {
            caller.join().await?
        } else {
            caller.leave().await?
        }
        for _ in 0..names.len() {
            let at = tokio::time::timeout(Duration::from_secs(10), told.recv()).await;
            let at = at.context("a watcher was not told")?.context("the watchers have ended")?;
            let took = at.saturating_duration_since(start).as_micros();
            times.add(u64::try_from(took).unwrap_or(u64::MAX));
        }
    }
    watching.abort_all();
    let help = "from sending the call to each watching member";
    report.add("reach_p50_ms", times.percentile_ms(50.0), "ms", help);
    report.add("reach_p99_ms", times.percentile_ms(99.0), "ms", help);
    Ok(())
}

/// Streams that nothing happens on.
async fn idle(size: Callctl, server: &Server, report: &mut Report) -> Result<()> {
    if size.streams == 0 {
        return Ok(());
    }
    let memory = || server.process.map(Process::resident).transpose();
    let channels: Vec<_> = (0..size.stream_connections.max(1))
        .map(|_| client::connect(server))
        .collect::<Result<_>>()?;
    // The connections are there before anything is counted.
    let mut held = Vec::new();
    for (index, channel) in channels.iter().enumerate() {
        held.push(Caller::new(channel.clone(), &client::watcher(index), GROUP).watch().await?);
    }
    let before = memory()?;
    let start = instant();
    let mut opening = JoinSet::new();
    let (mut next, mut failed, mut opened) = (channels.len(), 0_usize, 0_u64);
    loop {
        while next < size.streams && opening.len() < AT_ONCE {
            let channel = channels.get(next % channels.len()).context("a connection")?.clone();
            let caller = Caller::new(channel, &client::watcher(next), GROUP);
            opening.spawn(async move { caller.watch().await });
            next += 1;
        }
        match opening.join_next().await {
            Some(Ok(Ok(watch))) => {
                opened += 1;
                held.push(watch);
            }
            Some(_) => failed += 1,
            None => break,
        }
    }
    let took = start.elapsed().as_secs_f64();
    let grown = memory()?.zip(before).map(|(after, before)| after.saturating_sub(before));
    report.add("streams_per_s", (opened as f64 / took).round(), "1/s", "opened until ready");
    report.add(
        "bytes_per_stream",
        grown.map(|bytes| bytes / opened.max(1)),
        "bytes",
        "growth of resident memory for each idle stream; the connections were there before",
    );
    report.set("stream_connections", channels.len());
    if failed > 0 {
        report.void(format!("{failed} of {} streams were refused", size.streams));
    }
    drop(held);
    Ok(())
}
