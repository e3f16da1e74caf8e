//! What the store thread shows of itself: plain numbers for `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the commit time histogram, in microseconds; one more
/// bucket takes what is slower.
pub const COMMIT_BOUNDS_US: [u64; 12] =
    [250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000];

/// Numbers of one store thread. All count up from its start, except
/// `queue_depth`; each is read on its own, so two of them may be a moment
/// apart.
#[derive(Debug, Default)]
pub struct Gauges {
    /// Requests that wait.
    pub queue_depth: AtomicU64,
    /// Requests that may wait.
    pub queue_limit: AtomicU64,
    /// Requests sent back because the queue was full or closed.
    pub turned_away: AtomicU64,
    /// Groups executed.
    pub batches: AtomicU64,
    /// Requests executed.
    pub requests: AtomicU64,
    /// Of these, the ones that only read: the start, lookups, pages.
    pub reads: AtomicU64,
    /// Single writes in acknowledged commits.
    pub writes: AtomicU64,
    /// Requests a rule refused: fenced, name taken.
    pub refusals: AtomicU64,
    /// Requests that failed because of the disk or the engine.
    pub faults: AtomicU64,
    /// Time spent executing groups, in microseconds.
    pub commit_us_sum: AtomicU64,
    /// The slowest group so far, in microseconds.
    pub commit_us_max: AtomicU64,
    /// Groups by how long they took; not cumulative. See [`COMMIT_BOUNDS_US`].
    pub commit_buckets: [AtomicU64; COMMIT_BOUNDS_US.len() + 1],
}

impl Gauges {
    /// Notes that a group took `took`.
    pub(crate) fn observe(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let place = COMMIT_BOUNDS_US.partition_point(|bound| *bound < us);
        if let Some(bucket) = self.commit_buckets.get(place) {
            add(bucket, 1);
        }
        add(&self.commit_us_sum, us);
        self.commit_us_max.fetch_max(us, Ordering::Relaxed);
        add(&self.batches, 1);
    }
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_duration_falls_into_one_bucket() {
        let gauges = Gauges::default();
        for us in [0, 250, 251, 5_000_000, 5_000_001] {
            gauges.observe(Duration::from_micros(us));
        }
        let seen = gauges.commit_buckets.each_ref().map(|b| b.load(Ordering::Relaxed));
        assert_eq!(seen, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(gauges.batches.load(Ordering::Relaxed), 5);
        assert_eq!(gauges.commit_us_max.load(Ordering::Relaxed), 5_000_001);
    }
}
