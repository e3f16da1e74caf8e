//! What is shown was stored; what cannot be stored is refused, and nothing
//! else waits for it.
#![allow(clippy::unwrap_used, reason = "what must be there fails the test if it is not")]
mod common;
use common::*;
use parlour_base::RoomId;
use parlour_base::storage::{StoreFault, StoreOp, StoreReply, StoreRequest, Write};
use parlour_node::Input;
use parlour_room::{Actor, Command, Rules};
use parlour_session::{Call, Desk, Outcome, Reply, Step, Target};
use std::time::Duration;

const CAMERA: &str = include_str!("../../../testdata/sdp/chromium-camera.sdp");
const SORRY: &str = "the server cannot store this at the moment, please try again later";

#[test]
fn chat_is_shown_once_it_is_on_disk_and_in_its_order() {
    let mut w = World::new();
    let (ada, bob) = (w.member("ada"), w.member("bob"));
    w.everybody_forgets();
    w.mood = Mood::Holds;
    w.say(ada, json!({"type": "chat", "value": "one"}));
    w.say(bob, json!({"type": "chat", "value": "two"}));
    assert!(w.hears(ada).is_empty() && w.hears(bob).is_empty());
    w.turn(Mood::Works);
    let said: Vec<_> = w.hears(bob).iter().map(|m| m["value"].clone()).collect();
    assert_eq!(said, [json!("one"), json!("two")]);
}

#[test]
fn a_failing_store_refuses_chat_and_lets_people_and_media_pass() {
    let mut w = World::new();
    let (ada, bob) = (w.member("ada"), w.member("bob"));
    w.everybody_forgets();
    w.mood = Mood::Fails;
    w.say(ada, json!({"type": "chat", "value": "lost"}));
    assert_eq!(w.error(ada), SORRY);
    assert!(w.hears(bob).is_empty(), "nobody saw it");
    w.say(ada, json!({"type": "groupaction", "kind": "lock", "value": "lost"}));
    assert_eq!(w.error(ada), SORRY);
    let carol = w.member("carol");
    assert_eq!(w.gist(bob), ["user add"]);
    w.say(bob, json!({"type": "offer", "id": "x", "sdp": CAMERA}));
    assert_eq!(w.gist(bob), ["answer"]);
    w.say(carol, json!({"type": "join", "kind": "leave", "group": "lab"}));
    assert_eq!(w.gist(carol), ["joined leave"]);
    w.say(ada, json!({"type": "chat", "dest": "bob", "value": "psst"}));
    assert!(w.gist(bob).contains(&"chat".to_owned()), "a private word needs no store");
    assert!(!w.disk.text().contains("lost"));
}

#[test]
fn a_store_that_does_not_answer_is_waited_for_only_so_long() {
    let mut w = World::new();
    let (ada, bob) = (w.member("ada"), w.member("bob"));
    w.everybody_forgets();
    w.mood = Mood::Mumbles;
    w.say(ada, json!({"type": "chat", "value": "x"}));
    w.say(bob, json!({"type": "offer", "id": "s", "sdp": CAMERA}));
    w.passes(Duration::from_secs(4));
    assert!(w.hears(ada).is_empty());
    w.passes(Duration::from_secs(1));
    assert_eq!(w.error(ada), SORRY);
    assert_eq!(w.gist(bob), ["answer"], "what came behind it goes on");
}

/// The store answers the oldest request that it held.
fn answer_first(w: &mut World) {
    let StoreRequest { id, op } = w.held.pop_front().unwrap();
    let result = w.disk.execute(op);
    w.input(Input::Stored(StoreReply { id, result }));
}

/// Calls the lab by this and binds a name to it in the same commit.
#[derive(Debug)]
struct Naming(&'static str);

impl Call for Naming {
    fn resume(&mut self, desk: &mut Desk<'_>, outcome: Outcome) -> Step {
        let name = |namespace: &str, name: &str| (namespace.to_owned(), name.to_owned());
        match (outcome, desk.room) {
            (Outcome::Begin, _) => {
                let (namespace, name) = name("galene", "lab");
                Step::Open(Target::Name { namespace, name, create: false })
            }
            (Outcome::Room { .. }, Some(room)) => {
                let (namespace, name) = name("kik", "taken");
                let display_name = Some(self.0.to_owned());
                let rules = Rules { display_name, ..Rules::default() };
                Step::Command {
                    room: room.id(),
                    actor: Actor::House,
                    command: Command::Configure(Box::new(rules)),
                    along: vec![Write::BindName { namespace, name, room: room.id() }],
                }
            }
            (outcome, _) => Step::Done(Reply::new(outcome)),
        }
    }
}

#[test]
fn a_taken_name_refuses_its_own_step_and_nobody_elses() {
    let mut w = World::new();
    let (ada, bob) = (w.member("ada"), w.member("bob"));
    let (namespace, name) = ("kik".to_owned(), "taken".to_owned());
    let other = RoomId::new(7).unwrap();
    w.disk
        .execute(StoreOp::Commit(vec![Write::BindName { namespace, name, room: other }]))
        .unwrap();
    w.everybody_forgets();
    w.mood = Mood::Holds;
    w.say(ada, json!({"type": "chat", "value": "one"}));
    w.say(ada, json!({"type": "chat", "value": "two"}));
    let call = w.call(Naming("squatted"));
    w.say(bob, json!({"type": "chat", "value": "three"}));
    w.turn(Mood::Works);
    let said: Vec<_> = w.hears(bob).iter().map(|m| m["value"].clone()).collect();
    assert_eq!(said, [json!("one"), json!("two"), json!("three")]);
    let outcome: Outcome = w.replies.remove(&call).unwrap().open().unwrap();
    assert!(matches!(outcome, Outcome::Fault(StoreFault::NameTaken)), "{outcome:?}");
    assert!(!w.disk.text().contains("squatted"));
    w.say(bob, json!({"type": "chat", "value": "four"}));
    assert_eq!(w.gist(ada).last().unwrap(), "chat", "the room goes on");
}

#[test]
fn a_write_holds_no_later_decision() {
    let mut w = World::new();
    let ada = w.member("ada");
    let set = |text| json!({"type": "groupaction", "kind": "setdata", "value": {"k": text}});
    w.mood = Mood::Holds;
    w.say(ada, set("first"));
    w.file("lab", &LAB.replace("The Lab", "Our Lab"));
    let bob = w.shaken("bob");
    w.ask_in(bob, "lab", "bob", "");
    w.say(ada, set("second"));
    answer_first(&mut w);
    assert_eq!(w.held.len(), 2, "the new definition, and the second setting");
    answer_first(&mut w);
    assert!(w.disk.text().contains("Our Lab") && w.disk.text().contains("first"));
    w.turn(Mood::Fails);
    assert_eq!(w.error(ada), SORRY);
    assert!(!w.disk.text().contains("second"), "it was refused");
}

#[test]
fn a_room_that_another_node_has_opened_is_let_go_by_any_write() {
    let mut w = World::new();
    let ada = w.member("ada");
    w.everybody_forgets();
    let here = |w: &World| {
        let rooms = w.shard.room_ids().filter_map(|id| w.shard.room(id));
        rooms.filter(|room| !room.is_empty()).map(parlour_room::Room::id).collect::<Vec<_>>()
    };
    let room = here(&w)[0];
    w.disk.execute(StoreOp::OpenRoom { room, create: false }).unwrap();
    // Nobody waits for the write of a definition that was read from a file.
    let renamed = w.files["lab"].replace("The Lab", "Our Lab");
    w.file("lab", &renamed);
    let bob = w.shaken("bob");
    w.ask_in(bob, "lab", "bob", "");
    let gist = w.gist(ada);
    assert!(gist.contains(&"usermessage kicked".to_owned()), "{gist:?}");
    assert!(!here(&w).contains(&room));
}

#[test]
fn captions_do_not_wait_for_the_store() {
    let mut w = World::new();
    let (cap, bob) = (w.member("cap"), w.member("bob"));
    w.mood = Mood::Holds;
    w.say(cap, json!({"type": "chat", "kind": "caption", "value": "x"}));
    assert_eq!(w.gist(bob), ["chat caption"]);
}

#[test]
fn ending_a_stream_is_never_refused_for_want_of_a_store() {
    let mut config = config();
    config.limits.waiting_commands = 2;
    let mut w = World::with(config, Mood::Works);
    let bob = w.member("bob");
    w.say(bob, json!({"type": "offer", "id": "s", "sdp": CAMERA}));
    w.everybody_forgets();
    w.mood = Mood::Holds;
    for _ in 0..3 {
        w.say(bob, json!({"type": "chat", "value": "x"}));
    }
    assert_eq!(w.error(bob), SORRY, "the third is one too many");
    assert_eq!(w.figures().store_refusals_total, 1, "one refusal counts once");
    w.say(bob, json!({"type": "close", "id": "s"}));
    w.turn(Mood::Works);
    assert_eq!(w.figures().streams, 0);
}

#[test]
fn a_new_server_has_a_lobby_and_only_a_new_one() {
    let mut w = World::new();
    w.member_of("lobby", "bob");
    let mut other = config();
    other.lobby = false;
    let mut w = World::on(w.disk, other, Mood::Works);
    assert_eq!(w.failure("lobby", "bob", "")["value"], "group does not exist");
    assert!(w.disk.records.keys().all(|(kind, _)| kind != "group"));
    w.member("bob");
    let mut w = World::on(w.disk, config(), Mood::Works);
    assert_eq!(w.failure("lobby", "bob", "")["value"], "group does not exist", "not new any more");
}

#[test]
fn a_directory_that_was_lost_is_asked_for_again() {
    let mut w = World::with(config(), Mood::Mumbles);
    let bob = w.shaken("bob");
    w.ask_in(bob, "lab", "bob", "");
    w.mood = Mood::Works;
    w.passes(Duration::from_secs(6));
    assert_eq!(w.gist(bob)[0], "joined join");
}

#[test]
fn a_room_that_cannot_be_opened_is_not_entered() {
    let mut w = World::new();
    w.mood = Mood::Fails;
    assert_eq!(w.failure("lab", "bob", "")["value"], "internal server error");
    w.mood = Mood::Mumbles;
    let bob = w.shaken("bob");
    w.ask_in(bob, "lab", "bob", "");
    w.passes(Duration::from_secs(5));
    assert_eq!(w.hears(bob)[0]["value"], "internal server error");
    w.mood = Mood::Works;
    w.member("carol");
}

#[test]
fn settings_and_chat_outlive_the_server() {
    let mut w = World::new();
    let ada = w.member("ada");
    w.say(ada, json!({"type": "chat", "value": "kept"}));
    w.say(ada, json!({"type": "groupaction", "kind": "lock", "value": "closed for today"}));
    let mut w = World::on(w.disk, config(), Mood::Works);
    assert_eq!(w.failure("lab", "bob", "")["value"], "closed for today");
    let ada = w.shaken("ada");
    w.ask_in(ada, "lab", "ada", "secret");
    assert_eq!(w.hears(ada)[1]["value"], "kept");
}
