//! The clients that watch, and what waits for each.
//!
//! A stream has one slot per conversation, which holds the newest list that it
//! has not been given: a slow reader skips what is old and never goes back in
//! time (REQ-76). Telling all watchers never waits for any of them.

use super::change::Change;
use parlour_node::callctl::Scope;
use parlour_wire::callctl::state;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// Everybody who watches.
#[derive(Debug)]
pub(super) struct Hub {
    watchers: Mutex<Watchers>,
    limits: HubLimits,
}

/// How much watching there may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct HubLimits {
    /// Most streams.
    pub streams: usize,
    /// Most streams of one user.
    pub per_user: usize,
    /// Most conversations that wait in one stream; what is beyond is dropped,
    /// and the reader told so.
    pub pending: usize,
}

#[derive(Debug, Default)]
struct Watchers {
    by_user: HashMap<Arc<str>, Vec<Arc<Slots>>>,
    count: usize,
    closed: bool,
}

/// What waits for one stream.
#[derive(Debug)]
struct Slots {
    /// Only these conversations, if any are named.
    only: Option<BTreeSet<String>>,
    /// Only these rooms, if the caller's token is good in some only.
    scope: Option<Scope>,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    newest: HashMap<Arc<str>, Arc<Change>>,
    order: VecDeque<Arc<str>>,
    lagged: bool,
    closed: bool,
    waker: Option<Waker>,
}

/// What a stream is given.
#[derive(Debug)]
pub(super) enum Told {
    /// A new list.
    Changed(Arc<Change>),
    /// Something was dropped.
    Lagged,
    /// The server stops.
    Closed,
}

/// A stream that watches; leaves when dropped.
#[derive(Debug)]
pub(super) struct Watching {
    hub: Arc<Hub>,
    user: Arc<str>,
    slots: Arc<Slots>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    pub(super) fn new(limits: HubLimits) -> Self {
        Self { watchers: Mutex::default(), limits }
    }

    /// From now on the user is told of every change; `None` if there are too
    /// many already.
    pub(super) fn watch(
        self: &Arc<Self>,
        user: &str,
        only: Option<BTreeSet<String>>,
        scope: Option<Scope>,
    ) -> Option<Watching> {
        let mut watchers = lock(&self.watchers);
        if watchers.closed || watchers.count >= self.limits.streams {
            return None;
        }
        let user: Arc<str> = user.into();
        let streams = watchers.by_user.entry(Arc::clone(&user)).or_default();
        if streams.len() >= self.limits.per_user {
            return None;
        }
        let slots = Arc::new(Slots { only, scope, waiting: Mutex::default() });
        streams.push(Arc::clone(&slots));
        watchers.count += 1;
        Some(Watching { hub: Arc::clone(self), user, slots })
    }

    /// Tells all streams of the members.
    pub(super) fn tell(&self, change: &Arc<Change>) {
        // Lock order: watchers, then one stream after the other.
        let watchers = lock(&self.watchers);
        let members = change.members.iter();
        let streams = members.filter_map(|member| watchers.by_user.get(member.as_str())).flatten();
        let streams: Vec<Arc<Slots>> = streams.cloned().collect();
        drop(watchers);
        for slots in streams {
            slots.put(change, self.limits.pending);
        }
    }

    /// Most streams there may be.
    pub(super) const fn limit(&self) -> usize {
        self.limits.streams
    }

    /// Ends all streams, and lets none in any more.
    pub(super) fn close(&self) {
        let mut watchers = lock(&self.watchers);
        watchers.closed = true;
        for slots in watchers.by_user.values().flatten() {
            let mut waiting = lock(&slots.waiting);
            waiting.closed = true;
            wake(&mut waiting);
        }
    }

    /// How many streams there are.
    pub(super) fn count(&self) -> usize {
        lock(&self.watchers).count
    }
}

impl Slots {
    fn put(&self, change: &Arc<Change>, pending_max: usize) {
        if self.only.as_ref().is_some_and(|only| !only.contains(&*change.convo)) {
            return;
        }
        if let Some(scope) = &self.scope
            && change.room.and_then(|room| scope.rights_in(room)).is_none()
        {
            return;
        }
        let mut waiting = lock(&self.waiting);
        let is_full = waiting.newest.len() >= pending_max;
        match waiting.newest.get_mut(&change.convo) {
            Some(old) if old.stamp < change.stamp => *old = Arc::clone(change),
            Some(_) => return,
            None if is_full => waiting.lagged = true,
            None => {
                waiting.order.push_back(Arc::clone(&change.convo));
                waiting.newest.insert(Arc::clone(&change.convo), Arc::clone(change));
            }
        }
        wake(&mut waiting);
    }
}

fn wake(waiting: &mut Waiting) {
    if let Some(waker) = waiting.waker.take() {
        waker.wake();
    }
}

impl Watching {
    /// What is to be told next.
    pub(super) fn poll(&self, waker: &Waker) -> Poll<Told> {
        let mut waiting = lock(&self.slots.waiting);
        while let Some(convo) = waiting.order.pop_front() {
            if let Some(change) = waiting.newest.remove(&convo) {
                return Poll::Ready(Told::Changed(change));
            }
        }
        if std::mem::take(&mut waiting.lagged) {
            return Poll::Ready(Told::Lagged);
        }
        if waiting.closed {
            return Poll::Ready(Told::Closed);
        }
        // An emptied map of a busy moment is not kept for idle hours.
        if waiting.newest.capacity() > 64 {
            (waiting.newest, waiting.order) = Default::default();
        }
        waiting.waker = Some(waker.clone());
        Poll::Pending
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let mut watchers = lock(&self.hub.watchers);
        watchers.count = watchers.count.saturating_sub(1);
        if let Some(streams) = watchers.by_user.get_mut(&self.user) {
            streams.retain(|slots| !Arc::ptr_eq(slots, &self.slots));
            if streams.is_empty() {
                watchers.by_user.remove(&self.user);
            }
        }
    }
}

/// The time of a list, or zero.
pub(super) fn stamp_of(
    list: &parlour_wire::callctl::pb::common::video::v1::ConvoVideoState,
) -> u64 {
    list.timestamp.as_ref().and_then(state::nanos).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::change::tests::change;

    fn hub(pending: usize) -> Arc<Hub> {
        Arc::new(Hub::new(HubLimits { streams: 3, per_user: 2, pending }))
    }

    fn next(watching: &Watching) -> Option<u64> {
        match watching.poll(Waker::noop()) {
            Poll::Ready(Told::Changed(change)) => Some(change.stamp),
            Poll::Ready(Told::Lagged) => Some(0),
            Poll::Ready(Told::Closed) => Some(u64::MAX),
            Poll::Pending => None,
        }
    }

    #[test]
    fn req_76_a_slow_reader_is_given_only_the_newest_and_never_an_older_one() {
        let hub = hub(10);
        let ada = hub.watch("ada", None, None).expect("room for her");
        for stamp in [1, 3, 2] {
            hub.tell(&change("1234567890123_g", stamp, &["ada", "bob"]));
        }
        hub.tell(&change("1234567890124_g", 1, &["ada"]));
        assert_eq!([next(&ada), next(&ada), next(&ada)], [Some(3), Some(1), None]);
    }

    #[test]
    fn req_74_only_members_are_told_and_only_of_what_they_watch() {
        let hub = hub(10);
        let only = BTreeSet::from(["1234567890123_g".to_owned()]);
        let ada = hub.watch("ada", Some(only), None).expect("room for her");
        let bob = hub.watch("bob", None, None).expect("room for him");
        hub.tell(&change("1234567890124_g", 1, &["ada"]));
        assert_eq!((next(&ada), next(&bob)), (None, None));
        hub.tell(&change("1234567890123_g", 2, &["ada"]));
        assert_eq!((next(&ada), next(&bob)), (Some(2), None));
    }

    #[test]
    fn who_reads_too_slowly_for_the_limit_is_told_that_something_is_missing() {
        let hub = hub(1);
        let ada = hub.watch("ada", None, None).expect("room for her");
        hub.tell(&change("1234567890123_g", 1, &["ada"]));
        hub.tell(&change("1234567890124_g", 1, &["ada"]));
        hub.tell(&change("1234567890123_g", 2, &["ada"]));
        assert_eq!([next(&ada), next(&ada), next(&ada)], [Some(2), Some(0), None]);
    }

    #[test]
    fn there_are_only_so_many_streams_and_a_place_is_given_back() {
        let hub = hub(1);
        let ada = [hub.watch("ada", None, None), hub.watch("ada", None, None)];
        assert!(ada.iter().all(Option::is_some) && hub.watch("ada", None, None).is_none());
        let bob = hub.watch("bob", None, None);
        assert!(bob.is_some() && hub.watch("eve", None, None).is_none());
        drop(bob);
        assert!(hub.watch("eve", None, None).is_some());
        assert_eq!(hub.count(), 2);
        hub.close();
        assert_eq!(ada[0].as_ref().and_then(next), Some(u64::MAX));
        drop(ada);
        assert!(hub.watch("ada", None, None).is_none());
    }
}
