//! A room and people to put in it.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use parlour_base::UserId;
use parlour_base::{Epoch, Json, JsonMap, Now, Permission, Permissions, RoomId, Wall};
use parlour_room::command::{Entry, Pass, Speech};
use parlour_room::member::MemberKind;
use parlour_room::record::{Kept, RoomRecord};
use parlour_room::{
    Actor, Command, Door, Event, Limits, MemberId, Person, Proof, Refusal, Room, Rules, StreamId,
};

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
