//! The shard: takes one input, lets the machines answer each other until all
//! is quiet, and hands out what is left for the edge.

mod rooms;
mod sessions;
mod stored;
mod streams;

use crate::asker::Asker;
use crate::calls::Calls;
use crate::client::Client;
use crate::config::Config;
use crate::due::{DueRooms, likely};
use crate::entry::{Entries, load_directory};
use crate::hosted::Hosted;
use crate::invite::Unsaved;
use crate::opening::Openings;
use crate::port::{Gauges, Input, Output, Query, QueryId, Reply};
use crate::recent::Recent;
use crate::timeline::{Proposal, Timeline};
use crate::watch::Decision;
use parlour_base::storage::{StoreId, Write};
use parlour_base::{ConnId, Entropy, Mono, Now, RoomId};
use parlour_directory::Directory;
use parlour_room::{Command, Room, SeatId, TokenNumber};
use parlour_session::galene::Session;
use parlour_sfu::plan::PeerId;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Said to everybody in a room whose deletion the store did not answer.
const PERHAPS_GONE: &str = "this group may have been deleted";

/// Said to everybody when the server stops.
const STOPPING: &str = "server is shutting down";

/// What a timer is for. Timers are looked at when they fire: what is not due
/// yet is armed again, so nothing has to be disarmed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Calls,
    Client(ConnId),
    Due,
    Entries,
    Openings,
    Room(RoomId),
    /// The time to connect with a token.
    Seat(RoomId, SeatId, TokenNumber),
}

/// One control shard.
#[derive(Debug)]
pub struct Shard {
    pub(crate) config: Config,
    pub(crate) entropy: Entropy,
    pub(crate) directory: Directory,
    pub(crate) clients: BTreeMap<ConnId, Box<Client>>,
    pub(crate) rooms: BTreeMap<RoomId, Hosted>,
    pub(crate) entries: Entries,
    pub(crate) openings: Openings,
    pub(crate) calls: Calls,
    pub(crate) due_rooms: DueRooms,
    pub(crate) recent: Recent,
    pub(crate) unsaved: Unsaved,
    /// The names that a write binds or unbinds.
    naming: BTreeMap<StoreId, Vec<Write>>,
    /// Whose writes they are that nobody waits for.
    background: BTreeMap<StoreId, RoomId>,
    /// Which room waits for which write.
    flights: BTreeMap<StoreId, RoomId>,
    /// Which room a media peer belongs to.
    peers: BTreeMap<PeerId, RoomId>,
    timers: BTreeSet<(Mono, Timer)>,
    /// Commands that wait until the events under way have been told to all.
    queued: VecDeque<(RoomId, Proposal)>,
    telling: bool,
    /// Clients whose frames waited for a decision that has come.
    ready: VecDeque<ConnId>,
    pub(crate) out: VecDeque<Output>,
    next_store: u64,
    next_peer: u64,
    next_worker: u8,
    pub(crate) counts: Gauges,
    pub(crate) stopping: bool,
    /// Kept only while somebody watches.
    pub(crate) decisions: Option<Vec<Decision>>,
}

impl Shard {
    /// An empty shard, which at once asks the store for the directory.
    #[must_use]
    pub fn new(config: Config, mut entropy: Entropy) -> Self {
        let (directory, _) = Directory::load(false, Vec::new(), &mut entropy);
        let recent = Recent::new(config.limits.recent_records);
        let mut shard = Self {
            config,
            entropy,
            directory,
            clients: BTreeMap::new(),
            rooms: BTreeMap::new(),
            entries: Entries::default(),
            openings: Openings::default(),
            calls: Calls::default(),
            due_rooms: DueRooms::default(),
            recent,
            unsaved: Unsaved::new(),
            naming: BTreeMap::new(),
            background: BTreeMap::new(),
            flights: BTreeMap::new(),
            peers: BTreeMap::new(),
            timers: BTreeSet::new(),
            queued: VecDeque::new(),
            telling: false,
            ready: VecDeque::new(),
            out: VecDeque::new(),
            next_store: 0,
            next_peer: 0,
            next_worker: 0,
            counts: Gauges::default(),
            stopping: false,
            decisions: None,
        };
        let id = shard.store(load_directory());
        shard.entries.loading = Some(id);
        shard
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Now, input: Input) {
        self.mind_directory(now);
        match input {
            Input::Opened { conn, remote } => {
                let session = Session::new(now.mono, &self.config.galene.config);
                let due = session.deadline(&self.config.galene.config);
                self.clients.insert(conn, Box::new(Client { session, remote, place: None }));
                self.arm(due, Timer::Client(conn));
                if self.stopping {
                    self.with_session(now, conn, |session, _| session.stop(STOPPING));
                }
            }
            Input::Frame { conn, frame } => self.frame(now, conn, &frame),
            Input::Closed(conn) => self.closed(now, conn),
            Input::Stored(reply) => self.stored(now, reply),
            Input::Checked(errand, fits) => self.password_checked(now, errand, fits),
            Input::Hashed(errand, hash) => self.call_hashed(errand, hash),
            Input::GroupRead(errand, lookup) => self.group_read(now, errand, lookup),
            Input::Media(_, notice) => self.notice(now, &notice),
            Input::Query(id, query) => self.query(id, query),
            Input::Call(id, call) => self.call(id, call),
            Input::Fetched(id, fetched) => self.call_fetched(id, fetched),
            Input::Presented(id, answer) => self.call_presented(id, answer),
            Input::Evict(connection) => self.evict_connection(now, connection),
            Input::Shutdown => self.stop(now),
            Input::Tick => {}
        }
        self.tick(now);
        loop {
            let resumed = self.run_calls(now);
            let Some(conn) = self.ready.pop_front() else {
                if resumed {
                    continue;
                }
                break;
            };
            self.with_session(now, conn, |session, shard| session.proceed(&mut shard.entropy));
        }
        if self.stopping && self.clients.is_empty() {
            self.stopping = false;
            self.out.push_back(Output::Drained);
        }
    }

    /// The next order; `None` when there is no more.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When [`Input::Tick`] is due at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// A snapshot of a room as everybody sees it, for tests and inspection.
    #[must_use]
    pub fn room(&self, id: RoomId) -> Option<&Room> {
        self.rooms.get(&id).map(|hosted| hosted.timeline.published())
    }

    /// The ids of the rooms in memory.
    pub fn room_ids(&self) -> impl Iterator<Item = RoomId> {
        self.rooms.keys().copied()
    }

    pub(crate) fn arm(&mut self, due: Option<Mono>, timer: Timer) {
        self.timers.extend(due.map(|due| (due, timer)));
    }

    fn tick(&mut self, now: Now) {
        while self.timers.first().is_some_and(|(due, _)| *due <= now.mono) {
            let Some((due, timer)) = self.timers.pop_first() else { break };
            match timer {
                Timer::Calls => self.calls_tick(now),
                Timer::Due => self.due_tick(now),
                Timer::Openings => self.openings_tick(now),
                Timer::Seat(room, seat, number) => {
                    self.house(now, room, Command::Lapse { seat, number });
                }
                Timer::Client(conn) => self.client_tick(now, conn),
                Timer::Entries => {
                    self.entries_tick(now);
                    self.invitations_tick(now);
                }
                Timer::Room(room) => self.room_tick(now, room, due),
            }
        }
    }

    fn client_tick(&mut self, now: Now, conn: ConnId) {
        self.with_session(now, conn, |session, shard| {
            session.tick(now.mono, &shard.config.galene.config);
        });
        let config = &self.config.galene.config;
        let due = self.clients.get(&conn).and_then(|client| client.session.deadline(config));
        self.arm(due, Timer::Client(conn));
    }

    fn room_tick(&mut self, now: Now, id: RoomId, due: Mono) {
        let limits = self.config.limits;
        let Some(hosted) = self.rooms.get_mut(&id) else { return };
        if hosted.armed == Some(due) {
            hosted.armed = None;
        }
        let hung = hosted.timeline.in_flight_since();
        if hung.is_some_and(|since| now.mono >= since + limits.store_patience.0) {
            let forgetting = hosted.timeline.is_forgetting();
            if let Some(flight) = hosted.flight.take() {
                self.flights.remove(&flight);
            }
            self.flight_failed(now, id, Timeline::unanswered);
            if forgetting {
                // It may be gone: whoever comes back finds what is on disk.
                self.keep_floor(id);
                self.let_go(now, id, PERHAPS_GONE);
            }
            // Where nobody is, what is on disk is simply read again: something
            // may be due in it that was not thought to be written.
            self.forget_room(now, id);
            if !self.rooms.contains_key(&id) {
                self.due_later(now, now.wall, id);
            }
        }
        self.with_media(now, id, |media, means, room| {
            media.tick(means, room, now.mono, limits.lost_stream.0);
        });
        self.try_again(now, id);
        self.expire(now, id);
        let idle = self.rooms.get(&id).and_then(|hosted| hosted.idle_since);
        if idle.is_some_and(|since| now.mono >= since + limits.idle_room.0) {
            self.forget_room(now, id);
        }
        self.arm_room(now, id);
    }

    /// Asks once more for what must happen.
    fn try_again(&mut self, now: Now, id: RoomId) {
        let Some(hosted) = self.rooms.get_mut(&id) else { return };
        if now.mono >= hosted.expire_after {
            for proposal in std::mem::take(&mut hosted.again) {
                let hosted = self.rooms.get(&id);
                // What has happened meanwhile nobody need be told of.
                let moot = hosted.is_some_and(|hosted| hosted.is_moot(now, &proposal));
                if !moot || matches!(proposal.asker, Asker::Call(_)) {
                    self.propose(now, id, proposal);
                }
            }
        }
    }

    /// Has a room end what has run out in it.
    fn expire(&mut self, now: Now, id: RoomId) {
        let Some(hosted) = self.rooms.get(&id) else { return };
        // While a write is under way it may be just that.
        let waiting = hosted.timeline.in_flight_since().is_some() || now.mono < hosted.expire_after;
        if !waiting && hosted.timeline.head().due().is_some_and(|at| at <= now.wall) {
            let life = self.config.room.leased_life.0;
            self.house(now, id, Command::Expire { life });
        }
    }

    /// Arms what a room waits for, where that is nearer than it was.
    fn arm_room(&mut self, now: Now, id: RoomId) {
        let limits = self.config.limits;
        let Some(hosted) = self.rooms.get_mut(&id) else { return };
        let flight = hosted.timeline.in_flight_since();
        let runs_out = hosted.timeline.head().due().filter(|_| flight.is_none());
        let dues = [
            flight.map(|since| since + limits.store_patience.0),
            // A room is not forgotten while a write is under way; its end is
            // another occasion to look.
            hosted.idle_since.filter(|_| flight.is_none()).map(|since| since + limits.idle_room.0),
            hosted.media.deadline(limits.lost_stream.0),
            runs_out.map(|at| likely(now, at).max(hosted.expire_after)),
            (!hosted.again.is_empty()).then_some(hosted.expire_after),
        ];
        let Some(first) = dues.into_iter().flatten().min() else { return };
        if hosted.armed.is_none_or(|armed| first < armed) {
            hosted.armed = Some(first);
            self.timers.insert((first, Timer::Room(id)));
        }
    }

    fn stop(&mut self, now: Now) {
        self.stopping = true;
        let conns: Vec<ConnId> = self.clients.keys().copied().collect();
        for conn in conns {
            self.with_session(now, conn, |session, _| session.stop(STOPPING));
        }
    }

    pub(crate) fn query(&mut self, id: QueryId, query: Query) {
        match query {
            Query::Gauges => {
                let gauges = self.gauges();
                self.out.push_back(Output::Reply(id, Reply::Gauges(gauges)));
            }
            Query::Group(name) => self.query_group(id, name),
            Query::PublicGroups(names) => self.query_public(id, names),
        }
    }

    fn gauges(&self) -> Gauges {
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let rooms = || self.rooms.values();
        Gauges {
            sessions: count(self.clients.len()),
            rooms: count(self.rooms.len()),
            members: count(rooms().map(|h| h.timeline.published().members().len()).sum()),
            streams: count(rooms().map(|h| h.timeline.published().streams().len()).sum()),
            legs: count(rooms().map(|h| h.media.legs()).sum()),
            seats: count(rooms().map(|h| h.timeline.published().seats().len()).sum()),
            tried_again: count(rooms().map(|h| h.again.len()).sum()),
            entries: count(self.entries.len() + self.openings.waiting()),
            calls: count(self.calls.len()),
            openings: count(self.openings.len()),
            due_rooms: count(self.due_rooms.len()),
            calls_in_line: count(self.calls.in_line()),
            recent_records: count(self.recent.len()),
            recent_hits_total: self.recent.hits,
            recent_misses_total: self.recent.misses,
            waiting_commands: count(rooms().map(|h| h.timeline.waiting()).sum()),
            ..self.counts
        }
    }
}
