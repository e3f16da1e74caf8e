//! What arrived of what was sent, and how long it took.

use crate::clock::now_ns;
use crate::histogram::Histogram;
use crate::mark::Mark;
use crate::shape::Kind;

/// Counts the packets that were sent within one span of time, whenever they
/// arrive.
#[derive(Debug, Default)]
pub struct Tally {
    from_ns: u64,
    until_ns: u64,
    /// Packets sent in the span, by publisher; those of pictures beside all.
    sent: Vec<[u64; 2]>,
    /// Packets of the span that arrived.
    pub received: u64,
    /// Those of them that carried pictures.
    pub received_video: u64,
    /// How long they took, in microseconds.
    pub latency: Histogram,
    /// The longest that a packet left later than its schedule said.
    pub late_us_max: u64,
    /// Whether receivers tell what their way carries.
    pub(crate) remb: bool,
}

impl Tally {
    /// One that counts nothing yet.
    pub(crate) fn new(remb: bool) -> Self {
        Self { remb, ..Self::default() }
    }

    /// Begins anew with a span.
    pub fn begin(&mut self, from_ns: u64, until_ns: u64) {
        *self = Self { from_ns, until_ns, remb: self.remb, ..Self::default() };
    }

    const fn covers(&self, at_ns: u64) -> bool {
        self.from_ns <= at_ns && at_ns < self.until_ns
    }

    /// A publisher has sent a packet that was due at `due_ns`.
    pub fn sent(&mut self, publisher: usize, kind: Kind, sent_ns: u64, due_ns: u64) {
        if self.covers(sent_ns) {
            if self.sent.len() <= publisher {
                self.sent.resize(publisher.saturating_add(1), [0; 2]);
            }
            if let Some([all, video]) = self.sent.get_mut(publisher) {
                *all += 1;
                *video += u64::from(kind == Kind::Video);
            }
            self.late_us_max = self.late_us_max.max(sent_ns.saturating_sub(due_ns) / 1_000);
        }
    }

    /// A packet has arrived.
    pub fn arrived(&mut self, mark: Mark, kind: Kind) {
        if self.covers(mark.sent_ns) {
            self.received += 1;
            self.received_video += u64::from(kind == Kind::Video);
            self.latency.add(now_ns().saturating_sub(mark.sent_ns) / 1_000);
        }
    }

    /// How many packets of this publisher were sent in the span.
    #[must_use]
    pub fn sent_by(&self, publisher: usize) -> u64 {
        self.sent.get(publisher).map_or(0, |[all, _]| *all)
    }

    /// How many of them carried pictures.
    #[must_use]
    pub fn video_sent_by(&self, publisher: usize) -> u64 {
        self.sent.get(publisher).map_or(0, |[_, video]| *video)
    }
}

/// The part that is missing.
#[must_use]
pub fn loss(expected: u64, received: u64) -> f64 {
    if expected == 0 { 0.0 } else { 1.0 - (received.min(expected) as f64 / expected as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sent_in_the_span_counts() {
        let mut tally = Tally::default();
        tally.begin(10, 20);
        for at in [9, 10, 19, 20] {
            for kind in [Kind::Audio, Kind::Video] {
                tally.sent(1, kind, at, at);
                tally.arrived(Mark { publisher: 1, sent_ns: at }, kind);
            }
        }
        assert_eq!((tally.sent_by(1), tally.received, tally.latency.total()), (4, 4, 4));
        assert_eq!((tally.video_sent_by(1), tally.received_video), (2, 2));
        assert_eq!(tally.sent_by(5), 0);
    }

    #[test]
    fn loss_is_a_share_of_what_was_expected() {
        assert!((loss(1_000, 999) - 0.001).abs() < 1e-9);
        assert!(loss(0, 0).abs() < f64::EPSILON);
        assert!(loss(5, 9).abs() < f64::EPSILON);
    }
}
