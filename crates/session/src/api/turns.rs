//! Changes of one room by this door go one after the other: each begins with
//! what the one before left.

use super::port::{Done, Port};
use crate::call::Step;
use parlour_base::RoomId;
use parlour_wire::api::Code;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// How many steps of the store a change waits for those before it.
const WAITS_MAX: usize = 200;

/// The rooms that are being changed.
#[derive(Debug, Default, Clone)]
pub(super) struct Turns(Arc<Mutex<BTreeSet<RoomId>>>);

/// The right to change a room, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Turns,
    room: RoomId,
}

impl Turns {
    fn take(&self, room: RoomId) -> Option<Turn> {
        let new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(room);
        new.then(|| Turn { turns: self.clone(), room })
    }

    /// Waits for the turn, a step of the store at a time.
    pub(super) async fn of(&self, port: &Port, room: RoomId) -> Done<Turn> {
        for _ in 0..WAITS_MAX {
            if let Some(turn) = self.take(room) {
                return Ok(turn);
            }
            drop(port.step(Step::Find(Vec::new())).await);
        }
        Err(Code::Conflict.into())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.room);
    }
}
