//! The scenario `state`: durable writes through the whole server, compared
//! with the store's engine alone in the same run.
//!
//! A line of chat leaves the room only when it is on disk, so its echo is the
//! acknowledgement. Each room has one client with one line under way; on the
//! other side each room has one request under way.

use crate::clock::{instant, now_ns};
use crate::histogram::Histogram;
use crate::process::Process;
use crate::report::Report;
use crate::server::Server;
use crate::signal::{client_id, enter, hear, say};
use anyhow::{Context as _, Result, anyhow, bail};
use parlour_base::storage::{StoreDone, StoreId, StoreOp, StoreRequest, Write};
use parlour_base::{Epoch, Json, RoomId, Seq, Wall};
use parlour_store::{DataFolder, SqliteEngine, Writer};
use parlour_wire::galene::{ClientMessage, ServerMessage};
use serde_json::json;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// How long everything runs before anything is counted.
const WARM_UP: Duration = Duration::from_millis(500);

/// Chat entries that a room keeps, as is the server's default.
const KEEP: u32 = 50;

/// What is said in each line.
const WORDS: &str = "The quick brown fox jumps over the lazy dog, and then it does so once more, \
                     until the line is about as long as people write.";

/// The scenario's size.
#[derive(Debug, Clone, Copy)]
pub struct State {
    /// Rooms, each with one client.
    pub rooms: usize,
    /// How long to count, for each of the two.
    pub time: Duration,
}

/// What one side did.
#[derive(Debug, Default)]
struct Done {
    latency: Histogram,
}

/// Runs it.
///
/// # Errors
/// If the server or the engine fails.
pub fn run(state: State, server: &Server) -> Result<Report> {
    let mut report = Report::new("state");
    report.set("rooms", state.rooms);
    report.set("seconds", state.time.as_secs());
    report.set("bytes_of_text", WORDS.len());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Disks have moods: the engine has its turn before the server and after.
    let half = State { time: state.time / 2, ..state };
    let mut alone = Done::default();
    engine_alone(half, &mut alone)?;
    let own = Process::own().cpu()?;
    let (through, cpu) = runtime.block_on(through_the_server(state, server))?;
    let own = Process::own().cpu()?.saturating_sub(own);
    engine_alone(half, &mut alone)?;
    let seconds = state.time.as_secs_f64();
    let rate = |done: &Done| done.latency.total() as f64 / seconds;
    let (whole, engine) = (rate(&through), rate(&alone));
    report.add("writes_per_s", whole.round(), "1/s", "lines of chat acknowledged by the server");
    report.add(
        "engine_writes_per_s",
        engine.round(),
        "1/s",
        "the same writes given to the store's thread and engine by this process",
    );
    let ratio = (engine > 0.0).then(|| whole / engine);
    report.add("ratio_to_engine", ratio, "×", "server over engine; 1 would be free");
    let echo = "from sending a line to its echo, end to end";
    report.add("write_p50_ms", through.latency.percentile_ms(50.0), "ms", echo);
    report.add("write_p99_ms", through.latency.percentile_ms(99.0), "ms", echo);
    let reply = "from the request to the engine's reply";
    report.add("engine_p50_ms", alone.latency.percentile_ms(50.0), "ms", reply);
    report.add("engine_p99_ms", alone.latency.percentile_ms(99.0), "ms", reply);
    let each = cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / through.latency.total().max(1) as f64);
    report.add("server_cpu_us_per_write", each, "µs", "of the whole server process");
    let busy = own.as_secs_f64() / (seconds + WARM_UP.as_secs_f64());
    report.add("generator_cpu_share", busy, "cores", "of the clients meanwhile, joining included");
    report.note("the engine has half of its time before the server and half after it; both write to the disk of the temporary folder, whose speed sets the rates");
    if through.latency.total() == 0 || alone.latency.total() == 0 {
        report.void("nothing was acknowledged");
    }
    Ok(report)
}

async fn through_the_server(state: State, server: &Server) -> Result<(Done, Option<Duration>)> {
    let ready = Arc::new(Barrier::new(state.rooms + 1));
    let mut tasks = JoinSet::new();
    for index in 0..state.rooms {
        let (url, group) = (server.websocket(), format!("{}/room-{index}", server.group));
        let ready = Arc::clone(&ready);
        tasks.spawn(async move {
            let socket = enter(&url, &client_id(index), &group).await;
            ready.wait().await;
            let mut socket = socket?;
            let start = instant() + WARM_UP;
            chat(&mut socket, index, start, start + state.time).await
        });
    }
    ready.wait().await;
    tokio::time::sleep(WARM_UP).await;
    let cpu = || server.process.map(Process::cpu).transpose();
    let before = cpu()?;
    tokio::time::sleep(state.time).await;
    let cpu = cpu()?.zip(before).map(|(after, before)| after.saturating_sub(before));
    let mut done = Done::default();
    while let Some(one) = tasks.join_next().await {
        one??.into_iter().for_each(|us| done.latency.add(us));
    }
    Ok((done, cpu))
}

/// Says one line after the other; the times of those that were said in the
/// span.
async fn chat(
    socket: &mut crate::signal::Socket,
    index: usize,
    from: Instant,
    until: Instant,
) -> Result<Vec<u64>> {
    let mut times = Vec::new();
    for number in 0_u64.. {
        let at = instant();
        if at >= until {
            break;
        }
        let line = Json::from(format!("{index}-{number} {WORDS}"));
        say(
            socket,
            ClientMessage::Chat {
                kind: String::new(),
                dest: String::new(),
                id: format!("{index}-{number}"),
                value: line.clone(),
                noecho: false,
            },
        )
        .await?;
        loop {
            match hear(socket).await? {
                ServerMessage::Chat(chat) if chat.value == line => break,
                ServerMessage::UserMessage { kind, value, .. } if kind == "error" => {
                    bail!("the server refused a line: {value}")
                }
                _ => {}
            }
        }
        let now = instant();
        if at >= from && now < until {
            times.push(u64::try_from(now.duration_since(at).as_micros()).unwrap_or(u64::MAX));
        }
    }
    Ok(times)
}

/// The store's thread with its engine and nothing in front of them.
fn engine_alone(state: State, done: &mut Done) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let engine = SqliteEngine::open(DataFolder::open(folder.path())?)?;
    let (replies, heard) = flume::bounded(state.rooms.max(1));
    let queue = NonZeroUsize::new(state.rooms.max(1)).context("no rooms")?;
    let reply = move |reply| drop(replies.send(reply));
    let writer = Writer::spawn(engine, queue, reply)?;
    let submit = |room: usize, op: StoreOp| {
        let request = StoreRequest { id: StoreId(u64::try_from(room)?), op };
        writer.try_submit(request).map_err(|_| anyhow!("the store's queue is full"))
    };
    let room = |index: usize| {
        let bits = u64::try_from(index).unwrap_or(u64::MAX).saturating_add(1);
        RoomId::new(bits).context("an impossible room")
    };
    for index in 0..state.rooms {
        submit(index, StoreOp::OpenRoom { room: room(index)?, create: true })?;
    }
    let mut lines = vec![Line { epoch: Epoch(0), seq: 0, sent_ns: 0 }; state.rooms];
    let from = now_ns() + u64::try_from(WARM_UP.as_nanos())?;
    let until = from + u64::try_from(state.time.as_nanos())?;
    while now_ns() < until {
        let reply = heard.recv_timeout(Duration::from_secs(10))?;
        let index = usize::try_from(reply.id.0)?;
        let line = lines.get_mut(index).context("a reply to nothing")?;
        let now = now_ns();
        match reply.result? {
            StoreDone::Room { epoch, .. } => line.epoch = epoch,
            _ if line.sent_ns >= from && now < until => {
                done.latency.add((now - line.sent_ns) / 1_000);
            }
            _ => {}
        }
        line.seq += 1;
        line.sent_ns = now;
        let write = line.write(room(index)?, index);
        submit(index, StoreOp::Commit(vec![write]))?;
    }
    drop(writer);
    Ok(())
}

#[derive(Debug, Clone)]
struct Line {
    epoch: Epoch,
    seq: u64,
    sent_ns: u64,
}

impl Line {
    /// A line of chat as a room has it written.
    fn write(&self, room: RoomId, index: usize) -> Write {
        let (seq, name) = (self.seq, client_id(index));
        Write::Chat {
            room,
            epoch: self.epoch,
            seq: Seq(seq),
            key: format!("{index}-{seq}"),
            at: Wall(1_700_000_000_000),
            body: json!({
                "key": format!("{index}-{seq}"), "kind": "", "at": 1_700_000_000_000_i64,
                "user": name, "name": name, "value": format!("{index}-{seq} {WORDS}"),
            }),
            keep: KEEP,
        }
    }
}
