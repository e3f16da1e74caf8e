//! What is said, to whom, and what newcomers see of it.
mod common;
use common::*;
use parlour_base::storage::Write;
use parlour_base::{Now, Wall};
use parlour_room::command::{Clearing, Speech};
use parlour_room::{Actor, Command, Happening, Refusal, Room};

fn trio() -> Room {
    let mut room = room();
    for (name, permissions) in [("op", OP), ("ada", PRESENT), ("bob", PRESENT)] {
        join(&mut room, name, permissions).expect("open");
    }
    room
}

fn texts(room: &Room) -> Vec<String> {
    room.chat().map(|e| e.value.as_str().expect("text").to_owned()).collect()
}

#[test]
fn the_last_entries_are_kept_and_the_oldest_go() {
    let mut room = trio();
    for n in 0..8 {
        act(&mut room, "ada", Command::Chat(speech(&format!("m{n}")))).expect("may talk");
    }
    assert_eq!(texts(&room), ["m3", "m4", "m5", "m6", "m7"]);
}

#[test]
fn entries_past_their_age_go_when_somebody_comes() {
    let mut room = trio();
    act(&mut room, "ada", Command::Chat(speech("old"))).expect("may talk");
    let later = Now { wall: Wall(NOW.wall.0 + 14_400_001), ..NOW };
    let events =
        room.apply(later, &Actor::Entrant(id("new")), entry("new", PRESENT)).expect("open");
    assert!(matches!(events[0].what, Happening::ChatExpired(1)));
    assert_eq!(room.chat().len(), 0);
}

#[test]
fn private_words_reach_one_member_and_are_not_kept() {
    let mut room = trio();
    let to_bob = Speech { to: Some(id("bob")), ..speech("psst") };
    let events = act(&mut room, "ada", Command::Chat(to_bob)).expect("may talk");
    let what = &events[0].what;
    assert!(what.reaches(&id("bob")));
    assert!(!what.reaches(&id("ada")) && !what.reaches(&id("op")));
    assert_eq!(room.chat().len(), 0);
    let to_ghost = Speech { to: Some(id("ghost")), ..speech("psst") };
    assert_eq!(act(&mut room, "ada", Command::Chat(to_ghost)), Err(Refusal::UnknownMember));
}

#[test]
fn captions_need_their_own_permission_and_are_not_kept() {
    let mut room = trio();
    let caption = Speech { kind: "caption".into(), ..speech("la la") };
    assert_eq!(act(&mut room, "op", Command::Chat(caption.clone())), Err(Refusal::NotAuthorised));
    let permission = parlour_base::Permissions::of(&[parlour_base::Permission::Caption]);
    join(&mut room, "cap", permission).expect("open");
    act(&mut room, "cap", Command::Chat(caption)).expect("may caption");
    assert_eq!(act(&mut room, "cap", Command::Chat(speech("x"))), Err(Refusal::NotAuthorised));
    assert_eq!(room.chat().len(), 0);
}

#[test]
fn a_value_over_the_limit_is_refused() {
    let mut room = trio();
    let long = "x".repeat(limits().value_bytes as usize);
    assert_eq!(act(&mut room, "ada", Command::Chat(speech(&long))), Err(Refusal::TooLarge));
}

#[test]
fn only_operators_clear_chat_and_the_store_is_told_which_entries_went() {
    let mut room = trio();
    for (who, text) in [("ada", "a1"), ("bob", "b1"), ("ada", "a2")] {
        act(&mut room, who, Command::Chat(speech(text))).expect("may talk");
    }
    let of_ada = Command::ClearChat(Clearing::Of(id("ada")));
    assert_eq!(act(&mut room, "bob", of_ada.clone()), Err(Refusal::NotAuthorised));
    let events = act(&mut room, "op", of_ada).expect("an operator may");
    assert_eq!(texts(&room), ["b1"]);
    let [Write::ForgetChat { keys: Some(keys), .. }] = &room.writes_for(&events[0])[..] else {
        panic!("two entries are to be forgotten");
    };
    assert_eq!(keys.len(), 2);
}

#[test]
fn attributes_merge_and_null_removes() {
    let mut room = trio();
    let set = |text: &str| {
        let value: parlour_base::Json = serde_json::from_str(text).expect("json");
        Command::SetAttributes(value.as_object().expect("an object").clone())
    };
    act(&mut room, "ada", set(r#"{"raisehand":true,"x":1}"#)).expect("one's own");
    act(&mut room, "ada", set(r#"{"raisehand":null,"y":2}"#)).expect("one's own");
    let member = room.member(&id("ada")).expect("in");
    assert_eq!(serde_json::to_string(&member.attributes).expect("json"), r#"{"x":1,"y":2}"#);
    let huge = format!(r#"{{"z":"{}"}}"#, "x".repeat(20_000));
    assert_eq!(act(&mut room, "ada", set(&huge)), Err(Refusal::TooLarge));
}
