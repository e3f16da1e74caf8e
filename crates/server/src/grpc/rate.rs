//! How often each user may call.
//!
//! Each user has a time up to which the calls made are paid for; a call moves
//! it on by its share of a second, and one that would move it further ahead
//! than the burst allows is refused. Who is not ahead need not be remembered.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// When to look for users that need not be remembered.
const SWEEP_MIN: usize = 4_096;

/// The pace of all users.
#[derive(Debug)]
pub(super) struct Rate {
    share: Duration,
    burst: Duration,
    /// Users that are remembered at once; when all of them are ahead, another
    /// one is refused.
    users_max: usize,
    paid: Mutex<Paid>,
}

#[derive(Debug)]
struct Paid {
    until: HashMap<String, Instant>,
    sweep_at: usize,
    /// When a full house is looked through again.
    sweep_after: Option<Instant>,
}

impl Rate {
    /// So many calls per second in the long run, and so many at once.
    pub(super) fn new(per_second: u32, burst: u32, users_max: usize) -> Self {
        let share = Duration::from_secs(1) / per_second.max(1);
        let paid = Paid { until: HashMap::new(), sweep_at: SWEEP_MIN, sweep_after: None };
        Self { share, burst: share.saturating_mul(burst), users_max, paid: Mutex::new(paid) }
    }

    /// How many users are remembered.
    pub(super) fn users(&self) -> usize {
        self.paid.lock().unwrap_or_else(PoisonError::into_inner).until.len()
    }

    /// Whether this user may call now.
    pub(super) fn allows(&self, user: &str, now: Instant) -> bool {
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let until = paid.until.get(user).copied().unwrap_or(now).max(now);
        let next = until + self.share;
        if next.saturating_duration_since(now) > self.burst {
            return false;
        }
        let look = paid.sweep_at.min(self.users_max);
        if paid.until.len() >= look && !paid.until.contains_key(user) {
            if paid.sweep_after.is_none_or(|after| after <= now) {
                paid.until.retain(|_, until| *until > now);
                paid.sweep_at = paid.until.len().saturating_mul(2).max(SWEEP_MIN);
                // Looking through them all is not done for each who is refused.
                paid.sweep_after = (paid.until.len() >= self.users_max).then(|| now + self.share);
            }
            if paid.until.len() >= self.users_max {
                return false;
            }
        }
        match paid.until.get_mut(user) {
            Some(until) => *until = next,
            None => drop(paid.until.insert(user.to_owned(), next)),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn a_user_has_a_burst_and_then_a_pace_of_its_own() {
        let rate = Rate::new(10, 3, 100);
        let start = Clock::start().zero();
        let allowed = |user, at| rate.allows(user, start + Duration::from_millis(at));
        assert!([0, 0, 0].into_iter().all(|at| allowed("ada", at)));
        assert!(!allowed("ada", 0) && !allowed("ada", 99));
        assert!(allowed("ada", 100) && !allowed("ada", 100));
        assert!(allowed("bob", 0), "another one's pace");
        assert!([1_000; 3].into_iter().all(|at| allowed("ada", at)));
    }

    #[test]
    fn when_all_who_are_remembered_are_ahead_another_one_has_to_wait() {
        let rate = Rate::new(1, 3, 2);
        let start = Clock::start().zero();
        let later = start + Duration::from_secs(1);
        assert!(rate.allows("ada", start) && rate.allows("bob", start));
        assert!(!rate.allows("eve", start) && rate.allows("ada", start));
        assert!(rate.allows("eve", later), "bob is not ahead any more");
        assert_eq!(rate.users(), 2);
    }

    #[test]
    fn who_is_not_ahead_is_forgotten() {
        let rate = Rate::new(1_000, 10, 1_000_000);
        let start = Clock::start().zero();
        for n in 0..20_000_u64 {
            assert!(rate.allows(&n.to_string(), start + Duration::from_millis(n)));
        }
        assert!(rate.paid.lock().expect("whole").until.len() <= SWEEP_MIN + 1);
    }
}
