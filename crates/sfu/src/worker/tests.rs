//! The worker with raw peers: keys are given, every packet is made by hand.

mod limits;
mod moves;

use super::*;
use crate::plan::{
    Codec, CodecName, Command, DownSection, ExtensionIds, Fingerprint, IceCredentials, Kind,
    RemoteTransport, UpCodec, UpSection,
};
use crate::srtp::{Exported, Master, Open, Profile, Seal};
use parlour_base::Secret;
use parlour_wire::rtcp::{self, Packet};
use parlour_wire::rtp::{Fields, Header, write_header};
use std::time::Instant;

const UP: PeerId = PeerId(1);
const MS: u64 = 1_000;

/// A peer whose keys we know.
struct Raw {
    address: SocketAddr,
    seal: Seal,
    open: Open,
    received: Vec<Vec<u8>>,
    reports: Vec<Vec<u8>>,
}

struct World {
    worker: Worker,
    now: Mono,
    peers: Vec<Raw>,
}

fn master(profile: Profile, seed: u8) -> Master {
    Master { key: vec![seed; profile.key_bytes()], salt: vec![seed ^ 0xFF; profile.salt_bytes()] }
}

fn credentials(name: &str) -> IceCredentials {
    IceCredentials { ufrag: name.to_owned(), pwd: Secret::new("x".repeat(24)) }
}

fn remote() -> RemoteTransport {
    RemoteTransport { ice: credentials("them"), fingerprint: Fingerprint([0; 32]) }
}

fn up_section(kind: Kind) -> UpSection {
    let (mid, name, payload_type) = match kind {
        Kind::Audio => ("a", CodecName::Opus, 111),
        Kind::Video => ("v", CodecName::Vp8, 120),
    };
    let rtx = (kind == Kind::Video).then_some(121);
    let codec = Codec { name, fmtp: String::new() };
    UpSection {
        mid: mid.to_owned(),
        kind,
        codecs: vec![UpCodec { payload_type, rtx_payload_type: rtx, codec }],
        extensions: ExtensionIds {
            mid: Some(4),
            rid: Some(10),
            repaired_rid: Some(11),
            transport_cc: (kind == Kind::Video).then_some(3),
            video_orientation: Some(13),
            dependency_descriptor: Some(12),
            ..ExtensionIds::default()
        },
        ssrcs: Vec::new(),
        rids: Vec::new(),
        active: true,
        msid: None,
    }
}

fn down_section(kind: Kind, ssrc: u32) -> DownSection {
    let (mid, source, name, payload_type) = match kind {
        Kind::Audio => ("0", "a", CodecName::Opus, 111),
        Kind::Video => ("1", "v", CodecName::Vp8, 96),
    };
    let video = kind == Kind::Video;
    DownSection {
        mid: mid.to_owned(),
        kind,
        source_mid: source.to_owned(),
        codec: Codec { name, fmtp: String::new() },
        payload_type,
        rtx_payload_type: video.then_some(97),
        ssrc,
        rtx_ssrc: video.then_some(ssrc + 1),
        msid: ("s".to_owned(), "t".to_owned()),
        active: true,
        low: false,
    }
}

impl World {
    fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the library counts from a real instant")]
        let base = Instant::now();
        let identity = Identity::generate(base).unwrap();
        let entropy = Entropy::from_seed([1; 32]);
        let worker = Worker::new(Config::default(), WorkerIndex(0), identity, entropy);
        Self { worker, now: Mono(1_000 * MS), peers: Vec::new() }
    }

    fn prove(&mut self, peer: PeerId, profile: Profile) -> usize {
        let at = self.peers.len();
        let address = SocketAddr::from(([10, 0, 0, 1], 1_000 + at as u16));
        let seed = at as u8;
        let (client, server) = (master(profile, seed), master(profile, seed + 128));
        let seal = Seal::new(profile, &client).unwrap();
        let open = Open::new(profile, &server, 64).unwrap();
        let exported = Exported { profile, client, server };
        assert!(self.worker.assume_keys(self.now, peer, address, &exported));
        self.peers.push(Raw { address, seal, open, received: Vec::new(), reports: Vec::new() });
        at
    }

    fn up(&mut self, peer: PeerId, sections: Vec<UpSection>, profile: Profile) -> usize {
        let local = credentials(&format!("up{}", peer.0));
        self.command(Command::Up { peer, local, remote: remote(), sections });
        self.prove(peer, profile)
    }

    fn down(&mut self, peer: u64, sections: Vec<DownSection>, profile: Profile) -> usize {
        let (peer, local) = (PeerId(peer), credentials(&format!("down{peer}")));
        let accepted = sections.iter().map(|section| section.mid.clone()).collect();
        self.command(Command::Down { peer, source: UP, local, sections });
        let at = self.prove(peer, profile);
        self.command(Command::Answered { peer, remote: remote(), accepted });
        at
    }

    fn command(&mut self, command: Command) {
        self.worker.handle(self.now, Input::Command(command));
        self.drain();
    }

    fn drain(&mut self) -> Vec<Notice> {
        let mut notices = Vec::new();
        let mut plain = Vec::new();
        while let Some(output) = self.worker.poll() {
            match output {
                Output::Transmit { to, segment, bytes, .. } => {
                    let peer = self.peers.iter_mut().find(|peer| peer.address == to).unwrap();
                    for bytes in bytes.chunks(segment.unwrap_or(bytes.len())) {
                        if parlour_wire::rtp::is_rtcp(bytes) {
                            peer.open.rtcp(bytes, &mut plain).unwrap();
                            peer.reports.push(plain.clone());
                        } else {
                            peer.open.rtp(bytes, &mut plain).unwrap();
                            peer.received.push(plain.clone());
                        }
                    }
                }
                Output::Notice(notice) => notices.push(notice),
                _ => {}
            }
        }
        notices
    }

    fn wait(&mut self, ms: u64) -> Vec<Notice> {
        let mut notices = Vec::new();
        for _ in 0..ms {
            self.now = self.now + Duration::from_millis(1);
            self.worker.handle(self.now, Input::Tick);
            notices.extend(self.drain());
        }
        notices
    }

    fn datagram(&mut self, from: SocketAddr, bytes: &[u8]) {
        self.worker.handle(self.now, Input::Datagram { from, to: None, bytes });
        self.drain();
    }

    /// Sends one packet as a publisher; the number rolls over by itself.
    fn rtp(&mut self, at: usize, fields: Fields, full: u64, ext: &[(u8, &[u8])], payload: &[u8]) {
        let peer = &self.peers[at];
        let mut bytes = Vec::new();
        let fields = Fields { sequence: full as u16, ..fields };
        write_header(&mut bytes, &fields, ext, payload.is_empty());
        let tail: &[u8] = if payload.is_empty() { &[0, 0, 0, 4] } else { &[] };
        assert!(peer.seal.rtp(fields.ssrc, full, 0, payload, tail, &mut bytes));
        let from = peer.address;
        self.datagram(from, &bytes);
    }

    fn video(&mut self, at: usize, ssrc: u32, full: u64, frame: u64, key: bool, payload: &[u8]) {
        let fields = Fields {
            payload_type: 120,
            timestamp: frame as u32 * 3_000,
            ssrc,
            marker: true,
            sequence: 0,
        };
        let descriptor = [0x90, 0x80, frame as u8 & 0x7F, u8::from(!key)];
        let bytes = [&descriptor[..], payload].concat();
        let bytes = if payload.is_empty() { Vec::new() } else { bytes };
        self.rtp(at, fields, full, &[(4, b"v")], &bytes);
    }

    fn rtcp(&mut self, at: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let (mut plain, mut bytes) = (Vec::new(), Vec::new());
        write(&mut plain);
        let peer = &mut self.peers[at];
        assert!(peer.seal.rtcp(&plain, &mut bytes));
        let from = peer.address;
        self.datagram(from, &bytes);
    }

    fn count(&self, at: usize, wanted: impl Fn(&Packet<'_>) -> bool) -> usize {
        let reports = self.peers[at].reports.iter();
        reports.flat_map(|bytes| rtcp::packets(bytes)).flatten().filter(|p| wanted(p)).count()
    }
}

fn sequences(peer: &Raw, ssrc: u32) -> Vec<u16> {
    let headers = peer.received.iter().map(|bytes| Header::parse(bytes).unwrap());
    headers.filter(|header| header.ssrc == ssrc).map(|header| header.sequence).collect()
}

const GCM: Profile = Profile::AeadAes128Gcm;

#[test]
fn every_pair_of_profiles_carries_media() {
    let profiles = [GCM, Profile::AeadAes256Gcm, Profile::Aes128CmHmacSha1];
    for up in profiles {
        for down in profiles {
            let mut world = World::new();
            let alice = world.up(UP, vec![up_section(Kind::Video)], up);
            let bob = world.down(2, vec![down_section(Kind::Video, 20)], down);
            for number in 0..20 {
                world.video(alice, 7, 65_530 + number, number, number == 0, b"picture");
                world.wait(5);
            }
            assert_eq!(sequences(&world.peers[bob], 20).len(), 20, "{up:?} to {down:?}");
            world.rtcp(bob, |out| rtcp::write_nack(out, 1, 20, [0]));
            assert_eq!(world.worker.stats().dropped.unauthentic, 0);
        }
    }
}

#[test]
fn padding_of_a_publisher_leaves_no_gap() {
    let mut world = World::new();
    let alice = world.up(UP, vec![up_section(Kind::Audio)], GCM);
    let bob = world.down(2, vec![down_section(Kind::Audio, 10)], GCM);
    for number in 0..30u64 {
        let fields = Fields { payload_type: 111, ssrc: 5, ..Fields::default() };
        let payload: &[u8] = if number % 10 >= 7 { b"" } else { b"sound" };
        world.rtp(alice, fields, number, &[], payload);
        world.wait(20);
    }
    let seen = sequences(&world.peers[bob], 10);
    assert_eq!(seen.len(), 21);
    assert!(seen.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{seen:?}");
    assert_eq!(world.worker.stats().dropped.padding, 9);
}

#[test]
fn resends_of_a_publisher_are_unwrapped_into_their_place() {
    let mut world = World::new();
    let alice = world.up(UP, vec![up_section(Kind::Video)], GCM);
    let bob = world.down(2, vec![down_section(Kind::Video, 20)], GCM);
    for number in [10u64, 11, 13] {
        world.video(alice, 7, number, number, number == 10, b"picture");
    }
    world.wait(15);
    let asked = |packet: &Packet<'_>| match packet {
        Packet::Nack(nack) => nack.media == 7 && nack.lost().eq([12]),
        _ => false,
    };
    assert_eq!(world.count(alice, asked), 1);
    let fields = Fields { payload_type: 121, ssrc: 8, timestamp: 36_000, ..Fields::default() };
    let wrapped = [&[0, 12][..], &[0x90, 0x80, 12, 1], b"again"].concat();
    world.rtp(alice, fields, 500, &[(4, b"v")], &wrapped);
    let seen = sequences(&world.peers[bob], 20);
    let first = seen[0];
    assert_eq!(seen, [first, first + 1, first + 3, first + 2]);
    let last = world.peers[bob].received.last().unwrap();
    assert!(Header::parse(last).unwrap().payload.ends_with(b"again"));
    assert_eq!(world.worker.stats().recovered, 1);
    world.wait(300);
    assert_eq!(world.count(alice, asked), 1);
}

#[test]
fn the_mid_is_told_until_the_first_report() {
    let mut world = World::new();
    let alice = world.up(UP, vec![up_section(Kind::Video)], GCM);
    let bob = world.down(2, vec![down_section(Kind::Video, 20)], GCM);
    for number in 0..3 {
        world.video(alice, 7, number, number, number == 0, b"picture");
    }
    world.rtcp(bob, |out| {
        let block = rtcp::ReportBlock { ssrc: 20, ..rtcp::ReportBlock::default() };
        rtcp::write_receiver_report(out, 1, &[block]);
    });
    for number in 3..6 {
        world.video(alice, 7, number, number, false, b"picture");
    }
    let named: Vec<bool> = world.peers[bob]
        .received
        .iter()
        .map(|bytes| Header::parse(bytes).unwrap().extension(4) == Some(b"1"))
        .collect();
    assert_eq!(named, [true, true, true, false, false, false]);
}

#[test]
fn descriptor_and_orientation_pass_through_under_our_ids() {
    let mut world = World::new();
    let mut section = up_section(Kind::Video);
    section.extensions.dependency_descriptor = Some(7);
    section.extensions.video_orientation = Some(5);
    let alice = world.up(UP, vec![section], GCM);
    let bob = world.down(2, vec![down_section(Kind::Video, 20)], GCM);
    let fields = Fields { payload_type: 120, ssrc: 7, marker: true, ..Fields::default() };
    let long = [9; 30];
    let ext: &[(u8, &[u8])] = &[(4, b"v"), (7, &long), (5, &[1]), (3, &[0, 1])];
    world.rtp(alice, fields, 1, ext, &[0x90, 0x80, 1, 0, 1, 2, 3]);
    let bytes = world.peers[bob].received.first().unwrap();
    let header = Header::parse(bytes).unwrap();
    assert_eq!(header.extension(12), Some(&long[..]));
    assert_eq!(header.extension(13), Some(&[1][..]));
    assert_eq!(header.extension(2).map(<[u8]>::len), Some(3));
}

#[test]
fn two_publishers_with_the_same_source_do_not_meet() {
    let mut world = World::new();
    let alice = world.up(UP, vec![up_section(Kind::Video)], GCM);
    let mallory = world.up(PeerId(9), vec![up_section(Kind::Video)], GCM);
    let bob = world.down(2, vec![down_section(Kind::Video, 20)], GCM);
    for number in 0..10 {
        world.video(alice, 7, number, number, number == 0, b"alice");
        world.video(mallory, 7, number, number, number == 0, b"mallory");
    }
    assert_eq!(world.peers[bob].received.len(), 10);
    let all = world.peers[bob].received.iter();
    assert!(all.map(|bytes| Header::parse(bytes).unwrap()).all(|h| h.payload.ends_with(b"alice")));
}

#[test]
fn ten_thousand_fresh_sources_are_bounded() {
    let mut world = World::new();
    let alice = world.up(UP, vec![up_section(Kind::Video)], GCM);
    let bob = world.down(2, vec![down_section(Kind::Video, 20)], GCM);
    for ssrc in 1..10_000 {
        world.video(alice, ssrc, 1, 1, true, b"picture");
    }
    let stats = world.worker.stats();
    assert_eq!((stats.rtp_in, stats.dropped.sources), (64, 9_999 - 64));
    assert!(world.peers[bob].received.len() <= 64);
}

#[test]
fn another_source_of_a_layer_continues_our_numbers() {
    let mut world = World::new();
    let alice = world.up(UP, vec![up_section(Kind::Video)], GCM);
    let bob = world.down(2, vec![down_section(Kind::Video, 20)], GCM);
    for number in 0..5 {
        world.video(alice, 7, number, number, number == 0, b"picture");
        world.wait(33);
    }
    for number in 0..5 {
        world.video(alice, 99, 4_000 + number, 5 + number, number == 1, b"picture");
        world.wait(33);
    }
    let seen = sequences(&world.peers[bob], 20);
    assert_eq!(seen.len(), 9, "from the key frame on");
    assert!(seen.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{seen:?}");
}

#[test]
fn resends_are_capped_and_not_repeated_at_once() {
    let mut world = World::new();
    let alice = world.up(UP, vec![up_section(Kind::Video)], GCM);
    let bob = world.down(2, vec![down_section(Kind::Video, 20)], GCM);
    for number in 0..400 {
        world.video(alice, 7, number, number, number == 0, &[5; 1_000]);
        world.wait(1);
    }
    let seen = sequences(&world.peers[bob], 20);
    let newest = *seen.last().unwrap();
    for _ in 0..50 {
        world.rtcp(bob, |out| rtcp::write_nack(out, 1, 20, [newest - 1]));
    }
    assert_eq!(sequences(&world.peers[bob], 21).len(), 1);
    for _ in 0..20 {
        world.wait(400);
        world.rtcp(bob, |out| rtcp::write_nack(out, 1, 20, newest - 200..=newest));
    }
    let stats = world.worker.stats();
    // The burst allowance and 15 % of 400 kB.
    assert!(stats.resends <= 110, "{stats:?}");
    assert!(stats.resends_refused > 1_000);
}

#[test]
fn transport_feedback_and_reports_come_in_time() {
    let mut world = World::new();
    let alice = world.up(UP, vec![up_section(Kind::Video)], GCM);
    for number in 0..100u64 {
        let fields = Fields { payload_type: 120, ssrc: 7, marker: true, ..Fields::default() };
        let stamp = (number as u16).to_be_bytes();
        let payload = [0x90, 0x80, 1, u8::from(number > 0), 7];
        world.rtp(alice, fields, number, &[(4, b"v"), (3, &stamp)], &payload);
        world.wait(10);
        if number == 18 {
            assert_eq!(world.count(alice, |p| matches!(p, Packet::ReceiverReport(_))), 1);
        }
    }
    world.wait(100);
    let feedback = world.count(alice, |p| matches!(p, Packet::TransportCc(_)));
    assert!((10..=16).contains(&feedback), "{feedback} in a second");
    let mut arrived = 0;
    for bytes in &world.peers[alice].reports {
        for packet in rtcp::packets(bytes).flatten() {
            if let Packet::TransportCc(feedback) = packet {
                arrived += feedback.arrivals().filter(|one| one.delta.is_some()).count();
            }
        }
    }
    assert_eq!(arrived, 100);
    assert_eq!(world.count(alice, |p| matches!(p, Packet::Remb(_))), 0);
}

#[test]
fn a_late_beginning_of_a_key_frame_brings_what_followed_it() {
    let mut world = World::new();
    let alice = world.up(UP, vec![up_section(Kind::Video)], GCM);
    let bob = world.down(2, vec![down_section(Kind::Video, 20)], GCM);
    world.video(alice, 7, 1, 1, false, b"delta");
    for number in 3..8 {
        world.video(alice, 7, number, number, false, b"delta");
    }
    assert!(world.peers[bob].received.is_empty());
    world.video(alice, 7, 2, 2, true, b"key");
    world.video(alice, 7, 8, 8, false, b"delta");
    let mut seen = sequences(&world.peers[bob], 20);
    seen.sort_unstable();
    assert_eq!(seen.len(), 7);
    assert!(seen.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{seen:?}");
}

#[test]
fn a_hole_too_wide_to_fill_makes_us_ask_for_a_key_frame() {
    let mut world = World::new();
    let alice = world.up(UP, vec![up_section(Kind::Video)], GCM);
    world.video(alice, 7, 1, 1, true, b"key");
    world.wait(600);
    world.video(alice, 7, 2_000, 2, false, b"delta");
    world.wait(2);
    assert_eq!(world.count(alice, |packet| matches!(packet, Packet::Pli { .. })), 1);
    assert_eq!(world.count(alice, |packet| matches!(packet, Packet::Nack(_))), 0);
}

#[test]
fn a_hundred_impatient_subscribers_cost_two_requests_a_second() {
    let mut world = World::new();
    let alice = world.up(UP, vec![up_section(Kind::Video)], GCM);
    let subscribers: Vec<usize> =
        (0..100).map(|at| world.down(10 + at, vec![down_section(Kind::Video, 20)], GCM)).collect();
    world.video(alice, 7, 1, 1, true, b"picture");
    for step in 0..100 {
        for at in &subscribers {
            world.rtcp(*at, |out| rtcp::write_pli(out, 1, 20));
        }
        world.video(alice, 7, 2 + step, 2 + step, true, b"picture");
        world.wait(10);
    }
    let asked = world.count(alice, |packet| matches!(packet, Packet::Pli { .. }));
    assert!((1..=3).contains(&asked), "{asked}");
    assert_eq!(world.worker.stats().keyframe_requests_in, 10_000);
}

#[test]
fn commands_about_nobody_and_clashing_sources_are_refused() {
    let mut world = World::new();
    let alice = world.up(UP, vec![up_section(Kind::Video), up_section(Kind::Audio)], GCM);
    world.command(Command::Close(PeerId(77)));
    let (peer, local) = (UP, credentials("other"));
    world.command(Command::Down { peer, source: UP, local, sections: Vec::new() });
    let clash = vec![down_section(Kind::Video, 20), down_section(Kind::Audio, 21)];
    let bob = world.down(2, clash, GCM);
    world.video(alice, 7, 1, 1, true, b"picture");
    let fields = Fields { payload_type: 111, ssrc: 5, ..Fields::default() };
    world.rtp(alice, fields, 1, &[], b"sound");
    assert_eq!(sequences(&world.peers[bob], 20).len(), 1);
    assert_eq!(sequences(&world.peers[bob], 21).len(), 0);
    assert_eq!(world.worker.stats().dropped.commands, 3);
}

#[test]
fn a_subscriber_may_be_moved_to_another_publisher() {
    let mut world = World::new();
    let alice = world.up(UP, vec![up_section(Kind::Video)], GCM);
    let carol = world.up(PeerId(3), vec![up_section(Kind::Video)], GCM);
    let bob = world.down(2, vec![down_section(Kind::Video, 20)], GCM);
    for number in 0..5 {
        world.video(alice, 7, number, number, number == 0, b"alice");
        world.wait(33);
    }
    let (peer, local, source) = (PeerId(2), credentials("down2"), PeerId(3));
    let sections = vec![down_section(Kind::Video, 20)];
    world.command(Command::Down { peer, source, local, sections });
    for number in 0..5 {
        world.video(alice, 7, 5 + number, 5 + number, true, b"alice");
        world.video(carol, 8, 900 + number, 700 + number, number == 1, b"carol");
        world.wait(33);
    }
    let received: Vec<_> =
        world.peers[bob].received.iter().map(|bytes| Header::parse(bytes).unwrap()).collect();
    assert_eq!(received.len(), 9);
    for pair in received.windows(2) {
        assert_eq!(pair[0].sequence + 1, pair[1].sequence);
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!((1..=8_000).contains(&step), "{step}");
    }
    assert!(received[5..].iter().all(|header| header.payload.ends_with(b"carol")));
    world.command(Command::Close(PeerId(3)));
    world.command(Command::Close(UP));
    assert_eq!(world.worker.stats().up_peers, 0);
    world.wait(2_000);
}

#[test]
fn a_publisher_without_consent_is_not_looked_at_all_the_time() {
    let mut world = World::new();
    let alice = world.up(UP, vec![up_section(Kind::Video)], GCM);
    world.down(2, vec![down_section(Kind::Video, 20)], GCM);
    world.video(alice, 7, 1, 1, false, b"delta");
    world.wait(31_000);
    let mut looks = 0;
    let end = world.now + Duration::from_secs(10);
    while let Some(next) = world.worker.deadline().filter(|next| *next < end) {
        looks += 1;
        world.now = world.now.max(next);
        world.worker.handle(world.now, Input::Tick);
        world.drain();
    }
    assert!(looks < 60, "{looks} looks in ten seconds");
}

#[test]
fn a_subscriber_costs_little_memory() {
    use crate::down::DownTrack;
    let own = size_of::<Down>() + 2 * size_of::<DownTrack>();
    let keys = size_of::<Seal>() + size_of::<Open>();
    assert!(own + keys < 8 << 10, "{own} bytes and {keys} of keys");
}

#[test]
fn sequence_numbers_roll_over_on_both_sides() {
    let mut world = World::new();
    let alice = world.up(UP, vec![up_section(Kind::Audio)], GCM);
    let bob = world.down(2, vec![down_section(Kind::Audio, 10)], GCM);
    let fields = Fields { payload_type: 111, ssrc: 5, ..Fields::default() };
    for number in 30_000..170_000 {
        world.rtp(alice, fields, number, &[], b"s");
    }
    let seen = sequences(&world.peers[bob], 10);
    assert_eq!(seen.len(), 140_000);
    assert!(seen.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)));
    assert_eq!(world.worker.stats().dropped.unauthentic, 0);
}
