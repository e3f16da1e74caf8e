//! The rooms door's terms: who is admitted and in which order it is refused,
//! how long lease and participants last, and what of it outlives a restart
//! (docs/protocols/rooms.md, admission and lifetimes).
mod common;
use common::store::Home;
use common::*;
use parlour_base::{Span, Wall};
use parlour_room::command::LeaseChange;
use parlour_room::lease::Term;
use parlour_room::record::RoomRecord;
use parlour_room::seat::{Participant, SeatEnd};
use parlour_room::{
    Command, Door, Doors, Event, Happening, Limits, Person, Policy, Refusal, SeatId, Slot,
};

/// How long a participant lasts here.
const LASTS: i64 = 300;
/// The limit of whoever has none of interest.
const MANY: i64 = 100;

fn home(max_size: u32) -> Home {
    let limits = Limits { leased_life: Span(LIFE), ..Limits::default() };
    let mut home = Home::new(&open_record(), limits);
    home.house(NOW, lease("owner", max_size)).expect("the house may");
    home
}

/// Joins as the room's owner (`O`), with a session (`G…`) or without (`A…`).
fn come(home: &mut Home, at: i64, who: &str, client_max: i64) -> Result<Vec<Event>, Refusal> {
    let person = person(who);
    let actor = parlour_room::Actor::Caller(person.user);
    let slot = Slot::Client(who.to_owned());
    let command = admission(slot, person, rooms_terms(client_max, at + LASTS));
    home.ask(after(at), &actor, command)
}

fn person(who: &str) -> Person {
    match who {
        "O" => Person::known(user("owner")),
        who if who.starts_with('A') => Person::guest(user(who)),
        who => Person::known(user(who)),
    }
}

fn id_of(who: &str) -> SeatId {
    SeatId { user: person(who).user, slot: Slot::Client(who.to_owned()) }
}

fn leave(home: &mut Home, at: i64, who: &str) -> Result<Vec<Event>, Refusal> {
    let actor = parlour_room::Actor::Caller(person(who).user);
    let command = Command::GiveUp { seat: id_of(who), number: None, life: LIFE };
    home.ask(after(at), &actor, command)
}

fn renew(home: &mut Home, at: i64, who: &str) -> Result<Vec<Event>, Refusal> {
    let actor = parlour_room::Actor::Caller(person(who).user);
    let expires = after(at + LASTS).wall;
    home.ask(after(at), &actor, Command::Renew { seat: id_of(who), expires })
}

fn expire(home: &mut Home, at: i64) -> Vec<Event> {
    home.house(after(at), Command::Expire { life: LIFE }).expect("the house may")
}

fn term(home: &Home) -> Term {
    home.room.term().expect("there is a lease")
}

fn participant(home: &Home, who: &str) -> Option<Participant> {
    home.room.seat(&id_of(who)).and_then(|seat| seat.participant()).cloned()
}

/// What a join, leave or expiry at that time makes of the lease.
fn moved(at: i64) -> Term {
    let life = i64::try_from(LIFE.as_millis()).expect("it is short");
    Term { changed: after(at).wall, expires: after(at + life).wall }
}

/// Most participants, who is in with which limit, who asks with which limit,
/// and the refusal.
type Worked = (u32, &'static [(&'static str, i64)], (&'static str, i64), Option<Refusal>);

const FULL: Option<Refusal> = Some(Refusal::Full);
const CROWDED: Option<Refusal> = Some(Refusal::Crowded);

const WORKED: &[Worked] = &[
    (1, &[], ("G1", MANY), FULL),
    (1, &[], ("O", MANY), None),
    (2, &[], ("G1", MANY), None),
    (2, &[("G1", MANY)], ("G2", MANY), FULL),
    (2, &[("G1", MANY)], ("O", MANY), None),
    (2, &[("O", MANY)], ("G1", MANY), None),
    (2, &[("O", MANY), ("G1", MANY)], ("G1", MANY), None),
    (3, &[("O", 2), ("G1", 5)], ("G2", 5), FULL),
    (3, &[("O", 2)], ("G1", 1), CROWDED),
    (2, &[("O", MANY), ("G1", MANY)], ("G2", 1), FULL),
    // Whoever has no session meets itself as another.
    (2, &[("O", MANY), ("A1", MANY)], ("A1", MANY), FULL),
    (3, &[("O", MANY), ("A1", MANY)], ("A1", MANY), None),
    // A limit of nothing never gets in, and says so after a full room does.
    (2, &[], ("O", 0), CROWDED),
    (2, &[], ("O", -1), CROWDED),
    (1, &[], ("G1", 0), FULL),
    (2, &[("O", MANY)], ("G1", 2), None),
    // The caller's own limit does not narrow the room for itself.
    (3, &[("O", MANY), ("G1", MANY)], ("G2", 3), None),
    (3, &[("O", MANY), ("G1", MANY)], ("G2", 2), CROWDED),
    // One's own earlier limit does not count when one comes again.
    (3, &[("O", MANY), ("G1", 2)], ("G1", 3), None),
    (3, &[("O", MANY), ("G1", 2)], ("G2", MANY), FULL),
];

#[test]
fn the_worked_cases_come_out_as_written() {
    for (row, (max_size, inside, (caller, client_max), refusal)) in WORKED.iter().enumerate() {
        let mut home = home(*max_size);
        for (who, client_max) in *inside {
            // As many as the row wants are in, whatever they were told then.
            come(&mut home, 0, who, *client_max).unwrap_or_else(|no| panic!("row {row}: {no}"));
        }
        let before = home.room.digest();
        let came = come(&mut home, 1, caller, *client_max).err();
        assert_eq!(came, *refusal, "row {row}");
        if refusal.is_some() {
            assert_eq!(home.room.digest(), before, "row {row}: a refused join changes nothing");
        }
    }
}

#[test]
fn the_devices_of_one_account_do_not_count_against_each_other() {
    let mut home = home(2);
    come(&mut home, 0, "O", MANY).expect("the owner");
    let second = Slot::Client("second".to_owned());
    let command = admission(second, person("O"), rooms_terms(1, LASTS));
    home.ask(NOW, &parlour_room::Actor::Caller(user("owner")), command).expect("the same account");
    let list = home.room.participants();
    assert_eq!(list.iter().filter(|one| one.owner).count(), 2, "both are the owner's");
}

#[test]
fn a_guest_is_never_the_owner() {
    let mut home = home(3);
    let guest = Person::guest(user("owner"));
    let command = admission(Slot::User, guest, rooms_terms(MANY, LASTS));
    home.ask(NOW, &parlour_room::Actor::Caller(user("owner")), command).expect("it is open");
    let seat = home.room.seat(&seat("owner")).expect("it has a seat");
    assert!(seat.participant().is_some_and(|one| !one.owner));
    assert!(!seat.permissions.has(parlour_base::Permission::Op));
}

#[test]
fn a_closed_door_is_said_first_then_full_then_crowded() {
    let mut home = home(1);
    let closed = Policy { doors: Doors::GALENE, ..open_policy() };
    home.house(NOW, Command::SetPolicy(Box::new(closed))).expect("the house may");
    assert_eq!(come(&mut home, 0, "G1", 0), Err(Refusal::DoorClosed));
    let grants = parlour_room::policy::EntryRule::Grant;
    let granted = Policy { entry: grants, ..open_policy() };
    home.house(NOW, Command::SetPolicy(Box::new(granted))).expect("the house may");
    assert_eq!(come(&mut home, 0, "G1", 0), Err(Refusal::NotAuthorised));
    home.house(NOW, Command::SetPolicy(Box::new(open_policy()))).expect("the house may");
    assert_eq!(come(&mut home, 0, "G1", 0), Err(Refusal::Full));
    assert_eq!(come(&mut home, 0, "O", 0), Err(Refusal::Crowded));
}

#[test]
fn people_from_other_doors_take_places_too() {
    let mut home = home(2);
    home.entrant(NOW, "bob", walk_in(kik("bob"))).expect("it is open");
    assert_eq!(come(&mut home, 0, "G1", MANY), Err(Refusal::Full), "one is kept for the owner");
    come(&mut home, 0, "O", MANY).expect("that one");
    let names: Vec<_> = home.room.participants().iter().map(|one| one.user).collect();
    assert_eq!(names, [user("bob"), user("owner")]);
}

#[test]
fn the_smaller_of_the_rooms_capacity_and_the_lease_counts() {
    let mut home = home(5);
    let two = Policy { capacity: Some(2), ..open_policy() };
    home.house(NOW, Command::SetPolicy(Box::new(two))).expect("the house may");
    come(&mut home, 0, "G1", MANY).expect("one of two");
    assert_eq!(come(&mut home, 0, "G2", MANY), Err(Refusal::Full));
    come(&mut home, 0, "O", MANY).expect("two of two");
}

#[test]
fn joins_leaves_and_expiries_move_the_lease_and_nothing_else_does() {
    let mut home = home(5);
    let first = Term { changed: NOW.wall, expires: after(1_000_000).wall };
    assert_eq!(term(&home), first);
    come(&mut home, 10, "G1", MANY).expect("it is open");
    assert_eq!(term(&home), moved(10));
    assert_eq!(home.room.due(), Some(after(10 + LASTS).wall));
    come(&mut home, 20, "G2", MANY).expect("it is open");
    renew(&mut home, 30, "G1").expect("it is in");
    assert_eq!(term(&home), moved(20), "a refresh changes nothing of it");
    assert_eq!(participant(&home, "G1").map(|one| one.expires), Some(after(330).wall));
    assert_eq!(home.room.due(), Some(after(320).wall), "the other is due first");
    leave(&mut home, 40, "G2").expect("it is in");
    assert_eq!(term(&home), moved(40));
    assert_eq!(home.room.due(), Some(after(330).wall));
    expire(&mut home, 329);
    assert!(participant(&home, "G1").is_some(), "a millisecond is left");
    expire(&mut home, 330);
    assert_eq!(participant(&home, "G1"), None);
    assert_eq!(term(&home), moved(330), "an expiry counts from when it is noticed");
    assert_eq!(home.room.due(), Some(moved(330).expires));
}

#[test]
fn who_comes_or_goes_by_another_door_has_come_or_gone() {
    let mut home = home(5);
    home.entrant(after(5), "bob", walk_in(kik("bob"))).expect("it is open");
    assert_eq!(term(&home), moved(5));
    home.house(after(9), Command::Expel(id("bob"))).expect("it is in");
    assert_eq!(term(&home), moved(9));
    let number = token_in(&come(&mut home, 20, "G1", MANY).expect("it is open"));
    let number = number.expect("a token");
    home.entrant(after(30), "tab", ticket(id_of("G1"), number)).expect("the token is good");
    assert_eq!(term(&home), moved(20), "it was listed before");
    home.house(after(40), Command::Evict(id_of("G1"))).expect("it has a seat");
    assert_eq!(term(&home), moved(40), "and is so no more");
}

#[test]
fn a_renewal_is_kept_apart_from_the_seat_and_only_for_its_token() {
    let mut home = home(5);
    come(&mut home, 0, "G1", MANY).expect("it is open");
    renew(&mut home, 100, "G1").expect("it is in");
    assert_eq!((home.store.parts_of("seat"), home.store.parts_of("renewal")), (1, 1));
    home.restart();
    let expires = |home: &Home| participant(home, "G1").map(|one| one.expires);
    assert_eq!(expires(&home), Some(after(100 + LASTS).wall));
    // The clocks were set back meanwhile: the new seat has its own time.
    come(&mut home, 50, "G1", MANY).expect("it comes again");
    home.restart();
    assert_eq!(expires(&home), Some(after(50 + LASTS).wall));
    renew(&mut home, 60, "G1").expect("it is in");
    leave(&mut home, 70, "G1").expect("it is in");
    assert_eq!((home.store.parts_of("seat"), home.store.parts_of("renewal")), (0, 0));
}

#[test]
fn who_is_turned_out_stays_out_whatever_happens_to_the_server() {
    let mut home = home(5);
    let number = token_in(&come(&mut home, 0, "G1", MANY).expect("open")).expect("a token");
    home.entrant(after(1), "tab", ticket(id_of("G1"), number)).expect("the token is good");
    home.entrant(after(2), "bob", walk_in(kik("bob"))).expect("it is open");
    let kick = |who: &str| Command::Kick { target: id(who), message: None };
    let user = person("G1").user;
    let message = || String::new();
    for (command, waits) in [
        (kick("tab"), true),
        (kick("bob"), false),
        (Command::Evict(id_of("G1")), true),
        (Command::EvictUser(user), true),
        (Command::EvictUser(common::user("bob")), false),
        (Command::Disband { message: message() }, true),
        (Command::Abandon { message: message() }, false),
    ] {
        assert_eq!(home.room.waits_for_store(after(3), &command), waits, "{command:?}");
    }
    home.house(after(4), Command::Abandon { message: message() }).expect("the house may");
    assert_eq!((home.room.members().len(), home.room.seats().len()), (0, 0));
}

#[test]
fn time_runs_out_to_the_millisecond() {
    let mut home = home(2);
    let events = come(&mut home, 0, "G1", MANY).expect("it is open");
    let number = token_in(&events).expect("a token");
    expire(&mut home, LASTS - 1);
    assert!(participant(&home, "G1").is_some(), "one millisecond is left");
    let last = home.clone();
    renew(&mut home, LASTS - 1, "G1").expect("in time");

    // From the very millisecond on it is over, noticed or not.
    let mut late = last;
    assert_eq!(renew(&mut late, LASTS, "G1"), Err(Refusal::UnknownSeat));
    assert_eq!(leave(&mut late, LASTS, "G1"), Err(Refusal::UnknownSeat));
    let join = ticket(id_of("G1"), number);
    let by_token = late.entrant(after(LASTS), "tab", join);
    assert_eq!(by_token, Err(Refusal::TokenDead));
    come(&mut late.clone(), LASTS, "G2", MANY).expect("its place is free");
    let mut again = late.clone();
    let events = come(&mut again, LASTS, "G1", MANY).expect("it comes anew");
    let ended = |event: &Event| matches!(event.what, Happening::SeatLeft { how, .. } if how == SeatEnd::Expired);
    assert_eq!(events.iter().filter(|event| ended(event)).count(), 1);
    assert_eq!(expire(&mut late, LASTS).iter().filter(|event| ended(event)).count(), 1);
    assert_eq!(late.room.seats().len(), 0);
}

#[test]
fn a_participant_with_media_that_runs_out_is_out() {
    let mut home = home(5);
    let number = token_in(&come(&mut home, 0, "G1", MANY).expect("open")).expect("a token");
    home.entrant(NOW, "tab", ticket(id_of("G1"), number)).expect("the token is good");
    home.house(after(10), Command::Expel(id("tab"))).expect("it is in");
    assert!(participant(&home, "G1").is_some(), "without media it is still one");
    home.entrant(after(20), "tab", ticket(id_of("G1"), number)).expect("the same token again");
    expire(&mut home, LASTS);
    assert_eq!(home.room.members().len(), 0);
    assert_eq!(home.room.seats().len(), 0);
    assert!(home.room.call().is_none());
}

#[test]
fn coming_again_with_the_same_session_replaces_and_does_not_add() {
    let mut home = home(5);
    let first = token_in(&come(&mut home, 0, "G1", 7).expect("open")).expect("a token");
    let second = token_in(&come(&mut home, 50, "G1", 9).expect("open")).expect("a token");
    assert!(second > first);
    assert_eq!(home.room.seats().len(), 1);
    assert_eq!(participant(&home, "G1").map(|one| one.client_max), Some(9));
    assert_eq!(home.room.due(), Some(after(50 + LASTS).wall));
    let stale = home.entrant(after(51), "tab", ticket(id_of("G1"), first));
    assert_eq!(stale, Err(Refusal::TokenDead));
}

#[test]
fn participants_lease_and_tokens_outlive_a_restart() {
    let mut home = home(5);
    let number = token_in(&come(&mut home, 0, "G1", 7).expect("open")).expect("a token");
    come(&mut home, 10, "G2", MANY).expect("open");
    home.entrant(after(11), "tab", ticket(id_of("G1"), number)).expect("good");
    renew(&mut home, 20, "G1").expect("it is in");
    leave(&mut home, 30, "G2").expect("it is in");
    let (before, terms) = (participant(&home, "G1"), term(&home));
    assert_eq!(home.store.parts_of("seat"), 1);
    assert_eq!(home.store.due, Some(after(LASTS).wall), "no later than the first is due");
    home.restart();
    assert_eq!(participant(&home, "G1"), before);
    assert_eq!(participant(&home, "G2"), None);
    assert_eq!(term(&home), terms);
    assert_eq!(home.room.members().len(), 0, "media has to come again");
    assert!(home.room.call().is_some(), "but somebody is there");
    assert_eq!(home.room.lease().map(|lease| lease.max_size), Some(5));
    home.entrant(after(40), "tab", ticket(id_of("G1"), number)).expect("its token is still good");
    expire(&mut home, 320);
    assert_eq!(home.store.parts_of("seat"), 0);
    assert_eq!(home.store.due, Some(term(&home).expires));
}

#[test]
fn each_step_of_a_participant_is_kept_before_it_is_seen() {
    let mut home = home(5);
    let slot = || Slot::Client("G1".to_owned());
    let join = admission(slot(), person("G1"), rooms_terms(MANY, LASTS));
    assert!(home.room.waits_for_store(NOW, &join));
    let number = token_in(&come(&mut home, 0, "G1", MANY).expect("open")).expect("a token");
    let renew = Command::Renew { seat: id_of("G1"), expires: after(900).wall };
    assert!(home.room.waits_for_store(NOW, &renew));
    for number in [None, Some(number)] {
        let leave = Command::GiveUp { seat: id_of("G1"), number, life: LIFE };
        assert!(home.room.waits_for_store(NOW, &leave));
    }
    assert!(home.room.waits_for_store(NOW, &Command::Expire { life: LIFE }));
    assert!(home.room.waits_for_store(NOW, &Command::Delete));
}

/// A room that only the rooms door knows.
fn only_rooms(max_size: u32) -> Home {
    let policy = Policy { doors: Doors::of(&[Door::Rooms]), ..open_policy() };
    let record = RoomRecord { policy, ..RoomRecord::default() };
    let mut home = Home::new(&record, Limits::default());
    home.house(NOW, lease("owner", max_size)).expect("the house may");
    home
}

#[test]
fn a_room_of_its_own_ends_with_its_lease() {
    let mut home = only_rooms(5);
    expire(&mut home, 999_999);
    assert!(!home.room.is_gone(), "a millisecond is left");
    expire(&mut home, 1_000_000);
    assert!(home.room.is_gone());
    assert!(home.store.forgotten);
    assert_eq!(home.house(after(0), Command::Wake), Err(Refusal::RoomGone));
}

#[test]
fn a_room_of_several_doors_loses_that_door_with_its_lease() {
    let mut home = home(5);
    expire(&mut home, 1_000_000);
    assert!(!home.room.is_gone());
    assert_eq!(home.room.lease(), None);
    assert!(!home.room.policy().doors.has(Door::Rooms));
    assert!(home.room.policy().doors.has(Door::Galene));
    assert_eq!(come(&mut home, 1_000_001, "G1", MANY), Err(Refusal::DoorClosed));
    home.restart();
    assert_eq!((home.room.lease(), home.room.term()), (None, None));
    assert_eq!(home.room.due(), None, "nothing of it is left to be due");
}

#[test]
fn a_room_whose_doors_are_all_closed_is_not_deleted_with_its_lease() {
    let mut home = home(5);
    let shut = Policy { doors: Doors::NONE, ..open_policy() };
    home.house(NOW, Command::SetPolicy(Box::new(shut))).expect("the house may");
    expire(&mut home, 1_000_000);
    assert!(!home.room.is_gone());
    assert_eq!(home.room.lease(), None);
}

#[test]
fn an_expiry_noticed_late_is_taken_in_the_order_of_time() {
    // The participant ran out first and prolonged the room.
    let mut home = only_rooms(5);
    come(&mut home, 0, "G1", MANY).expect("open");
    expire(&mut home, 2_000_000);
    assert!(!home.room.is_gone());
    assert_eq!(term(&home), moved(2_000_000));
    // The room ran out first: nobody could prolong it any more.
    let mut home = only_rooms(5);
    come(&mut home, 0, "G1", MANY).expect("open");
    let expires = after(2_000_000).wall;
    let actor = parlour_room::Actor::Caller(person("G1").user);
    home.ask(NOW, &actor, Command::Renew { seat: id_of("G1"), expires }).expect("it is in");
    expire(&mut home, 3_000_000);
    assert!(home.room.is_gone());
}

#[test]
fn what_was_over_before_anybody_noticed_takes_no_orders() {
    let mut home = home(5);
    let change = || Command::ChangeLease(Box::default());
    let over = 1_000_000;
    assert_eq!(home.caller(after(over), "owner", change()), Err(Refusal::DoorClosed));
    assert_eq!(home.caller(after(over), "owner", Command::Delete), Err(Refusal::DoorClosed));
    assert_eq!(come(&mut home, over, "O", MANY), Err(Refusal::DoorClosed));
    home.caller(after(over - 1), "owner", Command::Delete).expect("in time");
}

#[test]
fn a_change_starts_the_life_anew_and_keeps_what_it_does_not_name() {
    let mut home = home(5);
    let context = serde_json::json!({"value": "x", "alg": "y", "wrappedKey": "z"});
    let expires = Wall(after(0).wall.0 + 77_000);
    let change = |change| Command::ChangeLease(Box::new(LeaseChange { expires, ..change }));
    let with = LeaseChange { context: Some(context.clone()), ..LeaseChange::default() };
    home.caller(after(7), "owner", change(with)).expect("the owner may");
    assert_eq!(term(&home), Term { changed: after(7).wall, expires });
    let with = LeaseChange { max_size: Some(3), ..LeaseChange::default() };
    home.caller(after(8), "owner", change(with)).expect("the owner may");
    let lease = home.room.lease().expect("there is one");
    assert_eq!((lease.context.as_ref(), lease.max_size), (Some(&context), 3));
    assert_eq!(lease.created, NOW.wall);
    let eve = home.caller(after(9), "eve", change(LeaseChange::default()));
    assert_eq!(eve, Err(Refusal::NotOwner));
    home.restart();
    assert_eq!(home.room.lease().and_then(|lease| lease.context.clone()), Some(context));
}

#[test]
fn only_the_owner_deletes_and_then_nobody_is_left() {
    let mut home = home(5);
    come(&mut home, 0, "G1", MANY).expect("open");
    home.entrant(NOW, "bob", walk_in(kik("bob"))).expect("open");
    home.ask(NOW, &parlour_room::Actor::Member(id("bob")), publish("cam", None)).expect("it may");
    assert_eq!(home.caller(NOW, "G1", Command::Delete), Err(Refusal::NotOwner));
    home.caller(NOW, "owner", Command::Delete).expect("the owner may");
    let room = &home.room;
    assert!(room.is_gone() && room.is_empty());
    assert_eq!((room.streams().len(), room.call()), (0, None));
    assert!(home.store.forgotten);
    assert_eq!(come(&mut home, 1, "O", MANY), Err(Refusal::RoomGone));
}

#[test]
fn a_seat_of_another_door_is_not_renewed() {
    let mut home = home(5);
    home.caller(NOW, "ada", call("ada")).expect("open");
    let renew = Command::Renew { seat: seat("ada"), expires: after(9).wall };
    assert_eq!(home.caller(NOW, "ada", renew), Err(Refusal::UnknownSeat));
}

/// A way in which a seat ends.
type End = fn(&mut Home);

#[test]
fn an_operators_seat_that_ends_leaves_the_room_as_an_operator_does() {
    let ends: [(&str, End); 3] = [
        ("left", |home| drop(leave(home, 1, "O").expect("it is in"))),
        ("ran out", |home| drop(expire(home, LASTS))),
        ("evicted", |home| {
            home.house(NOW, Command::Evict(id_of("O"))).expect("it has a seat");
        }),
    ];
    for (what, end) in ends {
        let rules = parlour_room::Rules { autolock: true, ..parlour_room::Rules::default() };
        let mut home = home(5);
        let number = token_in(&come(&mut home, 0, "O", MANY).expect("open")).expect("a token");
        home.entrant(NOW, "tab", ticket(id_of("O"), number)).expect("good");
        home.house(NOW, Command::Configure(Box::new(rules))).expect("the house may");
        assert_eq!(home.room.lock(), None, "{what}: an operator is in");
        end(&mut home);
        assert!(home.room.lock().is_some(), "{what}: and went");
    }
}
