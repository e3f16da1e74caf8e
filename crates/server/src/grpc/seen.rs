//! The newest time that each conversation was told with, for a front that is
//! told again and out of order.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Debug, Default)]
struct Times {
    of: HashMap<Arc<str>, u64>,
    by_time: BTreeSet<(u64, Arc<str>)>,
}

/// What was told last.
#[derive(Debug)]
pub(super) struct Seen {
    times: Mutex<Times>,
    convos_max: usize,
}

impl Seen {
    /// Remembers so many conversations; beyond that the one with the oldest
    /// time is forgotten. What it costs is that an old list of it may be told
    /// once more, which receivers drop by its time.
    pub(super) fn new(convos_max: usize) -> Self {
        Self { times: Mutex::default(), convos_max }
    }

    /// How many are remembered.
    pub(super) fn count(&self) -> usize {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).of.len()
    }

    /// Whether this is later than what was told of the conversation.
    pub(super) fn is_newer(&self, convo: &str, stamp: u64) -> bool {
        let times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.of.get(convo).is_none_or(|last| *last < stamp)
    }

    /// Notes a time; false if it is not later than the one before.
    pub(super) fn note(&self, convo: &str, stamp: u64) -> bool {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
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
        if times.of.len() > self.convos_max
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
        let seen = Seen::new(2);
        assert!(seen.is_newer("a", 5) && seen.note("a", 5));
        assert!(!seen.is_newer("a", 5) && !seen.note("a", 5) && !seen.note("a", 4));
        assert!(seen.note("b", 1) && seen.note("a", 6));
        let times = seen.times.lock().expect("whole");
        assert_eq!((times.of.len(), times.by_time.len()), (2, 2));
        drop(times);
        assert!(seen.note("c", 7));
        assert_eq!(seen.count(), 2);
        assert!(seen.is_newer("b", 1), "the oldest is forgotten");
    }
}
