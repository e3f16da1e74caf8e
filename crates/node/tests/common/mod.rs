//! A shard with its edge: time that is moved by hand, group files in memory,
//! passwords checked at once, and a store small enough to be seen through.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "what must be there fails the test if it is not")]

pub mod script;

use parlour_base::storage::{
    Found, Key, StoreDone, StoreFault, StoreOp, StoreReply, StoreRequest, Write,
};
use parlour_base::{ConnId, Entropy, Epoch, Json, Mono, Now, Pii, RoomId, Span, Wall};
use parlour_node::port::{
    CallId, Frame, Gauges, GroupLookup, Input, Output, Query, QueryId, Reply,
};
use parlour_node::{Config, Shard};
use parlour_session::Reply as CallReply;
use parlour_session::call::{Call, Fetch, Notice as DoorNotice};
use parlour_sfu::plan::{Command, Fingerprint, LiveTrack, Notice, PeerId, WorkerIndex};
pub use serde_json::json;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

/// A group with an operator `ada`, and everybody else as presenter.
pub const LAB: &str = r#"{"displayName":"The Lab","auto-subgroups":true,
    "users":{"ada":{"password":"secret","permissions":"op"},
             "eve":{"password":{"type":"wildcard"},"permissions":"observe"},
             "cap":{"password":{"type":"wildcard"},"permissions":["caption"]}},
    "wildcard-user":{"password":{"type":"wildcard"},"permissions":"present"}}"#;

/// What the store does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Works,
    /// Keeps it until the mood changes.
    Holds,
    Fails,
    /// Does it, and its answer is lost.
    Mumbles,
}

/// A room as it is kept.
#[derive(Debug, Clone, Default)]
pub struct KeptRoom {
    pub epoch: u64,
    pub gone: bool,
    pub body: Option<Json>,
    pub parts: BTreeMap<(String, String), Json>,
    pub due: Option<Wall>,
    pub chat: BTreeMap<String, Json>,
}

/// The store.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    pub names: BTreeMap<(String, String), RoomId>,
    pub records: BTreeMap<(String, String), Json>,
    pub rooms: BTreeMap<RoomId, KeptRoom>,
}

impl Disk {
    pub fn execute(&mut self, op: StoreOp) -> Result<StoreDone, StoreFault> {
        Ok(match op {
            StoreOp::LoadDirectory { kinds } => {
                let wanted = |((kind, _), _): &(&(String, String), &Json)| kinds.contains(kind);
                let row = |((a, b), body): (&(String, String), &Json)| {
                    (a.clone(), b.clone(), body.clone())
                };
                let due = self.rooms.iter().filter_map(|(id, room)| Some((room.due?, *id)));
                let mut due: Vec<_> = due.collect();
                due.sort_unstable();
                let new = self.names.is_empty() && self.records.is_empty() && self.rooms.is_empty();
                let records = self.records.iter().filter(wanted).map(row).collect();
                StoreDone::Directory { new, records, due }
            }
            StoreOp::OpenRoom { room, create } => {
                let there = self.rooms.get(&room).is_some_and(|kept| !kept.gone);
                if !there && !create {
                    return Ok(StoreDone::NoRoom);
                }
                let kept = self.rooms.entry(room).or_default();
                kept.epoch += 1;
                kept.gone = false;
                let part = |((a, b), body): (&(String, String), &Json)| {
                    (a.clone(), b.clone(), body.clone())
                };
                StoreDone::Room {
                    epoch: Epoch(kept.epoch),
                    body: kept.body.clone(),
                    parts: kept.parts.iter().map(part).collect(),
                    chat: kept.chat.values().cloned().collect(),
                }
            }
            StoreOp::Find(keys) => {
                StoreDone::Found(keys.into_iter().map(|key| self.find(key)).collect())
            }
            StoreOp::List { kind, prefix, after, most } => {
                let fits = |((k, key), _): &(&(String, String), &Json)| {
                    *k == kind && key.starts_with(&prefix) && after.as_ref().is_none_or(|a| key > a)
                };
                let rows = self.records.iter().filter(fits);
                let rows = rows.map(|((_, key), body)| (key.clone(), body.clone()));
                StoreDone::Listed(rows.take(most as usize).collect())
            }
            StoreOp::ListRooms { after, most } => {
                let fits = |(id, kept): &(&RoomId, &KeptRoom)| {
                    !kept.gone && kept.body.is_some() && after.is_none_or(|a| **id > a)
                };
                let ids = self.rooms.iter().filter(fits).map(|(id, _)| *id);
                StoreDone::Rooms(ids.take(most as usize).collect())
            }
            StoreOp::Commit(writes) => {
                let mut after = self.clone();
                writes.into_iter().try_for_each(|write| after.write(write))?;
                *self = after;
                StoreDone::Committed
            }
            other => panic!("the fake does not know {other:?}"),
        })
    }

    fn find(&self, key: Key) -> Found {
        match key {
            Key::Name { namespace, name } => {
                Found::Room(self.names.get(&(namespace, name)).copied())
            }
            Key::NamesOf(room) => {
                let its = self.names.iter().filter(|(_, id)| **id == room);
                Found::Names(its.map(|(name, _)| name.clone()).collect())
            }
            Key::Record { kind, key } => Found::Record(self.records.get(&(kind, key)).cloned()),
            other => panic!("the fake does not know {other:?}"),
        }
    }

    fn kept(&mut self, room: RoomId, epoch: Epoch) -> Result<&mut KeptRoom, StoreFault> {
        let kept = self.rooms.get_mut(&room).ok_or(StoreFault::Fenced)?;
        if kept.epoch == epoch.0 { Ok(kept) } else { Err(StoreFault::Fenced) }
    }

    fn write(&mut self, write: Write) -> Result<(), StoreFault> {
        match write {
            Write::BindName { namespace, name, room } => {
                let bound = *self.names.entry((namespace, name)).or_insert(room);
                if bound != room {
                    return Err(StoreFault::NameTaken);
                }
            }
            Write::UnbindName { namespace, name, room } => {
                self.names.retain(|n, id| *id != room || *n != (namespace.clone(), name.clone()));
            }
            Write::Claim { kind, key, body } => {
                if *self.records.entry((kind, key)).or_insert_with(|| body.clone()) != body {
                    return Err(StoreFault::NameTaken);
                }
            }
            Write::Expect { kind, key, body } => {
                if self.records.get(&(kind, key)) != body.as_ref() {
                    return Err(StoreFault::Changed);
                }
            }
            Write::Record { kind, key, body: Some(body) } => {
                self.records.insert((kind, key), body);
            }
            Write::Record { kind, key, body: None } => {
                self.records.remove(&(kind, key));
            }
            Write::Room { room, epoch, body } => self.kept(room, epoch)?.body = Some(body),
            Write::Part { room, epoch, kind, key, body: Some(body) } => {
                self.kept(room, epoch)?.parts.insert((kind, key), body);
            }
            Write::Part { room, epoch, kind, key, body: None } => {
                self.kept(room, epoch)?.parts.remove(&(kind, key));
            }
            Write::Due { room, epoch, at } => self.kept(room, epoch)?.due = at,
            Write::ForgetRoom { room, epoch } => {
                let kept = self.kept(room, epoch)?;
                *kept = KeptRoom { epoch: kept.epoch, gone: true, ..KeptRoom::default() };
                self.names.retain(|_, id| *id != room);
            }
            Write::Chat { room, epoch, key, body, .. } => {
                self.kept(room, epoch)?.chat.insert(key, body);
            }
            Write::ForgetChat { room, epoch, keys } => {
                let chat = &mut self.kept(room, epoch)?.chat;
                chat.retain(|key, _| keys.as_ref().is_some_and(|keys| !keys.contains(key)));
            }
            other => panic!("the fake does not know {other:?}"),
        }
        Ok(())
    }

    /// Everything that is kept of rooms, as text.
    pub fn text(&self) -> String {
        self.rooms.values().map(|kept| format!("{kept:?}")).collect()
    }
}

/// The edge around a shard.
pub struct World {
    pub shard: Shard,
    pub now: Now,
    pub files: BTreeMap<String, String>,
    pub mood: Mood,
    pub disk: Disk,
    pub held: VecDeque<StoreRequest>,
    pub orders: Vec<Command>,
    pub gauges: Gauges,
    pub drained: bool,
    pub replies: BTreeMap<CallId, CallReply>,
    pub busy: Vec<CallId>,
    pub notices: Vec<DoorNotice>,
    pub fetches: Vec<(CallId, Fetch)>,
    heard: BTreeMap<ConnId, Vec<Json>>,
    closes: BTreeMap<ConnId, (u16, String)>,
    next: u64,
}

pub fn config() -> Config {
    Config {
        galene: parlour_session::galene::Context::default(),
        doors: parlour_session::Doors::default(),
        room: parlour_room::Limits::default(),
        limits: parlour_node::config::Limits {
            lost_stream: Span::secs(10),
            idle_room: Span::secs(60),
            ..parlour_node::config::Limits::default()
        },
        media: parlour_node::config::Media {
            workers: 1,
            fingerprint: Fingerprint([7; 32]),
            candidates: vec![SocketAddr::from(([192, 0, 2, 1], 8443))],
        },
        canonical_host: None,
        lobby: true,
        media_server: None,
    }
}

impl World {
    pub fn new() -> Self {
        Self::with(config(), Mood::Works)
    }

    pub fn with(config: Config, mood: Mood) -> Self {
        Self::on(Disk::default(), config, mood)
    }

    /// A shard that is started on what another one left.
    pub fn on(disk: Disk, config: Config, mood: Mood) -> Self {
        let mut world = Self {
            shard: Shard::new(config, Entropy::from_seed([3; 32])),
            now: Now { mono: Mono(1_000_000), wall: Wall(1_782_900_000_000) },
            files: BTreeMap::from([("lab".to_owned(), LAB.to_owned())]),
            mood,
            disk,
            held: VecDeque::new(),
            orders: Vec::new(),
            gauges: Gauges::default(),
            drained: false,
            replies: BTreeMap::new(),
            busy: Vec::new(),
            notices: Vec::new(),
            fetches: Vec::new(),
            heard: BTreeMap::new(),
            closes: BTreeMap::new(),
            next: 0,
        };
        world.pump();
        world
    }

    pub fn file(&mut self, group: &str, text: &str) {
        self.files.insert(group.to_owned(), text.to_owned());
    }

    pub fn input(&mut self, input: Input) {
        self.shard.handle(self.now, input);
        self.pump();
    }

    fn pump(&mut self) {
        while let Some(output) = self.shard.poll() {
            match output {
                Output::Send { conn, text } => {
                    let message = serde_json::from_str(&text).unwrap();
                    self.heard.entry(conn).or_default().push(message);
                }
                Output::Close { conn, code, reason } => {
                    self.closes.insert(conn, (code, reason));
                    self.shard.handle(self.now, Input::Closed(conn));
                }
                Output::Store(request) => self.store(request),
                Output::Check { errand, verifier, password } => {
                    let fits = parlour_directory::verify(&verifier, &password);
                    self.shard.handle(self.now, Input::Checked(errand, Some(fits)));
                }
                Output::ReadGroup { errand, name } => {
                    let lookup = self.look(&name);
                    self.shard.handle(self.now, Input::GroupRead(errand, lookup));
                }
                Output::Media(_, command) => self.orders.push(*command),
                Output::Reply(_, Reply::Gauges(gauges)) => self.gauges = gauges,
                Output::Reply(..) => {}
                Output::Answer(id, reply) => {
                    self.replies.insert(id, reply);
                }
                Output::Busy(id) => self.busy.push(id),
                Output::Notice(notice) => self.notices.push(notice),
                Output::Fetch(id, fetch) => self.fetches.push((id, fetch)),
                Output::Drained => self.drained = true,
                other => panic!("the edge does not know {other:?}"),
            }
        }
    }

    /// Begins a call; its reply is in [`World::replies`] when it is done.
    pub fn call(&mut self, call: impl Call + 'static) -> CallId {
        self.next += 1;
        let id = CallId::new(self.next);
        self.input(Input::Call(id, Box::new(call)));
        id
    }

    /// Makes a call and takes its reply, which must be there at once.
    pub fn ask<T: std::any::Any>(&mut self, call: impl Call + 'static) -> T {
        let id = self.call(call);
        let reply = self.replies.remove(&id).expect("the call is done");
        reply.open().expect("the door's reply")
    }

    fn look(&self, group: &str) -> GroupLookup {
        let mut at = Some(group);
        while let Some(name) = at {
            if let Some(text) = self.files.get(name) {
                return GroupLookup::Found { name: name.to_owned(), text: text.clone().into() };
            }
            at = name.rsplit_once('/').map(|(parent, _)| parent);
        }
        GroupLookup::Missing
    }

    fn store(&mut self, request: StoreRequest) {
        let StoreRequest { id, op } = request;
        let result = match self.mood {
            Mood::Holds => return self.held.push_back(StoreRequest { id, op }),
            Mood::Fails => Err(StoreFault::Failed("no space".to_owned())),
            Mood::Works => self.disk.execute(op),
            Mood::Mumbles => return drop(self.disk.execute(op)),
        };
        self.shard.handle(self.now, Input::Stored(StoreReply { id, result }));
    }

    /// The store turns to this mood and deals with what it held in it.
    pub fn turn(&mut self, mood: Mood) {
        self.mood = mood;
        for request in std::mem::take(&mut self.held) {
            self.store(request);
            self.pump();
        }
    }

    pub fn passes(&mut self, span: Duration) {
        let end = self.now.mono + span;
        while let Some(due) = self.shard.deadline().filter(|due| *due <= end) {
            self.at(due.max(self.now.mono));
            self.input(Input::Tick);
        }
        self.at(end);
    }

    fn at(&mut self, mono: Mono) {
        let gone = i64::try_from(mono.since(self.now.mono).as_millis()).unwrap();
        self.now = Now { mono, wall: Wall(self.now.wall.0 + gone) };
    }

    pub fn open(&mut self) -> ConnId {
        self.next += 1;
        let conn = ConnId(self.next);
        self.input(Input::Opened { conn, remote: Pii(SocketAddr::from(([192, 0, 2, 9], 999))) });
        conn
    }

    pub fn say(&mut self, conn: ConnId, message: Json) {
        self.say_text(conn, &message.to_string());
    }

    pub fn say_text(&mut self, conn: ConnId, text: &str) {
        self.input(Input::Frame { conn, frame: Frame::Text(text.to_owned()) });
    }

    /// What a client heard since the last time.
    pub fn hears(&mut self, conn: ConnId) -> Vec<Json> {
        self.heard.remove(&conn).unwrap_or_default()
    }

    /// The types and kinds of what it heard, such as `user add`.
    pub fn gist(&mut self, conn: ConnId) -> Vec<String> {
        self.hears(conn).iter().map(gist).collect()
    }

    /// The text of the one error it heard.
    pub fn error(&mut self, conn: ConnId) -> String {
        let heard = self.hears(conn);
        let error = heard.iter().find(|m| m["type"] == "usermessage" && m["kind"] == "error");
        let error = error.unwrap_or_else(|| panic!("no error in {heard:?}"));
        assert_eq!(error["privileged"], true);
        error["value"].as_str().unwrap().to_owned()
    }

    pub fn is_closed(&self, conn: ConnId) -> Option<(u16, &str)> {
        self.closes.get(&conn).map(|(code, reason)| (*code, reason.as_str()))
    }

    /// A connection that has shaken hands.
    pub fn shaken(&mut self, id: &str) -> ConnId {
        let conn = self.open();
        self.say(conn, json!({"type": "handshake", "version": ["2"], "id": id}));
        self.hears(conn);
        conn
    }

    pub fn ask_in(&mut self, conn: ConnId, group: &str, name: &str, password: &str) {
        let join = json!({"type": "join", "kind": "join", "group": group, "username": name,
            "password": password});
        self.say(conn, join);
    }

    /// Somebody in the lab; its id is its name.
    pub fn member(&mut self, name: &str) -> ConnId {
        self.member_of("lab", name)
    }

    pub fn member_of(&mut self, group: &str, name: &str) -> ConnId {
        let conn = self.shaken(name);
        self.ask_in(conn, group, name, "secret");
        let heard = self.hears(conn);
        assert_eq!(gist(&heard[0]), "joined join", "{heard:?}");
        conn
    }

    /// How a join of somebody new ends: the failure's `value` after its delay.
    pub fn failure(&mut self, group: &str, name: &str, password: &str) -> Json {
        let conn = self.shaken("new");
        self.ask_in(conn, group, name, password);
        self.passes(Duration::from_millis(200));
        let heard = self.hears(conn).remove(0);
        self.input(Input::Closed(conn));
        heard
    }

    pub fn everybody_forgets(&mut self) {
        self.heard.clear();
    }

    pub fn notice(&mut self, notice: Notice) {
        self.input(Input::Media(WorkerIndex(0), notice));
    }

    /// The peer of the last `Up` order.
    pub fn up(&self) -> PeerId {
        let up = |c: &Command| if let Command::Up { peer, .. } = c { Some(*peer) } else { None };
        self.orders.iter().rev().find_map(up).unwrap()
    }

    /// The publisher's media arrives: these (mid, payload type).
    pub fn live(&mut self, peer: PeerId, tracks: &[(&str, u8)]) {
        let track = |(mid, payload_type): &(&str, u8)| LiveTrack {
            mid: (*mid).to_owned(),
            payload_type: *payload_type,
        };
        self.notice(Notice::Connected(peer));
        self.notice(Notice::Live { peer, tracks: tracks.iter().map(track).collect() });
    }

    pub fn figures(&mut self) -> Gauges {
        self.input(Input::Query(QueryId(1), Query::Gauges));
        self.gauges
    }
}

pub fn gist(message: &Json) -> String {
    let of = |key: &str| message[key].as_str().unwrap_or_default().to_owned();
    format!("{} {}", of("type"), of("kind")).trim_end().to_owned()
}

/// A receiver's answer to an offer.
pub fn answer(offer: &Json) -> String {
    let offer = offer["sdp"].as_str().unwrap();
    let mut text = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n".to_owned();
    text.extend(offer.lines().filter(|l| l.starts_with("a=group:")).map(|l| format!("{l}\r\n")));
    let print = vec!["AB"; 32].join(":");
    for line in offer.lines().skip_while(|line| !line.starts_with("m=")) {
        match line {
            media if media.starts_with("m=") => text.push_str(&format!(
                "{media}\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:user\r\n\
                 a=ice-pwd:aaaabbbbccccddddeeee0000\r\na=fingerprint:sha-256 {print}\r\n\
                 a=setup:active\r\na=rtcp-mux\r\n"
            )),
            "a=sendonly" => text.push_str("a=recvonly\r\n"),
            same if ["a=mid:", "a=rtpmap:", "a=inactive"].iter().any(|p| same.starts_with(p)) => {
                text.push_str(&format!("{same}\r\n"));
            }
            _ => {}
        }
    }
    text
}
