//! Who is seen where: one row for each way of being in a room, one column for
//! each door (docs/design/architecture.md, "Who is seen where").
mod common;
use common::store::Home;
use common::*;
use parlour_base::{Permission, Permissions};
use parlour_room::command::{Entry, Pass, Terms};
use parlour_room::member::MemberKind;
use parlour_room::view::{CallState, PresenceState, ROSTER_MAX};
use parlour_room::{Actor, Command, Door, Limits, Person, Proof, SeatId, Slot, TokenNumber};

/// A way of being in the room.
#[derive(Debug, Clone, Copy)]
enum Way {
    Galene,
    GaleneWithStream,
    Whip,
    Whep,
    Recorder,
    Rooms,
    RoomsWithMedia,
    CallConnecting,
    CallConnected,
    ChatSilent,
    ChatWithHeartbeat,
}

/// What the doors make of it.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    /// Galène's `user`: is there a member?
    galene: bool,
    /// In the list of the rooms door.
    rooms: bool,
    /// In the roster of call control.
    callctl: Option<CallState>,
    /// It counts for the flag of chat.
    flag: bool,
    /// In the integration API.
    api: Option<PresenceState>,
}

const CONNECTING: Option<CallState> = Some(CallState::Connecting);
const CONNECTED: Option<CallState> = Some(CallState::Connected);

/// Way, Galène, rooms, call control, flag, API.
type Row = (Way, bool, bool, Option<CallState>, bool, Option<PresenceState>);

/// The table, for somebody who has a name in call control.
const TABLE: &[Row] = &[
    (Way::Galene, true, true, CONNECTED, true, Some(PresenceState::Connected)),
    (Way::GaleneWithStream, true, true, CONNECTED, true, Some(PresenceState::Connected)),
    (Way::Whip, true, true, CONNECTED, true, Some(PresenceState::Connected)),
    (Way::Whep, false, false, None, false, Some(PresenceState::Viewer)),
    (Way::Recorder, true, false, None, false, Some(PresenceState::System)),
    (Way::Rooms, false, true, None, false, Some(PresenceState::Connecting)),
    (Way::RoomsWithMedia, true, true, CONNECTED, true, Some(PresenceState::Connected)),
    (Way::CallConnecting, false, false, CONNECTING, false, Some(PresenceState::Connecting)),
    (Way::CallConnected, true, true, CONNECTED, true, Some(PresenceState::Connected)),
    (Way::ChatSilent, false, false, None, false, None),
    (Way::ChatWithHeartbeat, false, false, None, true, Some(PresenceState::Elsewhere)),
];

fn home() -> Home {
    let limits = Limits { conference: 100, ..Limits::default() };
    let mut home = Home::new(&open_record(), limits);
    home.house(NOW, lease("owner", 500)).expect("the house may");
    home
}

/// Lets somebody be there; `client` tells its clients apart.
fn enter(home: &mut Home, way: Way, person: &Person, client: &str) {
    let slot = || Slot::Client(client.to_owned());
    match way {
        Way::Galene => walk(home, person, client, Door::Galene, MemberKind::Client),
        Way::GaleneWithStream => {
            walk(home, person, client, Door::Galene, MemberKind::Client);
            let me = Actor::Member(id(client));
            home.ask(NOW, &me, publish(client, None)).expect("it may present");
        }
        Way::Whip => walk(home, person, client, Door::Whip, MemberKind::Whip),
        Way::Recorder => walk(home, person, client, Door::Galene, MemberKind::Recorder),
        Way::Whep => drop(take(home, person, slot(), Terms::Viewer)),
        Way::Rooms => drop(take(home, person, slot(), rooms_terms(500, 1_000))),
        Way::RoomsWithMedia => {
            let number = take(home, person, slot(), rooms_terms(500, 1_000));
            go_live(home, client_seat_of(person, client), number, client);
        }
        Way::CallConnecting => {
            take(home, person, Slot::User, Terms::Callctl { request: None });
        }
        Way::CallConnected => {
            let number = take(home, person, Slot::User, Terms::Callctl { request: None });
            go_live(home, SeatId { user: person.user, slot: Slot::User }, number, client);
        }
        Way::ChatSilent => {}
        Way::ChatWithHeartbeat => drop(take(home, person, slot(), Terms::Elsewhere)),
    }
}

fn client_seat_of(person: &Person, client: &str) -> SeatId {
    SeatId { user: person.user, slot: Slot::Client(client.to_owned()) }
}

fn walk(home: &mut Home, person: &Person, client: &str, door: Door, kind: MemberKind) {
    let Command::Join(entry) = walk_in(person.clone()) else { unreachable!("it is a join") };
    let system = Permissions::of(&[Permission::System]);
    let pass = match kind {
        MemberKind::Recorder => {
            Pass::Shown { person: person.clone(), proof: Proof::Invitation(system) }
        }
        _ => entry.pass.clone(),
    };
    let join = Command::Join(Entry { door, kind, pass, ..entry });
    home.entrant(NOW, client, join).expect("it is open");
}

fn take(home: &mut Home, person: &Person, slot: Slot, terms: Terms) -> TokenNumber {
    let actor = Actor::Caller(person.user);
    let command = admission(slot, person.clone(), terms);
    token_in(&home.ask(NOW, &actor, command).expect("it is open")).expect("a token")
}

fn go_live(home: &mut Home, seat: SeatId, number: TokenNumber, client: &str) {
    home.entrant(NOW, client, ticket(seat, number)).expect("the token is good");
}

/// What the doors show of somebody.
fn seen(home: &Home, person: &Person) -> Seen {
    let room = &home.room;
    let mine = |user| user == person.user;
    let listed = room.roster().into_iter();
    Seen {
        galene: room.members().any(|member| mine(member.person.user)),
        rooms: room.participants().iter().any(|one| mine(one.user)),
        callctl: listed
            .filter(|(name, _)| Some(*name) == person.kik.as_deref())
            .map(|(_, s)| s)
            .max(),
        flag: counts_for_flag(home, person),
        api: {
            let of = |p: &parlour_room::view::Presence<'_>| {
                let user =
                    p.member.map(|m| m.person.user).or_else(|| p.seat.map(|s| s.person.user));
                user.is_some_and(mine)
            };
            let all = room.presences();
            let states: Vec<_> = all.iter().filter(|p| of(p)).map(|p| p.state).collect();
            assert!(states.len() <= 1, "one of each");
            states.first().copied()
        },
    }
}

/// It does if one other makes a call of it.
fn counts_for_flag(home: &Home, person: &Person) -> bool {
    let mut with_other = home.clone();
    let other = kik("other");
    assert!(!with_other.room.is_call_in_progress(), "one user is no call");
    assert_ne!(other.user, person.user);
    enter(&mut with_other, Way::Galene, &other, "other");
    with_other.room.is_call_in_progress()
}

#[test]
fn each_way_of_being_there_is_seen_as_the_table_says() {
    for (way, galene, rooms, callctl, flag, api) in TABLE {
        for has_name in [true, false] {
            let mut home = home();
            let person = kik("ada");
            let person = Person { kik: person.kik.filter(|_| has_name), ..person };
            enter(&mut home, *way, &person, "client");
            let callctl = callctl.filter(|_| has_name);
            let expected = Seen { galene: *galene, rooms: *rooms, callctl, flag: *flag, api: *api };
            assert_eq!(seen(&home, &person), expected, "{way:?}, name in call control: {has_name}");
        }
    }
}

#[test]
fn the_recorder_is_told_apart_from_people() {
    let mut home = home();
    enter(&mut home, Way::Recorder, &kik("machine"), "recorder");
    let member = home.room.member(&id("recorder")).expect("it came in");
    assert_eq!(member.kind, MemberKind::Recorder);
    assert!(member.permissions.has(Permission::System));
}

#[test]
fn a_participant_with_media_is_the_same_one() {
    let mut home = home();
    enter(&mut home, Way::RoomsWithMedia, &kik("ada"), "client");
    let list = home.room.participants();
    assert_eq!(list.len(), 1);
    assert_eq!(list.first().map(|one| one.connection.len()), Some(36));
    assert!(list.first().is_some_and(|one| one.client_max == Some(500)));
}

#[test]
fn a_user_with_several_seats_shows_the_highest_state_and_one_name() {
    let connecting = [Way::CallConnecting, Way::Rooms, Way::ChatWithHeartbeat, Way::Whep];
    for (n, lower) in connecting.into_iter().enumerate() {
        for higher in [Way::Galene, Way::Whip, Way::RoomsWithMedia] {
            for turned in [false, true] {
                let mut home = home();
                let mut ways = [(lower, format!("low {n}")), (higher, "high".to_owned())];
                if turned {
                    ways.reverse();
                }
                for (way, client) in &ways {
                    enter(&mut home, *way, &kik("ada"), client);
                }
                let roster = home.room.roster();
                assert_eq!(roster, [("ada", CallState::Connected)], "{lower:?} and {higher:?}");
                assert!(!home.room.is_call_in_progress(), "it is one user");
            }
        }
    }
}

#[test]
fn the_flag_needs_two_users_whom_it_counts() {
    for (first, .., counts, _) in TABLE {
        for (second, .., also, _) in TABLE {
            let mut home = home();
            enter(&mut home, *first, &kik("ada"), "one");
            enter(&mut home, *second, &kik("bob"), "two");
            let expected = *counts && *also;
            assert_eq!(home.room.is_call_in_progress(), expected, "{first:?} and {second:?}");
        }
    }
}

#[test]
fn call_control_lists_the_first_hundred_by_the_order_of_coming() {
    let mut home = home();
    let name = |n: usize| format!("{n:03}");
    // The later the name in the alphabet, the earlier it comes.
    for n in (0..ROSTER_MAX + 5).rev() {
        enter(&mut home, Way::Galene, &kik(&name(n)), &name(n));
    }
    let listed: Vec<_> = home.room.roster().into_iter().map(|(name, _)| name.to_owned()).collect();
    let expected: Vec<_> = (5..ROSTER_MAX + 5).rev().map(name).collect();
    assert_eq!(listed, expected);
    let stamp = home.room.stamp();
    enter(&mut home, Way::Galene, &kik("late"), "late");
    assert_eq!(home.room.stamp(), stamp, "nobody can see that somebody came");
    home.house(NOW, Command::Expel(id(&name(50)))).expect("it is in");
    assert!(home.room.stamp() > stamp, "one went, and the next moved up");
    let moved_up = home.room.roster().last().map(|(name, _)| (*name).to_owned());
    assert_eq!(moved_up, Some(name(4)));
    assert_eq!(home.room.roster().len(), ROSTER_MAX);
}

#[test]
fn a_member_that_came_by_a_seat_keeps_the_place_of_the_seat() {
    let mut home = home();
    let number = take(&mut home, &kik("ada"), Slot::User, Terms::Callctl { request: None });
    enter(&mut home, Way::Galene, &kik("bob"), "bob");
    go_live(&mut home, seat("ada"), number, "ada");
    let names: Vec<_> = home.room.roster().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["ada", "bob"]);
    let order: Vec<_> = home.room.participants().iter().map(|one| one.user).collect();
    assert_eq!(order, [user("ada"), user("bob")]);
}
