//! The generator's loop: every peer, every socket, one thread.
//!
//! Owns the peers of all clients and keeps their schedules. Refuses to know
//! what is measured: whoever drives it looks at its tally between two runs.

use crate::clock::{instant, now_ns};
use crate::keys;
use crate::network::Network;
use crate::peer::{Common, DATAGRAM_BYTES_MAX, Down, Peer, Role, Shared};
use crate::shape::{Media, Schedule, Shape};
use crate::signal::{Heard, PATIENCE, Signalling, client_id};
use crate::tally::Tally;
use anyhow::{Context as _, Result, bail};
use parlour_impair::{Counts, Preset};
use parlour_wire::galene::ClientMessage;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Sockets that are looked at in one turn.
const READY_MAX: usize = 256;

/// Datagrams read from one socket in one turn, so that none starves the rest.
const READ_MAX: usize = 64;

/// Longest sleep, so that messages of the server are heard soon.
const SLEEP_MAX: Duration = Duration::from_millis(5);

/// Who takes part and what is sent.
#[derive(Debug, Clone, Copy)]
pub struct Cast {
    /// Clients that publish; they come first.
    pub publishers: usize,
    /// Clients in all.
    pub clients: usize,
    /// Whether publishers receive each other too.
    pub mutual: bool,
    /// What each publisher sends.
    pub media: Media,
    /// How.
    pub shape: Shape,
    /// Seed of the schedules, and of the network's luck.
    pub seed: u64,
    /// The network between all of them and the server.
    pub impair: Option<Preset>,
}

impl Cast {
    /// How many receiving transports there will be.
    #[must_use]
    pub fn receivers(&self) -> usize {
        self.listeners().map(|client| self.streams_for(client)).sum()
    }

    /// The clients that receive.
    #[must_use]
    pub const fn listeners(&self) -> Range<usize> {
        if self.mutual { 0..self.clients } else { self.publishers..self.clients }
    }

    /// How many streams one of them receives: its own it does not.
    const fn streams_for(&self, client: usize) -> usize {
        if client < self.publishers { self.publishers - 1 } else { self.publishers }
    }
}

/// All clients of a run and their peers.
#[allow(missing_debug_implementations, reason = "the system's events have none")]
pub struct Generator {
    cast: Cast,
    signalling: Signalling,
    peers: Vec<Peer>,
    by_stream: BTreeMap<(usize, String), usize>,
    common: Shared,
    epoll: OwnedFd,
    ready: Vec<epoll::Event>,
    buffer: Vec<u8>,
    /// Since when publishers send; `None` while they do not.
    base_ns: Option<u64>,
    joined: usize,
    /// What is counted.
    pub tally: Tally,
}

impl Generator {
    /// Connects the clients; they join while the loop runs.
    ///
    /// # Errors
    /// If the system refuses something.
    pub fn start(cast: Cast, url: &str, group: &str, server: SocketAddr) -> Result<Self> {
        let probe = UdpSocket::bind(if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
        probe.connect(server)?;
        let certificate = keys::certificate().context("no certificate")?;
        let network = cast.impair.map(|preset| Network::new(preset, cast.seed, instant()));
        let common = Arc::new(Common { ip: probe.local_addr()?.ip(), certificate, network });
        Ok(Self {
            cast,
            signalling: Signalling::start(url, group, cast.clients)?,
            peers: Vec::new(),
            by_stream: BTreeMap::new(),
            common,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            ready: Vec::with_capacity(READY_MAX),
            buffer: vec![0; DATAGRAM_BYTES_MAX],
            base_ns: None,
            joined: 0,
            tally: Tally::new(true),
        })
    }

    /// Waits until every client has joined.
    ///
    /// # Errors
    /// If one cannot.
    pub fn join(&mut self) -> Result<()> {
        self.run_until("all clients join", |it| it.joined == it.cast.clients)
    }

    /// Publishes all streams and waits until their transports are connected.
    ///
    /// # Errors
    /// If one does not connect.
    pub fn publish(&mut self) -> Result<()> {
        for client in 0..self.cast.publishers {
            let stream = format!("stream-{client}");
            let schedule = self.schedule(client);
            let media = self.cast.media;
            let (peer, sdp) =
                Peer::publisher(&self.common, client, stream.clone(), media, schedule, instant())?;
            self.add(peer)?;
            self.signalling.offer(client, &stream, sdp)?;
        }
        self.run_until("all streams are accepted and connected", |it| {
            it.peers.iter().all(|peer| peer.connected)
        })
    }

    /// Lets these clients ask for all streams and waits until their transports
    /// are connected; how many those are.
    ///
    /// # Errors
    /// If one does not connect.
    pub fn subscribe(&mut self, clients: Range<usize>) -> Result<usize> {
        let more = clients.clone().map(|client| self.cast.streams_for(client)).sum();
        for client in clients {
            self.signalling.request_all(client)?;
        }
        let all = self.peers.len() + more;
        self.run_until("all receivers are offered their streams and connected", |it| {
            it.peers.len() == all && it.peers.iter().all(|peer| peer.connected)
        })?;
        Ok(more)
    }

    fn schedule(&self, client: usize) -> Schedule {
        let index = u64::try_from(client).unwrap_or(u64::MAX);
        Schedule::new(self.cast.shape, self.cast.media, self.cast.seed, index)
    }

    /// Publishers begin their schedules anew, with a key frame.
    pub fn start_media(&mut self) {
        for at in 0..self.peers.len() {
            let client = self.peers.get(at).map_or(0, |peer| peer.client);
            let schedule = self.schedule(client);
            if let Some(Role::Up(up)) = self.peers.get_mut(at).map(|peer| &mut peer.role) {
                up.schedule = schedule;
            }
        }
        self.base_ns = Some(now_ns());
    }

    /// Publishers say nothing any more.
    pub const fn stop_media(&mut self) {
        self.base_ns = None;
    }

    /// The receiving peers.
    pub(crate) fn receivers(&self) -> impl Iterator<Item = (&Peer, &Down)> {
        self.peers.iter().filter_map(|peer| match &peer.role {
            Role::Down(down) => Some((peer, down)),
            Role::Up(_) => None,
        })
    }

    /// RTP datagrams and authentic RTP packets at all receivers so far.
    #[must_use]
    pub fn arrivals(&self) -> (u64, u64) {
        self.receivers().fold((0, 0), |(datagrams, packets), (_, down)| {
            (datagrams + down.datagrams, packets + down.packets)
        })
    }

    /// What the network did so far to all, up and down.
    #[must_use]
    pub fn network(&self) -> Option<[Counts; 2]> {
        self.common.network.as_ref()?;
        let mut sums = [Counts::default(); 2];
        for counts in self.peers.iter().filter_map(Peer::network) {
            sums.iter_mut().zip(&counts).for_each(|(sum, counts)| sum.merge(counts));
        }
        Some(sums)
    }

    /// How often a peer's datagrams began to come from another port.
    #[must_use]
    pub fn rebinds(&self) -> u64 {
        self.peers.iter().map(|peer| peer.rebinds).sum()
    }

    /// Packets with pictures of the tally's span that receivers should have
    /// got.
    #[must_use]
    pub fn expected_video(&self) -> u64 {
        self.receivers().map(|(_, down)| self.tally.video_sent_by(down.publisher)).sum()
    }

    /// Packets of the tally's span that receivers should have got.
    #[must_use]
    pub fn expected(&self) -> u64 {
        self.receivers().map(|(_, down)| self.tally.sent_by(down.publisher)).sum()
    }

    /// Runs for a time.
    ///
    /// # Errors
    /// If the server or a peer fails.
    pub fn run(&mut self, time: Duration) -> Result<()> {
        let end = instant() + time;
        while instant() < end {
            self.turn(end)?;
        }
        Ok(())
    }

    /// Runs until something is so.
    ///
    /// # Errors
    /// If it does not come to be, or something fails.
    pub fn run_until(&mut self, what: &str, done: impl Fn(&Self) -> bool) -> Result<()> {
        let end = instant() + PATIENCE;
        while !done(self) {
            if instant() >= end {
                let connected = self.peers.iter().filter(|peer| peer.connected).count();
                bail!(
                    "waited in vain: {what} ({} joined, {connected} of {} peers connected)",
                    self.joined,
                    self.peers.len()
                );
            }
            self.turn(end)?;
        }
        Ok(())
    }

    fn add(&mut self, peer: Peer) -> Result<usize> {
        let at = self.peers.len();
        watch(&self.epoll, &peer, at)?;
        self.by_stream.insert((peer.client, peer.stream.clone()), at);
        self.peers.push(peer);
        Ok(at)
    }

    fn turn(&mut self, end: Instant) -> Result<()> {
        self.sleep(end)?;
        let ready = std::mem::take(&mut self.ready);
        for event in &ready {
            self.read(usize::try_from(event.data.u64())?)?;
        }
        self.ready = ready;
        while let Some((client, heard)) = self.signalling.next() {
            self.hear(client, heard)?;
        }
        self.send_due();
        let now = instant();
        for (at, peer) in self.peers.iter_mut().enumerate() {
            if peer.due() <= now {
                peer.tick(now, &mut self.tally)?;
            }
            if std::mem::take(&mut peer.moved) {
                watch(&self.epoll, peer, at)?;
            }
        }
        Ok(())
    }

    /// Waits for a datagram or the next thing to do.
    fn sleep(&mut self, end: Instant) -> Result<()> {
        let now = instant();
        let mut longest = end.saturating_duration_since(now).min(SLEEP_MAX);
        for peer in &mut self.peers {
            longest = longest.min(peer.due().saturating_duration_since(now));
            if let (Some(base), Role::Up(up)) = (self.base_ns, &mut peer.role)
                && let Some(planned) = up.schedule.peek()
            {
                let due = base + planned.at_us * 1_000;
                longest = longest.min(Duration::from_nanos(due.saturating_sub(now_ns())));
            }
        }
        self.ready.clear();
        let timeout = Timespec::try_from(longest)?;
        let room = rustix::buffer::spare_capacity(&mut self.ready);
        match epoll::wait(&self.epoll, room, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn read(&mut self, at: usize) -> Result<()> {
        let Some(peer) = self.peers.get_mut(at) else { return Ok(()) };
        for _ in 0..READ_MAX {
            match peer.socket.recv_from(&mut self.buffer) {
                Ok((length, from)) => {
                    let bytes = self.buffer.get(..length).unwrap_or(&[]);
                    peer.receive(from, bytes, instant(), &mut self.tally)?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // The server is gone; that will show elsewhere.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn send_due(&mut self) {
        let Some(base) = self.base_ns else { return };
        for peer in &mut self.peers {
            while let Role::Up(up) = &mut peer.role {
                let now = now_ns();
                let due = |at_us: u64| base + at_us * 1_000;
                let planned = up.schedule.peek().filter(|planned| due(planned.at_us) <= now);
                let Some(planned) = planned else { break };
                up.schedule.advance(&planned);
                peer.send(&planned, base, now, instant());
                self.tally.sent(peer.client, planned.kind, now, due(planned.at_us));
            }
        }
    }

    fn hear(&mut self, client: usize, heard: Heard) -> Result<()> {
        let now = instant();
        match heard {
            Heard::Joined => self.joined += 1,
            Heard::Trouble(text) => bail!("client {client}: {text}"),
            Heard::Answer { id, sdp } => {
                if let Some(at) = self.by_stream.get(&(client, id))
                    && let Some(peer) = self.peers.get_mut(*at)
                {
                    peer.accept(&sdp, now)?;
                }
            }
            Heard::Candidate { id, candidate } => {
                if let Some(at) = self.by_stream.get(&(client, id))
                    && let Some(peer) = self.peers.get_mut(*at)
                {
                    peer.candidate(&candidate, now);
                }
            }
            Heard::Offer { id, source, sdp } => {
                let known = self.by_stream.get(&(client, id.clone())).copied();
                let sdp = match known.and_then(|at| self.peers.get_mut(at)) {
                    Some(peer) => peer.renegotiate(&sdp)?,
                    None => {
                        let mut all = 0..self.cast.publishers;
                        let publisher = all.find(|index| client_id(*index) == source);
                        let publisher = publisher.context("a stream of a stranger")?;
                        let who = (client, id.clone());
                        let (peer, answer) =
                            Peer::receiver(&self.common, who, publisher, &sdp, now)?;
                        self.add(peer)?;
                        answer
                    }
                };
                self.signalling.say(client, ClientMessage::Answer { id, sdp })?;
            }
        }
        Ok(())
    }
}

/// Listens to the socket of peer number `at`. A socket that is closed is
/// forgotten by itself.
fn watch(epoll: &OwnedFd, peer: &Peer, at: usize) -> Result<()> {
    let data = epoll::EventData::new_u64(u64::try_from(at)?);
    Ok(epoll::add(epoll, &peer.socket, data, epoll::EventFlags::IN)?)
}
