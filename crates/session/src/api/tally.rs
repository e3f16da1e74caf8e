//! How often each key did something today: what is kept for a time must not
//! grow without bound meanwhile.

use super::port::Done;
use parlour_base::Wall;
use parlour_wire::api::Code;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

const DAY_MS: i64 = 86_400_000;

/// Counts since the process began, by key and sort, of one day.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<Counts>);

/// No more entries than keys asked today.
#[derive(Debug, Default)]
struct Counts {
    day: i64,
    counts: BTreeMap<(String, &'static str), u32>,
}

impl Tally {
    /// Counts one more, if that is not too many.
    pub(super) fn count(&self, key: &str, what: &'static str, now: Wall, most: u32) -> Done<()> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let day = now.0.div_euclid(DAY_MS);
        if counts.day != day {
            *counts = Counts { day, counts: BTreeMap::new() };
        }
        let count = counts.counts.entry((key.to_owned(), what)).or_default();
        if *count >= most {
            return Err(Code::QuotaReached.into());
        }
        *count += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_quota_each_day() {
        let tally = Tally::default();
        let quota = |key: &str, at: i64| tally.count(key, "x", Wall(at), 1);
        assert_eq!(quota("a", 0), Ok(()));
        assert_eq!(quota("a", 1), Err(Code::QuotaReached.into()));
        assert_eq!(quota("b", 1), Ok(()));
        assert_eq!(quota("a", DAY_MS), Ok(()));
    }
}
