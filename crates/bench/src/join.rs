//! The scenario `join`: how soon everybody in a large room sees somebody come.
//!
//! Subscribers do nothing but listen. Newcomers come one after the other, each
//! on a connection of its own, and go again; the time from sending the join to
//! the frame that tells of it is counted at every subscriber. Frames are not
//! parsed, only looked through for the newcomer's name, so that the
//! generator's work stays small beside the server's.

use crate::clock::now_ns;
use crate::histogram::Histogram;
use crate::process::Process;
use crate::report::Report;
use crate::server::Server;
use crate::signal::{PATIENCE, Socket, client_id, enter, open, say};
use anyhow::{Context as _, Result};
use futures_util::StreamExt as _;
use parlour_wire::galene::{ClientMessage, Join};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

/// Time between two newcomers, so that each finds a quiet room.
const SPACE: Duration = Duration::from_millis(100);

/// Subscribers that join at a time.
const CROWD: usize = 50;

/// The scenario's size.
#[derive(Debug, Clone, Copy)]
pub struct Joining {
    /// Clients in the room that listen.
    pub subscribers: usize,
    /// Newcomers.
    pub joins: usize,
}

/// What the subscribers share.
#[derive(Debug, Default)]
struct Board {
    /// When the present newcomer asked to join.
    sent_ns: AtomicU64,
    /// How many have seen it.
    seen: AtomicU64,
    times: Mutex<Histogram>,
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
    let (board, cpu) = runtime.block_on(all(joining, server))?;
    let times = board.times.lock().unwrap_or_else(PoisonError::into_inner);
    let meaning = "from sending a join to the frame that tells a subscriber of it, over all \
                   subscribers and newcomers, end to end";
    report.add("join_visible_p50_ms", times.percentile_ms(50.0), "ms", meaning);
    report.add("join_visible_p99_ms", times.percentile_ms(99.0), "ms", meaning);
    let each = cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / joining.joins.max(1) as f64);
    let cost = "of the whole server process, for a newcomer's coming and going";
    report.add("server_cpu_us_per_join", each, "µs", cost);
    if times.total() < (joining.joins * joining.subscribers) as u64 {
        report.void("not every subscriber saw every newcomer");
    }
    Ok(report)
}

async fn all(joining: Joining, server: &Server) -> Result<(Arc<Board>, Option<Duration>)> {
    let (url, group) = (server.websocket(), server.group.clone());
    let board = Arc::new(Board::default());
    let (stop, stopped) = watch::channel(false);
    let mut crowd = JoinSet::new();
    let mut sockets = Vec::new();
    for start in (0..joining.subscribers).step_by(CROWD) {
        let end = (start + CROWD).min(joining.subscribers);
        let mut coming = JoinSet::new();
        for index in start..end {
            let (url, group) = (url.clone(), group.clone());
            coming.spawn(async move { enter(&url, &client_id(index), &group).await });
        }
        while let Some(socket) = coming.join_next().await {
            sockets.push(socket??);
        }
    }
    for socket in sockets {
        crowd.spawn(listen(socket, Arc::clone(&board), stopped.clone()));
    }
    // What the joins of the crowd caused is to be heard by all first.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let cpu = || server.process.map(Process::cpu).transpose();
    let before = cpu()?;
    for number in 0..joining.joins {
        newcomer(&url, &group, joining, number, &board).await?;
    }
    let cpu = cpu()?.zip(before).map(|(after, before)| after.saturating_sub(before));
    stop.send_replace(true);
    while let Some(one) = crowd.join_next().await {
        one??;
    }
    Ok((board, cpu))
}

/// Comes, waits until everybody has seen it, and goes.
async fn newcomer(
    url: &str,
    group: &str,
    joining: Joining,
    number: usize,
    board: &Board,
) -> Result<()> {
    let id = format!("newcomer{number}");
    let mut socket = open(url, &id).await?;
    let everybody = u64::try_from(joining.subscribers)?;
    board.seen.store(0, Ordering::Relaxed);
    board.sent_ns.store(now_ns(), Ordering::Relaxed);
    let join = Join {
        kind: "join".to_owned(),
        group: group.to_owned(),
        username: Some(id),
        ..Join::default()
    };
    say(&mut socket, ClientMessage::Join(join)).await?;
    let seen = async {
        while board.seen.load(Ordering::Relaxed) < everybody {
            // Its own frames are read, or the server would wait for it.
            drop(tokio::time::timeout(Duration::from_millis(1), socket.next()).await);
        }
    };
    tokio::time::timeout(PATIENCE, seen).await.context("a subscriber saw nothing")?;
    drop(socket);
    tokio::time::sleep(SPACE).await;
    Ok(())
}

/// Listens until the end, and counts who came.
async fn listen(
    mut socket: Socket,
    board: Arc<Board>,
    mut stopped: watch::Receiver<bool>,
) -> Result<()> {
    loop {
        // Both branches may be dropped: a frame half read is kept, and the
        // end stays the end.
        let frame = tokio::select! {
            _ = stopped.changed() => return Ok(()),
            frame = socket.next() => frame.context("the server closed the connection")??,
        };
        let Message::Text(text) = frame else { continue };
        let text = text.as_str();
        if text.contains(r#""type":"ping""#) {
            say(&mut socket, ClientMessage::Pong).await?;
        } else if text.contains(r#""kind":"add""#) && text.contains("newcomer") {
            let us = now_ns().saturating_sub(board.sent_ns.load(Ordering::Relaxed)) / 1_000;
            board.times.lock().unwrap_or_else(PoisonError::into_inner).add(us);
            board.seen.fetch_add(1, Ordering::Relaxed);
        }
    }
}
