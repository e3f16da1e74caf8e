//! One transport of the generator: a str0m peer, its UDP socket, what it sends
//! or what it has received.

use crate::keys;
use crate::mark::{self, Mark, Picture};
use crate::network::{Carried, Network, Wire};
use crate::shape::{Kind, Media, Planned, Schedule};
use crate::tally::Tally;
use anyhow::{Context as _, Result};
use parlour_impair::{Counts, Way};
use parlour_sfu::srtp::Exported;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::bwe::Bitrate;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::crypto::dtls::DtlsCert;
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite, Ssrc};
use str0m::{Candidate, Event, Input, Output, Rtc};

/// Largest datagram that is read.
pub(crate) const DATAGRAM_BYTES_MAX: usize = 2_048;

/// How often a browser tells its estimate when it was offered `goog-remb`.
const REMB_EVERY: Duration = Duration::from_millis(270);

/// The estimate it tells.
const REMB_BITS: u64 = 5_000_000;

/// Payload types of the library's default configuration.
const OPUS: u8 = 111;
const VP8: u8 = 96;

/// A peer and what it is for.
#[derive(Debug)]
pub(crate) struct Peer {
    rtc: Rtc,
    pub(crate) socket: UdpSocket,
    pub(crate) local: SocketAddr,
    /// The client it belongs to.
    pub(crate) client: usize,
    pub(crate) stream: String,
    pub(crate) connected: bool,
    /// The keys of its DTLS handshake.
    pub(crate) exported: Option<Exported>,
    due: Instant,
    pub(crate) role: Role,
    /// The bad network that it is behind.
    wire: Option<Wire>,
    /// Its socket is a new one.
    pub(crate) moved: bool,
    pub(crate) rebinds: u64,
}

#[derive(Debug)]
pub(crate) enum Role {
    Up(Box<Up>),
    Down(Down),
}

/// What a publisher needs.
#[derive(Debug)]
pub(crate) struct Up {
    pending: Option<SdpPendingOffer>,
    mids: Vec<(Kind, Mid)>,
    pub(crate) schedule: Schedule,
    numbers: [u64; 2],
    frame: u16,
}

/// What a receiver has seen.
#[derive(Debug, Default)]
pub(crate) struct Down {
    /// The client whose stream it is.
    pub(crate) publisher: usize,
    /// RTP datagrams that came to its socket.
    pub(crate) datagrams: u64,
    /// RTP packets that were authentic.
    pub(crate) packets: u64,
    pub(crate) sources: Vec<Source>,
    remb_due: Option<Instant>,
}

/// One source at a receiver.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    pub(crate) ssrc: u32,
    pub(crate) payload_type: u8,
    pub(crate) kind: Kind,
    /// The highest extended sequence number so far.
    pub(crate) highest: u64,
    pub(crate) rtp_time: u32,
}

/// What every peer of a run shares.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) ip: IpAddr,
    pub(crate) certificate: DtlsCert,
    pub(crate) network: Option<Network>,
}

impl Common {
    fn rtc(&self, now: Instant) -> Result<(Rtc, UdpSocket, SocketAddr)> {
        let socket = bind(self.ip)?;
        let local = socket.local_addr()?;
        let mut rtc = Rtc::builder()
            .set_crypto_provider(keys::provider())
            .set_dtls_cert(self.certificate.clone())
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .set_rtp_mode(true)
            .build(now);
        rtc.add_local_candidate(Candidate::host(local, "udp")?).context("no candidate")?;
        Ok((rtc, socket, local))
    }
}

fn bind(ip: IpAddr) -> Result<UdpSocket> {
    let socket = UdpSocket::bind((ip, 0))?;
    socket.set_nonblocking(true)?;
    // The system may grant less.
    drop(socket2::SockRef::from(&socket).set_recv_buffer_size(1 << 20));
    Ok(socket)
}

impl Peer {
    /// A publisher and its offer.
    pub(crate) fn publisher(
        common: &Common,
        client: usize,
        stream: String,
        media: Media,
        schedule: Schedule,
        now: Instant,
    ) -> Result<(Self, String)> {
        let (mut rtc, socket, local) = common.rtc(now)?;
        let mut changes = rtc.sdp_api();
        let mut mids = Vec::new();
        for (wanted, kind, media) in [
            (media.audio, Kind::Audio, MediaKind::Audio),
            (media.video, Kind::Video, MediaKind::Video),
        ] {
            if wanted {
                let names = (Some(stream.clone()), Some(format!("{stream}-{media:?}")));
                let mid = changes.add_media(media, Direction::SendOnly, names.0, names.1, None);
                mids.push((kind, mid));
            }
        }
        let (offer, pending) = changes.apply().context("nothing to offer")?;
        let up = Up { pending: Some(pending), mids, schedule, numbers: [100; 2], frame: 0 };
        let wire = common.network.as_ref().map(|network| network.wire(now));
        let role = Role::Up(Box::new(up));
        let peer = Self::new((rtc, wire), socket, local, (client, stream), role, now);
        Ok((peer, offer.to_sdp_string()))
    }

    /// A receiver and its answer.
    pub(crate) fn receiver(
        common: &Common,
        (client, stream): (usize, String),
        publisher: usize,
        offer: &str,
        now: Instant,
    ) -> Result<(Self, String)> {
        let (mut rtc, socket, local) = common.rtc(now)?;
        let answer = answer(&mut rtc, offer)?;
        let down = Down { publisher, ..Down::default() };
        let wire = common.network.as_ref().map(|network| network.wire(now));
        let role = Role::Down(down);
        let peer = Self::new((rtc, wire), socket, local, (client, stream), role, now);
        Ok((peer, answer))
    }

    fn new(
        (rtc, wire): (Rtc, Option<Wire>),
        socket: UdpSocket,
        local: SocketAddr,
        (client, stream): (usize, String),
        role: Role,
        now: Instant,
    ) -> Self {
        let (connected, exported) = (false, None);
        let (due, moved, rebinds) = (now, false, 0);
        Self {
            rtc,
            socket,
            local,
            client,
            stream,
            connected,
            exported,
            due,
            role,
            wire,
            moved,
            rebinds,
        }
    }

    /// A later offer of the same stream.
    pub(crate) fn renegotiate(&mut self, offer: &str) -> Result<String> {
        answer(&mut self.rtc, offer)
    }

    /// The server's answer to a publisher.
    pub(crate) fn accept(&mut self, sdp: &str, now: Instant) -> Result<()> {
        self.due = now;
        let Role::Up(up) = &mut self.role else { return Ok(()) };
        let Some(pending) = up.pending.take() else { return Ok(()) };
        Ok(self.rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(sdp)?)?)
    }

    /// A candidate of the server that was not in its description. One that
    /// cannot be read is not used, as browsers do.
    pub(crate) fn candidate(&mut self, text: &str, now: Instant) {
        if let Ok(candidate) = Candidate::from_sdp_string(text) {
            self.rtc.add_remote_candidate(candidate);
            self.due = now;
        }
    }

    /// When its time comes.
    pub(crate) fn due(&self) -> Instant {
        let wire = self.wire.as_ref().and_then(Wire::due);
        wire.map_or(self.due, |wire| wire.min(self.due))
    }

    /// What its network did so far.
    pub(crate) fn network(&self) -> Option<[Counts; 2]> {
        self.wire.as_ref().map(Wire::counts)
    }

    /// Takes in one datagram from its socket.
    pub(crate) fn receive(
        &mut self,
        from: SocketAddr,
        bytes: &[u8],
        now: Instant,
        tally: &mut Tally,
    ) -> Result<()> {
        let Some(wire) = &mut self.wire else { return self.arrive(from, bytes, now, tally) };
        wire.take(Way::Down, from, bytes, now);
        self.carry(now, tally)
    }

    /// Does what its network wants done by now.
    fn carry(&mut self, now: Instant, tally: &mut Tally) -> Result<()> {
        while let Some(carried) = self.wire.as_mut().and_then(Wire::next) {
            match carried {
                // A full socket loses it, which the tally will show.
                Carried::Up(it) => drop(self.socket.send_to(&it.bytes, it.server)),
                Carried::Down(it) => self.arrive(it.server, &it.bytes, now, tally)?,
                Carried::Rebind => {
                    self.socket = bind(self.local.ip())?;
                    self.moved = true;
                    self.rebinds += 1;
                }
            }
        }
        Ok(())
    }

    /// A datagram has arrived.
    fn arrive(
        &mut self,
        from: SocketAddr,
        bytes: &[u8],
        now: Instant,
        tally: &mut Tally,
    ) -> Result<()> {
        if let (Role::Down(down), [128..=191, second, ..]) = (&mut self.role, bytes) {
            down.datagrams += u64::from(!(64..=95).contains(&(second & 0x7F)));
        }
        // What is no datagram of ours is dropped, as a browser does.
        let Ok(receive) = Receive::new(Protocol::Udp, from, self.local, bytes) else {
            return Ok(());
        };
        self.rtc.handle_input(Input::Receive(now, receive))?;
        self.drain(now, tally)
    }

    /// Its time has come, or its network's.
    pub(crate) fn tick(&mut self, now: Instant, tally: &mut Tally) -> Result<()> {
        if let Some(wire) = &mut self.wire {
            wire.tick(now);
            self.carry(now, tally)?;
        }
        if self.due <= now { self.tick_rtc(now, tally) } else { Ok(()) }
    }

    fn tick_rtc(&mut self, now: Instant, tally: &mut Tally) -> Result<()> {
        if let Role::Down(down) = &mut self.role
            && down.remb_due.is_some_and(|due| due <= now)
        {
            down.remb_due = Some(now + REMB_EVERY);
            let video = down.sources.iter().find(|source| source.kind == Kind::Video);
            let ssrc: Option<Ssrc> = video.map(|source| source.ssrc.into());
            let mut api = self.rtc.direct_api();
            if let Some(stream) = ssrc.and_then(|ssrc| api.stream_rx(&ssrc)) {
                stream.request_remb(Bitrate::from(REMB_BITS));
            }
        }
        self.rtc.handle_input(Input::Timeout(now))?;
        self.drain(now, tally)
    }

    /// Sends a packet of the schedule that began at `base_ns`. Only
    /// [`tick`](Self::tick) puts it on the wire.
    pub(crate) fn send(&mut self, planned: &Planned, base_ns: u64, sent_ns: u64, now: Instant) {
        let Role::Up(up) = &mut self.role else { return };
        let Some((_, mid)) = up.mids.iter().find(|(kind, _)| *kind == planned.kind) else {
            return;
        };
        let publisher = u32::try_from(self.client).unwrap_or(u32::MAX);
        let mark = Mark { publisher, sent_ns };
        let frame_us = (base_ns / 1_000).wrapping_add(planned.frame_us);
        let (at, payload_type, ticks_per_ms, payload) = match planned.kind {
            Kind::Audio => (0, OPUS, 48, mark::audio(mark, planned.bytes)),
            Kind::Video => {
                if planned.first {
                    up.frame = up.frame.wrapping_add(1) & 0x7FFF;
                }
                let picture = Picture { frame: up.frame, first: planned.first, key: planned.key };
                (1, VP8, 90, mark::video(mark, picture, planned.bytes))
            }
        };
        let Some(number) = up.numbers.get_mut(at) else { return };
        *number += 1;
        #[expect(clippy::cast_possible_truncation, reason = "RTP times begin again")]
        let time = (frame_us.wrapping_mul(ticks_per_ms) / 1_000) as u32;
        let packet = RtpWrite::new(payload_type.into(), (*number).into(), time, now, payload)
            .marker(planned.last)
            .ext_vals(ExtensionValues::default())
            .nackable(planned.kind == Kind::Video);
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(*mid, None) {
            stream.write_rtp(packet);
        }
        self.due = now;
    }

    fn drain(&mut self, now: Instant, tally: &mut Tally) -> Result<()> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(due) => {
                    let remb = match &self.role {
                        Role::Down(down) => down.remb_due,
                        Role::Up(_) => None,
                    };
                    self.due = remb.map_or(due, |remb| remb.min(due));
                    break;
                }
                Output::Transmit(transmit) => {
                    self.transmit(&transmit.contents, transmit.destination, now);
                }
                Output::Event(event) => self.take(event, now, tally),
            }
        }
        if let Some(exported) = keys::take() {
            self.exported = Some(exported);
        }
        Ok(())
    }

    fn transmit(&mut self, bytes: &[u8], server: SocketAddr, now: Instant) {
        match &mut self.wire {
            // What is due at once leaves with the next tick, which is at once.
            Some(wire) => wire.take(Way::Up, server, bytes, now),
            // A full socket loses it, which the tally will show.
            None => drop(self.socket.send_to(bytes, server)),
        }
    }

    fn take(&mut self, event: Event, now: Instant, tally: &mut Tally) {
        match (event, &mut self.role) {
            (Event::Connected, Role::Up(_)) => self.connected = true,
            (Event::Connected, Role::Down(down)) => {
                self.connected = true;
                down.remb_due = tally.remb.then_some(now + REMB_EVERY);
            }
            (Event::KeyframeRequest(_), Role::Up(up)) => up.schedule.want_key_frame(),
            (Event::RtpPacket(packet), Role::Down(down)) => down.take(&packet, tally),
            _ => {}
        }
    }

    /// The keys with which the server protects what it sends here.
    pub(crate) fn server_keys(&self) -> Option<&Exported> {
        self.exported.as_ref()
    }
}

impl Down {
    fn take(&mut self, packet: &RtpPacket, tally: &mut Tally) {
        self.packets += 1;
        let (ssrc, highest) = (*packet.header.ssrc, *packet.seq_no);
        let rtp_time = packet.header.timestamp;
        let payload_type = *packet.header.payload_type;
        let kind = if payload_type == OPUS { Kind::Audio } else { Kind::Video };
        match self.sources.iter_mut().find(|source| source.ssrc == ssrc) {
            Some(source) if source.highest < highest => {
                (source.highest, source.rtp_time) = (highest, rtp_time);
            }
            Some(_) => {}
            None => {
                self.sources.push(Source { ssrc, payload_type, kind, highest, rtp_time });
            }
        }
        if let Some(mark) = mark::read(&packet.payload) {
            tally.arrived(mark, kind);
        }
    }
}

/// Answers an offer of the server. It leaves the choice of who begins the
/// handshake, and the library would then wait for it; browsers begin.
fn answer(rtc: &mut Rtc, offer: &str) -> Result<String> {
    let offer = offer.replace("a=setup:actpass", "a=setup:passive");
    let offer = SdpOffer::from_sdp_string(&offer)?;
    Ok(rtc.sdp_api().accept_offer(offer)?.to_sdp_string())
}

/// Shared certificates are cheap to hand around.
pub(crate) type Shared = Arc<Common>;
