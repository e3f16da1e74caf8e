//! The shipped media workers in the world: their commands and notices, the
//! datagrams between them and the transports of the clients, and what may be
//! sent to whom.

mod air;
mod content;
mod handshake;
mod phone;
mod sink;
mod source;
mod stun;

use crate::dice::{Dice, MS, SEC};
use crate::fault::{Swarm, Tally};
use crate::sdp::{self, Credentials, Shape};
use air::Air;
use handshake::{CERTIFICATES, Papers, WAVE, WAVE_BACK};
use parlour_base::{Entropy, Mono, Span};
use parlour_impair::Way;
use parlour_sfu::plan::{Command, Notice, PeerId, WorkerIndex};
use parlour_sfu::{Config, Identity, Input, Output, Worker};
use parlour_wire::rtp::{Datagram, demux};
use parlour_wire::sdp::Description;
use phone::{Phone, Role};
use sink::Sink;
use source::Source;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

pub(crate) use air::DARK_MAX;

/// How many workers there are; the node is configured alike.
pub(crate) const WORKERS: u8 = 2;
/// Where the workers are.
const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// What is on its way to somebody who was just sent away.
const UNDER_WAY: u64 = 100 * MS;
/// Longest silence of a working stream, at the pace of the end.
const QUIET: u64 = 4 * SEC;

/// How much clients send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// With pauses in what is said.
    Turbulent,
    /// As little as may be.
    Slow,
    /// Without pauses.
    Steady,
}

/// What was seen at the clients, to know that there was something to see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Packets that subscribers received and found right.
    pub received: u64,
    /// Packets that were missing and came.
    pub repaired: u64,
    /// Packets that publishers were asked for again.
    pub nacked: u64,
    /// Key frames that publishers were asked for.
    pub keyframes: u64,
    /// Key frames that subscribers asked for.
    pub asked: u64,
    /// Transports that came by their keys.
    pub connected: u64,
}

impl Seen {
    /// Adds another world's.
    pub const fn merge(&mut self, other: &Self) {
        self.received += other.received;
        self.repaired += other.repaired;
        self.nacked += other.nacked;
        self.keyframes += other.keyframes;
        self.asked += other.asked;
        self.connected += other.connected;
    }
}

/// What the transports of clients work with.
pub(crate) struct Means<'w> {
    pub out: &'w mut Vec<Vec<u8>>,
    pub dice: &'w mut Dice,
    pub seen: &'w mut Seen,
    pub secret: u64,
    pub pace: Pace,
    /// Keys come by DTLS.
    pub dtls: bool,
    /// The client's network delays little.
    pub prompt: bool,
    /// Faults ended a while ago.
    pub calm: bool,
}

/// A transport as the server sees it.
#[derive(Debug)]
struct Peer {
    worker: WorkerIndex,
    /// Which certificate it was promised, and the last one that was waved for.
    promised: [u8; 32],
    proven: Option<u32>,
    /// Whose it is, once the client has read of it.
    phone: Option<u32>,
    receives: bool,
    /// Since when the room allows nothing here.
    denied_since: Option<u64>,
}

/// A datagram on its way.
#[derive(Debug)]
struct Flight {
    /// The client's end.
    address: SocketAddr,
    way: Way,
    bytes: Vec<u8>,
}

/// All of it.
#[derive(Debug)]
pub(crate) struct Media {
    workers: Vec<Worker>,
    entropy: Entropy,
    dice: Dice,
    dtls: bool,
    secret: u64,
    peers: BTreeMap<PeerId, Peer>,
    ufrags: BTreeMap<String, PeerId>,
    /// The sources towards subscribers.
    ssrcs: BTreeMap<u32, PeerId>,
    phones: BTreeMap<u32, Phone>,
    named: BTreeMap<(usize, String), u32>,
    addresses: BTreeMap<SocketAddr, (u32, usize)>,
    air: Air,
    flights: BTreeMap<(u64, u64), Flight>,
    timers: BTreeSet<(u64, u32)>,
    made: u32,
    numbered: u64,
    pub notices: Vec<(WorkerIndex, Notice)>,
    /// Streams whose path is gone, as their clients see it: (client, stream,
    /// own stream).
    pub lost: Vec<(usize, String, bool)>,
    pub pace: Pace,
    pub calm: bool,
    pub seen: Seen,
    /// A digest of everything that arrived at clients.
    pub transcript: u64,
    out: Vec<Vec<u8>>,
}

fn config() -> Config {
    Config {
        consent: Span::secs(9),
        handshake: Span::secs(20),
        // Cameras of a simulated world make few pictures.
        layer_pause: Span::secs(8),
        ..Config::default()
    }
}

impl Media {
    pub(crate) fn new(
        clients: usize,
        dtls: bool,
        dice: &mut Dice,
        swarm: &Swarm,
        tally: &mut Tally,
    ) -> Self {
        let mut media = Self {
            workers: Vec::new(),
            entropy: dice.entropy(),
            dtls,
            secret: dice.between(0, u64::MAX),
            peers: BTreeMap::new(),
            ufrags: BTreeMap::new(),
            ssrcs: BTreeMap::new(),
            phones: BTreeMap::new(),
            named: BTreeMap::new(),
            addresses: BTreeMap::new(),
            air: Air::new(clients, dtls, dice, swarm, tally),
            dice: dice.fork(),
            flights: BTreeMap::new(),
            timers: BTreeSet::new(),
            made: 0,
            numbered: 0,
            notices: Vec::new(),
            lost: Vec::new(),
            pace: Pace::Turbulent,
            calm: false,
            seen: Seen::default(),
            transcript: 0,
            out: Vec::new(),
        };
        media.crash();
        media
    }

    /// The workers die with the node, and others take their places.
    pub(crate) fn crash(&mut self) {
        let identity: &Identity = &Papers::get().server;
        self.workers = (0..WORKERS)
            .map(|at| {
                let entropy = self.entropy.fork();
                Worker::new(config(), WorkerIndex(at), identity.clone(), entropy)
            })
            .collect();
        self.peers.clear();
        self.ufrags.clear();
        self.ssrcs.clear();
        self.notices.clear();
    }

    /// Keys come by DTLS.
    pub(crate) const fn is_dtls(&self) -> bool {
        self.dtls
    }

    /// How many transports the workers have.
    pub(crate) fn open(&self) -> usize {
        let stats = self.workers.iter().map(Worker::stats);
        let peers: u64 = stats.map(|stats| stats.up_peers + stats.down_peers).sum();
        usize::try_from(peers).unwrap_or(usize::MAX)
    }

    /// Packets that found no room on their way out.
    pub(crate) fn dropped(&self) -> u64 {
        self.workers.iter().map(|worker| worker.stats().dropped.outbox).sum()
    }

    /// When to call [`Media::advance`].
    pub(crate) fn deadline(&self) -> Option<u64> {
        let workers = self.workers.iter().filter_map(|worker| worker.deadline().map(|due| due.0));
        let flights = self.flights.first_key_value().map(|((at, _), _)| *at);
        let phones = self.timers.first().map(|(at, _)| *at);
        workers.chain(flights).chain(phones).min()
    }

    /// Does everything that is due.
    pub(crate) fn advance(&mut self, now: u64) -> Result<(), String> {
        while let Some(flight) = self.flights.first_entry().filter(|entry| entry.key().0 <= now) {
            let flight = flight.remove();
            match flight.way {
                Way::Up => self.reach_server(now, &flight)?,
                Way::Down => self.reach_client(now, &flight)?,
            }
        }
        for at in 0..self.workers.len() {
            if self.workers[at].deadline().is_some_and(|due| due.0 <= now) {
                self.workers[at].handle(Mono(now), Input::Tick);
                self.drain(now, at)?;
            }
        }
        while let Some((_, id)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.pop_first();
            self.tick(now, id);
        }
        Ok(())
    }

    // The server.

    /// Orders a worker.
    pub(crate) fn order(
        &mut self,
        now: u64,
        worker: WorkerIndex,
        command: Command,
    ) -> Result<(), String> {
        match &command {
            Command::Up { peer, local, remote, .. } => {
                let known = self.peer(*peer, worker, false);
                known.promised = remote.fingerprint.0;
                self.ufrags.insert(local.ufrag.clone(), *peer);
            }
            Command::Down { peer, source, local, sections } => {
                if !self.peers.contains_key(source) {
                    return Err(format!("{peer:?} is to be fed by {source:?}, which is not there"));
                }
                self.peer(*peer, worker, true);
                self.ufrags.insert(local.ufrag.clone(), *peer);
                for section in sections {
                    for ssrc in std::iter::once(section.ssrc).chain(section.rtx_ssrc) {
                        self.ssrcs.insert(ssrc, *peer);
                    }
                }
            }
            Command::Answered { peer, remote, .. } => match self.peers.get_mut(peer) {
                Some(known) => known.promised = remote.fingerprint.0,
                None => return Err(format!("an answer for {peer:?}, which is not there")),
            },
            Command::Close(peer) => {
                if self.peers.remove(peer).is_none() {
                    return Err(format!("{peer:?} is closed and was not open"));
                }
                self.ufrags.retain(|_, of| of != peer);
                self.ssrcs.retain(|_, of| of != peer);
            }
            other => return Err(format!("no worker knows {other:?}")),
        }
        if let Command::Up { local, .. } | Command::Down { local, .. } = &command {
            let of = |(id, phone): (&u32, &Phone)| {
                (phone.their_ufrag() == Some(local.ufrag.as_str())).then_some(*id)
            };
            let reader = self.phones.iter().find_map(of);
            reader.into_iter().for_each(|id| self.meet(id));
        }
        let at = usize::from(worker.0);
        self.workers[at].handle(Mono(now), Input::Command(command));
        self.drain(now, at)
    }

    fn peer(&mut self, peer: PeerId, worker: WorkerIndex, receives: bool) -> &mut Peer {
        self.peers.entry(peer).or_insert(Peer {
            worker,
            promised: [0; 32],
            proven: None,
            phone: None,
            receives,
            denied_since: None,
        })
    }

    /// Carries what a worker puts out.
    fn drain(&mut self, now: u64, at: usize) -> Result<(), String> {
        let mut sent = Vec::new();
        let mut forwarded = Vec::new();
        let mut learned = Vec::new();
        while let Some(output) = self.workers[at].poll() {
            match output {
                Output::Transmit { to, segment, bytes, .. } => {
                    let size = segment.unwrap_or(bytes.len()).max(1);
                    sent.extend(bytes.chunks(size).map(|bytes| (to, bytes.to_vec())));
                }
                Output::Notice(notice) => {
                    self.notices.push((WorkerIndex(u8::try_from(at).expect("few")), notice));
                }
                Output::Forward { worker, from, to, bytes } => {
                    forwarded.push((usize::from(worker.0), from, to, bytes.to_vec()));
                }
                Output::Claim { address, held } => learned.push((address, held)),
                other => return Err(format!("a worker wants {other:?}, which nobody knows")),
            }
        }
        for (to, bytes) in sent {
            self.send(now, to, bytes)?;
        }
        let worker = WorkerIndex(u8::try_from(at).expect("few workers"));
        for (address, held) in learned {
            for other in (0..self.workers.len()).filter(|other| *other != at) {
                let input = Input::Learned { worker, address, held };
                self.workers[other].handle(Mono(now), input);
                self.drain(now, other)?;
            }
        }
        for (other, from, to, bytes) in forwarded {
            if let Some(worker) = self.workers.get_mut(other) {
                worker.handle(Mono(now), Input::Foreign { from, to, bytes: &bytes });
                self.drain(now, other)?;
            }
        }
        Ok(())
    }

    /// The server sends a datagram.
    fn send(&mut self, now: u64, to: SocketAddr, bytes: Vec<u8>) -> Result<(), String> {
        let Some((_, client)) = self.addresses.get(&to).copied() else {
            return Err(format!("a datagram is sent to {to}, where nobody ever was"));
        };
        if demux(&bytes) == Datagram::Rtp {
            self.may_send(now, &bytes)?;
        }
        self.fly(now, client, to, Way::Down, bytes);
        Ok(())
    }

    /// Media goes only where the room says.
    fn may_send(&self, now: u64, bytes: &[u8]) -> Result<(), String> {
        let ssrc = bytes.get(8..12).and_then(|bytes| bytes.first_chunk());
        let ssrc = u32::from_be_bytes(*ssrc.ok_or("a short packet is sent")?);
        let Some(id) = self.ssrcs.get(&ssrc) else {
            return Err(format!("source {ssrc} is sent, which nobody ordered"));
        };
        match self.peers.get(id).and_then(|peer| peer.denied_since) {
            Some(since) if since + UNDER_WAY < now => {
                Err(format!("{id:?} is sent media, which the room ended at {} ms", since / MS))
            }
            _ => Ok(()),
        }
    }

    fn fly(&mut self, now: u64, client: usize, address: SocketAddr, way: Way, bytes: Vec<u8>) {
        for arrival in self.air.send(client, way, now, bytes.len()) {
            let mut bytes = bytes.clone();
            if let Some(flip) = arrival.flip {
                flip.apply(&mut bytes);
            }
            self.numbered += 1;
            let flight = Flight { address, way, bytes };
            self.flights.insert((arrival.at.0.max(now), self.numbered), flight);
        }
    }

    fn reach_server(&mut self, now: u64, flight: &Flight) -> Result<(), String> {
        if !self.dtls && flight.bytes.first() == Some(&WAVE) {
            return self.wave(now, flight);
        }
        // The kernel chooses a socket by the addresses.
        let at = usize::from(flight.address.port()) % self.workers.len();
        let to = Some(IpAddr::V4(SERVER));
        let input = Input::Datagram { from: flight.address, to, bytes: &flight.bytes };
        self.workers[at].handle(Mono(now), input);
        self.drain(now, at)
    }

    /// Somebody waves for keys, as others would begin a DTLS handshake.
    fn wave(&mut self, now: u64, flight: &Flight) -> Result<(), String> {
        let Some((certificate, ufrag)) = flight.bytes.get(1..).and_then(<[u8]>::split_first_chunk)
        else {
            return Ok(());
        };
        let certificate = u32::from_be_bytes(*certificate);
        let id = std::str::from_utf8(ufrag).ok().and_then(|ufrag| self.ufrags.get(ufrag));
        let Some(id) = id.copied() else { return Ok(()) };
        let Some(peer) = self.peers.get_mut(&id) else { return Ok(()) };
        if peer.promised != fingerprint(certificate) {
            return Ok(());
        }
        let first = peer.proven.replace(certificate) != Some(certificate);
        let at = usize::from(peer.worker.0);
        if first {
            let keys = handshake::waved(self.secret, certificate, id.0);
            if !self.workers[at].assume_keys(Mono(now), id, flight.address, &keys) {
                return Err(format!("no worker has {id:?}"));
            }
            self.seen.connected += 1;
            self.drain(now, at)?;
        }
        let answer = [&[WAVE_BACK][..], &certificate.to_be_bytes()].concat();
        self.send(now, flight.address, answer)
    }

    // The clients.

    fn reach_client(&mut self, now: u64, flight: &Flight) -> Result<(), String> {
        self.transcript =
            content::digest(self.transcript ^ now, &flight.bytes[..flight.bytes.len().min(8)]);
        let Some((id, _)) = self.addresses.get(&flight.address).copied() else { return Ok(()) };
        // A former address leads nowhere.
        let Some(phone) = self.phones.get_mut(&id).filter(|p| p.address == flight.address) else {
            return Ok(());
        };
        let peer = phone.their_ufrag().and_then(|ufrag| self.ufrags.get(ufrag));
        let waved = peer.filter(|_| phone.keys.is_none() && !self.dtls);
        let waved = waved.map(|peer| handshake::waved(self.secret, phone.certificate, peer.0));
        let mut means = Means {
            out: &mut self.out,
            dice: &mut self.dice,
            seen: &mut self.seen,
            secret: self.secret,
            pace: self.pace,
            dtls: self.dtls,
            prompt: self.air.is_prompt(phone.client),
            calm: self.calm,
        };
        let heard = phone.hear(now, &flight.bytes, waved.as_ref(), &mut means);
        let (client, stream) = (phone.client, phone.stream.clone());
        self.post(now, id);
        heard.map_err(|what| format!("client {client}, {stream}: {what}"))
    }

    fn tick(&mut self, now: u64, id: u32) {
        let Some(phone) = self.phones.get_mut(&id) else { return };
        phone.armed = u64::MAX;
        let mut means = Means {
            out: &mut self.out,
            dice: &mut self.dice,
            seen: &mut self.seen,
            secret: self.secret,
            pace: self.pace,
            dtls: self.dtls,
            prompt: self.air.is_prompt(phone.client),
            calm: self.calm,
        };
        if phone.tick(now, &mut means) {
            let own = matches!(phone.role, Role::Up(_));
            self.lost.push((phone.client, phone.stream.clone(), own));
        }
        self.post(now, id);
    }

    /// Sends what a transport put out, and notes when it is to be looked at.
    fn post(&mut self, now: u64, id: u32) {
        let out = std::mem::take(&mut self.out);
        let Some(phone) = self.phones.get_mut(&id) else { return };
        let (client, address) = (phone.client, phone.address);
        let due = phone.due().max(now + 1);
        if due < phone.armed {
            self.timers.remove(&(phone.armed, id));
            phone.armed = due;
            self.timers.insert((due, id));
        }
        for bytes in out {
            self.fly(now, client, address, Way::Up, bytes);
        }
    }

    fn number(&mut self) -> u32 {
        self.made += 1;
        self.made
    }

    fn make(&mut self, who: (usize, &str), stream: &str, role: Role) -> u32 {
        let number = self.number();
        let octets = u8::try_from(who.0 + 1).expect("few clients");
        let port = 10_000 + u16::try_from(number % 50_000).expect("fits");
        let address = SocketAddr::from((Ipv4Addr::new(10, 0, 0, octets), port));
        let certificate = number % CERTIFICATES;
        let ours = Credentials::numbered(number);
        let phone = Phone::new(who, stream, address, ours, role, certificate);
        self.close(who.0, stream);
        self.phones.insert(number, phone);
        self.named.insert((who.0, stream.to_owned()), number);
        self.addresses.insert(address, (number, who.0));
        number
    }

    /// The description with which a client offers a stream, once more if it
    /// has done so before.
    pub(crate) fn offer(
        &mut self,
        who: (usize, &str),
        stream: &str,
        shape: Shape,
        restart: bool,
        change: Change,
    ) -> String {
        let name = (who.0, stream.to_owned());
        let known = self.named.get(&name).copied();
        let id = match known {
            Some(id) => id,
            None => {
                let source = Source::new(stream, self.made, shape, &mut self.dice);
                self.make(who, stream, Role::Up(source))
            }
        };
        let number = self.number();
        let dtls = self.dtls;
        let Some(phone) = self.phones.get_mut(&id) else { return String::new() };
        phone.cheats |= change == Change::Cheat;
        if change == Change::Certificate {
            phone.recertify((phone.certificate + 1) % CERTIFICATES);
        }
        if let Role::Up(source) = &mut phone.role {
            source.reshape(shape, &mut self.dice);
        }
        let fresh = (known.is_some() && restart).then(|| Credentials::numbered(number));
        let credentials = fresh.clone().unwrap_or_else(|| phone.latest().clone());
        phone.pending.push_back(fresh);
        let Role::Up(source) = &phone.role else { return String::new() };
        let ssrcs = (0..2).map_while(|at| source.ssrcs(at)).collect();
        let fingerprint = paper(phone.certificate, dtls);
        sdp::offer(shape, &sdp::Side { credentials, fingerprint, ssrcs })
    }

    /// The server has answered an offer.
    pub(crate) fn answered(&mut self, now: u64, client: usize, stream: &str, answer: &Description) {
        let Some(id) = self.named.get(&(client, stream.to_owned())).copied() else { return };
        let nominates = self.dice.chance(800);
        let Some(phone) = self.phones.get_mut(&id) else { return };
        if let Some(Some(fresh)) = phone.pending.pop_front() {
            phone.ours = fresh;
        }
        phone.described(now, answer, nominates);
        self.meet(id);
        self.post(now, id);
    }

    /// A client's answer to an offer of the server.
    pub(crate) fn answer(
        &mut self,
        now: u64,
        who: (usize, &str),
        stream: &str,
        offer: (&str, &Description),
    ) -> String {
        let name = (who.0, stream.to_owned());
        let id = match self.named.get(&name).copied() {
            Some(id) => id,
            None => self.make(who, stream, Role::Down(Sink::new(stream))),
        };
        let number = self.number();
        let nominates = self.dice.chance(800);
        let Some(phone) = self.phones.get_mut(&id) else { return String::new() };
        let known = phone.their_ufrag().is_some();
        if phone.described(now, offer.1, nominates) && known {
            phone.ours = Credentials::numbered(number);
        }
        if let Role::Down(sink) = &mut phone.role {
            sink.described(now, offer.1);
        }
        let credentials = phone.ours.clone();
        let fingerprint = paper(phone.certificate, self.dtls);
        let side = sdp::Side { credentials, fingerprint, ssrcs: Vec::new() };
        self.meet(id);
        self.post(now, id);
        sdp::answer(offer.0, &side)
    }

    /// Notes which of the server's transports a client's one belongs to.
    fn meet(&mut self, id: u32) {
        let Some(phone) = self.phones.get(&id) else { return };
        let peer = phone.their_ufrag().and_then(|ufrag| self.ufrags.get(ufrag));
        if let Some(peer) = peer.and_then(|peer| self.peers.get_mut(peer)) {
            peer.phone = Some(id);
        }
    }

    /// A client has taken a transport down.
    pub(crate) fn close(&mut self, client: usize, stream: &str) {
        if let Some(id) = self.named.remove(&(client, stream.to_owned())) {
            if let Some(phone) = self.phones.get(&id) {
                self.timers.remove(&(phone.armed, id));
            }
            self.retire(id);
        }
    }

    /// Nothing is sent any more; who it was is still known.
    fn retire(&mut self, id: u32) {
        if let Some(phone) = self.phones.get_mut(&id) {
            phone.keys = None;
            phone.address.set_port(1);
        }
    }

    /// A client has lost its connection, and with it all streams.
    pub(crate) fn gone(&mut self, client: usize) {
        let first = (client, String::new());
        let streams: Vec<String> = self
            .named
            .range(first..)
            .take_while(|((of, _), _)| *of == client)
            .map(|((_, stream), _)| stream.clone())
            .collect();
        for stream in streams {
            self.close(client, &stream);
        }
    }

    // Trouble.

    /// Nothing gets through to a client for a while, or from it, or both.
    pub(crate) fn black_out(&mut self, client: usize, ways: &[Way], until: u64) {
        self.air.black_out(client, ways, until);
    }

    /// A client's datagrams come from other ports from now on.
    pub(crate) fn rebind(&mut self, client: usize) -> bool {
        let ids: Vec<u32> =
            self.named.iter().filter(|((of, _), _)| *of == client).map(|(_, id)| *id).collect();
        for id in &ids {
            let port = 10_000 + u16::try_from(self.number() % 50_000).expect("fits");
            if let Some(phone) = self.phones.get_mut(id) {
                phone.address.set_port(port);
                self.addresses.insert(phone.address, (*id, client));
            }
        }
        !ids.is_empty()
    }

    /// Faults end.
    pub(crate) fn heal(&mut self, now: u64) {
        self.air.heal(now);
    }

    /// From now on nothing gets lost for good.
    pub(crate) fn calm_down(&mut self) {
        self.calm = true;
        for phone in self.phones.values_mut() {
            if let Role::Down(sink) = &mut phone.role {
                sink.calm();
            }
        }
    }

    /// Counts what happened to datagrams.
    pub(crate) fn count(&self, tally: &mut Tally) {
        self.air.count(tally);
    }

    // What must hold.

    /// The rooms have changed: who may receive what. `allows` says whether a
    /// member receives a stream.
    pub(crate) fn review(&mut self, now: u64, allows: impl Fn(&str, &str) -> bool) {
        for peer in self.peers.values_mut().filter(|peer| peer.receives) {
            let phone = peer.phone.and_then(|id| self.phones.get(&id));
            let Some(phone) = phone else { continue };
            if allows(&phone.member, &phone.stream) {
                peer.denied_since = None;
            } else {
                peer.denied_since.get_or_insert(now);
            }
        }
    }

    /// Whether a client's own stream is on its way to the server.
    pub(crate) fn publishes(&self, now: u64, client: usize, stream: &str) -> bool {
        let id = self.named.get(&(client, stream.to_owned()));
        id.and_then(|id| self.phones.get(id)).is_some_and(|phone| phone.is_up(now))
    }

    /// A client receives a stream as it should.
    pub(crate) fn receives(&self, now: u64, client: usize, stream: &str) -> Result<(), String> {
        let id = self.named.get(&(client, stream.to_owned()));
        let Some(phone) = id.and_then(|id| self.phones.get(id)) else {
            return Err("it has no transport".to_owned());
        };
        if !phone.is_up(now) {
            return Err("its transport is not up".to_owned());
        }
        match &phone.role {
            Role::Down(sink) => sink.judge(now, QUIET),
            Role::Up(_) => Err("it publishes this itself".to_owned()),
        }
    }
}

/// Something unusual about an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    None,
    /// Another certificate than before.
    Certificate,
    /// Another certificate than it will show.
    Cheat,
}

impl Phone {
    /// The credentials that the next offer without a restart repeats.
    fn latest(&self) -> &Credentials {
        self.pending.iter().rev().flatten().next().unwrap_or(&self.ours)
    }
}

/// What a description says about a certificate that is only waved about.
fn fingerprint(certificate: u32) -> [u8; 32] {
    let mut bytes = [0xAB; 32];
    bytes[..4].copy_from_slice(&certificate.to_be_bytes());
    bytes
}

fn paper(certificate: u32, dtls: bool) -> [u8; 32] {
    match dtls {
        true => Papers::get().phones[certificate as usize].fingerprint().0,
        false => fingerprint(certificate),
    }
}
