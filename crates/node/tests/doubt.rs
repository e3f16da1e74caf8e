//! What the store did not answer may be done all the same; what is
//! acknowledged is on disk.
#![allow(clippy::unwrap_used, reason = "what must be there fails the test if it is not")]
mod callctl;
mod common;
mod rooms;

use callctl::{ALICE, BOB, GROUP, Kik, convo, name};
use common::*;
use parlour_base::RoomId;
use parlour_base::storage::{StoreOp, StoreReply, Write};
use parlour_node::Input;
use parlour_node::callctl::{Query, SetMembers};
use parlour_room::command::Description;
use parlour_room::policy::{Grant, VISITOR};
use parlour_room::{Actor, Command, Rules};
use parlour_session::{Call, Desk, Outcome, Reply, Step, Target};
use parlour_wire::callctl::GroupName;
use rooms::Rooms;
use std::sync::Arc;
use std::time::Duration;

/// A group that nobody has described.
const OTHER: &str = "2234567890123_g";

fn set_members(group: &str, members: &[&str]) -> SetMembers {
    let members = members.iter().map(|text| name(text)).collect();
    SetMembers::new(GroupName::parse(group).unwrap(), members)
}

/// The store answers what it was asked first, and holds the rest.
fn answer(world: &mut World, at: usize) {
    let request = world.held.remove(at).unwrap();
    let result = world.disk.execute(request.op);
    world.input(Input::Stored(StoreReply { id: request.id, result }));
}

/// The store answers everything but writes to rooms.
fn answer_lookups(world: &mut World) {
    let is_of_a_room = |op: &StoreOp| match op {
        StoreOp::Commit(writes) => !writes.iter().all(|w| matches!(w, Write::BindName { .. })),
        _ => false,
    };
    while let Some(at) = world.held.iter().position(|request| !is_of_a_room(&request.op)) {
        answer(world, at);
    }
}

/// A request of the house: has a room of this name do something.
#[derive(Debug)]
struct House(Option<fn(&Desk<'_>) -> Command>, &'static str, &'static str);

impl Call for House {
    fn resume(&mut self, desk: &mut Desk<'_>, outcome: Outcome) -> Step {
        let (namespace, name) = (self.1.to_owned(), self.2.to_owned());
        match (outcome, self.0.take()) {
            (Outcome::Begin, command) => {
                self.0 = command;
                Step::Open(Target::Name { namespace, name, create: true })
            }
            (_, Some(command)) => Step::Command {
                room: desk.room.unwrap().id(),
                actor: Actor::House,
                command: command(desk),
                along: Vec::new(),
            },
            _ => Step::Done(Reply::new(())),
        }
    }
}

#[test]
fn the_next_write_sets_right_what_an_unanswered_one_may_have_done() {
    let mut kik = Kik::new();
    kik.world.mood = Mood::Holds;
    kik.world.call(set_members(GROUP, &[ALICE]));
    answer_lookups(&mut kik.world);
    kik.world.passes(Duration::from_secs(30));
    // The store was only slow; nothing that was asked later gets to it.
    answer(&mut kik.world, 0);
    kik.world.held.clear();
    kik.world.mood = Mood::Works;
    // For the room this is no change.
    kik.members(GROUP, &[ALICE, BOB]);
    let mut kik = kik.restarted();
    kik.join(BOB, GROUP);
}

#[test]
fn what_another_has_just_asked_for_too_is_acknowledged_when_it_is_on_disk() {
    let mut kik = Kik::new();
    kik.world.mood = Mood::Holds;
    let calls = [(); 3].map(|()| kik.world.call(set_members(OTHER, &[ALICE, BOB])));
    answer_lookups(&mut kik.world);
    assert!(calls.iter().all(|call| !kik.world.replies.contains_key(call)));
    kik.world.turn(Mood::Works);
    assert!(calls.iter().all(|call| kik.world.replies.contains_key(call)));
    kik.join(BOB, OTHER);
}

#[test]
fn a_description_that_somebody_asked_for_is_acknowledged_when_it_is_on_disk() {
    let mut world = World::new();
    let define = |_: &Desk<'_>| {
        let display_name = Some("renamed".to_owned());
        let rules = Some(Box::new(Rules { display_name, ..Rules::default() }));
        Command::Describe(Box::new(Description { rules, ..Description::default() }))
    };
    world.mood = Mood::Holds;
    let call = world.call(House(Some(define), "sim", "one"));
    answer_lookups(&mut world);
    assert!(!world.replies.contains_key(&call));
    world.turn(Mood::Works);
    assert!(world.replies.contains_key(&call) && world.disk.text().contains("renamed"));
}

#[test]
fn nothing_is_made_with_keys_that_are_not_on_disk() {
    let mut kik = Kik::on(World::with(config(), Mood::Holds));
    // The directory of an empty store.
    answer(&mut kik.world, 0);
    let query = Query::new(Arc::clone(&kik.rules), name(ALICE), vec![convo(GROUP)]);
    let early = kik.world.call(query);
    assert_eq!(kik.world.busy, [early]);
    // The write of the keys is lost.
    kik.world.held.clear();
    kik.world.mood = Mood::Works;
    kik.world.passes(Duration::from_secs(30));
    kik.members(GROUP, &[ALICE, BOB]);
    let ticket = kik.join(ALICE, GROUP);
    let mut kik = kik.restarted();
    kik.leave(ALICE, GROUP, Some(&ticket.token));
    let kept = |(kind, key): &(String, String)| kind == "secret" && key == "media";
    assert!(kik.world.disk.records.keys().any(kept), "the keys are kept");
}

#[test]
fn a_conversation_that_was_described_halfway_is_described_by_the_next_request() {
    let mut kik = Kik::new();
    // Its members are known, and nobody has said that they may come in.
    let half = |desk: &Desk<'_>| {
        let kik = Some(ALICE.to_owned());
        let grant = Grant { permissions: VISITOR, since: desk.now.wall, kik };
        let user = parlour_directory::outside::Outside::kik(ALICE);
        Command::SetConversation(vec![(user.derived(desk.media_keys.outside()), grant)])
    };
    let () = kik.world.ask(House(Some(half), "kik", OTHER));
    let mut kik = kik.restarted();
    kik.members(OTHER, &[ALICE, BOB]);
    kik.join(ALICE, OTHER);
}

/// Turns everybody out of a room.
#[derive(Debug)]
struct End(RoomId);

impl Call for End {
    fn resume(&mut self, _: &mut Desk<'_>, outcome: Outcome) -> Step {
        let (room, actor) = (self.0, Actor::House);
        let command = Command::Disband { message: "over".to_owned() };
        match outcome {
            Outcome::Begin => Step::Command { room, actor, command, along: Vec::new() },
            _ => Step::Done(Reply::new(())),
        }
    }
}

#[test]
fn an_end_that_another_has_just_asked_for_is_acknowledged_when_it_is_on_disk() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let token = rooms.room(&owner, 2);
    rooms.guest(&token);
    let id: RoomId = token.parse().unwrap();
    rooms.world.turn(Mood::Holds);
    let ends = [(); 2].map(|()| rooms.world.call(End(id)));
    assert!(ends.iter().all(|call| !rooms.world.replies.contains_key(call)), "not on disk");
    rooms.world.turn(Mood::Works);
    assert!(ends.iter().all(|call| rooms.world.replies.contains_key(call)));
}
