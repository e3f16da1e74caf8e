//! Seats as the node keeps their times, and media tokens at the Galène door.
#![allow(clippy::unwrap_used, reason = "what must be there fails the test if it is not")]
mod common;
use common::*;
use parlour_base::{Secret, Wall};
use parlour_node::Input;
use parlour_room::view::CallState;
use parlour_room::{Command, Refusal, Room};
use parlour_session::Target;
use script::*;
use std::time::Duration;

const TALK: &str = "1234567890123_g";

/// Two members of a conversation, of whom the first has been admitted.
fn talk() -> (World, Done) {
    let mut w = World::new();
    let steps = describe(&[1, 2]).into_iter().chain([admit(1)]);
    let done: Done = w.ask(Script::new(conversation(TALK), steps));
    (w, done)
}

fn run(w: &mut World, steps: impl IntoIterator<Item = (parlour_room::Actor, Command)>) -> Done {
    w.ask(Script::new(conversation(TALK), steps))
}

fn room<'w>(w: &'w World, done: &Done) -> &'w Room {
    w.shard.room(done.room.unwrap()).unwrap()
}

fn roster(w: &World, done: &Done) -> Vec<(String, CallState)> {
    let list = room(w, done).roster();
    list.into_iter().map(|(name, state)| (name.to_owned(), state)).collect()
}

fn come(w: &mut World, id: &str, group: &str, token: &Secret<String>) -> parlour_base::ConnId {
    let conn = w.shaken(id);
    w.say(conn, json!({"type": "join", "kind": "join", "group": group, "token": token.expose()}));
    conn
}

fn connecting(n: u64) -> (String, CallState) {
    (caller(n).kik.unwrap(), CallState::Connecting)
}

fn connected(n: u64) -> (String, CallState) {
    (caller(n).kik.unwrap(), CallState::Connected)
}

#[test]
fn a_token_opens_its_room_by_any_way_of_naming_it() {
    for by_id in [false, true] {
        let (mut w, done) = talk();
        assert_eq!(roster(&w, &done), [connecting(1)]);
        let id = done.room.unwrap().to_string();
        let group = if by_id { id.as_str() } else { "" };
        let conn = come(&mut w, "c", group, &done.tokens[0]);
        let heard = w.hears(conn);
        assert_eq!((&heard[0]["kind"], &heard[0]["group"]), (&json!("join"), &json!(id)));
        assert_eq!(heard[0]["username"], "user1_abc", "the seat says who it is");
        assert_eq!(roster(&w, &done), [connected(1)]);
        w.input(Input::Closed(conn));
        assert_eq!(roster(&w, &done), [], "the connection's end is the call's");
        run(&mut w, [admit(1)]);
        let conn = come(&mut w, "d", group, &done.tokens[0]);
        w.passes(Duration::from_millis(200));
        assert_eq!(w.hears(conn)[0]["value"], "not authorised", "it was used up");
    }
}

#[test]
fn a_token_that_is_not_good_is_refused_alike() {
    let (mut w, done) = talk();
    let good = done.tokens[0].expose().clone();
    let other: Done = w.ask(Script::new(
        conversation("9999999999999_g"),
        describe(&[1]).into_iter().chain([admit(1)]),
    ));
    let elsewhere = other.room.unwrap().to_string();
    let cut = good.get(..good.len() - 2).unwrap().to_owned();
    let cases = [
        ("another room", elsewhere.as_str(), good.as_str()),
        ("a group that is not its room", "lab", good.as_str()),
        ("cut", "", cut.as_str()),
        ("another key", "", "pmt1_AAAA.AAAA"),
    ];
    for (n, (what, group, token)) in cases.into_iter().enumerate() {
        let conn = come(&mut w, &format!("x{n}"), group, &Secret::new(token.to_owned()));
        w.passes(Duration::from_millis(200));
        let heard = w.hears(conn);
        assert_eq!(heard[0]["kind"], "fail", "{what}");
        assert_eq!(heard[0]["value"], "not authorised", "{what}");
    }
    w.passes(Duration::from_secs(61));
    let conn = come(&mut w, "late", "", &Secret::new(good));
    w.passes(Duration::from_millis(200));
    assert_eq!(w.hears(conn)[0]["value"], "not authorised", "expired");
}

#[test]
fn whoever_does_not_connect_in_time_is_gone_and_a_new_join_starts_a_new_time() {
    let (mut w, done) = talk();
    w.passes(Duration::from_secs(15));
    run(&mut w, [admit(1)]);
    w.passes(Duration::from_secs(15));
    assert_eq!(roster(&w, &done), [connecting(1)], "the first time is void");
    let stamp = room(&w, &done).stamp();
    w.passes(Duration::from_secs(5));
    assert_eq!(roster(&w, &done), []);
    assert!(room(&w, &done).stamp() > stamp);
}

#[test]
fn a_second_device_evicts_the_first_whose_end_then_means_nothing() {
    let (mut w, first) = talk();
    let one = come(&mut w, "one", "", &first.tokens[0]);
    w.hears(one);
    let second = run(&mut w, [admit(1)]);
    assert_eq!(roster(&w, &first), [connected(1)]);
    let two = come(&mut w, "two", "", &second.tokens[0]);
    assert_eq!(w.hears(two)[0]["kind"], "join");
    let heard = w.gist(one);
    assert!(heard.contains(&"usermessage kicked".to_owned()), "{heard:?}");
    assert!(w.is_closed(one).is_some());
    assert_eq!(roster(&w, &first), [connected(1)], "listed once");
    w.input(Input::Closed(two));
    assert_eq!(roster(&w, &first), []);
}

#[test]
fn whoever_leaves_while_being_put_out_is_gone_even_if_that_fails() {
    let (mut w, done) = talk();
    let group = done.room.unwrap().to_string();
    for closes in [false, true] {
        let token = run(&mut w, [admit(1)]).tokens.remove(0);
        let conn = come(&mut w, "d", "", &token);
        assert_eq!(roster(&w, &done), [connected(1)]);
        w.hears(conn);
        // The end is of a time that has to be written down first.
        w.now.wall = Wall(w.now.wall.0 + 7_200_000);
        w.mood = Mood::Holds;
        w.call(Script::new(conversation(TALK), [leave(1, None)]));
        match closes {
            true => w.input(Input::Closed(conn)),
            false => w.say(conn, json!({"type": "join", "kind": "leave", "group": group})),
        }
        w.turn(Mood::Fails);
        assert_eq!(roster(&w, &done), [connected(1)], "nothing has happened yet");
        w.mood = Mood::Works;
        w.passes(Duration::from_secs(2));
        assert_eq!(roster(&w, &done), []);
        let told = if closes { Vec::new() } else { vec!["joined leave"] };
        assert_eq!(w.gist(conn), told);
    }
}

#[test]
fn whoever_comes_with_the_id_of_one_who_was_put_out_is_somebody_else() {
    let (mut w, done) = talk();
    // All of it waits for the store, and nobody is told yet.
    w.now.wall = Wall(w.now.wall.0 + 30_000);
    w.passes(Duration::from_secs(1));
    w.mood = Mood::Holds;
    w.call(Script::new(conversation(TALK), describe(&[1, 2, 3])));
    let [old, other, new] = ["d", "e", "d"].map(|id| come(&mut w, id, "", &done.tokens[0]));
    w.say(old, json!({"type": "chat", "value": "by the old one"}));
    w.input(Input::Closed(old));
    w.turn(Mood::Works);
    assert!(w.is_closed(other).is_some(), "the same seat was taken again");
    w.passes(Duration::from_secs(2));
    assert_eq!(w.gist(new).first().map(String::as_str), Some("joined join"));
    assert_eq!(roster(&w, &done), [connected(1)]);
    assert!(!w.disk.text().contains("by the old one"));
}

#[test]
fn token_numbers_and_stamps_grow_through_restarts_and_a_clock_that_goes_back() {
    let (w, done) = talk();
    let (mut stamp, mut number) = (room(&w, &done).stamp(), 0);
    let mut disk = w.disk;
    for step in 0..5 {
        let mut w = World::on(disk, config(), Mood::Works);
        w.now.wall = Wall(w.now.wall.0 - 1_000 * step);
        let done = run(&mut w, [admit(1)]);
        let current = room(&w, &done).seats().next().unwrap().current.0;
        assert!(current > number, "a token number went back");
        assert!(room(&w, &done).stamp() > stamp, "a stamp went back");
        (stamp, number) = (room(&w, &done).stamp(), current);
        disk = w.disk;
    }
}

#[test]
fn a_conversation_that_a_restart_cut_off_is_told_of_without_being_asked_for() {
    let (w, before) = talk();
    let (stamp, id) = (room(&w, &before).stamp(), before.room.unwrap());
    let mut w = World::on(w.disk, config(), Mood::Works);
    w.passes(Duration::ZERO);
    let room = w.shard.room(id).expect("it was opened by itself");
    assert!(room.roster().is_empty() && room.stamp() > stamp);
    // Once it rests, the next start has nothing to tell.
    w.passes(Duration::from_secs(120));
    assert!(w.shard.room(id).is_none());
    let mut w = World::on(w.disk, config(), Mood::Works);
    w.passes(Duration::ZERO);
    assert!(w.shard.room(id).is_none());
}

#[test]
fn calls_for_a_room_on_its_way_all_get_it() {
    let mut w = World::with(config(), Mood::Works);
    w.mood = Mood::Holds;
    let ids: Vec<_> =
        (0..5).map(|_| w.call(Script::new(conversation(TALK), describe(&[1])))).collect();
    w.turn(Mood::Works);
    let mut rooms: Vec<_> = ids
        .iter()
        .map(|id| w.replies.remove(id).unwrap().open::<Done>().unwrap().room.unwrap())
        .collect();
    rooms.dedup();
    assert_eq!(rooms.len(), 1);
}

#[test]
fn a_room_that_is_not_stored_is_not_made_by_asking_for_it() {
    let mut w = World::new();
    let id = "ASNFZ4mrze8".parse().unwrap();
    let done: Done = w.ask(Script::new(Target::Id(id), []));
    assert!(done.missing);
    let name = Target::Name { namespace: "kik".into(), name: TALK.into(), create: false };
    let done: Done = w.ask(Script::new(name, []));
    assert!(done.missing);
    assert!(w.disk.rooms.is_empty() && w.disk.names.is_empty());
}

#[test]
fn a_store_that_does_not_answer_ends_a_call_in_a_fault() {
    let mut w = World::new();
    w.mood = Mood::Mumbles;
    let id = w.call(Script::new(conversation(TALK), describe(&[1])));
    w.passes(Duration::from_secs(5));
    let done: Done = w.replies.remove(&id).unwrap().open().unwrap();
    assert!(done.fault);
    w.mood = Mood::Works;
    let done = run(&mut w, describe(&[1]));
    assert!(done.room.is_some() && !done.fault, "it is not the end");
}

#[test]
fn a_write_that_fails_hands_out_no_token() {
    let (mut w, _) = talk();
    w.mood = Mood::Works;
    let before = run(&mut w, [leave(1, None)]);
    w.passes(Duration::from_secs(70));
    w.mood = Mood::Holds;
    let id = w.call(Script::new(conversation(TALK), [admit(2)]));
    w.turn(Mood::Fails);
    w.passes(Duration::from_secs(6));
    let done: Done = w.replies.remove(&id).unwrap().open().unwrap();
    assert!(done.fault || done.outcomes == [Err(Refusal::StoreUnavailable)], "{done:?}");
    assert!(done.tokens.is_empty() && before.room.is_some());
}

#[test]
fn a_deleted_room_is_gone_with_its_names_and_its_members() {
    let (mut w, done) = talk();
    let conn = come(&mut w, "one", "", &done.tokens[0]);
    w.hears(conn);
    let stamp = room(&w, &done).stamp();
    run(&mut w, [(parlour_room::Actor::House, Command::Delete)]);
    assert!(w.is_closed(conn).is_some());
    assert!(w.shard.room(done.room.unwrap()).is_none());
    assert!(w.disk.names.is_empty());
    let gone: Done = w.ask(Script::new(Target::Id(done.room.unwrap()), []));
    assert!(gone.missing);
    let new = run(&mut w, describe(&[1]));
    assert_ne!(new.room, done.room, "the name is free for another room");
    let mut w = World::on(w.disk, config(), Mood::Works);
    let again = run(&mut w, [admit(1)]);
    assert!(room(&w, &again).stamp() > stamp, "a name's time goes on");
}
