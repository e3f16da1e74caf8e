//! The newest time that each conversation was told with, for a front that is
//! told again and out of order.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// Conversations whose time is remembered; beyond that the one with the oldest
/// time is forgotten. What it costs is that an old list of it may be told once
/// more, which receivers drop by its time.
const CONVOS_MAX: usize = 1 << 18;

#[derive(Debug, Default)]
struct Times {
    of: HashMap<Arc<str>, u64>,
    by_time: BTreeSet<(u64, Arc<str>)>,
}

/// What was told last.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<Times>);

impl Seen {
    /// Whether this is later than what was told of the conversation.
    pub(super) fn is_newer(&self, convo: &str, stamp: u64) -> bool {
        let times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        times.of.get(convo).is_none_or(|last| *last < stamp)
    }

    /// Notes a time; false if it is not later than the one before.
    pub(super) fn note(&self, convo: &str, stamp: u64) -> bool {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key: Arc<str> = match times.of.get_key_value(convo) {
            Some((_, last)) if *last >= stamp => return false,
            Some((key, last)) => {
                let (key, last) = (Arc::clone(key), *last);
                times.by_time.remove(&(last, Arc::clone(&key)));
                key
            }
            None => convo.into(),
        };
        times.by_time.insert((stamp, Arc::clone(&key)));
        times.of.insert(key, stamp);
        if times.of.len() > CONVOS_MAX
            && let Some((_, oldest)) = times.by_time.pop_first()
        {
            times.of.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_repeated_or_overtaken_is_not_told_again() {
        let seen = Seen::default();
        assert!(seen.is_newer("a", 5) && seen.note("a", 5));
        assert!(!seen.is_newer("a", 5) && !seen.note("a", 5) && !seen.note("a", 4));
        assert!(seen.note("b", 1) && seen.note("a", 6));
        let times = seen.0.lock().expect("whole");
        assert_eq!((times.of.len(), times.by_time.len()), (2, 2));
    }
}
