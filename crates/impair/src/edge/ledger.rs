//! What was counted, of those who are here and of those who were.

use crate::flow::FlowCounts;
use crate::pipe::Counts;
use crate::profile::Way;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Counts that can be added.
pub(super) trait Sum: Copy + Default {
    fn add(&mut self, other: &Self);
}

impl Sum for Counts {
    fn add(&mut self, other: &Self) {
        self.merge(other);
    }
}

impl Sum for FlowCounts {
    fn add(&mut self, other: &Self) {
        self.merge(other);
    }
}

/// The counts of all, by direction. As many entries as there are clients; the
/// lock is held for a copy or a sum only.
#[derive(Debug)]
pub(super) struct Ledger<C>(Mutex<Inner<C>>);

#[derive(Debug, Default)]
struct Inner<C> {
    ever: u64,
    here: BTreeMap<u64, [C; 2]>,
    gone: [C; 2],
}

/// How many there are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Presence {
    pub(super) now: usize,
    pub(super) ever: u64,
}

impl<C: Sum> Default for Ledger<C> {
    fn default() -> Self {
        Self(Mutex::new(Inner { ever: 0, here: BTreeMap::new(), gone: [C::default(); 2] }))
    }
}

impl<C: Sum> Ledger<C> {
    fn with<T>(&self, act: impl FnOnce(&mut Inner<C>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Somebody comes; tells who it is by number.
    pub(super) fn enter(&self) -> u64 {
        self.with(|inner| {
            inner.ever += 1;
            inner.here.insert(inner.ever, [C::default(); 2]);
            inner.ever
        })
    }

    /// What somebody has counted so far in one direction.
    pub(super) fn post(&self, who: u64, way: Way, counts: C) {
        self.with(|inner| {
            if let Some([up, down]) = inner.here.get_mut(&who) {
                match way {
                    Way::Up => *up = counts,
                    Way::Down => *down = counts,
                }
            }
        });
    }

    /// Somebody goes; what was counted stays.
    pub(super) fn leave(&self, who: u64) {
        self.with(|inner| {
            for (sum, counts) in
                inner.gone.iter_mut().zip(inner.here.remove(&who).unwrap_or_default())
            {
                sum.add(&counts);
            }
        });
    }

    /// How many there are, and the sums of up and down.
    pub(super) fn read(&self) -> (Presence, [C; 2]) {
        self.with(|inner| {
            let mut sums = inner.gone;
            for all in inner.here.values() {
                sums.iter_mut().zip(all).for_each(|(sum, counts)| sum.add(counts));
            }
            (Presence { now: inner.here.len(), ever: inner.ever }, sums)
        })
    }
}
