//! Changes on their way to somebody outside: per conversation only the newest
//! that has not left, in the order in which the conversations changed.
//!
//! Putting one in never waits. Each conversation belongs to one lane, so its
//! changes leave one after the other and never go back in time.

use super::change::Change;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// All lanes to one receiver.
#[derive(Debug)]
pub(super) struct Outbox {
    lanes: Vec<Lane>,
    hash: RandomState,
    lane_max: usize,
}

#[derive(Debug, Default)]
struct Lane {
    waiting: Mutex<Waiting>,
    some: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    newest: HashMap<Arc<str>, Arc<Change>>,
    order: VecDeque<Arc<str>>,
}

impl Outbox {
    /// Room for so many conversations in so many lanes, each of which one task
    /// empties; when a lane is full, the one that waited longest is dropped.
    pub(super) fn new(convos_max: usize, lanes: u16) -> Self {
        let lane_max = (convos_max / usize::from(lanes.max(1))).max(1);
        let lanes = (0..lanes.max(1)).map(|_| Lane::default()).collect();
        Self { lanes, hash: RandomState::new(), lane_max }
    }

    fn lane(&self, convo: &str) -> Option<&Lane> {
        let lanes = u64::try_from(self.lanes.len()).unwrap_or(1).max(1);
        let at = usize::try_from(self.hash.hash_one(convo) % lanes).unwrap_or(0);
        self.lanes.get(at)
    }

    /// Has a change leave; false if another had to be dropped for it.
    pub(super) fn put(&self, change: &Arc<Change>) -> bool {
        let Some(lane) = self.lane(&change.convo) else { return false };
        let mut waiting = lane.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let convo = Arc::clone(&change.convo);
        let mut whole = true;
        match waiting.newest.get_mut(&convo) {
            Some(old) if old.stamp >= change.stamp => return true,
            Some(old) => *old = Arc::clone(change),
            None => {
                if waiting.order.len() >= self.lane_max
                    && let Some(oldest) = waiting.order.pop_front()
                {
                    waiting.newest.remove(&oldest);
                    whole = false;
                }
                waiting.order.push_back(Arc::clone(&convo));
                waiting.newest.insert(convo, Arc::clone(change));
            }
        }
        lane.some.notify_one();
        whole
    }

    /// The next change of a lane, when there is one. Nothing is lost if the
    /// wait is given up.
    pub(super) async fn take(&self, lane: u16) -> Arc<Change> {
        let Some(lane) = self.lanes.get(usize::from(lane)) else {
            return std::future::pending().await;
        };
        loop {
            // The permit of a notification that came before is kept.
            if let Some(change) = lane.next() {
                return change;
            }
            lane.some.notified().await;
        }
    }

    /// Whether something newer of the same conversation waits: then nobody
    /// needs this one any more (REQ-77).
    pub(super) fn has_newer(&self, change: &Change) -> bool {
        self.lane(&change.convo).is_some_and(|lane| {
            let waiting = lane.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.newest.contains_key(&change.convo)
        })
    }

    /// How many conversations wait.
    pub(super) fn waiting(&self) -> usize {
        let len =
            |lane: &Lane| lane.waiting.lock().unwrap_or_else(PoisonError::into_inner).newest.len();
        self.lanes.iter().map(len).sum()
    }
}

impl Lane {
    fn next(&self) -> Option<Arc<Change>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let convo = waiting.order.pop_front()?;
        waiting.newest.remove(&convo)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::change::tests::change;

    fn all(outbox: &Outbox) -> Vec<u64> {
        let lanes = outbox.lanes.iter();
        lanes.flat_map(|lane| std::iter::from_fn(|| lane.next())).map(|c| c.stamp).collect()
    }

    #[test]
    fn req_77_only_the_newest_change_of_a_conversation_waits() {
        let outbox = Outbox::new(100, 16);
        let [one, three, two] = [1, 3, 2].map(|at| change("1234567890123_g", at, &[]));
        for change in [&one, &three, &two] {
            assert!(outbox.put(change));
        }
        assert!(outbox.has_newer(&one));
        assert_eq!(outbox.waiting(), 1);
        assert_eq!(all(&outbox), [3]);
        assert!(!outbox.has_newer(&one));
    }

    #[test]
    fn a_full_outbox_drops_what_waited_longest() {
        let outbox = Outbox::new(16, 16);
        let convos = (0..200).map(|n| format!("{:013}_g", 1_234_567_890_000_u64 + n));
        let dropped = convos.filter(|convo| !outbox.put(&change(convo, 1, &[]))).count();
        assert!(dropped > 0);
        assert_eq!(all(&outbox).len(), 200 - dropped);
        assert!(200 - dropped <= 16);
    }
}
