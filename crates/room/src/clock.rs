//! The clock of call states: it numbers media tokens and stamps rosters.
//!
//! It shows about the wall clock's nanoseconds, but each value is greater than
//! every one before, whatever the wall clock does. So that this survives a
//! restart, a *ceiling* ahead of it is made durable before values below it are
//! used, and a room that is opened begins at its ceiling
//! (docs/protocols/callctl.md, timestamps and token numbers).

use parlour_base::Wall;
use serde::{Deserialize, Serialize};

/// The latest time that the wall clock is believed to show, in nanoseconds
/// (the year 2262): above it there is room to go on counting.
const LATEST: u64 = u64::MAX / 2;

/// The highest ceiling that is believed.
const LATEST_CEILING: u64 = LATEST + LATEST / 2;

/// How much room a command must have below the ceiling: it uses fewer values.
const MARGIN: u64 = 1_000;

/// A room's clock of call states.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallClock {
    /// The last value used.
    last: u64,
    /// Greater than every value used.
    ceiling: u64,
}

impl CallClock {
    /// The clock of a room that was opened, given its stored ceiling and what
    /// clocks of rooms have shown that are deleted: a name of theirs may mean
    /// this room now.
    #[must_use]
    pub fn open(ceiling: u64, floor: u64) -> Self {
        // What no clock of ours has written must not stop the room.
        let [ceiling, floor] = [ceiling, floor].map(|value| value.min(LATEST_CEILING));
        Self { last: ceiling.max(floor), ceiling }
    }

    /// The last value used, or where it began.
    #[must_use]
    pub const fn last(self) -> u64 {
        self.last
    }

    /// What is durable.
    #[must_use]
    pub const fn ceiling(self) -> u64 {
        self.ceiling
    }

    /// The next value at this time.
    #[must_use]
    pub fn next(self, now: Wall) -> u64 {
        let nanos = u64::try_from(now.0).unwrap_or(0).saturating_mul(1_000_000);
        nanos.min(LATEST).max(self.last.saturating_add(1))
    }

    /// The ceiling that must be durable before values are used at this time;
    /// `None` if the present one does.
    #[must_use]
    pub fn wants(self, now: Wall, ahead_ms: u32) -> Option<u64> {
        let next = self.next(now);
        let ahead = u64::from(ahead_ms).saturating_mul(1_000_000);
        (next.saturating_add(MARGIN) >= self.ceiling)
            .then(|| next.saturating_add(ahead).saturating_add(2 * MARGIN))
    }

    pub(crate) fn raise(&mut self, ceiling: u64) {
        self.ceiling = self.ceiling.max(ceiling);
    }

    pub(crate) fn advance(&mut self, value: u64) {
        assert!(value > self.last, "the clock of call states went back");
        assert!(value < self.ceiling, "the clock of call states passed its ceiling");
        self.last = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_whatever_the_wall_clock_does() {
        let mut clock = CallClock::default();
        let mut seen = Vec::new();
        for wall in [5_000, 5_000, 1_000, -7, 6_000] {
            if let Some(ceiling) = clock.wants(Wall(wall), 10) {
                clock.raise(ceiling);
            }
            let next = clock.next(Wall(wall));
            clock.advance(next);
            seen.push(next);
        }
        assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
        assert_eq!(seen.last(), Some(&6_000_000_000));
    }

    #[test]
    fn after_a_restart_it_is_ahead_of_all_it_showed() {
        let mut clock = CallClock::default();
        clock.raise(clock.wants(Wall(1_000), 50).expect("nothing is durable yet"));
        clock.advance(clock.next(Wall(1_000)));
        let again = CallClock::open(clock.ceiling(), 0);
        assert!(again.next(Wall(0)) > clock.last());
        assert!(again.wants(Wall(0), 50).is_some(), "the old ceiling is used up");
    }
}
