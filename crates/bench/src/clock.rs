//! The clocks of the generator, and waiting by them.

use std::time::{Duration, Instant};

/// Nanoseconds of the machine's monotonic clock, the same in every process.
#[must_use]
pub fn now_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let part = |value: i64| u64::try_from(value).unwrap_or(0);
    part(now.tv_sec).saturating_mul(1_000_000_000).saturating_add(part(now.tv_nsec))
}

/// The moment, for the libraries that count with it.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "the generator is at the edge")]
pub fn instant() -> Instant {
    Instant::now()
}

/// Stands still until a moment: packets have their times, nothing else tells
/// when those have come.
#[allow(clippy::disallowed_methods, reason = "a schedule of packets is kept by the clock")]
pub fn sleep_until(at_ns: u64) {
    let rest = at_ns.saturating_sub(now_ns());
    if rest > 0 {
        std::thread::sleep(Duration::from_nanos(rest));
    }
}
