//! Taking rooms into memory.
#![allow(clippy::unwrap_used, reason = "what must be there fails the test if it is not")]
mod callctl;
mod common;

use callctl::{ALICE, GROUP, Kik, convo, name};
use common::*;
use parlour_base::storage::StoreReply;
use parlour_node::Input;
use parlour_node::callctl::{Authority, Join};
use std::sync::Arc;

/// A room that came before its names would be hosted as no conversation: its
/// members would not be told of what happens, and nobody could leave.
#[test]
fn a_room_comes_with_its_names_in_whichever_order_the_store_answers() {
    let mut kik = Kik::new().restarted();
    kik.world.mood = Mood::Holds;
    let join = Join::new(Arc::clone(&kik.rules), name(ALICE), convo(GROUP), Authority::Here);
    kik.world.call(join);
    // Which room it is.
    let request = kik.world.held.pop_front().unwrap();
    let result = kik.world.disk.execute(request.op);
    kik.world.input(Input::Stored(StoreReply { id: request.id, result }));
    // Its names and the room itself, the other way round.
    assert_eq!(kik.world.held.len(), 2);
    kik.world.held.swap(0, 1);
    kik.world.turn(Mood::Works);
    let told: Vec<String> = kik.pushes().into_iter().map(|roster| roster.convo.key()).collect();
    assert_eq!(told, [GROUP]);
}
