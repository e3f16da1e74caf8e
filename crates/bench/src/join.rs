//! The scenario `join`: how soon everybody in a large room sees somebody come.
//!
//! Subscribers do nothing but listen. Newcomers come one after the other, each
//! on a connection of its own, and go again; the time from sending the join to
//! the frame that tells of it is counted at every subscriber, by `crowd`.

mod crowd;

use crate::clock::now_ns;
use crate::process::Process;
use crate::report::Report;
use crate::server::Server;
use crate::signal::{PATIENCE, client_id, enter, open, say};
use anyhow::{Context as _, Result};
use crowd::{Board, Crowd};
use futures_util::StreamExt as _;
use parlour_wire::galene::{ClientMessage, Join};
use std::time::Duration;
use tokio::task::JoinSet;

/// Time between two newcomers, so that each finds a quiet room.
const SPACE: Duration = Duration::from_millis(100);

/// Subscribers that join at a time.
const AT_ONCE: usize = 50;

/// The scenario's size.
#[derive(Debug, Clone, Copy)]
pub struct Joining {
    /// Clients in the room that listen.
    pub subscribers: usize,
    /// Newcomers.
    pub joins: usize,
}

/// Runs it.
///
/// # Errors
/// If the server fails.
pub fn run(joining: Joining, server: &Server) -> Result<Report> {
    let mut report = Report::new("join");
    report.set("subscribers", joining.subscribers);
    report.set("joins", joining.joins);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let crowd = runtime.block_on(gather(joining, server))?;
    let cpu = || server.process.map(Process::cpu).transpose();
    let (before, own) = (cpu()?, Process::own().cpu()?);
    runtime.block_on(newcomers(joining, server, crowd.board()))?;
    let cpu = cpu()?.zip(before).map(|(after, before)| after.saturating_sub(before));
    let own = Process::own().cpu()?.saturating_sub(own);
    let times = crowd.end()?;

    let meaning = "from sending a join to the frame that tells a subscriber of it, over all \
                   subscribers and newcomers, end to end";
    report.add("join_visible_p50_ms", times.all.percentile_ms(50.0), "ms", meaning);
    report.add("join_visible_p99_ms", times.all.percentile_ms(99.0), "ms", meaning);
    let first = "until the first subscriber of all saw it: what comes before the fan-out";
    report.add("first_p50_ms", times.first.percentile_ms(50.0), "ms", first);
    report.add("first_p99_ms", times.first.percentile_ms(99.0), "ms", first);
    let each = |cpu: Duration| cpu.as_secs_f64() * 1e6 / joining.joins.max(1) as f64;
    let cost = "of the whole server process, for a newcomer's coming and going";
    report.add("server_cpu_us_per_join", cpu.map(each), "µs", cost);
    let share = "of this process meanwhile: it reads what every subscriber is told, on the same \
                 cores, and that is in the times above";
    report.add("generator_cpu_us_per_join", each(own), "µs", share);
    if times.all.total() < (joining.joins * joining.subscribers) as u64 {
        report.void("not every subscriber saw every newcomer");
    }
    Ok(report)
}

/// Lets the subscribers in.
async fn gather(joining: Joining, server: &Server) -> Result<Crowd> {
    let (url, group) = (server.websocket(), server.group.clone());
    let mut sockets = Vec::new();
    for start in (0..joining.subscribers).step_by(AT_ONCE) {
        let end = (start + AT_ONCE).min(joining.subscribers);
        let mut coming = JoinSet::new();
        for index in start..end {
            let (url, group) = (url.clone(), group.clone());
            coming.spawn(async move { enter(&url, &client_id(index), &group).await });
        }
        while let Some(socket) = coming.join_next().await {
            sockets.push(socket??);
        }
    }
    // What the joins of the crowd caused is to be heard by all first.
    let crowd = Crowd::listen(sockets)?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(crowd)
}

async fn newcomers(joining: Joining, server: &Server, board: &Board) -> Result<()> {
    let (url, group) = (server.websocket(), server.group.clone());
    for number in 0..joining.joins {
        newcomer(&url, &group, joining, number, board).await?;
    }
    Ok(())
}

/// Comes, waits until everybody has seen it, and goes.
async fn newcomer(
    url: &str,
    group: &str,
    joining: Joining,
    number: usize,
    board: &Board,
) -> Result<()> {
    let id = format!("{}{number}", crowd::NEWCOMER);
    let mut socket = open(url, &id).await?;
    let everybody = u64::try_from(joining.subscribers)?;
    let join = Join {
        kind: "join".to_owned(),
        group: group.to_owned(),
        username: Some(id),
        ..Join::default()
    };
    board.expect(now_ns());
    say(&mut socket, ClientMessage::Join(join)).await?;
    let seen = async {
        while board.seen() < everybody {
            // Its own frames are read, or the server would wait for it.
            drop(tokio::time::timeout(Duration::from_millis(1), socket.next()).await);
        }
    };
    tokio::time::timeout(PATIENCE, seen).await.context("a subscriber saw nothing")?;
    drop(socket);
    tokio::time::sleep(SPACE).await;
    Ok(())
}
