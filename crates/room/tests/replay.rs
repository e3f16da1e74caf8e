//! Whatever is asked of a room: its events rebuild it byte for byte, from the
//! beginning and from any snapshot, and its invariants hold after each command.
mod common;
use common::*;
use parlour_base::{JsonMap, Now, Permission, Permissions, Wall};
use parlour_room::command::Clearing;
use parlour_room::{Actor, Command, Event, Room, Rules, Track, TrackKind, Wish, Wishes};
use proptest::prelude::*;

fn name() -> impl Strategy<Value = String> {
    prop_oneof![Just("a"), Just("b"), Just("c"), Just("d"), Just("")].prop_map(str::to_owned)
}

fn permissions() -> impl Strategy<Value = Permissions> {
    proptest::collection::vec(proptest::sample::select(&Permission::ALL[..]), 0..5)
        .prop_map(|list| list.into_iter().collect())
}

fn wish() -> impl Strategy<Value = Wish> {
    any::<(bool, bool, bool)>().prop_map(|(audio, video, low)| Wish { audio, video, low })
}

fn rules() -> impl Strategy<Value = Rules> {
    (any::<(bool, bool, bool)>(), proptest::option::of(0_u32..4), 0_u64..3).prop_map(
        |((autolock, autokick, allow_recording), capacity, history_age_secs)| Rules {
            autolock,
            autokick,
            allow_recording,
            capacity,
            history_age_secs,
            ..Rules::default()
        },
    )
}

fn attributes() -> impl Strategy<Value = JsonMap> {
    (name(), any::<Option<u8>>()).prop_map(|(key, value)| {
        JsonMap::from_iter([(key, value.map_or(serde_json::Value::Null, Into::into))])
    })
}

fn command() -> impl Strategy<Value = Command> {
    let clearing = prop_oneof![
        Just(Clearing::All),
        name().prop_map(|n| Clearing::Of(id(&n))),
        (name(), name()).prop_map(|(source, one)| Clearing::One { source: id(&source), id: one }),
    ];
    let talk = || {
        (name(), proptest::option::of(name()), any::<bool>(), any::<bool>()).prop_map(
            |(text, to, no_echo, caption)| {
                let mut speech = speech(&text);
                speech.to = to.map(|to| id(&to));
                speech.no_echo = no_echo;
                speech.kind = if caption { "caption".into() } else { String::new() };
                speech
            },
        )
    };
    let table = proptest::collection::btree_map(name(), wish(), 0..5);
    let tracks = proptest::collection::vec(any::<(bool, bool)>(), 0..3).prop_map(|list| {
        let track = |(n, (video, layered)): (usize, (bool, bool))| Track {
            id: n.to_string(),
            kind: if video { TrackKind::Video } else { TrackKind::Audio },
            layered,
        };
        list.into_iter().enumerate().map(track).collect::<Vec<_>>()
    });
    let target = || name().prop_map(|n| id(&n));
    let one = || name().prop_map(|n| stream(&n));
    prop_oneof![
        4 => (name(), permissions()).prop_map(|(name, p)| entry(&name, p)),
        1 => Just(Command::Leave),
        1 => target().prop_map(Command::Expel),
        1 => target().prop_map(|target| Command::Kick { target, message: None }),
        1 => Just(Command::Disband { message: "bye".into() }),
        1 => rules().prop_map(|r| Command::Configure(Box::new(r))),
        1 => name().prop_map(Command::Lock),
        1 => Just(Command::Unlock),
        1 => attributes().prop_map(Command::SetRoomAttributes),
        1 => attributes().prop_map(Command::SetAttributes),
        2 => (target(), proptest::sample::select(&Permission::ALL[..]), any::<bool>()).prop_map(
            |(target, permission, grant)| Command::SetPermission { target, permission, grant }
        ),
        3 => (name(), proptest::option::of(name()))
            .prop_map(|(s, old)| publish(&s, old.as_deref())),
        2 => (one(), tracks).prop_map(|(stream, tracks)| Command::Announce { stream, tracks }),
        1 => one().prop_map(Command::Unpublish),
        1 => table.prop_map(|t: Wishes| Command::Request(t)),
        2 => (one(), proptest::option::of(wish()))
            .prop_map(|(stream, wish)| Command::RequestStream { stream, wish }),
        2 => talk().prop_map(Command::Chat),
        1 => talk().prop_map(Command::Tell),
        1 => clearing.prop_map(Command::ClearChat),
    ]
}

fn actor() -> impl Strategy<Value = Actor> {
    prop_oneof![
        3 => name().prop_map(|n| Actor::Entrant(id(&n))),
        1 => Just(Actor::House),
        6 => name().prop_map(|n| Actor::Member(id(&n))),
    ]
}

proptest! {
    #[test]
    fn events_rebuild_the_room(
        start in rules(),
        steps in proptest::collection::vec((actor(), command(), 0_i64..2_000), 1..120),
        cut in any::<proptest::sample::Index>(),
    ) {
        let empty = room_with(start);
        let mut room = empty.clone();
        let mut events: Vec<Event> = Vec::new();
        let mut snapshots = vec![(0, room.digest())];
        let mut now = NOW;
        for (actor, command, step) in steps {
            now = Now { wall: Wall(now.wall.0 + step), ..now };
            let before = room.digest();
            match room.apply(now, &actor, command) {
                Ok(new) => events.extend(new),
                Err(_) => prop_assert_eq!(&room.digest(), &before, "a refusal changes nothing"),
            }
            room.check();
            snapshots.push((events.len(), room.digest()));
        }
        for (n, event) in events.iter().enumerate() {
            prop_assert_eq!(event.seq.0, n as u64 + 1, "no gaps");
        }
        prop_assert_eq!(empty.replay(&events).digest(), room.digest());
        let (at, snapshot) = &snapshots[cut.index(snapshots.len())];
        let resumed: Room = serde_json::from_str(snapshot).expect("a snapshot reads back");
        prop_assert_eq!(resumed.replay(&events[*at..]).digest(), room.digest());
    }
}
