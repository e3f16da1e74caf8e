//! The slowest part of a path: what leaves it, leaves one after the other.

use parlour_base::Mono;
use std::time::Duration;

/// Nanoseconds of a second.
const SECOND_NS: u128 = 1_000_000_000;

/// When the path is free again, in nanoseconds: a small packet on a fast path
/// takes less than the microsecond that other times are counted in.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bottleneck {
    free_ns: u64,
}

impl Bottleneck {
    /// How long what is before a newcomer still takes.
    pub(crate) fn backlog(&self, now: Mono) -> Duration {
        Duration::from_nanos(self.free_ns.saturating_sub(nanos(now)))
    }

    /// How many bytes are before a newcomer.
    pub(crate) fn backlog_bytes(&self, now: Mono, rate_bps: u64) -> u64 {
        let bits = self.backlog(now).as_nanos() * u128::from(rate_bps) / SECOND_NS;
        u64::try_from(bits.div_ceil(8)).unwrap_or(u64::MAX)
    }

    /// Sends `length` bytes; tells when the last of them is out, rounded up.
    /// A rate of zero is no bottleneck.
    pub(crate) fn send(&mut self, now: Mono, length: usize, rate_bps: u64) -> Mono {
        if rate_bps == 0 {
            return now;
        }
        let begins = self.free_ns.max(nanos(now));
        self.free_ns = begins.saturating_add(duration_ns(length, rate_bps));
        Mono(self.free_ns.div_ceil(1_000))
    }
}

fn nanos(at: Mono) -> u64 {
    at.0.saturating_mul(1_000)
}

/// How long `length` bytes take.
fn duration_ns(length: usize, rate_bps: u64) -> u64 {
    let bits = u128::try_from(length).unwrap_or(u128::MAX).saturating_mul(8);
    let ns = bits.saturating_mul(SECOND_NS).div_ceil(u128::from(rate_bps.max(1)));
    u64::try_from(ns).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_leave_one_after_the_other() {
        let mut way = Bottleneck::default();
        // 1,000 bytes at 8 Mb/s take a millisecond.
        assert_eq!(way.send(Mono(0), 1_000, 8_000_000), Mono(1_000));
        assert_eq!(way.send(Mono(0), 1_000, 8_000_000), Mono(2_000));
        assert_eq!(way.backlog_bytes(Mono(500), 8_000_000), 1_500);
        assert_eq!(way.send(Mono(9_000), 1_000, 8_000_000), Mono(10_000));
    }

    #[test]
    fn parts_of_a_microsecond_add_up() {
        let mut way = Bottleneck::default();
        let last = (0..1_000).map(|_| way.send(Mono(0), 1, 80_000_000)).last();
        assert_eq!(last, Some(Mono(100)));
    }
}
