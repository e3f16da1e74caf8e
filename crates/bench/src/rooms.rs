//! The scenario `rooms`: people who join rooms by the REST API, and keep
//! themselves there by refreshing; what the engine alone does with the writes
//! of a join; and many rooms in which people run out.

mod client;
mod engine;
mod expiry;
mod made;

use crate::clock::instant;
use crate::histogram::Histogram;
use crate::http::text;
use crate::process::Process;
use crate::report::Report;
use crate::server::Server;
use anyhow::{Context as _, Result, ensure};
use client::{Client, REFRESH, basic};
use parlour_wire::rooms::hawk::Credentials;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Guests in one room: a room of five keeps a seat for its owner.
const GUESTS: usize = 4;

/// How long is looked at a server that has nothing to do.
const IDLE: Duration = Duration::from_secs(3);

/// The scenario's size.
#[derive(Debug, Clone, Copy)]
pub struct Rooms {
    /// People who join; four to a room.
    pub people: usize,
    /// Connections that ask at the same time.
    pub connections: usize,
    /// How long to count refreshes, for Basic and for Hawk.
    pub time: Duration,
    /// Life of a participant; longer than all that is asked.
    pub life: Duration,
    /// Rooms in which two people each run out; none leaves that part away.
    pub rooms: usize,
    /// Over which time they run out.
    pub spread: Duration,
}

impl Rooms {
    /// What the server has to be told: `variable=value`.
    #[must_use]
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let rooms = self.people.div_ceil(GUESTS).max(self.rooms).saturating_add(10_000);
        vec![
            ("PARLOUR_ROOMS_PARTICIPANT_LIFE", format!("{}ms", self.life.as_millis())),
            ("PARLOUR_CONTROL_ROOMS", rooms.to_string()),
            ("PARLOUR_HTTP_CONNECTIONS_MAX", (self.connections + 10_000).to_string()),
        ]
    }
}

/// Runs it; `program` is what servers of our own are started from.
///
/// # Errors
/// If the server or the engine fails.
pub fn run(size: Rooms, server: Server, program: &Path) -> Result<Report> {
    let mut report = Report::new("rooms");
    report.set("people", size.people);
    report.set("connections", size.connections);
    report.set("seconds", size.time.as_secs());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(size, &server, &mut report))?;
    let is_own = server.is_own();
    server.stop();
    if size.rooms == 0 {
        return Ok(report);
    }
    if is_own {
        expiry::run(size, program, &mut report)?;
    } else {
        report.note("how late people run out is only asked of a server of our own");
    }
    Ok(report)
}

async fn measure(size: Rooms, server: &Server, report: &mut Report) -> Result<()> {
    let mut first = Client::connect(server).await?;
    let owner = first.register().await?;
    let rooms = make_rooms(size, server, &owner).await?;
    let engine = engine::joins_per_second(size)?;
    let joins = join_all(size, server, &rooms).await?;
    let ratio = (engine > 0.0).then(|| joins.spent.rate() / engine);
    report.add("joins_per_s", joins.spent.rate().round(), "1/s", "joins acknowledged: durable");
    report.add("engine_joins_per_s", engine.round(), "1/s", "the same writes, engine alone");
    report.add("ratio_to_engine", ratio, "×", "server over engine; 1 would be free");
    report.add("join_p99_ms", joins.spent.p99(), "ms", "from request to answer");
    report.add("join_cpu_us", joins.spent.server_us(), "µs", "server CPU per join");
    report.add("join_generator_cpu_us", joins.spent.own_us(), "µs", "the generator's own CPU");

    let people = Arc::new(joins.people);
    let spent = refresh(size, server, &people, None).await?;
    report.add("refreshes_per_s", spent.rate().round(), "1/s", "refreshes shown by Basic");
    report.add("refresh_p99_ms", spent.p99(), "ms", "from request to answer");
    report.add("refresh_cpu_us", spent.server_us(), "µs", "server CPU per refresh");
    report.add("refresh_generator_cpu_us", spent.own_us(), "µs", "the generator's own CPU");
    let spent = refresh(size, server, &people, Some(&owner)).await?;
    report.add("hawk_refreshes_per_s", spent.rate().round(), "1/s", "refreshes shown by Hawk");
    report.add("hawk_refresh_p99_ms", spent.p99(), "ms", "the same");
    report.add("hawk_refresh_cpu_us", spent.server_us(), "µs", "server CPU per refresh");
    report.add("hawk_generator_cpu_us", spent.own_us(), "µs", "the generator's own CPU");
    let idle = idle_cpu(server).await?;
    report.add("idle_cpu_share", idle, "cores", "while everybody is inside and nobody asks");
    Ok(())
}

async fn idle_cpu(server: &Server) -> Result<Option<f64>> {
    let cpu = || server.process.map(Process::cpu).transpose();
    // What the last requests have left to do is done by then.
    tokio::time::sleep(IDLE).await;
    let before = cpu()?;
    tokio::time::sleep(IDLE).await;
    let used = cpu()?.zip(before).map(|(after, before)| after.saturating_sub(before));
    Ok(used.map(|used| used.as_secs_f64() / IDLE.as_secs_f64()))
}

/// What a number of requests has cost.
struct Spent {
    latency: Histogram,
    took: Duration,
    server: Option<Duration>,
    own: Option<Duration>,
}

/// A measurement that has begun.
struct Meter {
    begun: Instant,
    server: Option<Duration>,
    own: Option<Duration>,
    process: Option<Process>,
}

impl Meter {
    fn start(server: &Server) -> Result<Self> {
        let process = server.process;
        let own = Process::own().cpu().ok();
        Ok(Self { begun: instant(), server: process.map(Process::cpu).transpose()?, own, process })
    }

    fn stop(self, latency: Histogram) -> Result<Spent> {
        let took = self.begun.elapsed();
        let less = |after: Option<Duration>, before: Option<Duration>| {
            after.zip(before).map(|(after, before)| after.saturating_sub(before))
        };
        let server = less(self.process.map(Process::cpu).transpose()?, self.server);
        let own = less(Process::own().cpu().ok(), self.own);
        Ok(Spent { latency, took, server, own })
    }
}

impl Spent {
    fn rate(&self) -> f64 {
        self.latency.total() as f64 / self.took.as_secs_f64()
    }

    fn p99(&self) -> f64 {
        self.latency.percentile_ms(99.0)
    }

    fn server_us(&self) -> Option<f64> {
        self.server.map(|used| self.each(used))
    }

    fn own_us(&self) -> Option<f64> {
        self.own.map(|used| self.each(used))
    }

    fn each(&self, used: Duration) -> f64 {
        used.as_secs_f64() * 1e6 / self.latency.total().max(1) as f64
    }
}

/// Rooms for everybody, made by several connections at once.
async fn make_rooms(size: Rooms, server: &Server, owner: &Credentials) -> Result<Arc<Vec<String>>> {
    let count = size.people.div_ceil(GUESTS);
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..size.connections {
        let (next, owner) = (Arc::clone(&next), owner.clone());
        let mut client = Client::connect(server).await?;
        tasks.spawn(async move {
            let context = json!({ "value": "v", "alg": "AES-GCM", "wrappedKey": "k" });
            let body = json!({ "context": context, "roomOwner": "-", "maxSize": 5 }).to_string();
            let mut made = Vec::new();
            while next.fetch_add(1, Ordering::Relaxed) < count {
                let line = client.hawk(&owner, "POST", "/v0/rooms");
                let answer = client.http.ask("POST", "/v0/rooms", &line, &body).await?;
                ensure!(answer.status == 201, "a room was refused: {}", answer.body);
                made.push(text(answer.body, "roomToken")?);
            }
            anyhow::Ok(made)
        });
    }
    let mut rooms = Vec::with_capacity(count);
    while let Some(made) = tasks.join_next().await {
        rooms.extend(made??);
    }
    Ok(Arc::new(rooms))
}

/// Somebody in a room: the room, and what Basic shows.
type Person = (String, String);

/// What everybody's joining brought.
struct Joined {
    spent: Spent,
    people: Vec<Person>,
}

async fn join_all(size: Rooms, server: &Server, rooms: &Arc<Vec<String>>) -> Result<Joined> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    let mut all = Vec::new();
    for _ in 0..size.connections {
        all.push(Client::connect(server).await?);
    }
    let meter = Meter::start(server)?;
    for mut client in all {
        let (next, rooms) = (Arc::clone(&next), Arc::clone(rooms));
        tasks.spawn(async move {
            let body = json!({ "action": "join", "displayName": "Guest", "clientMaxSize": 5 });
            let body = body.to_string();
            let (mut people, mut times) = (Vec::new(), Histogram::default());
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= size.people {
                    return anyhow::Ok((people, times));
                }
                // Neighbours in time are in different rooms.
                let room = rooms.get(at % rooms.len()).context("no rooms")?;
                let start = instant();
                let answer =
                    client.http.ask("POST", &format!("/v0/rooms/{room}"), "", &body).await?;
                ensure!(answer.status == 200, "a join was refused: {}", answer.body);
                times.add(micros(start));
                people.push((room.clone(), text(answer.body, "sessionToken")?));
            }
        });
    }
    let (mut people, mut latency) = (Vec::new(), Histogram::default());
    while let Some(one) = tasks.join_next().await {
        let (more, times) = one??;
        people.extend(more);
        latency.merge(&times);
    }
    Ok(Joined { spent: meter.stop(latency)?, people })
}

/// Everybody refreshes, again and again; by Hawk it is the owner in some room.
async fn refresh(
    size: Rooms,
    server: &Server,
    people: &Arc<Vec<Person>>,
    owner: Option<&Credentials>,
) -> Result<Spent> {
    let mut tasks = JoinSet::new();
    let mut all = Vec::new();
    for index in 0..size.connections {
        let mut client = Client::connect(server).await?;
        let (room, _) = people.get(index % people.len()).context("nobody is inside")?;
        if let Some(owner) = owner {
            client.join_as(owner, room).await?;
        }
        all.push((client, index, format!("/v0/rooms/{room}")));
    }
    let meter = Meter::start(server)?;
    let until = meter.begun + size.time;
    for (mut client, index, path) in all {
        let (people, owner) = (Arc::clone(people), owner.cloned());
        tasks.spawn(async move {
            // Those of this connection; a request of theirs is always the same.
            let mine = people.iter().skip(index).step_by(size.connections);
            let guests = mine.map(|(room, token)| {
                client.http.request("POST", &format!("/v0/rooms/{room}"), &basic(token), REFRESH)
            });
            let guests: Vec<Vec<u8>> = guests.collect();
            let mut guests = guests.iter().cycle();
            let (mut times, mut start) = (Histogram::default(), instant());
            while start < until {
                let answer = match &owner {
                    Some(owner) => {
                        let line = client.hawk(owner, "POST", &path);
                        client.http.ask("POST", &path, &line, REFRESH).await?
                    }
                    None => {
                        let request = guests.next().context("more connections than people")?;
                        client.http.send(request).await?
                    }
                };
                ensure!(answer.status == 200, "a refresh was refused: {}", answer.body);
                times.add(micros(start));
                start = instant();
            }
            anyhow::Ok(times)
        });
    }
    let mut latency = Histogram::default();
    while let Some(times) = tasks.join_next().await {
        latency.merge(&times??);
    }
    meter.stop(latency)
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}
