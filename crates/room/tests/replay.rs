//! Whatever is asked of a room: its events rebuild it byte for byte, from the
//! beginning and from any snapshot, its invariants hold after each command, and
//! what it asks the store to keep is what of it has to outlive a restart.
mod common;
use common::store::FakeStore;
use common::*;
use parlour_base::{Epoch, JsonMap, Now, Permission, Permissions, RoomId, UserId, Wall};
use parlour_room::command::{Admission, Clearing, Entry, LeaseChange, Pass, Terms};
use parlour_room::lease::Lease;
use parlour_room::member::MemberKind;
use parlour_room::policy::{EntryRule, Grant, Grantee};
use parlour_room::record::{Kept, RoomRecord};
use parlour_room::seat::{Report, RequestId};
use parlour_room::{
    Actor, Command, Door, Event, Limits, Person, Policy, Proof, Room, Rules, Seat, SeatId, Slot,
    Ticket, TokenNumber, Track, TrackKind, Wish, Wishes,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::time::Duration;

fn name() -> impl Strategy<Value = String> {
    prop_oneof![Just("a"), Just("b"), Just("c"), Just("d"), Just("")].prop_map(str::to_owned)
}

fn permissions() -> impl Strategy<Value = Permissions> {
    proptest::collection::vec(select(&Permission::ALL[..]), 0..5)
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
        2 => (target(), select(&Permission::ALL[..]), any::<bool>()).prop_map(
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

fn someone() -> impl Strategy<Value = UserId> {
    name().prop_map(|n| user(&n))
}

fn person() -> impl Strategy<Value = Person> {
    (name(), any::<(bool, bool)>()).prop_map(|(name, (guest, named))| Person {
        guest,
        kik: named.then(|| format!("k{name}")),
        ..Person::known(user(&name))
    })
}

fn slot() -> impl Strategy<Value = Slot> {
    prop_oneof![3 => Just(Slot::User), 1 => name().prop_map(Slot::Client)]
}

fn seat_id() -> impl Strategy<Value = SeatId> {
    (someone(), slot()).prop_map(|(user, slot)| SeatId { user, slot })
}

fn wall() -> impl Strategy<Value = Wall> {
    (-500_i64..5_000).prop_map(|ms| after(ms).wall)
}

fn life() -> impl Strategy<Value = Duration> {
    (0_u64..3_000).prop_map(Duration::from_millis)
}

fn proof() -> impl Strategy<Value = Proof> {
    prop_oneof![
        Just(Proof::Nothing),
        permissions().prop_map(Proof::Password),
        permissions().prop_map(Proof::Invitation),
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    let entry =
        select(vec![EntryRule::Open, EntryRule::Open, EntryRule::Password, EntryRule::Grant]);
    let doors = proptest::collection::vec(select(&Door::ALL[..]), 0..12);
    (doors, entry, any::<bool>(), proptest::option::of(0_u32..5)).prop_map(
        |(doors, entry, guests, capacity)| Policy {
            doors: doors.into_iter().fold(parlour_room::Doors::NONE, parlour_room::Doors::with),
            entry,
            guests,
            capacity,
            password: None,
        },
    )
}

fn grant() -> impl Strategy<Value = Grant> {
    (permissions(), any::<bool>()).prop_map(|(permissions, named)| Grant {
        permissions,
        since: NOW.wall,
        kik: named.then(|| "k".to_owned()),
    })
}

fn terms() -> impl Strategy<Value = Terms> {
    prop_oneof![
        3 => proptest::option::of(0..3_i64).prop_map(|n| Terms::Callctl {
            request: n.map(|n| RequestId(n, -n)),
        }),
        3 => (-1_i64..6, wall(), life()).prop_map(|(client_max, expires, life)| Terms::Rooms {
            connection: "c".to_owned(),
            client_max,
            expires,
            life,
        }),
        1 => Just(Terms::Viewer),
        1 => Just(Terms::Elsewhere),
    ]
}

fn a_lease() -> impl Strategy<Value = Command> {
    (proptest::option::of(someone()), 0_u32..6, wall()).prop_map(|(owner, max_size, expires)| {
        let Command::Lease { lease, .. } = lease("a", max_size) else { unreachable!("it is one") };
        Command::Lease { lease: Box::new(Lease { owner, ..*lease }), expires }
    })
}

/// A command of the doors that admit by seats, and who it is of. A token is
/// named by its place among those that were handed out.
#[derive(Debug, Clone)]
enum Ask {
    Plain(Actor, Command),
    Ticket(String, SeatId, Index),
    GiveUp(SeatId, Option<Index>, Duration),
    Lapse(SeatId, Index),
}

fn caller_ask() -> impl Strategy<Value = Ask> {
    let admit = (slot(), person(), proof(), terms()).prop_map(|(slot, person, proof, terms)| {
        let (actor, name) = (Actor::Caller(person.user), String::new());
        let admission = Admission { slot, person, name, proof, terms };
        Ask::Plain(actor, Command::Admit(Box::new(admission)))
    });
    let mine = |seat: &SeatId| Actor::Caller(seat.user);
    let renew = (seat_id(), wall())
        .prop_map(move |(seat, expires)| Ask::Plain(mine(&seat), Command::Renew { seat, expires }));
    let report = seat_id().prop_map(move |seat| {
        let (event, state) = ("e".to_owned(), "s".to_owned());
        let report = Report { event, state, connections: 1, sends: 2, receives: 3, at: NOW.wall };
        Ask::Plain(mine(&seat), Command::Report { seat, report })
    });
    let change =
        (someone(), proptest::option::of(0_u32..6), wall()).prop_map(|(me, max_size, expires)| {
            let change = LeaseChange { max_size, expires, ..LeaseChange::default() };
            Ask::Plain(Actor::Caller(me), Command::ChangeLease(Box::new(change)))
        });
    prop_oneof![
        8 => admit,
        2 => renew,
        1 => report,
        1 => change,
        1 => someone().prop_map(|me| Ask::Plain(Actor::Caller(me), Command::Delete)),
        3 => (seat_id(), proptest::option::of(any::<Index>()), life())
            .prop_map(|(seat, token, life)| Ask::GiveUp(seat, token, life)),
        5 => (0_u8..9, seat_id(), any::<Index>())
            .prop_map(|(n, seat, token)| Ask::Ticket(format!("t{n}"), seat, token)),
    ]
}

fn house_ask() -> impl Strategy<Value = Ask> {
    let grantee = prop_oneof![Just(Grantee::Everyone), someone().prop_map(Grantee::User)];
    let list = proptest::collection::vec((someone(), grant()), 0..4);
    let command = prop_oneof![
        3 => policy().prop_map(|policy| Command::SetPolicy(Box::new(policy))),
        2 => (grantee, proptest::option::of(grant())).prop_map(|(g, grant)| Command::Grant(g, grant)),
        1 => list.prop_map(Command::SetConversation),
        3 => a_lease(),
        1 => Just(Command::Delete),
        2 => seat_id().prop_map(Command::Evict),
        1 => someone().prop_map(Command::EvictUser),
        4 => life().prop_map(|life| Command::Expire { life }),
        1 => Just(Command::Wake),
        1 => Just(Command::Rest),
    ];
    prop_oneof![
        8 => command.prop_map(|command| Ask::Plain(Actor::House, command)),
        3 => (seat_id(), any::<Index>()).prop_map(|(seat, token)| Ask::Lapse(seat, token)),
    ]
}

/// Somebody comes in with a name in call control, by one door or another.
fn walk_in_ask() -> impl Strategy<Value = Ask> {
    let door = select(vec![Door::Galene, Door::Whip]);
    let kind = select(vec![MemberKind::Client, MemberKind::Whip, MemberKind::Recorder]);
    (name(), person(), proof(), door, kind).prop_map(|(client, person, proof, door, kind)| {
        let Command::Join(entry) = entry("", PRESENT) else { unreachable!("it is a join") };
        let pass = Pass::Shown { person, proof };
        let join = Command::Join(Entry { door, kind, pass, ..entry });
        Ask::Plain(Actor::Entrant(id(&client)), join)
    })
}

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        4 => (actor(), command()).prop_map(|(actor, command)| Ask::Plain(actor, command)),
        3 => caller_ask(),
        1 => house_ask(),
        1 => walk_in_ask(),
    ]
}

/// Fills in the token that was meant.
fn spell_out(ask: Ask, tokens: &[TokenNumber]) -> (Actor, Command) {
    let number = |index: Index| {
        if tokens.is_empty() { TokenNumber(1) } else { *index.get(tokens) }
    };
    match ask {
        Ask::Plain(actor, command) => (actor, command),
        Ask::Ticket(client, seat, token) => {
            let Command::Join(entry) = entry("", PRESENT) else { unreachable!("it is a join") };
            let pass = Pass::Ticket(Ticket { seat, number: number(token) });
            (Actor::Entrant(id(&client)), Command::Join(Entry { pass, ..entry }))
        }
        Ask::GiveUp(seat, token, life) => {
            let number = token.map(number);
            (Actor::Caller(seat.user), Command::GiveUp { seat, number, life })
        }
        Ask::Lapse(seat, token) => (Actor::House, Command::Lapse { seat, number: number(token) }),
    }
}

fn actor() -> impl Strategy<Value = Actor> {
    prop_oneof![
        3 => name().prop_map(|n| Actor::Entrant(id(&n))),
        1 => Just(Actor::House),
        6 => name().prop_map(|n| Actor::Member(id(&n))),
    ]
}

/// A room that is open to the rooms door too, with a small roster.
fn start_room(rules: Rules, policy: Policy, store: &mut FakeStore) -> Room {
    let record = RoomRecord { rules, policy, ..RoomRecord::default() };
    *store = FakeStore::with(&record);
    let id = RoomId::new(7).expect("not reserved");
    let limits = Limits { conference: 4, seats: 6, grants: 3, clock_ahead_ms: 500, ..limits() };
    Room::open(id, Epoch(3), limits, Kept { record, ..Kept::default() })
}

/// What of a room is kept: everything else is gone with the process.
fn kept_of(room: &Room) -> Kept {
    let at_rest = |seat: &Seat| Seat { live: None, report: None, ..seat.clone() };
    let seats = room.seats().filter(|seat| seat.participant().is_some());
    Kept {
        record: room.record(),
        grants: room.grants().map(|(grantee, grant)| (*grantee, grant.clone())).collect(),
        seats: seats.map(at_rest).collect(),
        term: room.term(),
        ceiling: room.clock().ceiling(),
        ..Kept::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]
    #[test]
    fn events_rebuild_the_room(
        start in rules(),
        policy in prop_oneof![Just(open_policy()), policy()],
        steps in proptest::collection::vec((ask(), 0_i64..2_000), 1..150),
        cut in any::<Index>(),
    ) {
        let mut store = FakeStore::default();
        let empty = start_room(start, policy, &mut store);
        let mut room = empty.clone();
        let mut events: Vec<Event> = Vec::new();
        let mut snapshots = vec![(0, room.digest())];
        let mut tokens = Vec::new();
        let mut now = NOW;
        for (ask, step) in steps {
            now = Now { wall: Wall(now.wall.0 + step), ..now };
            let (actor, command) = spell_out(ask, &tokens);
            let before = room.digest();
            match room.apply(now, &actor, command) {
                Ok(new) => {
                    new.iter().flat_map(|e| room.writes_for(e)).for_each(|w| store.write(w));
                    tokens.extend(token_in(&new));
                    events.extend(new);
                }
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
        let told: Vec<Event> = events
            .iter()
            .map(|event| serde_json::to_string(event).expect("it has a JSON form"))
            .map(|text| serde_json::from_str(&text).expect("an event reads back"))
            .collect();
        prop_assert_eq!(&told, &events, "events survive their JSON form");
        if room.is_gone() {
            prop_assert!(store.forgotten && room.is_empty());
        } else {
            let kept = store.read();
            let (due, chat) = (kept.due, kept.chat.clone());
            prop_assert_eq!(kept, Kept { due, chat, ..kept_of(&room) });
            let soon = room.due().is_none_or(|own| due.is_some_and(|noted| noted <= own));
            prop_assert!(soon, "the store would open it too late");
            prop_assert!(due == store.due && (room.roster().is_empty() || room.was_interrupted()));
        }
    }
}
