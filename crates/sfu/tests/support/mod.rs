//! A small world for tests: workers, browsers' stand-ins (str0m) and a network
//! between them, all on one clock that steps by a millisecond.
#![allow(dead_code, reason = "every test file uses another part of it")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod client;

#[allow(unused_imports, reason = "not every test looks into pictures")]
pub(crate) use client::{Client, VideoSource, audio, read_picture};

use parlour_base::{Entropy, Mono};
use parlour_sfu::negotiate::{self, Server, UpOffer, down_codec};
use parlour_sfu::plan::{
    CodecName, Command, DownSection, Fingerprint, IceCredentials, Notice, PeerId, WorkerIndex,
};
use parlour_sfu::{Config, Identity, Input, Output, Worker};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use str0m::bwe::{Bitrate, BweKind};
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::media::{Direction, MediaKind, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Rtc, RtcConfig};

/// One way through the network.
const DELAY_MS: u64 = 5;

pub(crate) fn server_address() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 8443))
}

#[derive(Debug)]
struct Flight {
    at: Mono,
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

pub(crate) struct World {
    pub(crate) base: Instant,
    pub(crate) now: Mono,
    pub(crate) identity: Identity,
    pub(crate) entropy: Entropy,
    pub(crate) workers: Vec<Worker>,
    pub(crate) clients: Vec<Client>,
    pub(crate) notices: Vec<Notice>,
    flights: Vec<Flight>,
    /// Percent lost, each way, once media flows.
    pub(crate) loss: u32,
    /// The worker that the network hands a datagram to; otherwise the right one.
    pub(crate) lands_at: Option<usize>,
    /// (segments, bytes) of every transmit.
    pub(crate) transmits: Vec<(usize, usize)>,
    /// Sent to addresses that no client has.
    pub(crate) strangers: Vec<(SocketAddr, usize)>,
    /// Put into descriptions instead of the true fingerprint.
    pub(crate) tamper: Option<Fingerprint>,
    /// Answers are kept in `held` instead of being given to the worker.
    pub(crate) hold_answers: bool,
    pub(crate) held: Vec<(usize, Command)>,
    /// Whatever this address sends is lost.
    pub(crate) silenced: Option<SocketAddr>,
    /// DTLS towards the worker is lost.
    pub(crate) no_dtls: bool,
    /// What this address sends takes so many milliseconds longer.
    pub(crate) late: Option<(SocketAddr, u64)>,
    /// Workers are too busy to look at the clock: datagrams come first.
    pub(crate) busy: bool,
    /// How many last flights of handshakes are still to be lost.
    pub(crate) swallowed_last_flights: u32,
    /// Whether to keep what the worker receives in `recorded`.
    pub(crate) record: bool,
    pub(crate) recorded: Vec<(SocketAddr, Vec<u8>)>,
    /// Every RTP packet sent, by receiver, source and number.
    numbers: BTreeMap<(SocketAddr, u32, u16), Vec<u8>>,
    sent: BTreeMap<SocketAddr, u64>,
    /// Times a worker was called because its deadline had come.
    pub(crate) ticks: u64,
    /// Publishers estimate what their way carries.
    pub(crate) estimates: bool,
    /// Publishers cut their handshakes into small pieces.
    pub(crate) small_datagrams: bool,
    next_peer: u64,
}

impl World {
    pub(crate) fn new(config: Config, workers: u8) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the libraries count from a real instant")]
        let base = Instant::now();
        let identity = Identity::generate(base).unwrap();
        let mut entropy = Entropy::from_seed([42; 32]);
        let workers = (0..workers)
            .map(|at| {
                let entropy = entropy.fork();
                Worker::new(config.clone(), WorkerIndex(at), identity.clone(), entropy)
            })
            .collect();
        Self {
            base,
            now: Mono(1_000_000),
            identity,
            entropy,
            workers,
            clients: Vec::new(),
            notices: Vec::new(),
            flights: Vec::new(),
            loss: 0,
            lands_at: None,
            transmits: Vec::new(),
            strangers: Vec::new(),
            tamper: None,
            hold_answers: false,
            held: Vec::new(),
            silenced: None,
            no_dtls: false,
            late: None,
            busy: false,
            swallowed_last_flights: 0,
            record: false,
            recorded: Vec::new(),
            numbers: BTreeMap::new(),
            sent: BTreeMap::new(),
            ticks: 0,
            estimates: false,
            small_datagrams: false,
            next_peer: 1,
        }
    }

    pub(crate) fn instant(&self) -> Instant {
        self.base + Duration::from_micros(self.now.0)
    }

    fn client(&mut self, config: RtcConfig, worker: usize) -> usize {
        let at = self.clients.len();
        let address = SocketAddr::from(([10, 0, 0, 1], 6_000 + at as u16));
        let mut rtc = config.set_rtp_mode(true).build(self.instant());
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        let peer = PeerId(self.next_peer);
        self.next_peer += 1;
        self.clients.push(Client {
            rtc,
            address,
            peer,
            worker,
            connected: false,
            received: Vec::new(),
            keyframes_asked: Vec::new(),
            sends: false,
            rids: Vec::new(),
            video: VideoSource { key_next: true, packets_per_frame: 6, ..VideoSource::default() },
            audio_number: 0,
            remote_updates: 0,
            next_timeout: self.instant(),
            sections: Vec::new(),
            mids: Vec::new(),
            estimate: 0,
        });
        at
    }

    pub(crate) fn credentials(&mut self, worker: usize) -> IceCredentials {
        IceCredentials::ours(WorkerIndex(worker as u8), &mut self.entropy)
    }

    /// A publisher of sound and picture; its position among the clients.
    pub(crate) fn publisher(&mut self, worker: usize, rids: &[&'static str]) -> usize {
        let config = match self.estimates {
            true => Rtc::builder().enable_bwe(Some(Bitrate::kbps(300))),
            false => Rtc::builder(),
        };
        let config = match self.small_datagrams {
            true => config.set_mtu(576..=580),
            false => config,
        };
        let at = self.client(config, worker);
        let client = &mut self.clients[at];
        client.sends = true;
        client.rtc.bwe().set_bitrate(Bitrate::kbps(100), Bitrate::mbps(3));
        client.rids = rids.to_vec();
        let simulcast = (!rids.is_empty()).then(|| Simulcast {
            send: rids.iter().map(|rid| SimulcastLayer::new(rid)).collect(),
            recv: Vec::new(),
        });
        let mut changes = client.rtc.sdp_api();
        let (stream, name) = (Some("s".to_owned()), |t: &str| Some(t.to_owned()));
        let (audio, video, send) = (MediaKind::Audio, MediaKind::Video, Direction::SendOnly);
        let mids = vec![
            (audio, changes.add_media(audio, send, stream.clone(), name("a"), None)),
            (video, changes.add_media(video, send, stream, name("v"), simulcast)),
        ];
        let (offer, pending) = changes.apply().unwrap();
        client.mids = mids;
        self.negotiate_up(at, &offer.to_sdp_string(), |rtc, answer| {
            rtc.sdp_api().accept_answer(pending, answer).unwrap();
        });
        at
    }

    fn negotiate_up(&mut self, at: usize, offer: &str, accept: impl FnOnce(&mut Rtc, SdpAnswer)) {
        let worker = self.clients[at].worker;
        let local = self.credentials(worker);
        let offer = UpOffer::read(offer).unwrap();
        let fingerprint = self.identity.fingerprint();
        let server = Server { fingerprint: &fingerprint, candidates: &[server_address()] };
        let answer = offer.answer(&local, &server, &[CodecName::Opus, CodecName::Vp8]).unwrap();
        let mut remote = offer.remote().clone();
        remote.fingerprint = self.tamper.unwrap_or(remote.fingerprint);
        let command = Command::Up {
            peer: self.clients[at].peer,
            local,
            remote,
            sections: answer.sections.clone(),
        };
        self.command(worker, command);
        let answer = SdpAnswer::from_sdp_string(&answer.sdp).unwrap();
        accept(&mut self.clients[at].rtc, answer);
    }

    /// An ICE restart by the publisher.
    pub(crate) fn restart(&mut self, at: usize) {
        let mut changes = self.clients[at].rtc.sdp_api();
        changes.ice_restart(true);
        let (offer, pending) = changes.apply().unwrap();
        self.negotiate_up(at, &offer.to_sdp_string(), |rtc, answer| {
            rtc.sdp_api().accept_answer(pending, answer).unwrap();
        });
    }

    /// The sections with which a publisher's offer was answered.
    pub(crate) fn down_sections(&self, seed: u32, low: bool, rtx: bool) -> Vec<DownSection> {
        let codec = |name| parlour_sfu::plan::Codec { name, fmtp: String::new() };
        let section = |mid: &str, kind, name, ssrc: u32, source_mid: &str| {
            let codec = codec(name);
            let (payload_type, rtx_payload_type) = down_codec(&codec);
            let rtx_payload_type = rtx_payload_type.filter(|_| rtx);
            DownSection {
                mid: mid.to_owned(),
                kind,
                source_mid: source_mid.to_owned(),
                codec,
                payload_type,
                rtx_payload_type,
                ssrc,
                rtx_ssrc: rtx_payload_type.map(|_| ssrc + 1),
                msid: ("s".to_owned(), format!("t{mid}")),
                active: true,
                low,
            }
        };
        use parlour_sfu::plan::Kind;
        vec![
            section("0", Kind::Audio, CodecName::Opus, seed * 100 + 10, ""),
            section("1", Kind::Video, CodecName::Vp8, seed * 100 + 20, ""),
        ]
    }

    /// A subscriber of a publisher; its position among the clients.
    pub(crate) fn subscriber(&mut self, source: usize, low: bool, rtx: bool) -> usize {
        let at = self.client(Rtc::builder(), self.clients[source].worker);
        let mut sections = self.down_sections(at as u32 + 1, low, rtx);
        let mids = self.mids(source);
        for (section, mid) in sections.iter_mut().zip(&mids) {
            section.source_mid.clone_from(mid);
        }
        self.subscribe(at, source, sections);
        at
    }

    /// The publisher's mids: sound, picture.
    pub(crate) fn mids(&self, source: usize) -> Vec<String> {
        self.clients[source].mids.iter().map(|(_, mid)| mid.to_string()).collect()
    }

    pub(crate) fn subscribe(&mut self, at: usize, source: usize, sections: Vec<DownSection>) {
        let worker = self.clients[at].worker;
        let local = self.credentials(worker);
        let fingerprint = self.identity.fingerprint();
        let server = Server { fingerprint: &fingerprint, candidates: &[server_address()] };
        let offer = negotiate::offer(1, &local, &server, "parlour", &sections);
        let (peer, source) = (self.clients[at].peer, self.clients[source].peer);
        self.command(worker, Command::Down { peer, source, local, sections: sections.clone() });
        let offer = offer.replace("a=setup:actpass", "a=setup:passive");
        let offer = SdpOffer::from_sdp_string(&offer).unwrap();
        let answer = self.clients[at].rtc.sdp_api().accept_offer(offer).unwrap();
        let (mut remote, accepted) =
            negotiate::read_answer(&answer.to_sdp_string(), &sections).unwrap();
        self.clients[at].sections = sections;
        remote.fingerprint = self.tamper.unwrap_or(remote.fingerprint);
        let command = Command::Answered { peer, remote, accepted };
        match self.hold_answers {
            true => self.held.push((worker, command)),
            false => self.command(worker, command),
        }
    }

    pub(crate) fn command(&mut self, worker: usize, command: Command) {
        self.handle(worker, Input::Command(command));
    }

    /// Gives one input to a worker and carries what comes out.
    pub(crate) fn handle(&mut self, worker: usize, input: Input<'_>) {
        self.workers[worker].handle(self.now, input);
        self.drain(worker);
    }

    fn drain(&mut self, worker: usize) {
        let mut between: VecDeque<(usize, SocketAddr, Option<IpAddr>, Vec<u8>)> = VecDeque::new();
        let mut learned = Vec::new();
        let others = self.workers.len();
        while let Some(output) = self.workers[worker].poll() {
            match output {
                Output::Transmit { to, from, segment, bytes } => {
                    assert_eq!(from, Some(server_address().ip()));
                    let size = segment.unwrap_or(bytes.len());
                    self.transmits.push((bytes.len().div_ceil(size), bytes.len()));
                    if !self.clients.iter().any(|client| client.address == to) {
                        self.strangers.push((to, bytes.len()));
                    }
                    *self.sent.entry(to).or_default() += bytes.len() as u64;
                    for bytes in bytes.chunks(size) {
                        note_number(&mut self.numbers, to, bytes);
                        let at = self.now + Duration::from_millis(DELAY_MS);
                        let bytes = bytes.to_vec();
                        self.flights.push(Flight { at, from: server_address(), to, bytes });
                    }
                }
                Output::Notice(notice) => self.notices.push(notice),
                Output::Forward { worker, from, to, bytes } => {
                    between.push_back((usize::from(worker.0), from, to, bytes.to_vec()));
                }
                Output::Claim { address, held } => learned.push((address, held)),
                _ => {}
            }
        }
        for (address, held) in learned {
            for other in (0..others).filter(|other| *other != worker) {
                let owner = WorkerIndex(worker as u8);
                self.handle(other, Input::Learned { worker: owner, address, held });
            }
        }
        for (to_worker, from, to, bytes) in between {
            if to_worker < others {
                self.handle(to_worker, Input::Foreign { from, to, bytes: &bytes });
            }
        }
    }

    /// Lets a worker receive a datagram now.
    pub(crate) fn inject(&mut self, worker: usize, from: SocketAddr, bytes: &[u8]) {
        let to = Some(server_address().ip());
        self.handle(worker, Input::Datagram { from, to, bytes });
    }

    /// Bytes sent to an address so far.
    pub(crate) fn sent_to(&self, address: SocketAddr) -> u64 {
        self.sent.get(&address).copied().unwrap_or(0)
    }

    fn lost(&mut self) -> bool {
        self.loss > 0 && self.entropy.below(100) < self.loss
    }

    /// One millisecond.
    pub(crate) fn step(&mut self) {
        self.now = self.now + Duration::from_millis(1);
        for at in 0..self.clients.len() {
            self.make_media(at);
        }
        let now = self.now;
        let due: Vec<Flight> = {
            let (due, rest) = self.flights.drain(..).partition(|flight| flight.at <= now);
            self.flights = rest;
            due
        };
        for flight in due {
            if self.record && flight.to == server_address() {
                self.recorded.push((flight.from, flight.bytes.clone()));
            }
            let dtls = matches!(flight.bytes.first(), Some(20..=63));
            let last_flight = flight.bytes.first() == Some(&20) && flight.from == server_address();
            let swallowed = self.silenced == Some(flight.from)
                || (self.no_dtls && dtls && flight.to == server_address())
                || (last_flight && self.swallowed_last_flights > 0);
            self.swallowed_last_flights -= u32::from(last_flight && swallowed);
            if swallowed || self.lost() {
                continue;
            }
            if flight.to == server_address() {
                let right = self.clients.iter().find(|client| client.address == flight.from);
                let right = right.map_or(0, |client| client.worker);
                self.inject(self.lands_at.unwrap_or(right), flight.from, &flight.bytes);
            } else {
                self.deliver(&flight);
            }
        }
        for worker in 0..self.workers.len() {
            if !self.busy && self.workers[worker].deadline().is_some_and(|due| due <= now) {
                self.ticks += 1;
                self.handle(worker, Input::Tick);
            }
        }
        for at in 0..self.clients.len() {
            self.poll(at);
        }
    }

    pub(crate) fn run(&mut self, ms: u64) {
        for _ in 0..ms {
            self.step();
        }
    }

    /// Runs until `done`, at most `ms`.
    pub(crate) fn run_until(&mut self, ms: u64, done: impl Fn(&Self) -> bool) -> bool {
        for _ in 0..ms {
            if done(self) {
                return true;
            }
            self.step();
        }
        done(self)
    }

    fn deliver(&mut self, flight: &Flight) {
        let now = self.instant();
        let Some(at) = self.clients.iter().position(|client| client.address == flight.to) else {
            return;
        };
        let client = &mut self.clients[at];
        let receive = Receive::new(Protocol::Udp, flight.from, flight.to, &flight.bytes).unwrap();
        let _fed = client.rtc.handle_input(str0m::Input::Receive(now, receive));
        self.poll(at);
    }

    fn poll(&mut self, at: usize) {
        let (now, mono) = (self.instant(), self.now);
        let client = &mut self.clients[at];
        let late = self.late.filter(|(address, _)| *address == client.address);
        let delay = Duration::from_millis(DELAY_MS + late.map_or(0, |(_, ms)| ms));
        if !client.rtc.is_alive() {
            return;
        }
        if client.next_timeout <= now {
            let _ticked = client.rtc.handle_input(str0m::Input::Timeout(now));
        }
        while let Ok(output) = client.rtc.poll_output() {
            match output {
                str0m::Output::Timeout(next) => {
                    client.next_timeout = next;
                    break;
                }
                str0m::Output::Transmit(transmit) => self.flights.push(Flight {
                    at: mono + delay,
                    from: client.address,
                    to: transmit.destination,
                    bytes: transmit.contents.to_vec(),
                }),
                str0m::Output::Event(event) => match event {
                    Event::Connected => client.connected = true,
                    Event::EgressBitrateEstimate(BweKind::Twcc { estimate, .. }) => {
                        client.estimate = estimate.as_u64();
                    }
                    Event::RtpPacket(packet) => client.received.push((mono.millis(), packet)),
                    Event::KeyframeRequest(request) => {
                        client.keyframes_asked.push(request.rid);
                        client.video.key_next = true;
                    }
                    _ => {}
                },
            }
        }
    }

    /// Sound every 20 ms, a picture every 33 ms.
    fn make_media(&mut self, at: usize) {
        let (now, ms) = (self.instant(), self.now.millis());
        let client = &mut self.clients[at];
        if !client.sends || !client.connected {
            return;
        }
        if ms.is_multiple_of(20) {
            let number = client.audio_number;
            client.audio_number += 1;
            client.write(0, None, number, (number * 960) as u32, now, true, &audio(number));
        }
        if ms.is_multiple_of(33) && !client.video.paused {
            client.make_frame(now, ms);
        }
    }

    pub(crate) fn connect(&mut self, clients: &[usize]) {
        let done = self.run_until(3_000, |world| {
            clients.iter().all(|at| {
                let client = &world.clients[*at];
                client.connected && world.notices.contains(&Notice::Connected(client.peer))
            })
        });
        assert!(done, "not connected: {:?} {:?}", self.notices, self.workers[0].stats());
    }
}

/// No source ever uses a number for two different packets: with AES-GCM that
/// would give the key away.
fn note_number(
    numbers: &mut BTreeMap<(SocketAddr, u32, u16), Vec<u8>>,
    to: SocketAddr,
    bytes: &[u8],
) {
    let rtp = matches!(bytes, [128..=191, second, ..] if !matches!(second & 0x7F, 64..=95));
    if !rtp {
        return;
    }
    let number = u16::from_be_bytes([bytes[2], bytes[3]]);
    let ssrc = u32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
    let before = numbers.entry((to, ssrc, number)).or_insert_with(|| bytes.to_vec());
    assert!(before == bytes, "{to} {ssrc} {number} was sent twice and differs");
}
