//! Which packets of a source are missing, and when to ask for them.

use crate::shared::low16;
use parlour_base::Mono;
use std::collections::VecDeque;
use std::time::Duration;

/// Most packets of one source that are waited for.
const MISSING_MAX: usize = 256;

/// After this long a missing packet is of no use any more.
const USEFUL: Duration = Duration::from_secs(1);

/// Packets asked for in one go.
const BATCH_MAX: usize = 128;

/// Round trip assumed until one has been seen, and the range believed.
const RTT_FIRST: Duration = Duration::from_millis(60);
const RTT_LEAST: Duration = Duration::from_millis(20);
const RTT_MOST: Duration = Duration::from_millis(400);

#[derive(Debug)]
struct Missing {
    number: u64,
    since: Mono,
    next: Mono,
    tries: u8,
    asked: Option<Mono>,
}

/// The gaps of one source, in rising order of their numbers.
#[derive(Debug)]
pub(crate) struct Gaps {
    missing: VecDeque<Missing>,
    rtt: Duration,
}

impl Default for Gaps {
    fn default() -> Self {
        Self { missing: VecDeque::new(), rtt: RTT_FIRST }
    }
}

impl Gaps {
    /// Everything between two newest packets is missing. Returns false if the
    /// gap is too wide to be worth filling.
    pub(crate) fn open(&mut self, now: Mono, before: u64, newest: u64, delay: Duration) -> bool {
        let width = newest.saturating_sub(before).saturating_sub(1);
        if usize::try_from(width).is_ok_and(|width| width <= MISSING_MAX) {
            for number in before.saturating_add(1)..newest {
                if self.missing.len() >= MISSING_MAX {
                    self.missing.pop_front();
                }
                let next = now + delay;
                self.missing.push_back(Missing { number, since: now, next, tries: 0, asked: None });
            }
            return true;
        }
        self.missing.clear();
        false
    }

    /// A packet arrived after all; whether it had been asked for.
    pub(crate) fn fill(&mut self, now: Mono, number: u64) -> bool {
        let Ok(at) = self.missing.binary_search_by_key(&number, |missing| missing.number) else {
            return false;
        };
        let Some(found) = self.missing.remove(at) else { return false };
        if let (1, Some(asked)) = (found.tries, found.asked) {
            let seen = now.since(asked).clamp(RTT_LEAST, RTT_MOST);
            self.rtt = (self.rtt * 3 + seen) / 4;
        }
        found.tries > 0
    }

    /// Nothing older than `number` is of use: a key frame begins there.
    pub(crate) fn forget_before(&mut self, number: u64) {
        while self.missing.front().is_some_and(|missing| missing.number < number) {
            self.missing.pop_front();
        }
    }

    /// When the next packet is to be asked for.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.missing.iter().map(|missing| missing.next).min()
    }

    /// The packets to ask for now, in rising order.
    pub(crate) fn due(&mut self, now: Mono, tries: u8) -> Vec<u16> {
        self.missing.retain(|missing| missing.tries < tries && now.since(missing.since) < USEFUL);
        let rtt = self.rtt;
        let due = self.missing.iter_mut().filter(|missing| missing.next <= now).take(BATCH_MAX);
        due.map(|missing| {
            missing.tries = missing.tries.saturating_add(1);
            missing.asked = Some(now);
            missing.next = now + rtt + rtt / 4;
            low16(missing.number)
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000;

    #[test]
    fn a_gap_is_asked_for_again_each_round_trip_until_given_up() {
        let mut gaps = Gaps::default();
        assert!(gaps.open(Mono(0), 10, 13, Duration::from_millis(10)));
        assert_eq!(gaps.due(Mono(5 * MS), 3), Vec::<u16>::new());
        assert_eq!(gaps.due(Mono(10 * MS), 3), [11, 12]);
        assert_eq!(gaps.due(Mono(20 * MS), 3), Vec::<u16>::new());
        assert!(gaps.fill(Mono(50 * MS), 11));
        assert!(!gaps.fill(Mono(50 * MS), 11));
        assert_eq!(gaps.due(Mono(100 * MS), 3), [12]);
        assert_eq!(gaps.due(Mono(200 * MS), 3), [12]);
        assert_eq!(gaps.due(Mono(400 * MS), 3), Vec::<u16>::new());
        assert_eq!(gaps.deadline(), None);
    }

    #[test]
    fn reordering_is_not_asked_for() {
        let mut gaps = Gaps::default();
        gaps.open(Mono(0), 1, 3, Duration::from_millis(10));
        assert!(!gaps.fill(Mono(2 * MS), 2));
        assert_eq!(gaps.due(Mono(20 * MS), 3), Vec::<u16>::new());
    }

    #[test]
    fn wide_gaps_and_old_packets_are_given_up() {
        let mut gaps = Gaps::default();
        assert!(!gaps.open(Mono(0), 1, 1_000, Duration::ZERO));
        assert!(gaps.open(Mono(0), 1_000, 1_004, Duration::ZERO));
        gaps.forget_before(1_003);
        assert_eq!(gaps.due(Mono(0), 3), [1_003]);
        assert_eq!(gaps.due(Mono(2_000 * MS), 3), Vec::<u16>::new());
    }
}
