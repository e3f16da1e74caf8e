//! One layer of a track: one source and its resends.

use super::gaps::Gaps;
use super::reception::Reception;
use super::ring::{Meta, Put, Ring};
use crate::config::Config;
use parlour_base::Mono;
use std::time::Duration;

/// Most packets that wait for the end of their frame.
pub(super) const HELD_MAX: usize = crate::outbox::SEGMENTS_MAX;

/// The publisher's sender report: one instant on two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clock {
    pub(crate) ntp: u64,
    pub(crate) rtp: u32,
}

/// One layer.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) ssrc: Option<u32>,
    pub(crate) ring: Ring,
    /// Counts up when another source takes the layer over: packets of
    /// different epochs cannot be compared.
    pub(crate) epoch: u32,
    pub(crate) clock: Option<Clock>,
    /// Newest packet: timestamp and arrival.
    pub(crate) newest: Option<(u32, Mono)>,
    /// Where the last key frame begins, and when it arrived.
    pub(crate) keyframe: Option<(u64, Mono)>,
    pub(super) gaps: Gaps,
    pub(super) reception: Option<Reception>,
    /// More was lost than can be asked for again: a key frame is needed.
    pub(super) torn: bool,
    held: Vec<u64>,
    held_since: Mono,
    ring_size: u32,
}

/// What to do after a packet was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// Nothing to send now.
    Held,
    /// Send what is held.
    Flush,
    /// Too old or there already.
    Stale,
}

impl Layer {
    pub(super) fn new(ring_size: u32) -> Self {
        Self {
            ssrc: None,
            ring: Ring::new(ring_size),
            epoch: 0,
            clock: None,
            newest: None,
            keyframe: None,
            gaps: Gaps::default(),
            reception: None,
            torn: false,
            held: Vec::new(),
            held_since: Mono::default(),
            ring_size,
        }
    }

    /// The layer comes from another source now.
    pub(super) fn rebind(&mut self, ssrc: u32) {
        let epoch = self.epoch.wrapping_add(1);
        *self = Self { ssrc: Some(ssrc), epoch, ..Self::new(self.ring_size) };
    }

    /// Takes a packet into the ring and decides when it leaves.
    pub(super) fn take(
        &mut self,
        meta: Meta,
        payload: &[u8],
        descriptor: &[u8],
        video: bool,
        config: &Config,
    ) -> Taken {
        let before = self.ring.highest();
        let put = self.ring.put(meta, payload, descriptor);
        let padding = payload.is_empty();
        match put {
            Put::Stale => return Taken::Stale,
            Put::Late if !padding => {
                let newer = self.keyframe.is_none_or(|(number, _)| number < meta.number);
                if meta.keyframe == Some(true) && newer {
                    self.keyframe = Some((meta.number, meta.arrival));
                }
                self.held.push(meta.number);
                return Taken::Flush;
            }
            Put::Late => return Taken::Held,
            Put::Newest => {}
        }
        if let Some(before) = before.filter(|_| video)
            && !self.gaps.open(meta.arrival, before, meta.number, config.nack_delay.0)
        {
            self.keyframe = None;
            self.torn = true;
        }
        if padding {
            return Taken::Held;
        }
        // A packet of the next frame ends the one before it.
        let next_frame = self.newest.is_some_and(|(timestamp, _)| timestamp != meta.timestamp);
        let ends_other = next_frame && !self.held.is_empty();
        self.newest = Some((meta.timestamp, meta.arrival));
        if meta.keyframe == Some(true) {
            self.keyframe = Some((meta.number, meta.arrival));
            self.gaps.forget_before(meta.number);
        }
        if self.held.is_empty() {
            self.held_since = meta.arrival;
        }
        self.held.push(meta.number);
        let hold = video && !config.frame_hold.0.is_zero();
        let full = self.held.len() >= HELD_MAX;
        if !hold || meta.marker || full || ends_other { Taken::Flush } else { Taken::Held }
    }

    /// The packets that leave now.
    pub(crate) fn release(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.held)
    }

    /// Gives the room of [`Layer::release`] back.
    pub(crate) fn reuse(&mut self, mut room: Vec<u64>) {
        room.clear();
        if self.held.is_empty() {
            self.held = room;
        }
    }

    /// When held packets leave at the latest.
    pub(super) fn hold_ends(&self, hold: Duration) -> Option<Mono> {
        (!self.held.is_empty()).then(|| self.held_since + hold)
    }

    /// Whether packets came within the last `pause`.
    pub(crate) fn flows(&self, now: Mono, pause: Duration) -> bool {
        self.newest.is_some_and(|(_, arrival)| now.since(arrival) < pause)
    }

    /// The newest packet that has left already.
    pub(crate) fn released(&self) -> Option<u64> {
        match self.held.iter().min() {
            Some(held) => held.checked_sub(1),
            None => self.ring.highest(),
        }
    }

    /// The packets since the last key frame that have left already, if all are
    /// there and they are few and fresh enough.
    pub(crate) fn group(&self, now: Mono, config: &Config) -> Option<Vec<u64>> {
        let (first, arrival) = self.keyframe?;
        let last = self.released()?;
        let count = last.checked_sub(first)?.saturating_add(1);
        if count > u64::from(config.replay_packets) || now.since(arrival) > config.replay_age.0 {
            return None;
        }
        let mut group = Vec::new();
        for number in first..=last {
            let packet = self.ring.get(number)?;
            if !packet.padding {
                group.push(number);
            }
        }
        Some(group)
    }
}
