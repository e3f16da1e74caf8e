//! The scenario `state`: durable writes through the whole server, compared
//! with the store's engine alone in the same run.
//!
//! Four kinds, each by itself and then all together: a line of chat at the
//! Galène door, and by the integration API a right, a setting and a name.
//! Every one is on disk when it is acknowledged. Each room has one writer with
//! one write under way; on the other side each room has one request under way.

mod engine;
mod writer;

use crate::clock::instant;
use crate::histogram::Histogram;
use crate::process::Process;
use crate::report::Report;
use crate::server::Server;
use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use writer::Writer;

/// How long everything runs before anything is counted.
const WARM_UP: Duration = Duration::from_millis(500);

/// What is said in each line.
const WORDS: &str = "The quick brown fox jumps over the lazy dog, and then it does so once more, \
                     until the line is about as long as people write.";

/// The scenario's size.
#[derive(Debug, Clone, Copy)]
pub struct State {
    /// Rooms, each with one writer.
    pub rooms: usize,
    /// How long to count each kind, for each of the two.
    pub time: Duration,
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Chat,
    Grant,
    Setting,
    Name,
    /// A writer in four does each of them.
    All,
}

impl Kind {
    const EVERY: [Self; 5] = [Self::Chat, Self::Grant, Self::Setting, Self::Name, Self::All];

    const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Grant => "grant",
            Self::Setting => "setting",
            Self::Name => "name",
            Self::All => "all",
        }
    }

    /// What the writer of room number `index` does.
    const fn of_writer(self, index: usize) -> Self {
        match (self, index % 4) {
            (Self::All, 0) => Self::Chat,
            (Self::All, 1) => Self::Grant,
            (Self::All, 2) => Self::Setting,
            (Self::All, _) => Self::Name,
            (kind, _) => kind,
        }
    }
}

/// When a write counts.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: Instant,
    until: Instant,
}

impl Span {
    fn coming(time: Duration) -> Self {
        let from = instant() + WARM_UP;
        Self { from, until: from + time }
    }
}

/// One kind, by the server and by the engine.
struct Pair {
    kind: Kind,
    server: Histogram,
    engine: Histogram,
    /// Of the server's process, in microseconds for each write.
    cpu_us: Option<f64>,
    /// Cores used by the writers meanwhile.
    busy: f64,
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
    // Without a server of our own there is no key for its API.
    let kinds = if server.is_own() { &Kind::EVERY[..] } else { &[Kind::Chat] };
    let mut writers = runtime.block_on(writer::all(state.rooms, server))?;
    let mut pairs = Vec::new();
    for &kind in kinds {
        // Disks have moods: the engine has its turn before the server and after.
        let half = state.time / 2;
        let mut engine = Histogram::default();
        engine::alone(kind, state.rooms, half, &mut engine)?;
        let own = Process::own().cpu()?;
        let through = runtime.block_on(through(kind, state.time, server, &mut writers))?;
        let own = Process::own().cpu()?.saturating_sub(own);
        engine::alone(kind, state.rooms, half, &mut engine)?;
        let (latency, cpu) = through;
        let cpu_us = cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / latency.total().max(1) as f64);
        let busy = own.as_secs_f64() / (state.time + WARM_UP).as_secs_f64();
        pairs.push(Pair { kind, server: latency, engine, cpu_us, busy });
    }
    figures(&mut report, &pairs, state.time);
    Ok(report)
}

fn figures(report: &mut Report, pairs: &[Pair], time: Duration) {
    let seconds = time.as_secs_f64();
    let rate = |it: &Histogram| it.total() as f64 / seconds;
    let over = |a: f64, b: f64| if b > 0.0 { json!(a / b) } else { Value::Null };
    let p50 = |it: &Histogram| it.percentile_ms(50.0);
    let p99 = |it: &Histogram| it.percentile_ms(99.0);
    let mut add = |key, unit, help, figure: &dyn Fn(&Pair) -> Value| {
        let each = |pair: &Pair| rounded(figure(pair));
        let all = pairs.iter().map(|pair| (pair.kind.name().to_owned(), each(pair)));
        report.add(key, all.collect::<Map<_, _>>(), unit, help);
    };
    add("writes_per_s", "1/s", "writes acknowledged by the server, by kind", &|it| {
        json!(rate(&it.server).round())
    });
    let alone = "the same writes given to the store's thread and engine by this process";
    add("engine_writes_per_s", "1/s", alone, &|it| json!(rate(&it.engine).round()));
    add("ratio_to_engine", "×", "server over engine; 1 would be free", &|it| {
        over(rate(&it.server), rate(&it.engine))
    });
    let whole = "from sending a write to its acknowledgement, end to end";
    add("write_p50_ms", "ms", whole, &|it| json!(p50(&it.server)));
    add("write_p99_ms", "ms", whole, &|it| json!(p99(&it.server)));
    let reply = "from the request to the engine's reply";
    add("engine_p50_ms", "ms", reply, &|it| json!(p50(&it.engine)));
    add("engine_p99_ms", "ms", reply, &|it| json!(p99(&it.engine)));
    add("p99_ratio", "×", "server's p99 over the engine's", &|it| {
        over(p99(&it.server), p99(&it.engine))
    });
    add("server_cpu_us_per_write", "µs", "of the whole server process", &|it| json!(it.cpu_us));
    add("generator_cpu_share", "cores", "of the writers meanwhile", &|it| json!(it.busy));
    report.note(
        "the engine has half of its time before the server and half after it; both write to the \
         disk of the temporary folder, whose speed sets the rates; server, store and writers share \
         the machine's cores, the engine has them to itself",
    );
    if pairs.len() < Kind::EVERY.len() {
        report.note("the kinds that take a key are only written to a server of our own");
    }
    for pair in pairs.iter().filter(|it| it.server.total() == 0 || it.engine.total() == 0) {
        report.void(format!("nothing was acknowledged: {}", pair.kind.name()));
    }
}

fn rounded(value: Value) -> Value {
    match value.as_f64() {
        Some(number) => json!((number * 1_000.0).round() / 1_000.0),
        None => value,
    }
}

/// Every writer writes one after the other, until the span is over.
async fn through(
    kind: Kind,
    time: Duration,
    server: &Server,
    writers: &mut Vec<Writer>,
) -> Result<(Histogram, Option<Duration>)> {
    for writer in &mut *writers {
        writer.reconnect(server).await?;
    }
    let span = Span::coming(time);
    let mut tasks = JoinSet::new();
    for mut writer in writers.drain(..) {
        tasks.spawn(async move {
            let times = writer.run(kind, span).await?;
            anyhow::Ok((writer, times))
        });
    }
    let cpu = || server.process.map(Process::cpu).transpose();
    tokio::time::sleep_until(span.from.into()).await;
    let before = cpu()?;
    tokio::time::sleep_until(span.until.into()).await;
    let cpu = cpu()?.zip(before).map(|(after, before)| after.saturating_sub(before));
    let mut latency = Histogram::default();
    while let Some(one) = tasks.join_next().await {
        let (writer, times) = one?.with_context(|| format!("writing {}", kind.name()))?;
        times.into_iter().for_each(|us| latency.add(us));
        writers.push(writer);
    }
    Ok((latency, cpu))
}
