//! Who comes in, and what those who do not are told.
mod common;
use common::*;
use parlour_base::{Now, Permissions, Wall};
use parlour_room::{Actor, Command, Happening, Refusal, Rules};

#[test]
fn somebody_who_joins_is_in_the_room_with_the_next_number() {
    let mut room = room();
    let events = join(&mut room, "ada", PRESENT).expect("the room is open");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].seq.0, 1);
    assert!(matches!(&events[0].what, Happening::Joined(m) if m.name == "ada"));
    assert_eq!(room.members().len(), 1);
}

#[test]
fn an_id_that_is_in_use_is_refused_and_changes_nothing() {
    let mut room = room();
    join(&mut room, "ada", PRESENT).expect("open");
    let before = room.digest();
    assert_eq!(join(&mut room, "ada", OP), Err(Refusal::AlreadyHere));
    assert_eq!(join(&mut room, "", OP), Err(Refusal::TooLarge));
    assert_eq!(room.digest(), before);
}

#[test]
fn a_locked_room_lets_only_operators_in_and_says_why() {
    let mut room = room();
    join(&mut room, "op", OP).expect("open");
    act(&mut room, "op", Command::Lock("in a meeting".into())).expect("an operator may");
    assert_eq!(join(&mut room, "ada", PRESENT), Err(Refusal::Locked("in a meeting".into())));
    join(&mut room, "op2", OP).expect("operators bypass the lock");
    act(&mut room, "op", Command::Lock(String::new())).expect("an operator may");
    let refusal = join(&mut room, "ada", PRESENT).expect_err("locked");
    assert_eq!(refusal.to_string(), "this group is locked");
    act(&mut room, "op", Command::Unlock).expect("an operator may");
    join(&mut room, "ada", PRESENT).expect("unlocked");
}

#[test]
fn capacity_counts_everybody_and_stops_all_but_operators() {
    let mut room = room_with(Rules { capacity: Some(2), ..Rules::default() });
    join(&mut room, "a", OP).expect("first");
    join(&mut room, "b", PRESENT).expect("second");
    assert_eq!(join(&mut room, "c", PRESENT), Err(Refusal::Full));
    join(&mut room, "d", OP).expect("operators bypass the room's capacity");
    for n in 0..3 {
        join(&mut room, &format!("o{n}"), OP).expect("up to the server's limit");
    }
    assert_eq!(join(&mut room, "o9", OP), Err(Refusal::Full));
}

#[test]
fn opening_hours_hold_for_all_but_operators() {
    let at = |ms| Now { wall: Wall(ms), ..NOW };
    let rules =
        Rules { not_before: Some(Wall(1_000)), expires: Some(Wall(2_000)), ..Rules::default() };
    let mut room = room_with(rules);
    let mut try_at = |ms, name: &str, permissions| {
        room.apply(at(ms), &Actor::Entrant(id(name)), entry(name, permissions))
    };
    assert_eq!(try_at(999, "a", PRESENT), Err(Refusal::NotYetOpen));
    assert_eq!(try_at(2_000, "a", PRESENT), Err(Refusal::Closed));
    try_at(1_000, "a", PRESENT).expect("open");
    try_at(5_000, "b", OP).expect("operators bypass opening hours");
}

#[test]
fn a_room_with_autolock_locks_itself_when_the_last_operator_goes() {
    let mut room = room_with(Rules { autolock: true, ..Rules::default() });
    assert!(matches!(join(&mut room, "a", PRESENT), Err(Refusal::Locked(_))));
    join(&mut room, "op", OP).expect("operators may");
    join(&mut room, "a", PRESENT).expect("an operator is here");
    let events = act(&mut room, "op", Command::Leave).expect("leaving never fails");
    assert!(matches!(events.last().map(|e| &e.what), Some(Happening::LockSet(Some(_)))));
    join(&mut room, "op", OP).expect("operators bypass the lock");
    assert!(room.lock().is_some(), "an arriving operator does not unlock");
}

#[test]
fn a_room_with_autokick_empties_itself_when_the_last_operator_goes() {
    let mut room = room_with(Rules { autokick: true, ..Rules::default() });
    assert_eq!(join(&mut room, "a", PRESENT), Err(Refusal::NoOperators));
    join(&mut room, "op", OP).expect("operators may");
    join(&mut room, "a", PRESENT).expect("an operator is here");
    room.apply(NOW, &Actor::House, Command::Expel(id("op"))).expect("its connection is gone");
    assert!(room.is_empty());
}

#[test]
fn a_room_that_moved_says_where_to() {
    let mut room =
        room_with(Rules { redirect: Some("https://example.org/".into()), ..Rules::default() });
    let moved = Refusal::Moved("https://example.org/".into());
    assert_eq!(join(&mut room, "a", OP), Err(moved));
    assert!(room.is_empty());
}

#[test]
fn nobody_acts_without_being_in() {
    let mut room = room();
    for command in [Command::Leave, Command::Chat(speech("x")), publish("s", None), Command::Unlock]
    {
        assert_eq!(act(&mut room, "ghost", command.clone()), Err(Refusal::NotHere));
        let entrant = Actor::Entrant(id("ghost"));
        assert_eq!(room.apply(NOW, &entrant, command), Err(Refusal::NotHere));
    }
    assert_eq!(room.seq().0, 0);
    let house_only = Command::Disband { message: String::new() };
    join(&mut room, "op", OP).expect("open");
    assert_eq!(act(&mut room, "op", house_only), Err(Refusal::NotAuthorised));
    join(&mut room, "none", Permissions::NONE).expect("open");
}
