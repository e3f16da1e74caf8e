//! From a received RTP packet to its track, layer and place in the ring.

use super::layer::Taken;
use super::reception::Reception;
use super::ring::Meta;
use super::track::{Meaning, clock_rate};
use super::{Flush, Up};
use crate::plan::{CodecName, ExtensionIds};
use crate::shared::Shared;
use parlour_base::Mono;
use parlour_wire::{payload, rtp};

/// Where a source belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) track: usize,
    pub(super) layer: usize,
    /// It carries resends (RFC 4588).
    pub(super) resends: bool,
}

/// The header extensions of one packet that matter.
#[derive(Debug, Default, Clone, Copy)]
struct Marks<'a> {
    mid: Option<&'a str>,
    rid: Option<&'a str>,
    repaired: Option<&'a str>,
    transport: Option<u16>,
    orientation: Option<u8>,
    descriptor: &'a [u8],
}

/// Ids are shared by all sections of a bundle (RFC 8843 §9.2): the first
/// section that has one names it.
pub(super) fn merged(tracks: &[super::Track]) -> ExtensionIds {
    let first = |pick: fn(&ExtensionIds) -> Option<u8>| {
        tracks.iter().find_map(|track| pick(&track.section.extensions))
    };
    ExtensionIds {
        mid: first(|ids| ids.mid),
        rid: first(|ids| ids.rid),
        repaired_rid: first(|ids| ids.repaired_rid),
        transport_cc: first(|ids| ids.transport_cc),
        video_orientation: first(|ids| ids.video_orientation),
        dependency_descriptor: first(|ids| ids.dependency_descriptor),
        ..ExtensionIds::default()
    }
}

fn marks<'a>(header: &rtp::Header<'a>, ids: &ExtensionIds) -> Marks<'a> {
    let mut marks = Marks::default();
    for (id, value) in header.extensions() {
        let is = |known: Option<u8>| known == Some(id);
        let text = || std::str::from_utf8(value).ok();
        if is(ids.mid) {
            marks.mid = text();
        } else if is(ids.rid) {
            marks.rid = text();
        } else if is(ids.repaired_rid) {
            marks.repaired = text();
        } else if is(ids.transport_cc) {
            marks.transport = value.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
        } else if is(ids.video_orientation) {
            marks.orientation = value.first().copied();
        } else if is(ids.dependency_descriptor) {
            marks.descriptor = value;
        }
    }
    marks
}

fn keyframe(codec: CodecName, bytes: &[u8]) -> Option<bool> {
    match codec {
        CodecName::Vp8 => payload::vp8::keyframe_start(bytes),
        CodecName::Vp9 => payload::vp9::keyframe_start(bytes),
        CodecName::Av1 => payload::av1::keyframe_start(bytes),
        CodecName::H264 => payload::h264::keyframe_start(bytes),
        CodecName::Opus | CodecName::G722 | CodecName::Pcma | CodecName::Pcmu => None,
    }
}

impl Up {
    /// Takes one authenticated packet with its extended sequence number; what
    /// can be sent to receivers now, if anything.
    pub(crate) fn rtp(
        &mut self,
        now: Mono,
        number: u64,
        plain: &[u8],
        shared: &mut Shared,
    ) -> Option<Flush> {
        let Ok(header) = rtp::Header::parse(plain) else {
            shared.stats.dropped.malformed += 1;
            return None;
        };
        let marks = marks(&header, &self.ids);
        if let Some(sequence) = marks.transport {
            self.arrivals.note(now, sequence);
            self.next_feedback.get_or_insert(now + shared.config.transport_feedback.0);
        }
        let bound = self.sources.get(&header.ssrc).copied();
        let Some(bound) = bound.or_else(|| self.bind(&header, &marks)) else {
            shared.stats.dropped.unbound += 1;
            return None;
        };
        shared.stats.rtp_in += 1;
        if bound.resends {
            return self.resend(now, bound, &header, &marks, shared);
        }
        self.media(now, bound, number, &header, &marks, shared)
    }

    /// Finds where a new source belongs: announced SSRCs and the header
    /// extensions, then the payload type if it names one section.
    fn bind(&mut self, header: &rtp::Header<'_>, marks: &Marks<'_>) -> Option<Bound> {
        // Source 0 stands for probes of the transport, not for a track.
        if header.ssrc == 0 {
            return None;
        }
        let marked = || self.marked(header, marks);
        let bound = match marks.rid.or(marks.repaired) {
            // The lines do not say which layer they are for, the rid does.
            Some(_) => marked().or_else(|| self.announced(header.ssrc)),
            None => self.announced(header.ssrc).or_else(marked),
        };
        let bound = bound.or_else(|| self.typed(header.payload_type, marks))?;
        let track = self.tracks.get(bound.track)?;
        let meaning = track.meaning(header.payload_type)?;
        if !track.section.active || matches!(meaning, Meaning::Resend(_)) != bound.resends {
            return None;
        }
        if !bound.resends {
            let layer = self.tracks.get_mut(bound.track)?.layers.get_mut(bound.layer)?;
            match layer.ssrc.replace(header.ssrc) {
                None => {}
                Some(_) => layer.rebind(header.ssrc),
            }
            self.sources.retain(|_, other| *other != bound);
        }
        self.sources.insert(header.ssrc, bound);
        Some(bound)
    }

    fn announced(&self, ssrc: u32) -> Option<Bound> {
        self.tracks.iter().enumerate().find_map(|(track, state)| {
            // With several layers the order of the lines is their order.
            state.section.ssrcs.iter().enumerate().find_map(|(layer, (media, resends))| {
                let bound = |resends| Bound { track, layer, resends };
                let found = match () {
                    () if *media == ssrc => Some(bound(false)),
                    () if *resends == Some(ssrc) => Some(bound(true)),
                    () => None,
                };
                found.filter(|_| layer < state.layers.len())
            })
        })
    }

    fn marked(&self, header: &rtp::Header<'_>, marks: &Marks<'_>) -> Option<Bound> {
        let track = self.track_of(marks.mid?)?;
        self.in_track(track, header.payload_type, marks)
    }

    fn typed(&self, payload_type: u8, marks: &Marks<'_>) -> Option<Bound> {
        if marks.mid.is_some() {
            return None;
        }
        let active = |track: &&super::Track| track.section.active;
        let fits = |track: &super::Track| track.meaning(payload_type).is_some();
        if self.tracks.iter().filter(active).filter(|track| fits(track)).count() != 1 {
            return None;
        }
        let track = self.tracks.iter().position(|track| track.section.active && fits(track))?;
        let bound = self.in_track(track, payload_type, marks)?;
        // A guess never takes a layer over that has its source.
        let layer = self.tracks.get(track)?.layers.get(bound.layer)?;
        (bound.resends || layer.ssrc.is_none()).then_some(bound)
    }

    /// The layer within a track: by rid, or the only one.
    fn in_track(&self, track: usize, payload_type: u8, marks: &Marks<'_>) -> Option<Bound> {
        let state = self.tracks.get(track)?;
        let resends = matches!(state.meaning(payload_type)?, Meaning::Resend(_));
        let rids = &state.section.rids;
        let named = |rid: &str| rids.iter().position(|known| known == rid);
        let layer = match if resends { marks.repaired.or(marks.rid) } else { marks.rid } {
            Some(rid) if !rids.is_empty() => named(rid)?,
            None if rids.len() > 1 => return None,
            _ => 0,
        };
        (layer < state.layers.len()).then_some(Bound { track, layer, resends })
    }

    fn media(
        &mut self,
        now: Mono,
        bound: Bound,
        number: u64,
        header: &rtp::Header<'_>,
        marks: &Marks<'_>,
        shared: &mut Shared,
    ) -> Option<Flush> {
        let track = self.tracks.get_mut(bound.track)?;
        if !track.section.active {
            shared.stats.dropped.unbound += 1;
            return None;
        }
        let Some(Meaning::Media(codec)) = track.meaning(header.payload_type) else {
            shared.stats.dropped.unbound += 1;
            return None;
        };
        let layer = track.layers.get_mut(bound.layer)?;
        let rate = clock_rate(codec);
        if layer.reception.is_none() {
            let first = now + shared.config.first_report.0;
            self.next_report = Some(self.next_report.map_or(first, |next| next.min(first)));
        }
        let reception = layer.reception.get_or_insert_with(|| Reception::new(number, rate));
        reception.count(now, number, header.timestamp);
        let flush = self.store(now, bound, number, codec, header, header.payload, marks, shared);
        if !header.payload.is_empty() {
            self.show(now, bound.track, header.payload_type, shared);
        }
        flush
    }

    /// Unwraps a resend (RFC 4588 §4): the original number comes first.
    fn resend(
        &mut self,
        now: Mono,
        bound: Bound,
        header: &rtp::Header<'_>,
        marks: &Marks<'_>,
        shared: &mut Shared,
    ) -> Option<Flush> {
        let Some((number, payload)) = header.payload.split_first_chunk() else {
            shared.stats.dropped.padding += 1;
            return None;
        };
        let track = self.tracks.get(bound.track)?;
        let Some(Meaning::Resend(original)) = track.meaning(header.payload_type) else {
            shared.stats.dropped.unbound += 1;
            return None;
        };
        let Some(Meaning::Media(codec)) = track.meaning(original) else { return None };
        // Before the source itself was seen there is nothing to complete.
        let Some(near) = track.layers.get(bound.layer)?.ring.highest() else {
            shared.stats.dropped.stale += 1;
            return None;
        };
        let number = rtp::extend(near, u16::from_be_bytes(*number));
        if number > near {
            shared.stats.dropped.stale += 1;
            return None;
        }
        self.store(now, bound, number, codec, header, payload, marks, shared)
    }

    #[expect(clippy::too_many_arguments, reason = "one packet, already taken apart")]
    fn store(
        &mut self,
        now: Mono,
        bound: Bound,
        number: u64,
        codec: CodecName,
        header: &rtp::Header<'_>,
        bytes: &[u8],
        marks: &Marks<'_>,
        shared: &mut Shared,
    ) -> Option<Flush> {
        let meta = Meta {
            number,
            timestamp: header.timestamp,
            marker: header.marker,
            codec,
            keyframe: keyframe(codec, bytes),
            orientation: marks.orientation,
            arrival: now,
        };
        let (track, index) = (self.tracks.get_mut(bound.track)?, bound.layer);
        let video = track.video();
        let layer = track.layers.get_mut(index)?;
        if layer.gaps.fill(now, number) {
            shared.stats.recovered += 1;
        }
        if bytes.is_empty() {
            shared.stats.dropped.padding += 1;
        }
        let taken = layer.take(meta, bytes, marks.descriptor, video, &shared.config);
        let torn = std::mem::take(&mut layer.torn);
        if torn {
            track.wish.add(index);
        }
        if taken == Taken::Stale {
            shared.stats.dropped.stale += 1;
        } else if meta.keyframe == Some(true) {
            let pause = shared.config.layer_pause.0;
            for (at, other) in track.layers.iter().enumerate() {
                // A silent layer is not worth further key frames of the others.
                if at == index || !other.flows(now, pause) {
                    track.wish.seen(at);
                }
            }
        }
        (taken == Taken::Flush).then_some(Flush { track: bound.track, layer: index })
    }
}
