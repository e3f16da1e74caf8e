//! What a receiver reports about one source (RFC 3550 §6.4.1, A.3, A.8).

use crate::shared::{micros_ticks, ntp_middle};
use parlour_base::Mono;
use parlour_wire::rtcp::ReportBlock;

/// Counters of one source.
#[derive(Debug)]
pub(crate) struct Reception {
    rate: u32,
    first: u64,
    highest: u64,
    received: u64,
    expected_before: u64,
    received_before: u64,
    transit: Option<u32>,
    /// Sixteen times the jitter, as in appendix A.8.
    jitter: u32,
    report: Option<(u32, Mono)>,
}

impl Reception {
    pub(crate) fn new(number: u64, rate: u32) -> Self {
        Self {
            rate,
            first: number,
            highest: number,
            received: 0,
            expected_before: 0,
            received_before: 0,
            transit: None,
            jitter: 0,
            report: None,
        }
    }

    /// Counts a packet that came on the source itself.
    pub(crate) fn count(&mut self, now: Mono, number: u64, timestamp: u32) {
        self.received = self.received.saturating_add(1);
        self.first = self.first.min(number);
        self.highest = self.highest.max(number);
        let transit = micros_ticks(now.0, self.rate).wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let step = transit.wrapping_sub(before).cast_signed().unsigned_abs();
            // A jump of more than ten seconds is a new clock, not jitter.
            if step < self.rate.saturating_mul(10) {
                let decay = self.jitter.saturating_add(8) >> 4;
                self.jitter = self.jitter.saturating_add(step).saturating_sub(decay);
            }
        }
    }

    /// The publisher's sender report arrived.
    pub(crate) fn reported(&mut self, now: Mono, ntp: u64) {
        self.report = Some((ntp_middle(ntp), now));
    }

    /// The next report block.
    pub(crate) fn block(&mut self, now: Mono, ssrc: u32) -> ReportBlock {
        let expected = self.highest.saturating_sub(self.first).saturating_add(1);
        let lost = expected.cast_signed().saturating_sub(self.received.cast_signed());
        let expected_now = expected.saturating_sub(self.expected_before);
        let received_now = self.received.saturating_sub(self.received_before);
        (self.expected_before, self.received_before) = (expected, self.received);
        let lost_now = expected_now.saturating_sub(received_now);
        let fraction = lost_now.saturating_mul(256).checked_div(expected_now).unwrap_or(0);
        let [.., h0, h1, h2, h3] = self.highest.to_be_bytes();
        let (last_report, delay) = self.report.map_or((0, 0), |(middle, at)| {
            (middle, micros_ticks(u64::try_from(now.since(at).as_micros()).unwrap_or(0), 65_536))
        });
        ReportBlock {
            ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            cumulative_lost: i32::try_from(lost.clamp(-0x80_0000, 0x7F_FFFF)).unwrap_or(0),
            highest_sequence: u32::from_be_bytes([h0, h1, h2, h3]),
            jitter: self.jitter >> 4,
            last_report,
            delay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_counted_per_report_and_in_all() {
        let mut reception = Reception::new(10, 90_000);
        for number in (10..20).filter(|number| *number != 15) {
            reception.count(Mono(number * 1_000), number, (number * 90) as u32);
        }
        let block = reception.block(Mono(20_000), 7);
        assert_eq!((block.ssrc, block.fraction_lost, block.cumulative_lost), (7, 25, 1));
        assert_eq!((block.highest_sequence, block.jitter), (19, 0));
        reception.count(Mono(21_000), 20, 20 * 90);
        let block = reception.block(Mono(21_000), 7);
        assert_eq!((block.fraction_lost, block.cumulative_lost), (0, 1));
    }

    #[test]
    fn the_last_sender_report_is_echoed_with_its_age() {
        let mut reception = Reception::new(1, 8_000);
        reception.reported(Mono(1_000_000), 0x1122_3344_5566_7788);
        let block = reception.block(Mono(1_500_000), 7);
        assert_eq!((block.last_report, block.delay), (0x3344_5566, 32_768));
    }
}
