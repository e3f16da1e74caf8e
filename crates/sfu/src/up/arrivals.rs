//! Arrival times of all packets of a transport, for the publisher's estimate
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01).

use parlour_base::Mono;
use parlour_wire::rtcp::{TRANSPORT_CC_PACKETS_MAX, TransportCcHead, write_transport_cc};
use parlour_wire::rtp;
use std::collections::BTreeMap;

/// Most arrivals that wait to be reported.
const ARRIVALS_MAX: usize = 1_024;

/// Most packets one message speaks about, arrived or not.
const SPAN_MAX: u64 = 512;

/// Microseconds per tick of a delta, and per tick of the reference time.
const DELTA_TICK: u64 = 250;
const REFERENCE_TICK: u64 = 64_000;

/// What has arrived and was not reported yet.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    times: BTreeMap<u64, Mono>,
    newest: u64,
    /// The first number that the next message speaks about.
    base: Option<u64>,
    message: u8,
}

impl Arrivals {
    /// Notes a packet with a transport-wide number.
    pub(crate) fn note(&mut self, now: Mono, sequence: u16) {
        // 2^16 ahead, so that the first packets may come out of order.
        let near = if self.base.is_none() && self.times.is_empty() {
            u64::from(sequence) + (1 << 16)
        } else {
            self.newest
        };
        let number = rtp::extend(near, sequence);
        self.newest = self.newest.max(number);
        if self.times.len() < ARRIVALS_MAX {
            self.times.entry(number).or_insert(now);
        }
    }

    /// Whether there is anything to report.
    pub(crate) fn any(&self) -> bool {
        !self.times.is_empty()
    }

    /// Appends one message; false if there is nothing to report.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, sender: u32, media: u32) -> bool {
        let Some((&first, &at)) = self.times.first_key_value() else { return false };
        // Packets that are missing since the last message are named, as far as
        // they fit; a late one begins earlier than the last message ended.
        let base =
            self.base.map_or(first, |base| base.min(first).max(first.saturating_sub(SPAN_MAX / 2)));
        let reference = at.0 / REFERENCE_TICK;
        let mut before = reference.saturating_mul(REFERENCE_TICK);
        let mut deltas = Vec::new();
        let last = self.newest.min(base.saturating_add(SPAN_MAX));
        for number in base..=last {
            let Some(time) = self.times.get(&number) else {
                deltas.push(None);
                continue;
            };
            let ticks = (time.0 / DELTA_TICK).cast_signed() - (before / DELTA_TICK).cast_signed();
            let Ok(delta) = i16::try_from(ticks) else { break };
            deltas.push(Some(delta));
            before = time.0;
            if deltas.len() >= TRANSPORT_CC_PACKETS_MAX {
                break;
            }
        }
        while deltas.last().is_some_and(Option::is_none) {
            deltas.pop();
        }
        let head = TransportCcHead {
            sender,
            media,
            base: crate::shared::low16(base),
            reference: u32::try_from(reference & 0xFF_FFFF).unwrap_or(0),
            number: self.message,
        };
        let written = write_transport_cc(out, &head, &deltas);
        self.message = self.message.wrapping_add(1);
        let next = base.saturating_add(written as u64);
        self.times = self.times.split_off(&next);
        self.base = Some(next.max(self.base.unwrap_or(0)));
        written > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlour_wire::rtcp::{Packet, packets};

    fn read(bytes: &[u8]) -> (TransportCcHead, Vec<(u16, Option<i16>)>) {
        let Some(Ok(Packet::TransportCc(feedback))) = packets(bytes).next() else {
            panic!("no feedback")
        };
        let arrivals = feedback.arrivals().map(|arrival| (arrival.sequence, arrival.delta));
        (feedback.head, arrivals.collect())
    }

    #[test]
    fn arrivals_and_losses_are_reported_once() {
        let mut arrivals = Arrivals::default();
        for (sequence, ms) in [(65_534u16, 64u64), (65_535, 65), (1, 70), (0, 71)] {
            arrivals.note(Mono(ms * 1_000), sequence);
        }
        arrivals.note(Mono(80_000), 4);
        let mut out = Vec::new();
        assert!(arrivals.write(&mut out, 1, 2));
        let (head, list) = read(&out);
        assert_eq!((head.base, head.reference, head.number), (65_534, 1, 0));
        let deltas: Vec<_> = list.iter().map(|(_, delta)| *delta).collect();
        assert_eq!(deltas, [Some(0), Some(4), Some(24), Some(-4), None, None, Some(40)]);
        out.clear();
        assert!(!arrivals.write(&mut out, 1, 2));
        arrivals.note(Mono(200_000), 6);
        assert!(arrivals.write(&mut out, 1, 2));
        let (head, list) = read(&out);
        assert_eq!((head.base, head.number, list.len()), (5, 1, 2));
    }

    #[test]
    fn silence_of_minutes_and_floods_are_survived() {
        let mut arrivals = Arrivals::default();
        arrivals.note(Mono(0), 1);
        arrivals.note(Mono(600_000_000), 2);
        let mut out = Vec::new();
        assert!(arrivals.write(&mut out, 1, 2));
        assert!(arrivals.any());
        out.clear();
        assert!(arrivals.write(&mut out, 1, 2));
        assert!(!arrivals.any());
        for step in 0..20_000u64 {
            arrivals.note(Mono(step), (step * 7_919) as u16);
        }
        for _ in 0..ARRIVALS_MAX {
            out.clear();
            if !arrivals.write(&mut out, 1, 2) {
                break;
            }
            assert!(out.len() < 1_200);
        }
    }
}
