//! When to look at which peer again.
//!
//! A heap of times. Each peer remembers the earliest time it is in the heap
//! for; an entry with another time is stale and skipped, so nothing is ever
//! searched or removed, and nobody polls all peers.

use crate::worker::Slot;
use parlour_base::Mono;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A peer that has no time set.
pub(crate) const NEVER: Mono = Mono(u64::MAX);

/// All times at which a peer wants to be looked at.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Mono, Slot)>>,
}

impl Timers {
    /// Makes sure that the peer is looked at by `at`; `armed` is the peer's
    /// memory of its earliest entry.
    pub(crate) fn arm(&mut self, slot: Slot, at: Mono, armed: &mut Mono) {
        if at < *armed {
            *armed = at;
            self.heap.push(Reverse((at, slot)));
        }
    }

    /// The next entry that is due, with its time, stale ones included.
    pub(crate) fn due(&mut self, now: Mono) -> Option<(Mono, Slot)> {
        if self.heap.peek()?.0.0 > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    /// When the next entry is due.
    pub(crate) fn next(&self) -> Option<Mono> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }
}
