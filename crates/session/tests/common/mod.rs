//! A room, people to put in it, and what a session says.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "what must be there fails the test if it is not")]

use parlour_base::{
    Epoch, Json, JsonMap, Mono, Now, Permission, Permissions, RoomId, UserId, Wall,
};
use parlour_room::command::{Entry, Pass, Speech};
use parlour_room::member::MemberKind;
use parlour_room::record::Kept;
use parlour_room::{Command, Door, Limits, MemberId, Person, Proof, Room, StreamId};
use parlour_session::galene::{Output, Session};

pub const NOW: Now = Now { mono: Mono(1_000_000), wall: Wall(1_782_900_000_000) };

pub fn everything() -> Permissions {
    Permissions::of(&[
        Permission::Op,
        Permission::Present,
        Permission::Message,
        Permission::Caption,
    ])
}

pub fn room() -> Room {
    let id = RoomId::new(7).unwrap();
    let limits = Limits { chat_entries: 5, ..Limits::default() };
    Room::open(id, Epoch(3), limits, Kept::default())
}

pub fn id(name: &str) -> MemberId {
    MemberId(name.to_owned())
}

pub fn stream(name: &str) -> StreamId {
    StreamId(name.to_owned())
}

pub fn entry(name: &str, permissions: Permissions) -> Command {
    let (name, via) = (name.to_owned(), "lab".to_owned());
    let person = Person::guest(UserId::new(7).unwrap());
    Command::Join(Entry {
        name,
        via,
        door: Door::Galene,
        pass: Pass::Shown { person, proof: Proof::Password(permissions) },
        kind: MemberKind::Client,
        attributes: JsonMap::new(),
    })
}

pub fn publish(name: &str, replaces: Option<String>) -> Command {
    let replaces = replaces.map(|old| stream(&old));
    Command::Publish { stream: stream(name), label: "camera".to_owned(), replaces }
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

/// Everything that a session has to say: frames as they are, orders as text.
pub fn said(session: &mut Session) -> Vec<String> {
    let say = |output| match output {
        Output::Send(text) => text.to_string(),
        other => format!("{other:?}"),
    };
    std::iter::from_fn(|| session.poll()).map(say).collect()
}
