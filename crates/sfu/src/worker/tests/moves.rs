//! Random moves of everybody at once: numbers stay unique, media goes on.

use super::*;
use proptest::prelude::*;

/// One thing that a publisher, a subscriber or the control side may do.
#[derive(Debug, Clone)]
enum Move {
    /// Any plain bytes, authenticated.
    Rtp(Vec<u8>),
    UpRtcp(Vec<u8>),
    DownRtcp(Vec<u8>),
    /// Skip, layer, key, padding, payload bytes.
    Video(u64, bool, bool, bool, usize),
    /// A lost packet, so many back, comes as a resend.
    Resend(u64),
    Nack(u16, u16),
    Pli,
    Report,
    Section {
        low: bool,
        active: bool,
        taken: bool,
    },
    Sources(u32),
    Renegotiate(bool),
    Wait(u64),
}

fn moves() -> impl Strategy<Value = Move> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..80);
    prop_oneof![
        1 => bytes().prop_map(Move::Rtp),
        1 => bytes().prop_map(Move::UpRtcp),
        1 => bytes().prop_map(Move::DownRtcp),
        12 => (1u64..3, any::<bool>(), prop::bool::weighted(0.3), prop::bool::weighted(0.1), 0usize..40)
            .prop_map(|(skip, layer, key, padding, size)| Move::Video(skip, layer, key, padding, size)),
        3 => (0u64..20).prop_map(Move::Resend),
        3 => (any::<u16>(), any::<u16>()).prop_map(|(back, mask)| Move::Nack(back % 40, mask)),
        1 => Just(Move::Pli),
        1 => Just(Move::Report),
        1 => any::<[bool; 3]>().prop_map(|[low, active, taken]| Move::Section { low, active, taken }),
        1 => (0u32..3).prop_map(Move::Sources),
        1 => any::<bool>().prop_map(Move::Renegotiate),
        3 => (0u64..80).prop_map(Move::Wait),
    ]
}

/// A publisher with two layers and a subscriber, moved at random. The
/// subscriber's replay window refuses every number that is used twice.
struct Dance {
    world: World,
    alice: usize,
    bob: usize,
    section: UpSection,
    down: DownSection,
    numbers: [u64; 2],
}

impl Dance {
    fn new() -> Self {
        let mut world = World::new();
        let mut section = up_section(Kind::Video);
        section.rids = vec!["h".to_owned(), "l".to_owned()];
        let alice = world.up(UP, vec![section.clone()], GCM);
        let down = down_section(Kind::Video, 200);
        let bob = world.down(2, vec![down.clone()], GCM);
        Self { world, alice, bob, section, down, numbers: [65_000, 100] }
    }

    fn layer(&mut self, layer: usize, number: u64, payload_type: u8, payload: &[u8]) {
        let resend = payload_type == 121;
        let (rid, id) = (if layer == 0 { b"h" } else { b"l" }, if resend { 11 } else { 10 });
        let ssrc = 70 + layer as u32 + 10 * u32::from(resend);
        let timestamp = self.world.now.0 as u32 / 11;
        let marker = number.is_multiple_of(3);
        let fields = Fields { payload_type, ssrc, timestamp, marker, sequence: 0 };
        let stamp = (number as u16).to_be_bytes();
        let ext: &[(u8, &[u8])] = &[(4, b"v"), (id, rid), (3, &stamp)];
        self.world.rtp(self.alice, fields, number, ext, payload);
    }

    fn apply(&mut self, step: usize, one: Move) {
        let ssrc = self.down.ssrc;
        match one {
            Move::Rtp(mut bytes) => {
                if let [first, second, ..] = &mut bytes[..] {
                    (*first, *second) = (*first & 0x3F | 0x80, *second & 0x80 | 120);
                }
                let Ok(header) = Header::parse_protected(&bytes) else { return };
                let (length, source) = (header.length, header.ssrc);
                let mut sealed = bytes[..length].to_vec();
                let number = u64::from(header.sequence);
                let alice = &self.world.peers[self.alice];
                assert!(alice.seal.rtp(source, number, 0, &bytes[length..], &[], &mut sealed));
                let from = alice.address;
                self.world.datagram(from, &sealed);
            }
            Move::UpRtcp(bytes) => self.rtcp(self.alice, &bytes),
            Move::DownRtcp(bytes) => self.rtcp(self.bob, &bytes),
            Move::Video(skip, layer, key, padding, size) => {
                let layer = usize::from(layer);
                self.numbers[layer] += skip;
                let number = self.numbers[layer];
                let payload = [
                    &[0x90, 0xC0, 0x80, step as u8, step as u8, u8::from(!key)][..],
                    &vec![3; size],
                ];
                let payload = if padding { Vec::new() } else { payload.concat() };
                self.layer(layer, number, 120, &payload);
            }
            Move::Resend(back) => {
                let number = (self.numbers[0] - back.min(60)) as u16;
                let wrapped = [&number.to_be_bytes()[..], &[0x90, 0x80, 1, 1, 9]].concat();
                self.layer(0, 10_000 + step as u64, 121, &wrapped);
            }
            Move::Nack(back, mask) => {
                let newest = sequences(&self.world.peers[self.bob], ssrc).last().copied();
                let first = newest.unwrap_or(0).wrapping_sub(back);
                let lost = (0..16).filter(move |bit| mask >> bit & 1 == 1);
                let lost = lost.map(move |bit| first.wrapping_add(bit));
                self.world.rtcp(self.bob, |out| {
                    rtcp::write_nack(out, 1, ssrc, lost);
                    rtcp::write_pli(out, 1, 1);
                });
            }
            Move::Pli => self.world.rtcp(self.bob, |out| rtcp::write_pli(out, 1, ssrc)),
            Move::Report => self.world.rtcp(self.bob, |out| {
                let block = rtcp::ReportBlock { ssrc, last_report: 9, ..Default::default() };
                rtcp::write_receiver_report(out, 1, &[block]);
            }),
            Move::Section { low, active, taken } => {
                (self.down.low, self.down.active) = (low, active);
                self.offer(taken);
            }
            Move::Sources(which) => {
                self.down.ssrc = 200 + which * 10;
                self.down.rtx_ssrc = Some(self.down.ssrc + 1);
                self.offer(true);
            }
            Move::Renegotiate(active) => {
                self.section.active = active;
                let (local, sections) = (credentials("up1"), vec![self.section.clone()]);
                self.world.command(Command::Up { peer: UP, local, remote: remote(), sections });
            }
            Move::Wait(ms) => {
                self.world.wait(ms);
            }
        }
    }

    fn rtcp(&mut self, at: usize, bytes: &[u8]) {
        if bytes.len() >= 8 {
            self.world.rtcp(at, |out| {
                out.extend_from_slice(bytes);
                if let [first, second, ..] = &mut out[..] {
                    (*first, *second) = (*first & 0x3F | 0x80, 200 + *second % 8);
                }
            });
        }
    }

    fn offer(&mut self, taken: bool) {
        let (peer, local) = (PeerId(2), credentials("down2"));
        let sections = vec![self.down.clone()];
        self.world.command(Command::Down { peer, source: UP, local, sections });
        let accepted = taken.then(|| "1".to_owned()).into_iter().collect();
        self.world.command(Command::Answered { peer, remote: remote(), accepted });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_number_is_used_twice_whatever_happens(moves in prop::collection::vec(moves(), 1..150)) {
        let mut dance = Dance::new();
        for (step, one) in moves.into_iter().enumerate() {
            dance.apply(step, one);
        }
        dance.world.wait(50);
        for (layer, key) in [(0, true), (1, true), (0, false)] {
            dance.apply(7, Move::Section { low: false, active: true, taken: true });
            dance.apply(7, Move::Renegotiate(true));
            dance.apply(7, Move::Video(1, layer == 1, key, false, 9));
        }
        let before = dance.world.peers[dance.bob].received.len();
        dance.apply(9, Move::Video(1, false, true, false, 9));
        dance.world.wait(5);
        prop_assert!(dance.world.peers[dance.bob].received.len() > before, "media goes on");
    }
}
