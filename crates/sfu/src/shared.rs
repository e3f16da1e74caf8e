//! What every part of a worker may use: limits, identity, output, counters.

use crate::config::Config;
use crate::identity::Identity;
use crate::outbox::Outbox;
use crate::stats::Stats;
use parlour_base::{Entropy, Mono};
use std::time::Duration;

/// One packet that is about to be sent to one receiver.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Planned {
    /// The publisher's number.
    pub(crate) number: u64,
    /// Our number.
    pub(crate) ours: u64,
    /// Its length, to compare with others.
    pub(crate) size: usize,
}

/// The parts of a worker that belong to no peer.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) identity: Identity,
    pub(crate) entropy: Entropy,
    pub(crate) outbox: Outbox,
    pub(crate) stats: Stats,
    /// When the handshakes begun so far are paid for.
    pub(crate) handshakes_paid: Mono,
    /// Room for the DTLS library.
    pub(crate) scratch: Vec<u8>,
    /// Room for payloads that are changed before they are sent.
    pub(crate) payload: Vec<u8>,
    /// Room for RTCP before it is protected.
    pub(crate) report: Vec<u8>,
    /// Room for the plan of a burst.
    pub(crate) planned: Vec<Planned>,
}

impl Shared {
    /// Whether another handshake may begin now; counts it if so.
    pub(crate) fn begin_handshake(&mut self, now: Mono) -> bool {
        let price = Duration::from_secs(1) / self.config.handshake_rate.max(1);
        let paid = self.handshakes_paid.max(now);
        if paid.since(now) > price.saturating_mul(self.config.handshake_burst) {
            return false;
        }
        self.handshakes_paid = paid + price;
        true
    }

    /// A synchronisation source of our own.
    pub(crate) fn ssrc(&mut self) -> u32 {
        let [a, b, c, d, ..] = self.entropy.bits().to_be_bytes();
        u32::from_be_bytes([a, b, c, d]).max(1)
    }

    /// A first sequence number, low enough not to roll over soon.
    pub(crate) fn first_number(&mut self) -> u64 {
        u64::from(self.entropy.below(1 << 14)) + 1
    }
}

/// NTP seconds at which the worker's clock shows zero; only differences matter
/// to whoever reads our reports.
const NTP_EPOCH: u64 = 3_900_000_000;

/// The worker's clock as NTP: seconds in the upper 32 bits.
pub(crate) fn ntp(now: Mono) -> u64 {
    let (secs, micros) = (now.0 / 1_000_000, now.0 % 1_000_000);
    let fraction = (micros << 32) / 1_000_000;
    secs.saturating_add(NTP_EPOCH) << 32 | fraction
}

/// A difference of NTP times as ticks of a clock, rounded towards zero.
pub(crate) fn ntp_ticks(difference: i64, rate: u32) -> i64 {
    let ticks = (i128::from(difference) * i128::from(rate)) >> 32;
    i64::try_from(ticks).unwrap_or(0)
}

/// Microseconds as ticks of a clock, in the 32 bits that timestamps have.
pub(crate) fn micros_ticks(micros: u64, rate: u32) -> u32 {
    let ticks = u128::from(micros) * u128::from(rate) / 1_000_000;
    let [.., a, b, c, d] = ticks.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// The low 32 bits of a tick count, for timestamp arithmetic that wraps.
pub(crate) fn wrap_ticks(ticks: i64) -> u32 {
    let [.., a, b, c, d] = ticks.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// The low 16 bits of a full number.
pub(crate) fn low16(number: u64) -> u16 {
    let [.., a, b] = number.to_be_bytes();
    u16::from_be_bytes([a, b])
}

/// The middle 32 bits of an NTP time, as reports carry it.
pub(crate) fn ntp_middle(ntp: u64) -> u32 {
    let [_, _, a, b, c, d, ..] = ntp.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_convert_without_drift() {
        assert_eq!(ntp(Mono(1_500_000)) & 0xFFFF_FFFF, 1 << 31);
        let second = (ntp(Mono(2_000_000)) - ntp(Mono(1_000_000))).cast_signed();
        assert_eq!(ntp_ticks(second, 90_000), 90_000);
        assert_eq!(ntp_ticks(-second, 48_000), -48_000);
        assert_eq!(micros_ticks(20_000, 48_000), 960);
        assert_eq!(wrap_ticks(-1), u32::MAX);
        assert_eq!((low16(0x1_0002), ntp_middle(0x1122_3344_5566_7788)), (2, 0x3344_5566));
    }
}
