//! What a publisher's transport sends: sound in spurts, pictures, resends, and
//! how it reacts to what is asked of it.

use super::content::{Content, digest};
use super::{Means, Pace};
use crate::dice::{Dice, MS, SEC};
use crate::sdp::Shape;
use parlour_sfu::srtp::Seal;
use parlour_wire::rtcp::{self, Packet, SenderInfo};
use parlour_wire::rtp::{self, Fields};
use std::collections::VecDeque;

/// Payload types and header extensions, as the offers of `sdp.rs` number them.
pub(crate) const SOUND: u8 = 111;
pub(crate) const PICTURE: u8 = 96;
pub(crate) const REPAIR: u8 = 97;
pub(crate) const MID: u8 = 4;
pub(crate) const RID: u8 = 10;
pub(crate) const REPAIRED_RID: u8 = 11;
pub(crate) const TRANSPORT_CC: u8 = 3;
/// The simulcast layers, best first.
pub(crate) const RIDS: [&str; 2] = ["h", "l"];

/// Packets kept for resending.
const RING: usize = 256;
/// Time between sender reports.
const REPORTS: u64 = 2 * SEC;
/// A key frame may be asked for so often within [`ASKING`], and a little more
/// because of the way.
const ASKED_MAX: usize = 2 * 5 + 2;
const ASKING: u64 = 5 * SEC;

/// One packet that was sent.
#[derive(Debug, Clone)]
struct Kept {
    number: u64,
    timestamp: u32,
    marker: bool,
    payload: Vec<u8>,
}

/// One layer of a track.
#[derive(Debug)]
struct Layer {
    ssrc: u32,
    repair_ssrc: u32,
    number: u64,
    repair_number: u64,
    /// Added to the clock.
    offset: u32,
    packets: u32,
    octets: u32,
    kept: VecDeque<Kept>,
    key_wanted: bool,
    /// When key frames were asked for.
    asked: VecDeque<u64>,
}

impl Layer {
    fn new(dice: &mut Dice) -> Self {
        let mut ssrc = || u32::try_from(dice.between(1, 1 << 31)).expect("31 bits");
        let (ssrc, repair_ssrc, offset) = (ssrc(), ssrc(), ssrc());
        Self {
            ssrc,
            repair_ssrc,
            number: 100,
            repair_number: 100,
            offset,
            packets: 0,
            octets: 0,
            kept: VecDeque::new(),
            key_wanted: true,
            asked: VecDeque::new(),
        }
    }
}

/// A camera or a microphone.
#[derive(Debug)]
struct Track {
    mid: &'static str,
    picture: bool,
    layers: Vec<Layer>,
    /// Counts frames, or packets of sound.
    count: u64,
    next: u64,
    /// When the talk or the silence under way ends.
    turn: u64,
    silent: bool,
}

/// Everything that a publisher sends.
#[derive(Debug)]
pub(crate) struct Source {
    stream: u64,
    life: u16,
    tracks: Vec<Track>,
    transport_number: u16,
    next_report: u64,
}

impl Source {
    pub(crate) fn new(stream: &str, life: u32, shape: Shape, dice: &mut Dice) -> Self {
        let mut source = Self {
            stream: digest(0, stream.as_bytes()),
            life: low(u64::from(life)),
            tracks: Vec::new(),
            transport_number: 0,
            next_report: 0,
        };
        source.reshape(shape, dice);
        source
    }

    /// Sends what another description says.
    pub(crate) fn reshape(&mut self, shape: Shape, dice: &mut Dice) {
        let layers = if shape == Shape::Simulcast { 2 } else { 1 };
        let picture = (shape != Shape::Audio).then_some(("1", true, layers));
        let wanted = [Some(("0", false, 1)), picture];
        for (at, (mid, picture, layers)) in wanted.into_iter().flatten().enumerate() {
            if self.tracks.get(at).is_some_and(|track| track.layers.len() == layers) {
                continue;
            }
            let count = self.tracks.get(at).map_or(0, |track| track.count);
            let layers = (0..layers).map(|_| Layer::new(dice)).collect();
            let track = Track { mid, picture, layers, count, next: 0, turn: 0, silent: false };
            self.tracks.truncate(at);
            self.tracks.push(track);
        }
    }

    /// The sources of a section, for its description: media and repair.
    pub(crate) fn ssrcs(&self, at: usize) -> Option<(u32, u32)> {
        let layer = self.tracks.get(at)?.layers.first()?;
        Some((layer.ssrc, layer.repair_ssrc))
    }

    pub(crate) fn due(&self) -> u64 {
        let tracks = self.tracks.iter().map(|track| track.next);
        tracks.chain([self.next_report]).min().unwrap_or(u64::MAX)
    }

    /// Makes what is due.
    pub(crate) fn tick(&mut self, now: u64, seal: &mut Seal, means: &mut Means<'_>) {
        for at in 0..self.tracks.len() {
            if self.tracks[at].next <= now {
                self.make(at, now, seal, means);
            }
        }
        if self.next_report <= now {
            self.next_report = now + REPORTS;
            self.report(now, seal, means);
        }
    }

    fn make(&mut self, at: usize, now: u64, seal: &Seal, means: &mut Means<'_>) {
        let track = &mut self.tracks[at];
        let slow = means.pace == Pace::Slow;
        let (usual, sometimes) = if track.picture { (150 * MS, 3 * SEC) } else { (60 * MS, SEC) };
        track.next = now + if slow { sometimes } else { usual };
        if !track.picture && !slow {
            if track.turn <= now {
                track.silent = !track.silent;
                track.turn = now + means.dice.between(SEC, 4 * SEC);
            }
            // Silence is told from time to time, so that its end is no gap.
            if track.silent && means.pace == Pace::Turbulent {
                track.next = now + 400 * MS;
            }
        }
        let count = track.count;
        track.count += 1;
        let picture = track.picture;
        for layer in 0..track.layers.len() {
            let track = &mut self.tracks[at];
            let key = picture && std::mem::take(&mut track.layers[layer].key_wanted);
            let parts = match (picture, key, layer) {
                (false, ..) => 1,
                (_, true, _) => 2 + means.dice.below(3),
                (_, _, 0) => 1 + means.dice.below(2),
                _ => 1,
            };
            for part in 0..parts {
                let content = Content {
                    stream: self.stream,
                    track: u8::from(picture),
                    layer: u8::try_from(layer).expect("few layers"),
                    number: count,
                    part: u8::try_from(part).expect("few parts"),
                    parts: u8::try_from(parts).expect("few parts"),
                    key: key || !picture,
                    life: self.life,
                };
                let size = means.dice.below(160) + 60;
                let payload = content.write(means.secret, size);
                let track = &mut self.tracks[at];
                let rate = if picture { 90 } else { 48 };
                let clock = u32::try_from((now / MS * rate) & 0xffff_ffff).expect("masked");
                let layer = &mut track.layers[layer];
                let timestamp = clock.wrapping_add(layer.offset);
                let kept =
                    Kept { number: layer.number, timestamp, marker: part + 1 == parts, payload };
                layer.number += 1;
                layer.packets += 1;
                layer.octets = layer.octets.wrapping_add(u32::try_from(size).expect("small"));
                layer.kept.push_back(kept.clone());
                if layer.kept.len() > RING {
                    layer.kept.pop_front();
                }
                self.send(at, usize::from(content.layer), &kept, seal, means);
            }
        }
    }

    fn send(&mut self, at: usize, layer: usize, kept: &Kept, seal: &Seal, means: &mut Means<'_>) {
        let track = &self.tracks[at];
        let ssrc = track.layers[layer].ssrc;
        let transport = self.transport_number.to_be_bytes();
        let mut elements: Vec<(u8, &[u8])> = vec![(MID, track.mid.as_bytes())];
        if track.layers.len() > 1 {
            elements.push((RID, RIDS[layer].as_bytes()));
        }
        if track.picture {
            elements.push((TRANSPORT_CC, &transport));
            self.transport_number = self.transport_number.wrapping_add(1);
        }
        let fields = Fields {
            marker: kept.marker,
            payload_type: if track.picture { PICTURE } else { SOUND },
            sequence: low(kept.number),
            timestamp: kept.timestamp,
            ssrc,
        };
        let mut out = Vec::with_capacity(kept.payload.len() + 64);
        rtp::write_header(&mut out, &fields, &elements, false);
        if seal.rtp(ssrc, kept.number, 0, &kept.payload, &[], &mut out) {
            means.out.push(out);
        }
    }

    /// Sends a packet again on the source for resends (RFC 4588 §4).
    fn repair(&mut self, at: usize, layer: usize, number: u64, seal: &Seal, means: &mut Means<'_>) {
        let track = &mut self.tracks[at];
        let layered = track.layers.len() > 1;
        let of = &mut track.layers[layer];
        let Some(kept) = of.kept.iter().find(|kept| kept.number == number) else { return };
        let transport = self.transport_number.to_be_bytes();
        self.transport_number = self.transport_number.wrapping_add(1);
        let mut elements: Vec<(u8, &[u8])> =
            vec![(MID, track.mid.as_bytes()), (TRANSPORT_CC, &transport)];
        if layered {
            elements.push((REPAIRED_RID, RIDS[layer].as_bytes()));
        }
        let fields = Fields {
            marker: kept.marker,
            payload_type: REPAIR,
            sequence: low(of.repair_number),
            timestamp: kept.timestamp,
            ssrc: of.repair_ssrc,
        };
        let payload = [&low(number).to_be_bytes(), &kept.payload[..]].concat();
        let mut out = Vec::with_capacity(payload.len() + 64);
        rtp::write_header(&mut out, &fields, &elements, false);
        if seal.rtp(of.repair_ssrc, of.repair_number, 0, &payload, &[], &mut out) {
            means.out.push(out);
        }
        of.repair_number += 1;
    }

    fn report(&self, now: u64, seal: &mut Seal, means: &mut Means<'_>) {
        for track in &self.tracks {
            for layer in track.layers.iter().filter(|layer| layer.packets > 0) {
                let rate = if track.picture { 90 } else { 48 };
                let clock = u32::try_from((now / MS * rate) & 0xffff_ffff).expect("masked");
                let info = SenderInfo {
                    ssrc: layer.ssrc,
                    ntp: ntp(now),
                    rtp: clock.wrapping_add(layer.offset),
                    packets: layer.packets,
                    octets: layer.octets,
                };
                let (mut plain, mut out) = (Vec::new(), Vec::new());
                rtcp::write_sender_report(&mut plain, &info, &[]);
                rtcp::write_cname(&mut plain, layer.ssrc, "phone");
                if seal.rtcp(&plain, &mut out) {
                    means.out.push(out);
                }
            }
        }
    }

    /// Takes what the server asks for.
    pub(crate) fn rtcp(
        &mut self,
        now: u64,
        plain: &[u8],
        seal: &Seal,
        means: &mut Means<'_>,
    ) -> Result<(), String> {
        for packet in rtcp::packets(plain) {
            match packet.map_err(|fault| format!("the server's RTCP is broken: {fault}"))? {
                Packet::Nack(nack) => {
                    let Some((at, layer)) = self.place(nack.media) else { continue };
                    let near = self.tracks[at].layers[layer].number;
                    for sequence in nack.lost() {
                        means.seen.nacked += 1;
                        self.repair(at, layer, rtp::extend(near, sequence), seal, means);
                    }
                }
                Packet::Pli { media, .. } => self.wanted(now, media, means)?,
                Packet::Fir(fir) => {
                    for (media, _) in fir.requests() {
                        self.wanted(now, media, means)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn place(&self, ssrc: u32) -> Option<(usize, usize)> {
        let layers = |at: usize, track: &Track| {
            track.layers.iter().position(|layer| layer.ssrc == ssrc).map(|layer| (at, layer))
        };
        self.tracks.iter().enumerate().find_map(|(at, track)| layers(at, track))
    }

    /// A key frame is asked for, which may not happen too often.
    fn wanted(&mut self, now: u64, ssrc: u32, means: &mut Means<'_>) -> Result<(), String> {
        let Some((at, layer)) = self.place(ssrc) else { return Ok(()) };
        means.seen.keyframes += 1;
        let layer = &mut self.tracks[at].layers[layer];
        layer.key_wanted = true;
        layer.asked.push_back(now);
        while layer.asked.front().is_some_and(|at| *at + ASKING < now) {
            layer.asked.pop_front();
        }
        match layer.asked.len() {
            // What waited on the way may arrive all at once.
            asked if asked > ASKED_MAX && means.prompt => {
                Err(format!("{asked} requests for a key frame in five seconds"))
            }
            _ => Ok(()),
        }
    }
}

/// The lower half of a number.
pub(crate) fn low(number: u64) -> u16 {
    u16::try_from(number & 0xffff).expect("masked")
}

/// A time as in reports: seconds, and their fraction in 32 bits.
fn ntp(now: u64) -> u64 {
    ((now / SEC) << 32) | (((now % SEC) << 32) / SEC)
}
