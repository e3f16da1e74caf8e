//! Two nodes on one store: one stands still until another has taken its place,
//! then it goes on as if nothing had happened. What it writes to rooms that
//! were opened since is refused, and it lets go of them.

use super::{Coming, World};
use crate::dice::{MS, SEC};
use crate::fault::Fault;
use parlour_base::storage::{StoreFault, StoreOp, StoreRequest, Write};
use parlour_base::{ConnId, RoomId};
use parlour_node::Shard;
use parlour_node::port::{Frame, Input, Output};
use std::collections::BTreeSet;

/// How often it is asked for more, once it is awake.
const STEPS_MAX: u32 = 20_000;

/// After which time it has given up what was under way before: more than the
/// node waits for the store.
const OLD_PATIENCE: u64 = 6 * SEC;

/// A node that was replaced.
#[derive(Debug)]
pub(super) struct Old {
    shard: Shard,
    life: u32,
    /// What its connections brought while it stood still.
    unheard: Vec<(ConnId, Vec<Frame>)>,
    /// It has gone on.
    woken: bool,
    /// Rooms in which it was refused.
    refused: BTreeSet<RoomId>,
}

impl World {
    /// The node stands still, and another one is started in its place.
    pub(super) fn replace(&mut self) -> Result<(), String> {
        self.trace("another node takes over");
        let (shard, life) = (self.shard.take(), self.life);
        let unheard = self.links.unheard();
        self.kill()?;
        let old = |shard| Old { shard, life, unheard, woken: false, refused: BTreeSet::new() };
        self.old = shard.map(old);
        let after = self.dice.between(500 * MS, 15 * SEC);
        self.soon(after, Coming::OldWakes);
        Ok(())
    }

    /// It goes on: hears what was said to it, then that everybody has gone.
    pub(super) fn old_wakes(&mut self) -> Result<(), String> {
        let Some(mut old) = self.old.take() else { return Ok(()) };
        self.trace("the old node goes on");
        let mut inputs = vec![Input::Tick];
        for (conn, frames) in std::mem::take(&mut old.unheard) {
            inputs.extend(frames.into_iter().map(|frame| Input::Frame { conn, frame }));
            inputs.push(Input::Closed(conn));
        }
        let mut steps = 0;
        for input in inputs {
            old.shard.handle(self.clock(), input);
            while let Some(output) = old.shard.poll() {
                steps += 1;
                if let Output::Store(request) = output {
                    self.old_stores(&mut old, request);
                }
                if steps > STEPS_MAX {
                    return Err("the old node turns on the spot".to_owned());
                }
            }
        }
        if !old.woken {
            // Once more, when it has lost its patience with what was under way
            // before.
            old.woken = true;
            self.old = Some(old);
            self.soon(OLD_PATIENCE, Coming::OldWakes);
            return Ok(());
        }
        match old.refused.iter().find(|room| old.shard.room(**room).is_some()) {
            Some(room) => Err(format!("the old node was refused in {room:?}, and holds on to it")),
            None => Ok(()),
        }
    }

    fn old_stores(&mut self, old: &mut Old, request: StoreRequest) {
        self.trace(format_args!("the old node asks {request:?}"));
        let rooms = rooms_of(&request);
        let reply = self.disk.ask_of_old(old.life, request);
        if reply.result == Err(StoreFault::Fenced) {
            self.tally.add(Fault::OldWrite);
            old.refused.extend(rooms);
        }
        old.shard.handle(self.clock(), Input::Stored(reply));
    }
}

/// The rooms that a request writes to.
fn rooms_of(request: &StoreRequest) -> Vec<RoomId> {
    let StoreOp::Commit(writes) = &request.op else { return Vec::new() };
    let room = |write: &Write| crate::disk::room_of(write);
    writes.iter().filter_map(room).collect()
}
