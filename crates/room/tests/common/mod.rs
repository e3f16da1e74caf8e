//! A room and people to put in it.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

pub mod store;

use parlour_base::UserId;
use parlour_base::{Epoch, Json, JsonMap, Now, Permission, Permissions, RoomId, Wall};
use parlour_room::command::{Admission, Entry, Pass, Speech, Terms};
use parlour_room::lease::Lease;
use parlour_room::member::MemberKind;
use parlour_room::policy::EntryRule;
use parlour_room::record::{Kept, RoomRecord};
use parlour_room::{
    Actor, Command, Door, Doors, Event, Happening, Limits, MemberId, Person, Policy, Proof,
    Refusal, Room, Rules, SeatId, Slot, StreamId, Ticket, TokenNumber,
};
use std::time::Duration;

pub const NOW: Now = Now { mono: parlour_base::Mono(0), wall: Wall(1_800_000_000_000) };

pub const OP: Permissions =
    Permissions::of(&[Permission::Op, Permission::Present, Permission::Message]);
pub const PRESENT: Permissions = Permissions::of(&[Permission::Present, Permission::Message]);

pub fn limits() -> Limits {
    Limits { members: 6, streams_per_member: 2, chat_entries: 5, wishes: 3, ..Limits::default() }
}

pub fn room_with(rules: Rules) -> Room {
    let id = RoomId::new(7).expect("not reserved");
    let record = RoomRecord { rules, ..RoomRecord::default() };
    Room::open(id, Epoch(3), limits(), Kept { record, ..Kept::default() })
}

pub fn room() -> Room {
    room_with(Rules::default())
}

pub fn id(name: &str) -> MemberId {
    MemberId(name.to_owned())
}

pub fn stream(name: &str) -> StreamId {
    StreamId(name.to_owned())
}

/// The same user for the same name.
pub fn user(name: &str) -> UserId {
    let mut bits = [1; 8];
    bits.iter_mut().zip(name.bytes()).for_each(|(bit, byte)| *bit = byte);
    UserId::new(u64::from_be_bytes(bits)).expect("not reserved")
}

pub fn entry(name: &str, permissions: Permissions) -> Command {
    Command::Join(Entry {
        name: name.to_owned(),
        via: "lab".to_owned(),
        door: Door::Galene,
        pass: Pass::Shown {
            person: Person::guest(user(name)),
            proof: Proof::Password(permissions),
        },
        kind: MemberKind::Client,
        attributes: JsonMap::new(),
    })
}

pub fn join(room: &mut Room, name: &str, permissions: Permissions) -> Result<Vec<Event>, Refusal> {
    room.apply(NOW, &Actor::Entrant(id(name)), entry(name, permissions))
}

pub fn act(room: &mut Room, name: &str, command: Command) -> Result<Vec<Event>, Refusal> {
    let events = room.apply(NOW, &Actor::Member(id(name)), command);
    room.check();
    events
}

pub fn speech(text: &str) -> Speech {
    Speech {
        id: text.to_owned(),
        kind: String::new(),
        to: None,
        value: Json::from(text),
        no_echo: false,
    }
}

pub fn publish(name: &str, replaces: Option<&str>) -> Command {
    Command::Publish {
        stream: stream(name),
        label: "camera".to_owned(),
        replaces: replaces.map(stream),
    }
}

/// How long the lease of a room lasts after somebody came or went.
pub const LIFE: Duration = Duration::from_secs(1_000);

/// `NOW`, and this many milliseconds.
pub fn after(ms: i64) -> Now {
    Now { wall: Wall(NOW.wall.0 + ms), ..NOW }
}

/// A policy with every door open to everybody.
pub fn open_policy() -> Policy {
    Policy { doors: Doors::of(&Door::ALL), entry: EntryRule::Open, ..Policy::default() }
}

/// What is kept of a room that everybody may enter by every door.
pub fn open_record() -> RoomRecord {
    RoomRecord { policy: open_policy(), ..RoomRecord::default() }
}

pub fn open_room() -> Room {
    let id = RoomId::new(7).expect("not reserved");
    Room::open(id, Epoch(3), limits(), Kept { record: open_record(), ..Kept::default() })
}

/// Somebody with an account, and with a name in call control.
pub fn kik(name: &str) -> Person {
    Person { kik: Some(name.to_owned()), ..Person::known(user(name)) }
}

pub fn lease(owner: &str, max_size: u32) -> Command {
    Command::Lease {
        lease: Box::new(Lease {
            owner: Some(user(owner)),
            owner_name: owner.to_owned(),
            name: None,
            context: None,
            max_size,
            channel: "default".to_owned(),
            created: NOW.wall,
        }),
        expires: Wall(NOW.wall.0 + 1_000_000),
    }
}

/// The one seat of a user.
pub fn seat(name: &str) -> SeatId {
    SeatId { user: user(name), slot: Slot::User }
}

/// One of the seats of a user.
pub fn client_seat(name: &str, client: &str) -> SeatId {
    SeatId { user: user(name), slot: Slot::Client(client.to_owned()) }
}

pub fn admission(slot: Slot, person: Person, terms: Terms) -> Command {
    let name = person.kik.clone().unwrap_or_default();
    let proof = Proof::Nothing;
    Command::Admit(Box::new(Admission { slot, person, name, proof, terms }))
}

/// Asks for a seat in call control.
pub fn call(name: &str) -> Command {
    admission(Slot::User, kik(name), Terms::Callctl { request: None })
}

/// Asks for a seat of the rooms API, that runs out at `expires`.
pub fn rooms_terms(client_max: i64, expires: i64) -> Terms {
    let connection = "00000000-0000-4000-8000-000000000000".to_owned();
    Terms::Rooms { connection, client_max, expires: after(expires).wall, life: LIFE }
}

/// Comes in with a media token.
pub fn ticket(id: SeatId, number: TokenNumber) -> Command {
    let Command::Join(entry) = entry("", PRESENT) else { unreachable!("it is a join") };
    Command::Join(Entry { pass: Pass::Ticket(Ticket { seat: id, number }), ..entry })
}

/// Comes in by the Galène door as somebody with an account.
pub fn walk_in(person: Person) -> Command {
    let Command::Join(entry) = entry("", PRESENT) else { unreachable!("it is a join") };
    let name = person.kik.clone().unwrap_or_default();
    let pass = Pass::Shown { person, proof: Proof::Password(PRESENT) };
    Command::Join(Entry { name, pass, ..entry })
}

/// The number that was handed out, if one was.
pub fn token_in(events: &[Event]) -> Option<TokenNumber> {
    events.iter().find_map(|event| match &event.what {
        Happening::SeatTaken(seat) => Some(seat.current),
        _ => None,
    })
}

/// The stamp that was pushed, if one was.
pub fn stamp_in(events: &[Event]) -> Option<u64> {
    let stamps = |event: &Event| match event.what {
        Happening::Stamped(stamp) => Some(stamp),
        _ => None,
    };
    let all: Vec<u64> = events.iter().filter_map(stamps).collect();
    assert!(all.len() <= 1, "one command stamps a roster once");
    all.first().copied()
}
