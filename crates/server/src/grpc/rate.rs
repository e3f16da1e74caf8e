//! How often each user may call.
//!
//! Each user has a time up to which the calls made are paid for; a call moves
//! it on by its share of a second, and one that would move it further ahead
//! than the burst allows is refused. Who is not ahead need not be remembered.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Users that are remembered at once; when all of them are ahead, another one
/// is refused.
const USERS_MAX: usize = 1 << 20;

/// When to look for users that need not be remembered.
const SWEEP_MIN: usize = 4_096;

/// The pace of all users.
#[derive(Debug)]
pub(super) struct Rate {
    share: Duration,
    burst: Duration,
    paid: Mutex<Paid>,
}

#[derive(Debug)]
struct Paid {
    until: HashMap<String, Instant>,
    sweep_at: usize,
}

impl Rate {
    /// So many calls per second in the long run, and so many at once.
    pub(super) fn new(per_second: u32, burst: u32) -> Self {
        let share = Duration::from_secs(1) / per_second.max(1);
        let paid = Paid { until: HashMap::new(), sweep_at: SWEEP_MIN };
        Self { share, burst: share.saturating_mul(burst), paid: Mutex::new(paid) }
    }

    /// Whether this user may call now.
    pub(super) fn allows(&self, user: &str, now: Instant) -> bool {
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let until = paid.until.get(user).copied().unwrap_or(now).max(now);
        let next = until + self.share;
        if next.saturating_duration_since(now) > self.burst {
            return false;
        }
        if paid.until.len() >= paid.sweep_at && !paid.until.contains_key(user) {
            paid.until.retain(|_, until| *until > now);
            paid.sweep_at = paid.until.len().saturating_mul(2).max(SWEEP_MIN);
            if paid.until.len() >= USERS_MAX {
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
        let rate = Rate::new(10, 3);
        let start = Clock::start().zero();
        let allowed = |user, at| rate.allows(user, start + Duration::from_millis(at));
        assert!([0, 0, 0].into_iter().all(|at| allowed("ada", at)));
        assert!(!allowed("ada", 0) && !allowed("ada", 99));
        assert!(allowed("ada", 100) && !allowed("ada", 100));
        assert!(allowed("bob", 0), "another one's pace");
        assert!([1_000; 3].into_iter().all(|at| allowed("ada", at)));
    }

    #[test]
    fn who_is_not_ahead_is_forgotten() {
        let rate = Rate::new(1_000, 10);
        let start = Clock::start().zero();
        for n in 0..20_000_u64 {
            assert!(rate.allows(&n.to_string(), start + Duration::from_millis(n)));
        }
        assert!(rate.paid.lock().expect("whole").until.len() <= SWEEP_MIN + 1);
    }
}
