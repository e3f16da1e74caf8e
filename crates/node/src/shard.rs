//! The shard: takes one input, lets the machines answer each other until all
//! is quiet, and hands out what is left for the edge.

use crate::client::{Client, Place};
use crate::config::Config;
use crate::entry::Entries;
use crate::hosted::Hosted;
use crate::invite::Unsaved;
use crate::media::{Effect, Means, RoomMedia};
use crate::port::{Frame, Gauges, Input, Output, Query, QueryId, Reply};
use crate::timeline::{Due, Step, Timeline};
use crate::watch::Decision;
use parlour_base::storage::{
    StoreDone, StoreFault, StoreId, StoreOp, StoreReply, StoreRequest, Write,
};
use parlour_base::{ConnId, Entropy, Mono, Now, RoomId};
use parlour_directory::Directory;
use parlour_room::{Actor, Command, Happening, MemberId, Refusal, Room, StreamId};
use parlour_session::StreamNote;
use parlour_session::galene::{self, Ask, EntryFailure, Session};
use parlour_sfu::plan::{Notice, PeerId, WorkerIndex};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Said to everybody when the server stops.
const STOPPING: &str = "server is shutting down";

/// What a timer is for. Timers are looked at when they fire: what is not due
/// yet is armed again, so nothing has to be disarmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Client(ConnId),
    Entries,
    Room(RoomId),
}

/// A command that came while another one's events were being told.
#[derive(Debug)]
struct Queued {
    asker: Option<ConnId>,
    room: RoomId,
    actor: Actor,
    command: Command,
}

/// One control shard.
#[derive(Debug)]
pub struct Shard {
    pub(crate) config: Config,
    pub(crate) entropy: Entropy,
    pub(crate) directory: Directory,
    pub(crate) clients: BTreeMap<ConnId, Client>,
    pub(crate) rooms: BTreeMap<RoomId, Hosted>,
    pub(crate) entries: Entries,
    pub(crate) unsaved: Unsaved,
    /// Which room waits for which write.
    flights: BTreeMap<StoreId, RoomId>,
    /// Which room a media peer belongs to.
    peers: BTreeMap<PeerId, RoomId>,
    timers: BTreeSet<(Mono, Timer)>,
    /// Commands that wait until the events under way have been told to all.
    queued: VecDeque<Queued>,
    telling: bool,
    /// Clients whose frames waited for a decision that has come.
    ready: VecDeque<ConnId>,
    pub(crate) out: VecDeque<Output>,
    next_store: u64,
    next_peer: u64,
    next_worker: u8,
    counts: Gauges,
    pub(crate) stopping: bool,
    /// Kept only while somebody watches.
    pub(crate) decisions: Option<Vec<Decision>>,
}

impl Shard {
    /// An empty shard, which at once asks the store for the directory.
    #[must_use]
    pub fn new(config: Config, entropy: Entropy) -> Self {
        let mut shard = Self {
            config,
            entropy,
            directory: Directory::default(),
            clients: BTreeMap::new(),
            rooms: BTreeMap::new(),
            entries: Entries::default(),
            unsaved: Unsaved::new(),
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
        let id = shard.store(StoreOp::LoadDirectory);
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
                self.clients.insert(conn, Client { session, remote, place: None });
                self.arm(due, Timer::Client(conn));
                if self.stopping {
                    self.with_session(now, conn, |session, _| session.stop(STOPPING));
                }
            }
            Input::Frame { conn, frame } => self.frame(now, conn, &frame),
            Input::Closed(conn) => self.closed(now, conn),
            Input::Stored(reply) => self.stored(now, reply),
            Input::Checked(errand, fits) => self.password_checked(now, errand, fits),
            Input::GroupRead(errand, lookup) => self.group_read(now, errand, lookup),
            Input::Media(_, notice) => self.notice(now, &notice),
            Input::Query(id, query) => self.query(id, query),
            Input::Shutdown => self.stop(now),
            Input::Tick => {}
        }
        self.tick(now);
        while let Some(conn) = self.ready.pop_front() {
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

    // Time.

    pub(crate) fn arm(&mut self, due: Option<Mono>, timer: Timer) {
        self.timers.extend(due.map(|due| (due, timer)));
    }

    fn tick(&mut self, now: Now) {
        while let Some((due, timer)) = self.timers.first().copied() {
            if due > now.mono {
                break;
            }
            self.timers.pop_first();
            match timer {
                Timer::Client(conn) => self.client_tick(now, conn),
                Timer::Entries => {
                    self.entries_tick(now);
                    self.invitations_tick(now);
                }
                Timer::Room(room) => self.room_tick(now, room),
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

    fn room_tick(&mut self, now: Now, id: RoomId) {
        let limits = self.config.limits;
        let Some(hosted) = self.rooms.get(&id) else { return };
        let hung = hosted.timeline.in_flight_since();
        if hung.is_some_and(|since| now.mono >= since + limits.store_patience.0) {
            self.flights.retain(|_, room| *room != id);
            self.flight_failed(now, id);
        }
        self.with_media(now, id, |media, means, room| {
            media.tick(means, room, now.mono, limits.lost_stream.0);
        });
        let idle = self.rooms.get(&id).and_then(|hosted| hosted.idle_since);
        if idle.is_some_and(|since| now.mono >= since + limits.idle_room.0) {
            self.forget_room(now, id);
        }
        self.arm_room(id);
    }

    /// Arms what a room waits for, where that is nearer than it was.
    fn arm_room(&mut self, id: RoomId) {
        let limits = self.config.limits;
        let Some(hosted) = self.rooms.get(&id) else { return };
        let dues = [
            hosted.timeline.in_flight_since().map(|since| since + limits.store_patience.0),
            hosted.idle_since.map(|since| since + limits.idle_room.0),
            hosted.media.deadline(limits.lost_stream.0),
        ];
        for due in dues {
            self.arm(due, Timer::Room(id));
        }
    }

    fn forget_room(&mut self, now: Now, id: RoomId) {
        let quiet = self.rooms.get(&id).is_some_and(|hosted| {
            hosted.timeline.head().is_empty() && hosted.timeline.waiting() == 0
        });
        if quiet {
            self.with_media(now, id, |media, means, _| media.close(means));
            self.rooms.remove(&id);
            self.decided(|| Decision::Forgotten(id));
        }
    }

    fn stop(&mut self, now: Now) {
        self.stopping = true;
        let conns: Vec<ConnId> = self.clients.keys().copied().collect();
        for conn in conns {
            self.with_session(now, conn, |session, _| session.stop(STOPPING));
        }
    }

    // Sessions.

    fn frame(&mut self, now: Now, conn: ConnId, frame: &Frame) {
        self.with_session(now, conn, |session, shard| match frame {
            Frame::Text(text) => {
                let config = shard.config.galene.config;
                session.text(now.mono, &config, &mut shard.entropy, text);
            }
            Frame::Binary => session.binary(),
        });
    }

    /// Lets something happen to a session and does what it then asks.
    pub(crate) fn with_session(
        &mut self,
        now: Now,
        conn: ConnId,
        happen: impl FnOnce(&mut Session, &mut Self),
    ) {
        let Some(mut client) = self.clients.remove(&conn) else { return };
        happen(&mut client.session, self);
        let mut asks = Vec::new();
        while let Some(output) = client.session.poll() {
            match output {
                galene::Output::Send(text) => self.out.push_back(Output::Send { conn, text }),
                galene::Output::Close { code, reason } => {
                    if code != 1000 {
                        self.counts.misbehaviours_total += 1;
                    }
                    self.out.push_back(Output::Close { conn, code, reason });
                }
                galene::Output::Ask(ask) => asks.push(ask),
            }
        }
        if client.session.is_ready() {
            self.ready.push_back(conn);
        }
        let over = client.session.is_over();
        let place = if over { client.place.take() } else { None };
        self.clients.insert(conn, client);
        for ask in asks {
            self.ask(now, conn, ask);
        }
        if let Some(place) = place {
            // Told to go: out of the room at once, not when the socket ends.
            self.command(now, None, place.room, Actor::House, Command::Expel(place.member));
        }
    }

    fn closed(&mut self, now: Now, conn: ConnId) {
        let Some(client) = self.clients.remove(&conn) else { return };
        self.entries.forget(conn);
        if let Some(place) = client.place {
            self.command(now, None, place.room, Actor::House, Command::Expel(place.member));
        }
    }

    fn place(&self, conn: ConnId) -> Option<Place> {
        self.clients.get(&conn).and_then(|client| client.place.clone())
    }

    fn ask(&mut self, now: Now, conn: ConnId, ask: Ask) {
        if let Ask::Enter(request) = ask {
            self.enter(now, conn, *request);
            return;
        }
        let Some(place) = self.place(conn) else {
            self.ask_from_nowhere(now, conn, ask);
            return;
        };
        let Place { room, member } = place;
        match ask {
            Ask::Enter(_) => {}
            Ask::Command(command) => {
                self.command(now, Some(conn), room, Actor::Member(member), command);
            }
            Ask::Offer { stream, label, replaces, sdp } => {
                self.offer(now, conn, &Place { room, member }, stream, label, replaces, &sdp);
            }
            Ask::Answer { stream, sdp } => self.with_media(now, room, |media, means, room| {
                media.answered(means, room, &member, &stream, &sdp);
            }),
            Ask::Renegotiate(stream) => self.with_media(now, room, |media, means, room| {
                media.restart_for(means, room, &member, &stream);
            }),
            Ask::Abort(stream) => self.with_media(now, room, |media, means, _| {
                media.declined(means, &member, &stream);
            }),
            Ask::Close(stream) => {
                let actor = Actor::Member(member);
                self.command(now, None, room, actor, Command::Unpublish(stream));
            }
            Ask::Identify(target) => self.identify(now, conn, room, &member, &target),
            Ask::MakeToken(value) => self.make_token(now, conn, &value),
            Ask::EditToken(value) => self.edit_token(now, conn, &value),
            Ask::ListTokens => self.list_tokens(now, conn),
            Ask::Subgroups => self.list_subgroups(now, conn),
        }
    }

    /// What is asked about streams by somebody who is in no room.
    fn ask_from_nowhere(&mut self, now: Now, conn: ConnId, ask: Ask) {
        let notes = match ask {
            Ask::Offer { stream, .. } => vec![
                StreamNote::Abort(stream),
                StreamNote::Error(Refusal::NotAuthorised.to_string()),
            ],
            Ask::Answer { stream, .. } => vec![StreamNote::Close(stream)],
            _ => Vec::new(),
        };
        self.with_session(now, conn, |session, _| {
            notes.into_iter().for_each(|n| session.stream(n))
        });
    }

    fn identify(&mut self, now: Now, conn: ConnId, room: RoomId, me: &MemberId, target: &MemberId) {
        let Some(hosted) = self.rooms.get(&room) else { return };
        let seen = hosted.timeline.published();
        let asker = seen.member(me).cloned();
        let found = seen.member(target).cloned();
        let where_to = hosted.connections.get(target).copied();
        let remote = where_to.and_then(|c| self.clients.get(&c)).map(|c| c.remote);
        let Some(asker) = asker else { return };
        if !asker.permissions.has(parlour_base::Permission::Op) {
            self.with_session(now, conn, |s, _| s.error(&Refusal::NotAuthorised.to_string()));
            return;
        }
        let (Some(found), Some(where_to), Some(remote)) = (found, where_to, remote) else {
            self.with_session(now, conn, |s, _| s.error("client not found"));
            return;
        };
        self.with_session(now, where_to, |s, _| {
            s.warn(&format!("Your IP address has been communicated to user {}.", asker.name));
        });
        self.with_session(now, conn, |s, _| s.identified(&found, remote.0));
    }

    // Rooms.

    /// Has a room do something, and whatever follows from it.
    pub(crate) fn command(
        &mut self,
        now: Now,
        asker: Option<ConnId>,
        room: RoomId,
        actor: Actor,
        command: Command,
    ) {
        if self.telling {
            self.queued.push_back(Queued { asker, room, actor, command });
            return;
        }
        self.command_now(now, asker, room, actor, command);
        self.catch_up(now);
    }

    fn command_now(
        &mut self,
        now: Now,
        asker: Option<ConnId>,
        room: RoomId,
        actor: Actor,
        command: Command,
    ) {
        let Some(hosted) = self.rooms.get_mut(&room) else { return };
        let crowded = hosted.timeline.waiting() >= self.config.limits.waiting_commands as usize;
        // Nobody could be told that leaving or ending a stream failed.
        let ends = matches!(command, Command::Leave | Command::Unpublish(_));
        if crowded && matches!(actor, Actor::Member(_)) && !ends {
            self.counts.store_refusals_total += 1;
            self.refused(now, asker, room, &command, &Refusal::StoreUnavailable);
            return;
        }
        match hosted.timeline.submit(now, asker, actor.clone(), command.clone()) {
            Ok(due) => self.due(now, room, due),
            Err(refusal) => {
                if let (Some(decisions), Some(hosted)) =
                    (&mut self.decisions, self.rooms.get(&room))
                {
                    decisions.push(Decision::Refused {
                        room: Box::new(hosted.timeline.head().clone()),
                        actor,
                        command: command.clone(),
                        refusal: refusal.clone(),
                    });
                }
                self.refused(now, asker, room, &command, &refusal);
            }
        }
    }

    fn due(&mut self, now: Now, room: RoomId, due: Due) {
        if !due.background.is_empty() {
            self.store(StoreOp::Commit(due.background));
        }
        if let Some(writes) = due.commit {
            let id = self.store(StoreOp::Commit(writes));
            self.flights.insert(id, room);
        }
        self.telling = true;
        while let Some(step) = self.rooms.get_mut(&room).and_then(|h| h.timeline.next_visible()) {
            self.publish(now, room, &step);
        }
        for undone in due.refuse {
            self.refused(now, undone.asker, room, &undone.command, &undone.refusal);
        }
        self.telling = false;
        self.arm_room(room);
    }

    /// Does what was asked while events were being told.
    fn catch_up(&mut self, now: Now) {
        while let Some(Queued { asker, room, actor, command }) = self.queued.pop_front() {
            self.command_now(now, asker, room, actor, command);
        }
    }

    /// Shows everybody what happened.
    fn publish(&mut self, now: Now, room: RoomId, step: &Step) {
        self.decided(|| Decision::Shown {
            room,
            actor: step.actor.clone(),
            command: step.command.clone(),
            events: step.events.clone(),
        });
        for event in &step.events {
            self.counts.events_total += 1;
            let Some(hosted) = self.rooms.get_mut(&room) else { return };
            if let (Happening::Joined(member), Some(conn)) = (&event.what, step.asker) {
                hosted.connections.insert(member.id.clone(), conn);
                hosted.idle_since = None;
            }
            let audience: Vec<ConnId> = hosted.connections.values().copied().collect();
            for conn in audience {
                self.tell(conn, room, event);
            }
            self.with_media(now, room, |media, means, room| media.event(means, room, event));
            if let Happening::Left { member, .. } = &event.what {
                self.part(now, room, &member.id);
            }
        }
    }

    /// Tells one session of an event. It only speaks: what it would ask in
    /// return, nothing, is not looked for.
    fn tell(&mut self, conn: ConnId, room: RoomId, event: &parlour_room::Event) {
        let (Some(client), Some(hosted)) = (self.clients.get_mut(&conn), self.rooms.get(&room))
        else {
            return;
        };
        client.session.event(&self.config.galene, hosted.timeline.published(), event);
        while let Some(output) = client.session.poll() {
            match output {
                galene::Output::Send(text) => self.out.push_back(Output::Send { conn, text }),
                galene::Output::Close { code, reason } => {
                    self.out.push_back(Output::Close { conn, code, reason });
                }
                galene::Output::Ask(ask) => unreachable!("an event made a session ask {ask:?}"),
            }
        }
        if client.session.is_ready() {
            self.ready.push_back(conn);
        }
    }

    fn part(&mut self, now: Now, room: RoomId, member: &MemberId) {
        let Some(hosted) = self.rooms.get_mut(&room) else { return };
        if let Some(conn) = hosted.connections.remove(member)
            && let Some(client) = self.clients.get_mut(&conn)
        {
            client.place = None;
        }
        if hosted.connections.is_empty() {
            hosted.idle_since = Some(now.mono);
        }
    }

    fn refused(
        &mut self,
        now: Now,
        asker: Option<ConnId>,
        room: RoomId,
        command: &Command,
        refusal: &Refusal,
    ) {
        self.counts.refusals_total += 1;
        if *refusal == Refusal::StoreUnavailable {
            self.counts.store_refusals_total += 1;
        }
        let Some(conn) = asker else { return };
        match command {
            Command::Join(_) => {
                if let Some(client) = self.clients.get_mut(&conn) {
                    client.place = None;
                }
                let failure = EntryFailure::Refused(refusal.clone());
                self.with_session(now, conn, |session, _| session.entry_failed(&failure));
            }
            Command::Publish { stream, replaces, .. } => {
                self.with_media(now, room, |media, means, _| media.unprepare(means, stream));
                self.publish_refused(now, conn, stream, replaces.clone(), refusal);
            }
            other => self.with_session(now, conn, |session, _| session.refused(other, refusal)),
        }
    }

    // Streams.

    #[expect(clippy::too_many_arguments, reason = "the parts of one message")]
    fn offer(
        &mut self,
        now: Now,
        conn: ConnId,
        place: &Place,
        stream: StreamId,
        label: String,
        replaces: Option<StreamId>,
        sdp: &str,
    ) {
        let Place { room, member } = place;
        let Some(hosted) = self.rooms.get(room) else { return };
        let head = hosted.timeline.head();
        let existing = head.stream(&stream).map(|s| s.owner == *member);
        let may = head
            .member(member)
            .is_some_and(|m| m.permissions.has(parlour_base::Permission::Present));
        let refusal = match existing {
            _ if !may => Some(Refusal::NotAuthorised),
            Some(false) => Some(Refusal::StreamExists),
            _ => None,
        };
        if let Some(refusal) = refusal {
            self.publish_refused(now, conn, &stream, replaces, &refusal);
            return;
        }
        let known = existing == Some(true) && hosted.media.knows_up(&stream);
        let mut outcome = Ok(());
        self.with_media(now, *room, |media, means, head| {
            outcome = if known {
                media.renegotiate(means, head, member, &stream, sdp)
            } else {
                media.prepare(means, head, &stream, sdp)
            };
        });
        match outcome {
            Ok(()) if known => {}
            Ok(()) => {
                let command = Command::Publish { stream, label, replaces };
                self.command(now, Some(conn), *room, Actor::Member(member.clone()), command);
            }
            Err(fault) => {
                self.abandon(now, place, replaces);
                self.with_session(now, conn, |session, _| {
                    session.stream(StreamNote::Abort(stream.clone()));
                    session.error(&fault.to_string());
                });
                if known {
                    self.command(now, None, *room, Actor::House, Command::Unpublish(stream));
                }
            }
        }
    }

    fn publish_refused(
        &mut self,
        now: Now,
        conn: ConnId,
        stream: &StreamId,
        replaces: Option<StreamId>,
        refusal: &Refusal,
    ) {
        let Some(Place { room, member }) = self.place(conn) else { return };
        self.abandon(now, &Place { room, member }, replaces);
        self.with_session(now, conn, |session, _| {
            session.stream(StreamNote::Abort(stream.clone()));
            session.error(&refusal.to_string());
        });
    }

    /// Ends the stream that a refused one was to replace: its publisher has
    /// closed it already and will not say so.
    fn abandon(&mut self, now: Now, place: &Place, replaced: Option<StreamId>) {
        if let Some(old) = replaced {
            let actor = Actor::Member(place.member.clone());
            self.command(now, None, place.room, actor, Command::Unpublish(old));
        }
    }

    fn notice(&mut self, now: Now, notice: &Notice) {
        let peer = match notice {
            Notice::Connected(peer) | Notice::Live { peer, .. } | Notice::Lost(peer, _) => *peer,
            _ => return,
        };
        let Some(room) = self.peers.get(&peer).copied() else { return };
        self.with_media(now, room, |media, means, room| {
            media.notice(means, now.mono, room, notice);
        });
    }

    /// Lets the media side of a room do something and carries out what follows.
    fn with_media(
        &mut self,
        now: Now,
        room: RoomId,
        happen: impl FnOnce(&mut RoomMedia, &mut Means<'_>, &Room),
    ) {
        let Some(hosted) = self.rooms.get_mut(&room) else { return };
        let mut effects = Vec::new();
        let mut means = Means {
            media: &self.config.media,
            entropy: &mut self.entropy,
            next_peer: &mut self.next_peer,
            effects: &mut effects,
        };
        happen(&mut hosted.media, &mut means, hosted.timeline.published());
        let worker = hosted.media.worker();
        for effect in effects {
            self.effect(now, room, worker, effect);
        }
        let lost = self.rooms.get(&room);
        let lost = lost.and_then(|h| h.media.deadline(self.config.limits.lost_stream.0));
        self.arm(lost, Timer::Room(room));
    }

    fn effect(&mut self, now: Now, room: RoomId, worker: WorkerIndex, effect: Effect) {
        match effect {
            Effect::Announce(stream, tracks) => {
                let command = Command::Announce { stream, tracks };
                self.command(now, None, room, Actor::House, command);
            }
            Effect::Disown(peer) => {
                self.peers.remove(&peer);
            }
            Effect::End(stream) => {
                self.command(now, None, room, Actor::House, Command::Unpublish(stream));
            }
            Effect::Order(command) => self.out.push_back(Output::Media(worker, command)),
            Effect::Own(peer) => {
                self.peers.insert(peer, room);
            }
            Effect::Tell(member, note) => {
                let conn = self.rooms.get(&room).and_then(|h| h.connections.get(&member).copied());
                if let Some(conn) = conn {
                    self.with_session(now, conn, |session, _| session.stream(note));
                }
            }
        }
    }

    // The store.

    pub(crate) fn store(&mut self, op: StoreOp) -> StoreId {
        self.next_store += 1;
        let id = StoreId(self.next_store);
        self.out.push_back(Output::Store(StoreRequest { id, op }));
        id
    }

    /// Writes what nobody waits for.
    pub(crate) fn store_quietly(&mut self, write: Write) {
        self.store(StoreOp::Commit(vec![write]));
    }

    fn stored(&mut self, now: Now, reply: StoreReply) {
        let Some(room) = self.flights.remove(&reply.id) else {
            if !self.invitation_stored(now, &reply) {
                self.entry_stored(now, reply);
            }
            return;
        };
        match reply.result {
            Ok(StoreDone::Committed) => {
                let due = self.rooms.get_mut(&room).map(|h| h.timeline.committed(now.mono));
                self.due(now, room, due.unwrap_or_default());
                self.catch_up(now);
            }
            Err(StoreFault::Fenced) => {
                self.flight_failed(now, room);
                let message = "this group moved to another server".to_owned();
                self.command(now, None, room, Actor::House, Command::Disband { message });
                self.forget_room(now, room);
            }
            Ok(_) | Err(_) => self.flight_failed(now, room),
        }
    }

    fn flight_failed(&mut self, now: Now, room: RoomId) {
        let due = self.rooms.get_mut(&room).map(|hosted| hosted.timeline.failed(now));
        self.due(now, room, due.unwrap_or_default());
        self.catch_up(now);
    }

    /// Takes a room into memory.
    pub(crate) fn host(&mut self, now: Now, room: Room) {
        let worker = WorkerIndex(self.next_worker);
        self.next_worker = (self.next_worker + 1) % self.config.media.workers.max(1);
        let id = room.id();
        self.decided(|| Decision::Hosted(Box::new(room.clone())));
        self.rooms.insert(
            id,
            Hosted {
                timeline: Timeline::new(room),
                connections: BTreeMap::new(),
                media: RoomMedia::new(worker),
                access: None,
                idle_since: Some(now.mono),
            },
        );
        self.arm_room(id);
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
            waiting_commands: count(rooms().map(|h| h.timeline.waiting()).sum()),
            ..self.counts
        }
    }
}
