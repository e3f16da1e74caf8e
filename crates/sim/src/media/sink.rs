//! What a subscriber's transport receives: whether it is what was published,
//! in order, and whether its pictures can be shown.

use super::Means;
use super::content::Content;
use super::source::low;
use crate::dice::{MS, SEC};
use parlour_sfu::srtp::{Open, Seal};
use parlour_wire::payload::vp8;
use parlour_wire::rtcp::{self, Packet, ReportBlock};
use parlour_wire::rtp::{self, Header};
use parlour_wire::sdp::{Description, Direction, Media};
use std::collections::BTreeMap;

/// Packets remembered, to compare with their neighbours.
const LOG: usize = 256;
/// How often a missing packet is asked for, and how far apart.
const TRIES: u8 = 12;
const SPACING: u64 = 120 * MS;
/// Pictures that cannot be shown for this long are asked for anew.
const FROZEN: u64 = 800 * MS;
/// Time between receiver reports.
const REPORTS: u64 = 3 * SEC;
/// A section that was taken away may still have packets on the way.
const UNDER_WAY: u64 = 2 * SEC;

/// What one packet was.
#[derive(Debug, Clone, Copy)]
struct Line {
    timestamp: u32,
    content: Content,
    picture: Option<u16>,
}

/// One section.
#[derive(Debug)]
struct Track {
    picture: bool,
    payload_type: u8,
    ssrc: u32,
    repair: Option<(u8, u32)>,
    /// When it was taken away.
    ended: Option<u64>,
    log: BTreeMap<u64, Line>,
    highest: Option<u64>,
    /// Missing numbers: tries so far, and when to ask next.
    missing: BTreeMap<u64, (u8, u64)>,
    /// From this number on nothing may be missing for long.
    calm_from: Option<u64>,
    last_at: u64,
    /// Complete frames that could not be shown yet: layer, key frame or not.
    frames: BTreeMap<u64, (u8, bool)>,
    parts: BTreeMap<(u8, u64), u32>,
    shown: Option<(u8, u64)>,
    shown_at: u64,
    asked_at: u64,
    /// Which making of the stream was seen last.
    life: u16,
}

/// Everything that a subscriber receives of one stream.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    stream: u64,
    tracks: Vec<Track>,
    next: u64,
    next_report: u64,
}

impl Sink {
    pub(crate) fn new(stream: &str) -> Self {
        Self { stream: super::content::digest(0, stream.as_bytes()), ..Self::default() }
    }

    /// Takes the server's description of what it sends.
    pub(crate) fn described(&mut self, now: u64, offer: &Description) {
        for track in &mut self.tracks {
            track.ended.get_or_insert(now);
        }
        for section in &offer.sections {
            let (Direction::SendOnly, Some(source)) = (section.direction, section.sources.first())
            else {
                continue;
            };
            if let Some(track) = self.tracks.iter_mut().find(|track| track.ssrc == source.ssrc) {
                track.ended = None;
                continue;
            }
            let picture = section.media == Media::Video;
            let is_repair = |name: &str| name.eq_ignore_ascii_case("rtx");
            let codec = section.codecs.iter().find(|codec| !is_repair(&codec.name));
            let repair = section.codecs.iter().find(|codec| is_repair(&codec.name));
            let repaired = section.repairs.first().map(|(_, repair)| *repair);
            self.tracks.push(Track {
                picture,
                payload_type: codec.map_or(0, |codec| codec.payload_type),
                ssrc: source.ssrc,
                repair: repair.map(|codec| codec.payload_type).zip(repaired),
                ended: None,
                log: BTreeMap::new(),
                highest: None,
                missing: BTreeMap::new(),
                calm_from: None,
                last_at: 0,
                frames: BTreeMap::new(),
                parts: BTreeMap::new(),
                shown: None,
                shown_at: now,
                asked_at: 0,
                life: 0,
            });
        }
    }

    pub(crate) fn due(&self) -> u64 {
        self.next
    }

    /// Other keys: numbers begin anew.
    pub(crate) fn rekeyed(&mut self) {
        for track in &mut self.tracks {
            track.restart();
        }
    }

    /// Takes a packet.
    pub(crate) fn rtp(
        &mut self,
        now: u64,
        plain: &[u8],
        means: &mut Means<'_>,
    ) -> Result<(), String> {
        let header = Header::parse(plain).map_err(|fault| format!("broken RTP: {fault}"))?;
        let stream = self.stream;
        let of = |track: &&mut Track| {
            track.ssrc == header.ssrc || track.repair.is_some_and(|(_, ssrc)| ssrc == header.ssrc)
        };
        // Its description may still be on its way.
        let Some(track) = self.tracks.iter_mut().find(of) else { return Ok(()) };
        if track.ended.is_some_and(|at| at + UNDER_WAY < now) && means.prompt {
            return Err("packets of a section that was taken away".to_owned());
        }
        if header.payload.is_empty() {
            return Err("an empty packet was sent".to_owned());
        }
        means.seen.received += 1;
        let direct = header.ssrc == track.ssrc;
        let (sequence, payload) = match (direct, header.payload.split_first_chunk::<2>()) {
            (true, _) => (header.sequence, header.payload),
            (false, Some((original, rest))) => (u16::from_be_bytes(*original), rest),
            (false, None) => return Err("a resend of nothing".to_owned()),
        };
        let expected = match track.repair {
            Some((payload_type, _)) if !direct => payload_type,
            _ => track.payload_type,
        };
        if header.payload_type != expected {
            return Err(format!("payload type {} instead of {expected}", header.payload_type));
        }
        let Some(content) = Content::read(means.secret, payload, track.picture) else {
            return Err(format!("a packet that nobody published: {payload:02x?}"));
        };
        if content.stream != stream {
            return Err("a packet of another stream".to_owned());
        }
        let near = track.highest.unwrap_or_else(|| u64::from(sequence));
        let picture = vp8::Descriptor::parse(payload).filter(|_| track.picture);
        let picture = picture.and_then(|found| found.picture_id).map(|id| id.value);
        let line = Line { timestamp: header.timestamp, content, picture };
        track.take(now, rtp::extend(near, sequence), line, means)
    }

    /// Takes a report of the server.
    pub(crate) fn rtcp(&self, plain: &[u8]) -> Result<(), String> {
        for packet in rtcp::packets(plain) {
            let packet = packet.map_err(|fault| format!("the server's RTCP is broken: {fault}"))?;
            if let Packet::SenderReport(report) = packet {
                let ssrc = report.info.ssrc;
                let known = self.tracks.iter().any(|track| {
                    track.ssrc == ssrc || track.repair.is_some_and(|(_, other)| other == ssrc)
                });
                if !known && !self.tracks.is_empty() {
                    return Err(format!("a report about source {ssrc}, which nobody named"));
                }
            }
        }
        Ok(())
    }

    /// Asks for what is missing.
    pub(crate) fn tick(&mut self, now: u64, seal: &mut Seal, means: &mut Means<'_>) {
        self.next = now + 100 * MS;
        let mut plain = Vec::new();
        if self.next_report <= now {
            self.next_report = now + REPORTS;
            let blocks: Vec<ReportBlock> =
                self.tracks.iter().filter_map(Track::report).take(rtcp::REPORTS_MAX).collect();
            rtcp::write_receiver_report(&mut plain, 1, &blocks);
        }
        for track in self.tracks.iter_mut().filter(|track| track.ended.is_none()) {
            track.ask(now, &mut plain, means);
        }
        let mut out = Vec::new();
        if !plain.is_empty() && seal.rtcp(&plain, &mut out) {
            means.out.push(out);
        }
        if self.tracks.iter().all(|track| track.missing.is_empty() && !track.frozen(now)) {
            self.next = now + 400 * MS;
        }
    }

    /// Faults ended a while ago: from now on nothing gets lost for good.
    pub(crate) fn calm(&mut self) {
        for track in &mut self.tracks {
            track.calm_from = track.calm_from.or(track.highest);
        }
    }

    /// What is wrong now that all has been fine for long.
    pub(crate) fn judge(&self, now: u64, quiet: u64) -> Result<(), String> {
        for track in self.tracks.iter().filter(|track| track.ended.is_none()) {
            let what = if track.picture { "pictures" } else { "sound" };
            if track.last_at + quiet < now {
                return Err(format!("no {what} since {} ms", track.last_at / MS));
            }
            if track.picture && track.shown_at + quiet < now {
                return Err(format!("no picture to show since {} ms", track.shown_at / MS));
            }
            track.continuous(now)?;
        }
        Ok(())
    }
}

impl Track {
    fn restart(&mut self) {
        self.log.clear();
        self.missing.clear();
        self.highest = None;
        self.calm_from = None;
    }

    fn report(&self) -> Option<ReportBlock> {
        let highest = u32::try_from(self.highest? & 0xffff_ffff).expect("masked");
        Some(ReportBlock { ssrc: self.ssrc, highest_sequence: highest, ..ReportBlock::default() })
    }

    fn take(
        &mut self,
        now: u64,
        number: u64,
        line: Line,
        means: &mut Means<'_>,
    ) -> Result<(), String> {
        self.last_at = now;
        self.compare(number, &line)?;
        if let Some(before) = self.log.insert(number, line) {
            let same = before.content == line.content && before.timestamp == line.timestamp;
            return match same {
                true => Ok(()),
                false => Err(format!("number {number} was used twice: {before:?} {line:?}")),
            };
        }
        if self.log.len() > LOG {
            self.log.pop_first();
        }
        if self.missing.remove(&number).is_some() {
            means.seen.repaired += 1;
        }
        let highest = self.highest.unwrap_or_else(|| number.saturating_sub(1));
        for lost in highest + 1..number.min(highest + LOG as u64) {
            self.missing.insert(lost, (0, now + 20 * MS));
        }
        self.highest = Some(highest.max(number));
        if means.calm {
            self.calm_from.get_or_insert(number);
        }
        if self.picture {
            self.part(now, &line.content);
        }
        Ok(())
    }

    /// Times and pictures go on in the order of numbers.
    fn compare(&self, number: u64, line: &Line) -> Result<(), String> {
        let before = self.log.range(..number).next_back().map(|(_, before)| (before, line));
        let after = self.log.range(number + 1..).next().map(|(_, after)| (line, after));
        for (first, second) in before.into_iter().chain(after) {
            let step = second.timestamp.wrapping_sub(first.timestamp);
            if step >= 1 << 31 {
                return Err(format!("time goes back before number {number}: {first:?} {second:?}"));
            }
            let (a, b) = (first.content, second.content);
            if a.life != b.life {
                continue;
            }
            if a.layer == b.layer && (a.number, a.part) >= (b.number, b.part) {
                return Err(format!("content goes back before number {number}: {a:?} {b:?}"));
            }
            let same_frame = a.layer == b.layer && a.number == b.number;
            if let (Some(x), Some(y)) = (first.picture, second.picture) {
                let step = y.wrapping_sub(x) & 0x7FFF;
                if same_frame != (step == 0) || step >= 0x4000 {
                    return Err(format!("picture {x} before {y}: {a:?} {b:?}"));
                }
            }
        }
        Ok(())
    }

    /// Notes a part of a frame, and shows what can be shown.
    fn part(&mut self, now: u64, content: &Content) {
        if self.life != content.life {
            self.life = content.life;
            self.frames.clear();
            self.parts.clear();
            self.shown = None;
        }
        let of = (content.layer, content.number);
        let parts = self.parts.entry(of).or_default();
        *parts |= 1 << content.part;
        if *parts != (1 << content.parts) - 1 {
            while self.parts.len() > LOG {
                self.parts.pop_first();
            }
            return;
        }
        self.parts.remove(&of);
        let old = self.shown.is_some_and(|(layer, frame)| {
            frame > content.number || (frame == content.number && layer == content.layer)
        });
        if old {
            return;
        }
        self.frames.insert(content.number, (content.layer, content.key));
        while self.frames.len() > LOG {
            self.frames.pop_first();
        }
        // A key frame can always be shown, another one after its predecessor.
        while let Some(next) = self.showable() {
            if let Some((layer, _)) = self.frames.remove(&next) {
                self.shown = Some((layer, next));
                self.shown_at = now;
            }
        }
        if let Some((_, shown)) = self.shown {
            self.frames.retain(|frame, _| *frame > shown);
        }
    }

    fn showable(&self) -> Option<u64> {
        let follows = |frame: u64, layer: u8| {
            self.shown.is_some_and(|(shown, last)| shown == layer && frame == last + 1)
        };
        let fits = |(frame, (layer, key)): (&u64, &(u8, bool))| {
            (*key || follows(*frame, *layer)).then_some(*frame)
        };
        self.frames.iter().find_map(fits)
    }

    /// Packets come, and there is nothing to show.
    fn frozen(&self, now: u64) -> bool {
        self.picture
            && self.last_at > 0
            && self.shown_at + FROZEN < now
            && self.last_at > self.shown_at
    }

    fn ask(&mut self, now: u64, plain: &mut Vec<u8>, means: &mut Means<'_>) {
        self.missing.retain(|_, (tries, _)| *tries < TRIES);
        let due = |(number, (tries, next)): (&u64, &mut (u8, u64))| {
            (*next <= now).then(|| {
                *tries += 1;
                *next = now + SPACING;
                low(*number)
            })
        };
        if self.picture {
            let lost: Vec<u16> = self.missing.iter_mut().filter_map(due).take(64).collect();
            if !lost.is_empty() {
                rtcp::write_nack(plain, 1, self.ssrc, lost);
            }
        }
        if self.frozen(now) && self.asked_at + SEC <= now {
            self.asked_at = now;
            means.seen.asked += 1;
            rtcp::write_pli(plain, 1, self.ssrc);
        }
    }

    /// Nothing is missing, and nothing was left out on the way to the server.
    fn continuous(&self, now: u64) -> Result<(), String> {
        let Some(from) = self.calm_from else { return Ok(()) };
        let lost = self.missing.iter().find(|(number, _)| **number > from);
        if let Some((number, (tries, next))) = lost
            && now > next + 2 * SEC
        {
            return Err(format!("number {number} is missing after {tries} tries"));
        }
        let lines: Vec<_> = self.log.range(from..).collect();
        for pair in lines.windows(2) {
            let [(first, a), (second, b)] = pair else { continue };
            let (a, b) = (a.content, b.content);
            let follows = (a.number == b.number && b.part == a.part + 1)
                || (b.number == a.number + 1 && b.part == 0 && a.part + 1 == a.parts);
            let comparable = a.layer == b.layer && a.life == b.life;
            if **second == **first + 1 && comparable && !follows {
                return Err(format!("something was left out: {a:?} {b:?}"));
            }
        }
        Ok(())
    }
}

/// The keys of a transport.
#[derive(Debug)]
pub(crate) struct Keys {
    pub seal: Seal,
    pub open: Open,
}
