//! The scenario `rooms`: people who join rooms by the REST API, keep
//! themselves there by refreshing, and run out; and what the engine alone does
//! with the writes of a join.

use crate::clock::{instant, now_ns};
use crate::histogram::Histogram;
use crate::process::Process;
use crate::report::Report;
use crate::server::Server;
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use parlour_base::storage::{StoreDone, StoreId, StoreOp, StoreRequest, Write};
use parlour_base::{Epoch, Json, RoomId, Wall};
use parlour_store::{DataFolder, SqliteEngine, Writer};
use parlour_wire::rooms::hawk::{Artifacts, Credentials, HawkHeader, SessionToken, Target};
use serde_json::json;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Guests in one room: a room of five keeps a seat for its owner.
const GUESTS: usize = 4;

/// Longest answer that is read.
const ANSWER_MAX: usize = 64 << 10;

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
    /// Life of a participant; it must be longer than everything before the end.
    pub life: Duration,
}

impl Rooms {
    /// What the server has to be told: `variable=value`.
    #[must_use]
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let rooms = self.people.div_ceil(GUESTS).saturating_mul(2).saturating_add(10_000);
        vec![
            ("PARLOUR_ROOMS_PARTICIPANT_LIFE", format!("{}ms", self.life.as_millis())),
            ("PARLOUR_CONTROL_ROOMS", rooms.to_string()),
            ("PARLOUR_CONTROL_IDLE_ROOM", "1h".to_owned()),
        ]
    }
}

/// Runs it.
///
/// # Errors
/// If the server or the engine fails.
pub fn run(size: Rooms, server: &Server) -> Result<Report> {
    let mut report = Report::new("rooms");
    report.set("people", size.people);
    report.set("connections", size.connections);
    report.set("seconds", size.time.as_secs());
    report.set("life_seconds", size.life.as_secs());
    let engine = engine_alone(size)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(size, server, engine, &mut report))?;
    Ok(report)
}

async fn measure(size: Rooms, server: &Server, engine: f64, report: &mut Report) -> Result<()> {
    let mut first = Http::connect(server).await?;
    let owner = first.register().await?;
    let rooms = make_rooms(size, server, &owner).await?;
    let begun = instant();
    let joins = join_all(size, server, &rooms).await?;
    let ratio = (engine > 0.0).then(|| joins.rate / engine);
    report.add("joins_per_s", joins.rate.round(), "1/s", "joins acknowledged, which are durable");
    report.add("engine_joins_per_s", engine.round(), "1/s", "the writes of a join, engine alone");
    report.add("ratio_to_engine", ratio, "×", "server over engine; 1 would be free");
    report.add("join_p99_ms", joins.latency.percentile_ms(99.0), "ms", "from request to answer");

    let people = Arc::new(joins.people);
    let basic = refresh(size, server, &people, None).await?;
    report.add("refreshes_per_s", basic.rate.round(), "1/s", "refreshes shown by Basic");
    report.add("refresh_p99_ms", basic.latency.percentile_ms(99.0), "ms", "from request to answer");
    report.add("refresh_cpu_us", basic.cpu_us, "µs", "server CPU per refresh");
    let hawk = refresh(size, server, &people, Some(&owner)).await?;
    report.add("hawk_refreshes_per_s", hawk.rate.round(), "1/s", "refreshes shown by Hawk");
    report.add("hawk_refresh_p99_ms", hawk.latency.percentile_ms(99.0), "ms", "the same");
    report.add("hawk_refresh_cpu_us", hawk.cpu_us, "µs", "server CPU per refresh");
    if begun.elapsed() + IDLE > size.life {
        report.void("people ran out while others still came: a longer life is needed");
        return Ok(());
    }
    let idle = idle_cpu(server).await?;
    report.add("idle_cpu_share", idle, "cores", "while everybody is inside and nobody asks");
    expiries(size, server, begun, report).await
}

/// Waits until everybody has run out, and asks how late that was noticed.
async fn expiries(size: Rooms, server: &Server, begun: Instant, report: &mut Report) -> Result<()> {
    if !server.is_own() {
        report.note("how late people run out is only asked of a server of our own");
        return Ok(());
    }
    let end = begun + size.life.saturating_mul(2) + Duration::from_secs(60);
    let wanted = u64::try_from(size.people)?;
    loop {
        let late = server.labelled("parlour_rooms_expiries_total")?;
        let all: u64 = late.values().sum();
        if all >= wanted || instant() > end {
            let within = ["50ms", "100ms", "250ms"].iter().filter_map(|span| late.get(*span));
            let within: u64 = within.sum();
            let share = (all > 0).then(|| within as f64 / all as f64);
            report.add("expired", all, "", "people who ran out without a request");
            report.add("expired_within_250ms", share, "", "share noticed at most so late");
            if all < wanted {
                report.void("not everybody ran out");
            }
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn idle_cpu(server: &Server) -> Result<Option<f64>> {
    let cpu = || server.process.map(Process::cpu).transpose();
    let before = cpu()?;
    tokio::time::sleep(IDLE).await;
    let used = cpu()?.zip(before).map(|(after, before)| after.saturating_sub(before));
    Ok(used.map(|used| used.as_secs_f64() / IDLE.as_secs_f64()))
}

/// Rooms for everybody, made by several connections at once.
async fn make_rooms(size: Rooms, server: &Server, owner: &Credentials) -> Result<Arc<Vec<String>>> {
    let count = size.people.div_ceil(GUESTS);
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..size.connections {
        let (next, owner) = (Arc::clone(&next), owner.clone());
        let mut http = Http::connect(server).await?;
        tasks.spawn(async move {
            let context = json!({ "value": "v", "alg": "AES-GCM", "wrappedKey": "k" });
            let body = json!({ "context": context, "roomOwner": "-", "maxSize": 5 }).to_string();
            let mut made = Vec::new();
            while next.fetch_add(1, Ordering::Relaxed) < count {
                let line = http.hawk(&owner, "POST", "/v0/rooms");
                let answer = http.ask("POST", "/v0/rooms", &line, &body).await?;
                ensure!(answer.0 == 201, "a room was refused: {}", answer.1);
                made.push(text(&answer.1, "roomToken")?);
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
    rate: f64,
    latency: Histogram,
    people: Vec<Person>,
}

async fn join_all(size: Rooms, server: &Server, rooms: &Arc<Vec<String>>) -> Result<Joined> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    let mut all = Vec::new();
    for _ in 0..size.connections {
        all.push(Http::connect(server).await?);
    }
    let begun = instant();
    for mut http in all {
        let (next, rooms) = (Arc::clone(&next), Arc::clone(rooms));
        tasks.spawn(async move {
            let body = json!({ "action": "join", "displayName": "Guest", "clientMaxSize": 5 });
            let body = body.to_string();
            let (mut people, mut times) = (Vec::new(), Vec::new());
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= size.people {
                    return anyhow::Ok((people, times));
                }
                // Neighbours in time are in different rooms.
                let room = rooms.get(at % rooms.len()).context("no rooms")?;
                let start = instant();
                let answer = http.ask("POST", &format!("/v0/rooms/{room}"), "", &body).await?;
                ensure!(answer.0 == 200, "a join was refused: {}", answer.1);
                times.push(micros(start));
                people.push((room.clone(), text(&answer.1, "sessionToken")?));
            }
        });
    }
    let mut joined = Joined { rate: 0.0, latency: Histogram::default(), people: Vec::new() };
    while let Some(one) = tasks.join_next().await {
        let (people, times) = one??;
        joined.people.extend(people);
        times.into_iter().for_each(|us| joined.latency.add(us));
    }
    joined.rate = joined.people.len() as f64 / begun.elapsed().as_secs_f64();
    Ok(joined)
}

/// What refreshing brought.
struct Refreshed {
    rate: f64,
    latency: Histogram,
    cpu_us: Option<f64>,
}

/// Everybody refreshes, again and again; by Hawk it is the owner in some room.
async fn refresh(
    size: Rooms,
    server: &Server,
    people: &Arc<Vec<Person>>,
    owner: Option<&Credentials>,
) -> Result<Refreshed> {
    let mut tasks = JoinSet::new();
    let (mut all, mut rooms) = (Vec::new(), Vec::new());
    for index in 0..size.connections {
        let mut http = Http::connect(server).await?;
        let (room, _) = people.get(index % people.len()).context("nobody is inside")?;
        if let Some(owner) = owner {
            http.join_as(owner, room).await?;
        }
        rooms.push(room.clone());
        all.push(http);
    }
    let cpu = || server.process.map(Process::cpu).transpose();
    let (before, begun) = (cpu()?, instant());
    for (index, (mut http, room)) in all.into_iter().zip(rooms).enumerate() {
        let (people, owner) = (Arc::clone(people), owner.cloned());
        tasks.spawn(async move {
            let mut times = Vec::new();
            let mut at = index;
            while begun.elapsed() < size.time {
                let start = instant();
                let answer = match &owner {
                    Some(owner) => {
                        let path = format!("/v0/rooms/{room}");
                        let line = http.hawk(owner, "POST", &path);
                        http.ask("POST", &path, &line, REFRESH).await?
                    }
                    None => {
                        let (room, token) = people.get(at % people.len()).context("nobody")?;
                        at += size.connections;
                        let line = format!("authorization: Basic {}\r\n", base64(token));
                        http.ask("POST", &format!("/v0/rooms/{room}"), &line, REFRESH).await?
                    }
                };
                ensure!(answer.0 == 200, "a refresh was refused: {}", answer.1);
                times.push(micros(start));
            }
            anyhow::Ok(times)
        });
    }
    let mut latency = Histogram::default();
    while let Some(times) = tasks.join_next().await {
        times??.into_iter().for_each(|us| latency.add(us));
    }
    let took = begun.elapsed().as_secs_f64();
    let used = cpu()?.zip(before).map(|(after, before)| after.saturating_sub(before));
    let count = latency.total().max(1) as f64;
    let cpu_us = used.map(|used| used.as_secs_f64() * 1e6 / count);
    Ok(Refreshed { rate: latency.total() as f64 / took, latency, cpu_us })
}

const REFRESH: &str = r#"{"action":"refresh"}"#;

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

fn text(body: &str, name: &str) -> Result<String> {
    let body: Json = serde_json::from_str(body)?;
    let text = body.get(name).and_then(Json::as_str);
    text.map(str::to_owned).with_context(|| format!("no {name} in the answer"))
}

/// Base64 as the web writes it.
fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// One connection that is kept.
struct Http {
    stream: TcpStream,
    address: SocketAddr,
    host: String,
    nonce: u64,
    buffer: Vec<u8>,
}

impl Http {
    async fn connect(server: &Server) -> Result<Self> {
        let stream = TcpStream::connect(server.http).await?;
        stream.set_nodelay(true)?;
        let (address, host) = (server.http, server.host.clone());
        Ok(Self { stream, address, host, nonce: 0, buffer: Vec::new() })
    }

    /// A request with its body; the status and body of the answer.
    async fn ask(
        &mut self,
        method: &str,
        path: &str,
        lines: &str,
        body: &str,
    ) -> Result<(u16, String)> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\n{lines}content-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await?;
        let (status, _, body) = self.answer().await?;
        Ok((status, body))
    }

    /// Status, head and body of the next answer.
    async fn answer(&mut self) -> Result<(u16, String, String)> {
        self.buffer.clear();
        loop {
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the server hung up");
            ensure!(self.buffer.len() <= ANSWER_MAX, "a giant answer");
            let all = std::str::from_utf8(&self.buffer)?;
            let Some((head, body)) = all.split_once("\r\n\r\n") else { continue };
            let length = head.lines().filter_map(|line| line.split_once(':'));
            let length = length
                .filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .find_map(|(_, value)| value.trim().parse().ok())
                .unwrap_or(0);
            if body.len() >= length {
                let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
                let status = status.context("no status")?;
                return Ok((status, head.to_owned(), body.to_owned()));
            }
        }
    }

    async fn register(&mut self) -> Result<Credentials> {
        let request = format!(
            "POST /v0/registration HTTP/1.1\r\nhost: {}\r\ncontent-length: 0\r\n\r\n",
            self.host
        );
        self.stream.write_all(request.as_bytes()).await?;
        let (status, head, _) = self.answer().await?;
        ensure!(status == 200, "no session: {status}");
        let token =
            head.lines().filter_map(|line| line.split_once(": ")).find_map(|(name, value)| {
                name.eq_ignore_ascii_case("hawk-session-token").then_some(value)
            });
        let token = token.context("no session token")?;
        let byte = |at: usize| {
            let digits = token.get(at * 2..at * 2 + 2);
            digits.and_then(|digits| u8::from_str_radix(digits, 16).ok())
        };
        let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
        let bytes: Option<[u8; 32]> = bytes.and_then(|bytes| bytes.try_into().ok());
        Ok(SessionToken::new(bytes.context("an odd session token")?).credentials())
    }

    async fn join_as(&mut self, owner: &Credentials, room: &str) -> Result<()> {
        let path = format!("/v0/rooms/{room}");
        let line = self.hawk(owner, "POST", &path);
        let body = json!({ "action": "join", "displayName": "Owner", "clientMaxSize": 5 });
        let (status, body) = self.ask("POST", &path, &line, &body.to_string()).await?;
        if status != 200 {
            bail!("the owner was refused: {body}");
        }
        Ok(())
    }

    /// The header line that shows a session.
    fn hawk(&mut self, owner: &Credentials, method: &str, path: &str) -> String {
        self.nonce += 1;
        let ts = (now_seconds()).to_string();
        let (id, nonce) = (owner.id.clone(), format!("{}-{}", self.nonce, now_ns()));
        let mut header = HawkHeader { id, ts, nonce, ..HawkHeader::default() };
        let host = self.host.rsplit_once(':').map_or(self.host.as_str(), |(host, _)| host);
        let target = Target { method, path, host, port: self.address.port() };
        header.mac = Artifacts { target, header: &header }.request_mac(owner.key.expose());
        let HawkHeader { id, ts, nonce, mac, .. } = header;
        format!(
            "authorization: Hawk id=\"{id}\", ts=\"{ts}\", nonce=\"{nonce}\", mac=\"{mac}\"\r\n"
        )
    }
}

#[allow(clippy::disallowed_methods, reason = "a signature tells the time")]
fn now_seconds() -> u64 {
    use std::time::{SystemTime, UNIX_EPOCH};
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Joins per second of the store's thread and engine with nothing in front:
/// each is a seat, the times of the room, and when it is due.
fn engine_alone(size: Rooms) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let engine = SqliteEngine::open(DataFolder::open(folder.path())?)?;
    let (replies, heard) = flume::bounded(size.connections.max(1));
    let queue = NonZeroUsize::new(size.connections.max(1)).context("no connections")?;
    let writer = Writer::spawn(engine, queue, move |reply| drop(replies.send(reply)))?;
    let submit = |index: usize, op: StoreOp| {
        let request = StoreRequest { id: StoreId(u64::try_from(index)?), op };
        writer.try_submit(request).map_err(|_| anyhow!("the store's queue is full"))
    };
    let room = |index: usize| {
        let bits = u64::try_from(index).unwrap_or(u64::MAX).saturating_add(1);
        RoomId::new(bits).context("an impossible room")
    };
    let mut epochs = vec![Epoch(0); size.connections];
    for index in 0..size.connections {
        submit(index, StoreOp::OpenRoom { room: room(index)?, create: true })?;
    }
    let (begun, mut done, mut number) = (instant(), 0_u64, 0_u64);
    while begun.elapsed() < size.time {
        let reply = heard.recv_timeout(Duration::from_secs(10))?;
        let index = usize::try_from(reply.id.0)?;
        let epoch = epochs.get_mut(index).context("a reply to nothing")?;
        match reply.result? {
            StoreDone::Room { epoch: opened, .. } => *epoch = opened,
            _ => done += 1,
        }
        number += 1;
        submit(index, StoreOp::Commit(join_writes(room(index)?, *epoch, number)))?;
    }
    let rate = done as f64 / begun.elapsed().as_secs_f64();
    drop(writer);
    Ok(rate)
}

/// What a room writes when a guest joins.
fn join_writes(room: RoomId, epoch: Epoch, number: u64) -> Vec<Write> {
    let at = 1_700_000_000_000_i64;
    let part = |kind: &str, key: String, body: Json| Write::Part {
        room,
        epoch,
        kind: kind.to_owned(),
        key,
        body: Some(body),
    };
    let seat = format!("AAAAAAAAAAE.{number:024}");
    vec![
        part(
            "seat",
            seat.clone(),
            json!({
                "id": seat, "person": { "user": "AAAAAAAAAAE", "guest": true, "kik": null, "account": null },
                "name": "Guest", "permissions": ["present", "message", "caption"],
                "means": { "rooms": {
                    "connection": "00000000-0000-4000-8000-000000000000", "client_max": 5,
                    "owner": false, "expires": at,
                } },
                "order": number, "since": at, "current": at, "connecting": false, "live": null,
                "report": null,
            }),
        ),
        part("value", "term".to_owned(), json!({ "changed": at, "expires": at })),
        part("value", "due".to_owned(), json!(at)),
        Write::Due { room, epoch, at: Some(Wall(at)) },
    ]
}
