//! A session holds no roster of its own: dropped at any point and rebuilt from
//! the room's snapshot, it goes on with the same bytes.
#![allow(clippy::unwrap_used, reason = "what must be there fails the test if it is not")]
mod common;
use common::*;
use parlour_base::{Entropy, JsonMap, Permission, Wall};
use parlour_room::command::Clearing;
use parlour_room::{Actor, Command, Happening, Room, Rules};
use parlour_session::galene::{Context, News, Session};
use parlour_wire::galene::Dialect;
use proptest::prelude::*;

fn name() -> impl Strategy<Value = String> {
    prop_oneof![Just("me"), Just("b"), Just("c")].prop_map(str::to_owned)
}

fn attributes() -> impl Strategy<Value = JsonMap> {
    (name(), any::<Option<u8>>()).prop_map(|(key, value)| {
        JsonMap::from_iter([(key, value.map_or(serde_json::Value::Null, Into::into))])
    })
}

fn command() -> impl Strategy<Value = Command> {
    let permission =
        proptest::sample::select(&[Permission::Op, Permission::Present, Permission::Message][..]);
    let clearing = prop_oneof![
        Just(Clearing::All),
        name().prop_map(|n| Clearing::Of(id(&n))),
        (name(), name()).prop_map(|(source, one)| Clearing::One { source: id(&source), id: one }),
    ];
    let talk = || {
        (name(), proptest::option::of(name()), any::<(bool, bool)>()).prop_map(
            |(text, to, (no_echo, caption))| {
                let to = to.map(|to| id(&to));
                let kind = if caption { "caption".to_owned() } else { String::new() };
                parlour_room::command::Speech { to, kind, no_echo, ..speech(&text) }
            },
        )
    };
    prop_oneof![
        4 => name().prop_map(|n| entry(&n, everything())),
        1 => Just(Command::Leave),
        1 => name().prop_map(|n| Command::Kick { target: id(&n), message: Some(n) }),
        1 => any::<bool>().prop_map(|autolock| {
            Command::Configure(Box::new(Rules { autolock, ..Rules::default() }))
        }),
        1 => name().prop_map(Command::Lock),
        1 => Just(Command::Unlock),
        2 => attributes().prop_map(Command::SetRoomAttributes),
        2 => attributes().prop_map(Command::SetAttributes),
        2 => (name(), permission, any::<bool>()).prop_map(|(target, permission, grant)| {
            Command::SetPermission { target: id(&target), permission, grant }
        }),
        2 => (name(), proptest::option::of(name())).prop_map(|(n, old)| publish(&n, old)),
        1 => name().prop_map(|n| Command::Unpublish(stream(&n))),
        3 => talk().prop_map(Command::Chat),
        2 => talk().prop_map(Command::Tell),
        1 => clearing.prop_map(Command::ClearChat),
    ]
}

fn actor() -> impl Strategy<Value = Actor> {
    prop_oneof![
        3 => prop_oneof![Just("b"), Just("c")].prop_map(|n| Actor::Entrant(id(n))),
        1 => Just(Actor::House),
        6 => name().prop_map(|n| Actor::Member(id(&n))),
    ]
}

/// Somebody who shook hands and came in, as the room tells it.
fn arrived(dialect: Dialect, room: &mut Room, context: &Context) -> Session {
    let mut session = Session::new(NOW.mono, &context.config);
    let mut entropy = Entropy::from_seed([1; 32]);
    let hello = match dialect {
        Dialect::Legacy => r#"{"type":"handshake","id":"me"}"#,
        Dialect::V1 => r#"{"type":"handshake","id":"me","version":["1"]}"#,
        Dialect::V2 => r#"{"type":"handshake","id":"me","version":["2"]}"#,
    };
    let join = r#"{"type":"join","kind":"join","group":"lab","username":"me"}"#;
    for frame in [hello, join] {
        session.text(NOW.mono, &context.config, &mut entropy, frame);
    }
    let events = room.apply(NOW, &Actor::Entrant(id("me")), entry("me", everything())).unwrap();
    for event in &events {
        session.event(&mut News::new(context, room, event));
    }
    said(&mut session);
    session
}

proptest! {
    #[test]
    fn a_session_rebuilt_at_any_point_says_the_same(
        dialect in proptest::sample::select(&[Dialect::Legacy, Dialect::V1, Dialect::V2][..]),
        steps in proptest::collection::vec((actor(), command(), 0_i64..2_000), 1..60),
        cut in any::<proptest::sample::Index>(),
    ) {
        let context = Context::default();
        let mut room = room();
        let mut lasting = arrived(dialect, &mut room, &context);
        let mut rebuilt: Option<Session> = None;
        let cut = cut.index(steps.len());
        let mut now = NOW;
        for (n, (actor, command, step)) in steps.into_iter().enumerate() {
            now.wall = Wall(now.wall.0 + step);
            if n == cut {
                let snapshot = room.digest();
                let read: Room = serde_json::from_str(&snapshot).unwrap();
                let me = read.member(&id("me")).unwrap();
                rebuilt = Some(Session::resume(now.mono, &context.config, dialect, me));
            }
            let Ok(events) = room.apply(now, &actor, command) else { continue };
            for event in &events {
                lasting.event(&mut News::new(&context, &room, event));
                if let Some(rebuilt) = &mut rebuilt {
                    rebuilt.event(&mut News::new(&context, &room, event));
                }
            }
            let expected = said(&mut lasting);
            if let Some(rebuilt) = &mut rebuilt {
                prop_assert_eq!(said(rebuilt), expected);
            }
            let gone = |what: &Happening| {
                matches!(what, Happening::Left { member, .. } if member.id == id("me"))
            };
            if events.iter().any(|event| gone(&event.what)) {
                break;
            }
        }
    }
}
