//! The same story told in each dialect, byte for byte
//! (docs/protocols/galene.md §§1.6, 3.13).
#![allow(clippy::unwrap_used, reason = "what must be there fails the test if it is not")]
mod common;
use common::*;
use parlour_base::{JsonMap, Permission, Permissions};
use parlour_room::command::Clearing;
use parlour_room::{Actor, Command, StreamId, TrackKind};
use parlour_session::galene::{Context, News, Session};
use parlour_session::{StreamNote, StreamOffer};
use parlour_wire::galene::Dialect;

fn story(dialect: Dialect) -> Vec<String> {
    let context = Context::default();
    let mut room = room();
    let ada = Permissions::of(&[Permission::Op, Permission::Present, Permission::Message]);
    let bob = Permissions::of(&[Permission::Present, Permission::Message]);
    room.apply(NOW, &Actor::Entrant(id("7c0f")), entry("bob", bob)).unwrap();
    room.apply(NOW, &Actor::Entrant(id("me")), entry("ada", ada)).unwrap();
    let me = room.member(&id("me")).unwrap();
    let mut session = Session::resume(NOW.mono, &context.config, dialect, me);
    let hand = JsonMap::from_iter([("raisehand".to_owned(), true.into())]);
    let bobs = || Actor::Member(id("7c0f"));
    let mine = || Actor::Member(id("me"));
    for (actor, command) in [
        (bobs(), Command::Chat(speech("hello"))),
        (bobs(), Command::SetAttributes(hand)),
        (mine(), Command::Lock(String::new())),
        (mine(), Command::ClearChat(Clearing::Of(id("7c0f")))),
        (mine(), Command::ClearChat(Clearing::All)),
        (bobs(), Command::Leave),
    ] {
        for event in &room.apply(NOW, &actor, command).unwrap() {
            session.event(&mut News::new(&context, &room, event));
        }
    }
    session.stream(StreamNote::Offer(Box::new(StreamOffer {
        stream: StreamId("91ab".to_owned()),
        label: "screenshare".to_owned(),
        tracks: vec![("0".to_owned(), TrackKind::Audio), ("1".to_owned(), TrackKind::Video)],
        replaces: None,
        source: id("7c0f"),
        name: "bob".to_owned(),
        sdp: "v=0".to_owned(),
    })));
    session.stop("server is shutting down");
    said(&mut session)
}

#[test]
fn the_story_in_the_dialect_of_today() {
    tells(Dialect::V2, include_str!("golden/v2.txt"));
}

#[test]
fn the_story_in_the_dialect_of_version_one() {
    tells(Dialect::V1, include_str!("golden/v1.txt"));
}

#[test]
fn the_story_in_the_dialect_of_2021() {
    tells(Dialect::Legacy, include_str!("golden/legacy.txt"));
}

fn tells(dialect: Dialect, golden: &str) {
    let told = story(dialect);
    assert_eq!(told, golden.lines().collect::<Vec<_>>(), "\n{}\n", told.join("\n"));
}
