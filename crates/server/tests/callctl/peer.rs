//! A peer with a microphone: str0m on a UDP socket of its own, which sends
//! sound that tells its number, and keeps what it receives.

use crate::support::PATIENCE;
use parlour_server::clock::Clock;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// The library's payload type for Opus.
const OPUS: u8 = 111;

/// How often it speaks.
const EVERY: Duration = Duration::from_millis(20);

/// What a packet says: text that no other test sends, and its number.
fn sound(number: u64) -> Vec<u8> {
    [&b"heard through the media part "[..], &number.to_be_bytes()].concat()
}

/// The number of a packet that says so.
fn number(payload: &[u8]) -> Option<u64> {
    let number = payload.strip_prefix(b"heard through the media part ")?;
    number.try_into().ok().map(u64::from_be_bytes)
}

/// One transport.
pub(crate) struct Peer {
    rtc: Box<Rtc>,
    socket: UdpSocket,
    local: SocketAddr,
    clock: Clock,
    due: Instant,
    mid: Option<Mid>,
    pending: Option<SdpPendingOffer>,
    said: u64,
    speaks_at: Instant,
    connected: bool,
    /// Numbers of what it has heard.
    pub(crate) heard: Vec<u64>,
}

impl Peer {
    async fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let local = socket.local_addr().unwrap();
        let clock = Clock::start();
        let now = clock.zero();
        let rtc =
            Rtc::builder().clear_codecs().enable_opus(true, false).set_rtp_mode(true).build(now);
        let mut rtc = Box::new(rtc);
        rtc.add_local_candidate(Candidate::host(local, "udp").unwrap()).unwrap();
        Self {
            rtc,
            socket,
            local,
            clock,
            due: now,
            mid: None,
            pending: None,
            said: 0,
            speaks_at: now,
            connected: false,
            heard: Vec::new(),
        }
    }

    fn now(&self) -> Instant {
        self.clock.zero() + self.clock.elapsed()
    }

    /// One that speaks, and its offer.
    pub(crate) async fn speaker() -> (Self, String) {
        let mut peer = Self::new().await;
        let mut changes = peer.rtc.sdp_api();
        let names = (Some("s".to_owned()), Some("a".to_owned()));
        peer.mid =
            Some(changes.add_media(MediaKind::Audio, Direction::SendOnly, names.0, names.1, None));
        let (offer, pending) = changes.apply().unwrap();
        peer.pending = Some(pending);
        (peer, offer.to_sdp_string())
    }

    /// The server has answered the offer.
    pub(crate) fn accept(&mut self, sdp: &str) {
        let answer = SdpAnswer::from_sdp_string(sdp).unwrap();
        self.rtc.sdp_api().accept_answer(self.pending.take().unwrap(), answer).unwrap();
    }

    /// One that listens to an offer of the server, and its answer.
    pub(crate) async fn listener(offer: &str) -> (Self, String) {
        let mut peer = Self::new().await;
        // The library would wait for the server, which waits for it.
        let offer = offer.replace("a=setup:actpass", "a=setup:passive");
        let offer = SdpOffer::from_sdp_string(&offer).unwrap();
        let answer = peer.rtc.sdp_api().accept_offer(offer).unwrap();
        (peer, answer.to_sdp_string())
    }

    fn speak(&mut self, now: Instant) {
        let Some(mid) = self.mid.filter(|_| self.connected && self.speaks_at <= now) else {
            return;
        };
        self.speaks_at = now + EVERY;
        self.said += 1;
        let time = u32::try_from(self.said * 960).unwrap();
        let packet =
            RtpWrite::new(OPUS.into(), (self.said + 100).into(), time, now, sound(self.said))
                .marker(self.said == 1)
                .ext_vals(ExtensionValues::default());
        self.rtc.direct_api().stream_tx_by_mid(mid, None).unwrap().write_rtp(packet);
    }

    /// Goes on for ever: what is due leaves, what arrives is taken in.
    pub(crate) async fn live(&mut self) {
        loop {
            self.turn().await;
        }
    }

    /// Goes on until it has heard so many packets.
    pub(crate) async fn hears(&mut self, count: usize) {
        let hearing = async {
            while self.heard.len() < count {
                self.turn().await;
            }
        };
        timeout(PATIENCE, hearing).await.expect("sound in time");
    }

    /// What is given up in the middle of a wait is lost for nobody.
    async fn turn(&mut self) {
        let now = self.now();
        if self.due <= now {
            self.rtc.handle_input(Input::Timeout(now)).unwrap();
        }
        self.speak(now);
        self.drain().await;
        let wait = self.due.min(self.speaks_at.max(now + EVERY)).saturating_duration_since(now);
        let mut bytes = [0; 2_048];
        let Ok(came) = timeout(wait, self.socket.recv_from(&mut bytes)).await else { return };
        // Who is no longer there is answered so by the system.
        let Ok((length, from)) = came else { return };
        let now = self.now();
        if let Ok(receive) = Receive::new(Protocol::Udp, from, self.local, &bytes[..length]) {
            self.rtc.handle_input(Input::Receive(now, receive)).unwrap();
        }
        self.drain().await;
    }

    async fn drain(&mut self) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(due) => {
                    self.due = due;
                    return;
                }
                Output::Transmit(transmit) => {
                    // A server that is gone hears nothing.
                    drop(self.socket.send_to(&transmit.contents, transmit.destination).await);
                }
                Output::Event(Event::Connected) => self.connected = true,
                Output::Event(Event::RtpPacket(packet)) => {
                    self.heard.extend(number(&packet.payload));
                }
                Output::Event(_) => {}
            }
        }
    }
}
