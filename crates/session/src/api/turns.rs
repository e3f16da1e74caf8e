//! Changes of one room by this door go one after the other: each begins with
//! what the one before left. So do requests with one `Idempotency-Key`: the
//! second finds what came of the first, and not what is not seen yet.

use super::port::{Done, Port};
use crate::call::Step;
use parlour_wire::api::Code;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// How many steps of the store a change waits for those before it.
const WAITS_MAX: usize = 200;

/// What is being changed, or done.
#[derive(Debug)]
pub(super) struct Turns<K>(Arc<Mutex<BTreeSet<K>>>);

/// The right to do so, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn<K: Ord> {
    turns: Turns<K>,
    of: K,
}

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Ord + Clone> Turns<K> {
    fn take(&self, of: &K) -> Option<Turn<K>> {
        let new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(of.clone());
        new.then(|| Turn { turns: Self(Arc::clone(&self.0)), of: of.clone() })
    }

    /// Waits for the turn, a step of the store at a time.
    pub(super) async fn of(&self, port: &Port, of: K) -> Done<Turn<K>> {
        for _ in 0..WAITS_MAX {
            if let Some(turn) = self.take(&of) {
                return Ok(turn);
            }
            drop(port.step(Step::Find(Vec::new())).await);
        }
        Err(Code::Conflict.into())
    }
}

impl<K: Ord> Drop for Turn<K> {
    fn drop(&mut self) {
        self.turns.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.of);
    }
}
