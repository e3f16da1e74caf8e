//! What happens to a burst of packets on its way to one receiver.

use super::Down;
use super::rewrite::{Stamp, Writing};
use super::track::{DownTrack, Newest, Stretch, vp8_numbers};
use crate::plan::{CodecName, Kind};
use crate::shared::{Planned, Shared, micros_ticks, ntp_ticks, wrap_ticks};
use crate::transport::Transport;
use crate::up::{Layer, Packet, Track, clock_rate};
use parlour_base::Mono;
use std::time::Duration;

/// Most padding that makes packets of a burst equal.
const PADDING_MAX: usize = 4;

/// Sender reports that put two layers further apart than this are not
/// believed, in seconds.
const APART_MAX: u32 = 5;

/// Timestamp steps that pass for progress rather than a step back.
const AHEAD_MAX: u32 = 1 << 31;

impl Down {
    /// Sends packets of one layer of the publisher's track to one of ours.
    /// Returns the layer of which a key frame is needed first, if so.
    pub(crate) fn burst(
        &mut self,
        now: Mono,
        at: usize,
        source: &Track,
        index: usize,
        numbers: &[u64],
        shared: &mut Shared,
    ) -> Option<usize> {
        let Self { tracks, transport, next_report, .. } = self;
        let (track, layer) = (tracks.get_mut(at)?, source.layers.get(index)?);
        if !transport.sendable() || !track.open() {
            return None;
        }
        let mut planned = std::mem::take(&mut shared.planned);
        planned.clear();
        let mut any = false;
        for number in numbers {
            let Some(packet) = layer.ring.get(*number) else { continue };
            if packet.padding || packet.meta.codec != track.section.codec.name {
                continue;
            }
            if track.belongs(index, layer.epoch).is_none() {
                if !track.begins(now, source, index, packet, shared) {
                    continue;
                }
                // What was planned belongs to the stretch that ends here.
                send(now, transport, track, layer, &planned, shared);
                planned.clear();
                track.switch(source, index, layer, packet, shared);
                track.catch_up(now, layer, packet, numbers, &mut planned);
            }
            let ours = track.belongs(index, layer.epoch).and_then(|s| s.number_of(packet.dense));
            let Some(ours) = ours else { continue };
            track.plan(now, ours, packet, &mut planned);
            any = true;
        }
        send(now, transport, track, layer, &planned, shared);
        shared.planned = planned;
        if any && next_report.is_none() {
            // Not at the very start: the publisher's own report may come yet.
            let spread = u64::from(shared.entropy.below(200));
            *next_report = Some(now + Duration::from_millis(100 + spread));
        }
        track.lacks(now, source, shared)
    }
}

/// Sends packets of one stretch; those before the last are made equal in size.
fn send(
    now: Mono,
    transport: &mut Transport,
    track: &mut DownTrack,
    layer: &Layer,
    planned: &[Planned],
    shared: &mut Shared,
) {
    let Some(stretch) = track.now else { return };
    let Some((path, seal)) = transport.way() else { return };
    let last = planned.len().saturating_sub(1);
    for (at, plan) in planned.iter().enumerate() {
        let Some(packet) = layer.ring.get(plan.number) else { continue };
        let padding = match track.repairs() && at != last {
            true => padding_to_equal(plan.size, planned),
            false => 0,
        };
        let writing = Writing { track, packet, stretch: &stretch, number: plan.ours, now };
        if let Some(length) = writing.send(path, seal, padding, shared) {
            track.sent(&stretch, packet, length, shared);
        }
    }
}

/// Bytes that make a packet as large as the largest one close to it.
fn padding_to_equal(size: usize, planned: &[Planned]) -> u8 {
    let close = |other: usize| other.checked_sub(size).filter(|more| *more <= PADDING_MAX);
    let most = planned.iter().filter_map(|plan| close(plan.size)).max();
    most.and_then(|most| u8::try_from(most).ok()).unwrap_or(0)
}

impl DownTrack {
    /// The stretch that a layer's packets belong to now.
    pub(super) fn belongs(&self, layer: usize, epoch: u32) -> Option<&Stretch> {
        self.now.as_ref().filter(|stretch| stretch.layer == layer && stretch.epoch == epoch)
    }

    fn plan(&mut self, now: Mono, ours: u64, packet: &Packet, planned: &mut Vec<Planned>) {
        let size = self.length(ours, packet, &Stamp::new(now, packet));
        planned.push(Planned { number: packet.meta.number, ours, size });
        self.next = self.next.max(ours.saturating_add(1));
    }

    /// The packet that begins a stretch may have come late: those behind it
    /// left for others already, and are owed to this receiver. What is in
    /// `numbers` is on its way, what is held will be.
    fn catch_up(
        &mut self,
        now: Mono,
        layer: &Layer,
        first: &Packet,
        numbers: &[u64],
        planned: &mut Vec<Planned>,
    ) {
        let Some(stretch) = self.now else { return };
        let last = layer.released().unwrap_or(first.meta.number);
        for number in first.meta.number.saturating_add(1)..=last {
            if numbers.contains(&number) {
                continue;
            }
            let Some(packet) = layer.ring.get(number) else { continue };
            if packet.padding || packet.meta.codec != first.meta.codec {
                continue;
            }
            if let Some(ours) = stretch.number_of(packet.dense) {
                self.plan(now, ours, packet, planned);
            }
        }
    }

    /// Whether the receiver may change over to this layer with this packet.
    fn begins(
        &self,
        now: Mono,
        source: &Track,
        index: usize,
        packet: &Packet,
        shared: &Shared,
    ) -> bool {
        if packet.meta.keyframe == Some(false) {
            return false;
        }
        let pause = shared.config.layer_pause.0;
        let flows =
            |layer: usize| source.layers.get(layer).is_some_and(|layer| layer.flows(now, pause));
        let wanted = source.wanted(self.section.low);
        // Another layer serves only while the wanted one is silent.
        index == wanted
            || (!flows(wanted) && self.layer().is_none_or(|layer| !flows(layer) || layer == index))
    }

    /// The layer of which a key frame is needed, if one is.
    pub(crate) fn lacks(&self, now: Mono, source: &Track, shared: &Shared) -> Option<usize> {
        if !self.open() || self.section.kind != Kind::Video {
            return None;
        }
        let pause = shared.config.layer_pause.0;
        let flows = |at: usize| source.layers.get(at).is_some_and(|layer| layer.flows(now, pause));
        let wanted = source.wanted(self.section.low);
        match self.now {
            None => Some(wanted),
            Some(stretch) => {
                let known = source.layers.get(stretch.layer);
                let stale = known.is_none_or(|layer| layer.epoch != stretch.epoch);
                let better = stretch.layer != wanted && flows(wanted);
                let other = !flows(stretch.layer) && !flows(wanted);
                let any = (0..source.layers.len()).find(|at| flows(*at));
                if stale || better {
                    Some(wanted)
                } else if other {
                    any
                } else {
                    None
                }
            }
        }
    }

    /// Begins a new stretch with `packet`.
    pub(super) fn switch(
        &mut self,
        source: &Track,
        index: usize,
        layer: &Layer,
        packet: &Packet,
        shared: &mut Shared,
    ) {
        let rate = clock_rate(packet.meta.codec);
        let theirs = packet.meta.timestamp;
        let timestamp = match (self.newest, self.now) {
            (Some(newest), Some(old)) => {
                self.aligned(source, &old, layer, &newest, packet, rate).wrapping_sub(theirs)
            }
            (Some(newest), None) => after(&newest, packet, rate).wrapping_sub(theirs),
            (None, _) => 0,
        };
        let (mut picture, mut base_layer, mut renumbered) = (0, 0, false);
        if let (CodecName::Vp8, Some(newest)) = (packet.meta.codec, self.newest) {
            let (theirs, their_base) = vp8_numbers(packet);
            let next = newest.picture.wrapping_add(1) & 0x7FFF;
            picture = next.wrapping_sub(theirs.unwrap_or(0)) & 0x7FFF;
            base_layer = newest.base_layer.wrapping_add(1).wrapping_sub(their_base.unwrap_or(0));
            renumbered = picture != 0 || base_layer != 0;
        }
        let stretch = Stretch {
            layer: index,
            epoch: layer.epoch,
            dense: packet.dense,
            number: self.next,
            timestamp,
            picture,
            base_layer,
            renumbered,
        };
        if self.now.is_some_and(|old| old.layer != index) {
            shared.stats.layer_switches += 1;
        }
        self.before = self.now.replace(stretch);
    }

    /// Our timestamp for the first packet of another layer: by the
    /// publisher's reports if both layers have one, else by arrival.
    fn aligned(
        &self,
        source: &Track,
        old: &Stretch,
        layer: &Layer,
        newest: &Newest,
        packet: &Packet,
        rate: u32,
    ) -> u32 {
        let by_arrival = after(newest, packet, rate);
        let from = source.layers.get(old.layer).filter(|from| from.epoch == old.epoch);
        let clocks = (from.and_then(|from| from.clock), layer.clock);
        let (Some(from), Some(to)) = clocks else { return by_arrival };
        let since_report = packet.meta.timestamp.wrapping_sub(to.rtp);
        let between = wrap_ticks(ntp_ticks(to.ntp.wrapping_sub(from.ntp).cast_signed(), rate));
        let by_report =
            from.rtp.wrapping_add(between).wrapping_add(since_report).wrapping_add(old.timestamp);
        let apart = by_report.wrapping_sub(by_arrival).cast_signed().unsigned_abs();
        let ahead = by_report.wrapping_sub(newest.timestamp);
        let sane = apart < rate.saturating_mul(APART_MAX) && (1..AHEAD_MAX).contains(&ahead);
        if sane { by_report } else { by_arrival }
    }

    /// Counts a packet that was sent.
    fn sent(&mut self, stretch: &Stretch, packet: &Packet, length: usize, shared: &Shared) {
        self.packets = self.packets.wrapping_add(1);
        let octets = u32::try_from(length).unwrap_or(0);
        self.octets = self.octets.wrapping_add(octets);
        let burst = i64::try_from(shared.config.resend_burst.0).unwrap_or(i64::MAX);
        let share = i64::from(octets) * i64::from(shared.config.resend_percent) / 100;
        self.credit = self.credit.saturating_add(share).min(burst);
        let timestamp = packet.meta.timestamp.wrapping_add(stretch.timestamp);
        let newer = |newest: &Newest| timestamp.wrapping_sub(newest.timestamp) < AHEAD_MAX;
        if self.newest.as_ref().is_none_or(newer) {
            let (picture, base_layer) = match packet.meta.codec {
                CodecName::Vp8 => vp8_numbers(packet),
                _ => (None, None),
            };
            let newest = self.newest.get_or_insert_default();
            newest.timestamp = timestamp;
            newest.arrival = packet.meta.arrival;
            if let Some(picture) = picture {
                newest.picture = picture.wrapping_add(stretch.picture) & 0x7FFF;
            }
            if let Some(base_layer) = base_layer {
                newest.base_layer = base_layer.wrapping_add(stretch.base_layer);
            }
        }
    }
}

/// Our timestamp for a packet that follows `newest` by the clock of arrivals.
fn after(newest: &Newest, packet: &Packet, rate: u32) -> u32 {
    let gap = packet.meta.arrival.since(newest.arrival);
    let micros = u64::try_from(gap.as_micros()).unwrap_or(0);
    newest.timestamp.wrapping_add(micros_ticks(micros, rate).max(rate / 1_000))
}
