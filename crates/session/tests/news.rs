//! What is told to many is written once, and each hears what it would hear
//! alone.
#![allow(clippy::unwrap_used, reason = "what must be there fails the test if it is not")]
mod common;
use common::*;
use parlour_base::{JsonMap, Permission};
use parlour_room::command::Clearing;
use parlour_room::{Actor, Command, Event, Room};
use parlour_session::galene::{Context, News, Output, Session};
use parlour_wire::galene::Dialect;
use std::sync::Arc;

const DIALECTS: [Dialect; 3] = [Dialect::Legacy, Dialect::V1, Dialect::V2];

fn session(room: &Room, context: &Context, name: &str, dialect: Dialect) -> Session {
    Session::resume(NOW.mono, &context.config, dialect, room.member(&id(name)).unwrap())
}

/// What happens while `me` and `b` are in the room, each with the room after it.
fn story(room: &mut Room) -> Vec<(Room, Vec<Event>)> {
    let (me, b) = (|| Actor::Member(id("me")), || Actor::Member(id("b")));
    let hand = JsonMap::from_iter([("raisehand".to_owned(), true.into())]);
    let to_b = parlour_room::command::Speech { to: Some(id("b")), ..speech("only you") };
    let quiet = parlour_room::command::Speech { no_echo: true, ..speech("not to me") };
    let commands = vec![
        (Actor::Entrant(id("c")), entry("c", everything())),
        (b(), Command::Chat(speech("hello"))),
        (me(), Command::Chat(quiet)),
        (me(), Command::Tell(to_b)),
        (b(), Command::SetAttributes(hand)),
        (
            me(),
            Command::SetPermission { target: id("b"), permission: Permission::Op, grant: false },
        ),
        (me(), Command::Lock("later".to_owned())),
        (me(), Command::ClearChat(Clearing::All)),
        (me(), Command::Kick { target: id("c"), message: None }),
    ];
    let happen = |(actor, command)| {
        let events = room.apply(NOW, &actor, command).unwrap();
        (room.clone(), events)
    };
    commands.into_iter().map(happen).collect()
}

#[test]
fn sessions_that_share_frames_hear_what_each_would_hear_alone() {
    let context = Context::default();
    let mut room = room();
    for name in ["me", "b"] {
        room.apply(NOW, &Actor::Entrant(id(name)), entry(name, everything())).unwrap();
    }
    let all = ["me", "b"].iter().flat_map(|name| DIALECTS.map(|dialect| (*name, dialect)));
    let pair = |(name, dialect)| {
        let new = || session(&room, &context, name, dialect);
        (new(), new())
    };
    let mut pairs: Vec<(Session, Session)> = all.map(pair).collect();
    for (room, events) in story(&mut room.clone()) {
        for event in &events {
            let mut news = News::new(&context, &room, event);
            for (sharing, alone) in &mut pairs {
                sharing.event(&mut news);
                alone.event(&mut News::new(&context, &room, event));
                assert_eq!(said(sharing), said(alone), "{event:?}");
            }
        }
    }
}

#[test]
fn a_frame_for_many_is_the_same_bytes_in_one_place() {
    let context = Context::default();
    let mut room = room();
    for name in ["me", "b"] {
        room.apply(NOW, &Actor::Entrant(id(name)), entry(name, everything())).unwrap();
    }
    let mut both = ["me", "b"].map(|name| session(&room, &context, name, Dialect::V2));
    let events = room.apply(NOW, &Actor::Entrant(id("c")), entry("c", everything())).unwrap();
    let mut frames = Vec::new();
    for event in &events {
        let mut news = News::new(&context, &room, event);
        for session in &mut both {
            session.event(&mut news);
            while let Some(output) = session.poll() {
                let Output::Send(frame) = output else { panic!("{output:?}") };
                frames.push(frame);
            }
        }
    }
    let [first, second] = frames.as_slice() else { panic!("{frames:?}") };
    assert!(Arc::ptr_eq(first, second), "{first} was written twice");
}
