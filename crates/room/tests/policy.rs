//! No path enters a protected room without its password or a grant: every
//! door, credential and policy is tried, and each answer compared with a rule
//! that is written down here and not taken from the room.
mod common;
use common::store::FakeStore;
use common::*;
use parlour_base::{Epoch, Permission, Permissions, RoomId};
use parlour_room::command::{Admission, Entry, Pass, Terms};
use parlour_room::policy::{EntryRule, Grant, Grantee, VISITOR};
use parlour_room::record::{Kept, RoomRecord};
use parlour_room::{
    Actor, Command, Door, Doors, Limits, Person, Policy, Proof, Refusal, Room, Rules, Slot,
    TokenNumber,
};

/// What a password gives here; nothing else gives captions.
const BY_PASSWORD: Permissions = Permissions::of(&[Permission::Caption]);
/// What an invitation gives; nothing else gives tokens.
const BY_INVITATION: Permissions = Permissions::of(&[Permission::Token]);
/// What a grant of one's own gives.
const BY_OWN: Permissions = Permissions::of(&[Permission::Present]);
/// What everyone's grant gives.
const BY_ALL: Permissions = Permissions::of(&[Permission::Message]);

const RULES: [EntryRule; 3] = [EntryRule::Open, EntryRule::Password, EntryRule::Grant];
const PROOFS: [Proof; 3] =
    [Proof::Nothing, Proof::Password(BY_PASSWORD), Proof::Invitation(BY_INVITATION)];

/// Somebody at a door of some room.
#[derive(Debug, Clone, Copy)]
struct Case {
    door: Door,
    door_open: bool,
    entry: EntryRule,
    guests: bool,
    proof: Proof,
    is_guest: bool,
    own_grant: bool,
    everyones_grant: bool,
    operator: bool,
    locked: bool,
    full: bool,
}

/// The rule: what entry gives, or the code of the refusal. `counted` if the
/// rooms API counts its places, which it does for operators too.
fn rule(case: &Case, counted: bool) -> Result<Permissions, &'static str> {
    if !case.door_open {
        return Err("door-closed");
    }
    let welcome = case.guests || !case.is_guest;
    let mut rights = Vec::new();
    if case.own_grant {
        rights.push(BY_OWN);
    }
    if case.everyones_grant && welcome {
        rights.push(BY_ALL);
    }
    match case.proof {
        Proof::Nothing => {}
        Proof::Invitation(_) => rights.push(BY_INVITATION),
        Proof::Password(_) if case.entry == EntryRule::Grant || !welcome => {}
        Proof::Password(_) => rights.push(BY_PASSWORD),
    }
    if rights.is_empty() {
        if case.entry != EntryRule::Open || !welcome {
            return Err("not-authorised");
        }
        rights.push(VISITOR);
    }
    if counted && case.full {
        return Err("full");
    }
    if case.operator && case.own_grant {
        rights.push(Permissions::of(&[Permission::Op]));
    } else if case.locked {
        return Err("locked");
    } else if case.full {
        return Err("full");
    }
    Ok(rights.into_iter().fold(Permissions::NONE, Permissions::union))
}

/// The same, as a room. Somebody is in it already.
fn prepared(case: &Case) -> Room {
    let doors = Doors::of(&Door::ALL);
    let policy = Policy {
        doors: if case.door_open { doors } else { doors.without(case.door) },
        entry: case.entry,
        guests: case.guests,
        capacity: Some(if case.full { 1 } else { 2 }),
        password: None,
    };
    let lock = case.locked.then(|| "later".to_owned());
    let record = RoomRecord { policy, lock, ..RoomRecord::default() };
    let own = if case.operator { BY_OWN.with(Permission::Op) } else { BY_OWN };
    let grant = |permissions| Grant { permissions, since: NOW.wall, kik: None };
    let mut kept = Kept { record, ..Kept::default() };
    if case.own_grant {
        kept.grants.insert(Grantee::User(user("ada")), grant(own));
    }
    if case.everyones_grant {
        kept.grants.insert(Grantee::Everyone, grant(BY_ALL));
    }
    let inside = Grant { permissions: OP, since: NOW.wall, kik: None };
    kept.grants.insert(Grantee::User(user("host")), inside);
    let id = RoomId::new(7).expect("not reserved");
    let mut room = Room::open(id, Epoch(1), Limits::default(), kept);
    let door = Door::ALL.into_iter().find(|door| *door != case.door).expect("there are others");
    let host = Person::known(user("host"));
    join_by(&mut room, door, "host", host, Proof::Nothing).expect("an operator by another door");
    room
}

fn join_by(
    room: &mut Room,
    door: Door,
    client: &str,
    person: Person,
    proof: Proof,
) -> Result<Permissions, Refusal> {
    let Command::Join(entry) = entry("", PRESENT) else { unreachable!("it is a join") };
    let join = Entry { door, pass: Pass::Shown { person, proof }, ..entry };
    room.apply(NOW, &Actor::Entrant(id(client)), Command::Join(join))?;
    Ok(room.member(&id(client)).expect("it came in").permissions)
}

fn terms(door: Door) -> Option<Terms> {
    match door {
        Door::Rooms => Some(rooms_terms(100, 1_000)),
        Door::Callctl => Some(Terms::Callctl { request: None }),
        Door::Chat => Some(Terms::Elsewhere),
        Door::Whep => Some(Terms::Viewer),
        Door::Galene | Door::Whip => None,
    }
}

fn admit_by(room: &mut Room, case: &Case, person: Person) -> Option<Result<Permissions, Refusal>> {
    let terms = terms(case.door)?;
    room.apply(NOW, &Actor::House, lease("host", 100)).expect("the house may");
    let actor = Actor::Caller(person.user);
    let (name, slot) = ("Ada".to_owned(), Slot::User);
    let admission = Admission { slot, person, name, proof: case.proof, terms };
    let result = room.apply(NOW, &actor, Command::Admit(Box::new(admission)));
    Some(result.map(|_| room.seat(&seat("ada")).expect("it has a seat").permissions))
}

fn all_cases() -> impl Iterator<Item = Case> {
    let policies = Door::ALL.into_iter().flat_map(|door| RULES.map(|entry| (door, entry)));
    policies.flat_map(move |(door, entry)| {
        PROOFS.into_iter().flat_map(move |proof| {
            (0_u32..1 << 8).map(move |bits| {
                let is = |n: u32| bits >> n & 1 == 1;
                Case {
                    door,
                    entry,
                    proof,
                    door_open: is(0),
                    guests: is(1),
                    is_guest: is(2),
                    own_grant: is(3),
                    everyones_grant: is(4),
                    operator: is(5),
                    locked: is(6),
                    full: is(7),
                }
            })
        })
    })
}

#[test]
fn no_path_enters_a_protected_room_without_its_password_or_a_grant() {
    let (mut tried, mut let_in) = (0, 0);
    for case in all_cases() {
        let person = Person { guest: case.is_guest, ..Person::known(user("ada")) };
        let room = prepared(&case);
        let joined = join_by(&mut room.clone(), case.door, "ada", person.clone(), case.proof);
        let admitted = admit_by(&mut room.clone(), &case, person);
        let admitted = admitted.map(|came| (came, case.door == Door::Rooms));
        for (came, counted) in [Some((joined, false)), admitted].into_iter().flatten() {
            let came = came.map_err(|refusal| refusal.code());
            assert_eq!(came, rule(&case, counted), "{case:?}");
            let protected = case.entry != EntryRule::Open;
            let shown = case.own_grant || case.everyones_grant || case.proof != Proof::Nothing;
            assert!(!(came.is_ok() && protected && !shown), "{case:?}");
            tried += 1;
            let_in += u32::from(came.is_ok());
        }
    }
    assert_eq!(tried, 6 * 3 * 3 * 256 + 4 * 3 * 3 * 256);
    assert!(let_in > 0, "some come in");
}

/// A room in which ada has a seat, with its token.
fn seated() -> (Room, TokenNumber) {
    let mut room = open_room();
    let events = room.apply(NOW, &Actor::Caller(user("ada")), call("ada")).expect("it is open");
    let number = token_in(&events).expect("a token");
    let closed = Policy { entry: EntryRule::Grant, guests: false, ..Policy::default() };
    room.apply(NOW, &Actor::House, Command::SetPolicy(Box::new(closed))).expect("the house may");
    (room, number)
}

#[test]
fn only_the_current_token_of_the_very_seat_lets_somebody_in() {
    let (room, number) = seated();
    let mut other = open_room();
    let elsewhere = token_in(
        &other.apply(after(5), &Actor::Caller(user("ada")), call("ada")).expect("it is open"),
    )
    .expect("a token");
    let wrong = [
        ("older", seat("ada"), TokenNumber(number.0 - 1)),
        ("never made", seat("ada"), TokenNumber(number.0 + 1)),
        ("none", seat("ada"), TokenNumber(0)),
        ("of another user", seat("eve"), number),
        ("of another seat", client_seat("ada", "phone"), number),
        ("of another room", seat("ada"), elsewhere),
    ];
    for (what, seat, number) in wrong {
        let mut room = room.clone();
        let result = room.apply(NOW, &Actor::Entrant(id("eve")), ticket(seat, number));
        assert_eq!(result, Err(Refusal::TokenDead), "{what}");
        assert_eq!(room.members().len(), 0, "{what}");
    }
    let mut room = room;
    room.apply(NOW, &Actor::Entrant(id("ada")), ticket(seat("ada"), number)).expect("it is good");
    assert_eq!(room.member(&id("ada")).map(|m| m.person.clone()), Some(kik("ada")));
}

#[test]
fn a_token_that_was_replaced_left_or_taken_away_lets_nobody_in() {
    let give_up = |number| Command::GiveUp { seat: seat("ada"), number: Some(number), life: LIFE };
    let (room, number) = seated();
    let me = Actor::Caller(user("ada"));
    let ends: Vec<(&str, Actor, Command)> = vec![
        ("left", me.clone(), give_up(number)),
        ("ran out", Actor::House, Command::Lapse { seat: seat("ada"), number }),
        ("evicted", Actor::House, Command::Evict(seat("ada"))),
        ("user evicted", Actor::House, Command::EvictUser(user("ada"))),
        ("disbanded", Actor::House, Command::Disband { message: String::new() }),
    ];
    for (what, actor, command) in ends {
        let mut room = room.clone();
        room.apply(NOW, &actor, command).expect(what);
        let result = room.apply(NOW, &Actor::Entrant(id("x")), ticket(seat("ada"), number));
        assert_eq!(result, Err(Refusal::TokenDead), "{what}");
    }
    let mut room = open_room();
    let first = token_in(&room.apply(NOW, &me, call("ada")).expect("open")).expect("a token");
    room.apply(NOW, &me, call("ada")).expect("again");
    let result = room.apply(NOW, &Actor::Entrant(id("x")), ticket(seat("ada"), first));
    assert_eq!(result, Err(Refusal::TokenDead), "replaced");
}

#[test]
fn the_token_of_a_viewer_makes_no_member() {
    let mut room = open_room();
    let view = admission(Slot::User, kik("ada"), Terms::Viewer);
    let events = room.apply(NOW, &Actor::Caller(user("ada")), view).expect("it is open");
    let number = token_in(&events).expect("a token");
    let result = room.apply(NOW, &Actor::Entrant(id("ada")), ticket(seat("ada"), number));
    assert_eq!(result, Err(Refusal::TokenDead));
}

#[test]
fn a_seat_of_one_door_is_no_way_around_the_rules_of_another() {
    let full = Policy { capacity: Some(1), ..open_policy() };
    let mut room = open_room();
    room.apply(NOW, &Actor::House, Command::SetPolicy(Box::new(full))).expect("the house may");
    let me = Actor::Caller(user("ada"));
    let view = admission(Slot::User, kik("ada"), Terms::Viewer);
    room.apply(NOW, &me, view).expect("viewers are not counted");
    join(&mut room, "bob", PRESENT).expect("there is one place");
    assert_eq!(room.apply(NOW, &me, call("ada")), Err(Refusal::Full), "the place is taken");
    room.apply(NOW, &Actor::House, Command::Expel(id("bob"))).expect("it is in");
    let before = room.seat(&seat("ada")).expect("still a viewer").order;
    room.apply(NOW, &me, call("ada")).expect("there is a place");
    assert!(room.seat(&seat("ada")).is_some_and(|seat| seat.order > before), "it came anew");
    room.check();
}

#[test]
fn nobody_takes_or_touches_the_seat_of_another() {
    let (mut room, number) = seated();
    let open = Command::SetPolicy(Box::new(open_policy()));
    room.apply(NOW, &Actor::House, open).expect("the house may");
    let eve = Actor::Caller(user("eve"));
    let seat = || seat("ada");
    let expires = after(9).wall;
    let report = parlour_room::seat::Report {
        event: String::new(),
        state: String::new(),
        connections: 0,
        sends: 0,
        receives: 0,
        at: NOW.wall,
    };
    let tries = [
        (call("ada"), Refusal::NotAuthorised),
        (Command::Renew { seat: seat(), expires }, Refusal::UnknownSeat),
        (Command::GiveUp { seat: seat(), number: Some(number), life: LIFE }, Refusal::UnknownSeat),
        (Command::Report { seat: seat(), report }, Refusal::UnknownSeat),
        (Command::Evict(seat()), Refusal::NotHere),
        (Command::EvictUser(user("ada")), Refusal::NotHere),
        (Command::Lapse { seat: seat(), number }, Refusal::NotHere),
        (Command::Delete, Refusal::DoorClosed),
        (Command::SetPolicy(Box::new(open_policy())), Refusal::NotHere),
        (Command::Grant(Grantee::Everyone, None), Refusal::NotHere),
        (Command::SetConversation(Vec::new()), Refusal::NotHere),
        (lease("eve", 5), Refusal::NotHere),
        (Command::Configure(Box::<Rules>::default()), Refusal::NotHere),
        (Command::Expire { life: LIFE }, Refusal::NotHere),
        (Command::Wake, Refusal::NotHere),
        (Command::Rest, Refusal::NotHere),
        (Command::Disband { message: String::new() }, Refusal::NotHere),
        (Command::Unlock, Refusal::NotHere),
        (Command::Leave, Refusal::NotHere),
    ];
    let before = room.digest();
    for (command, refusal) in tries {
        let what = format!("{command:?}");
        assert_eq!(room.apply(NOW, &eve, command), Err(refusal), "{what}");
        assert_eq!(room.digest(), before, "{what}");
    }
}

#[test]
fn what_an_operator_may_do_inside_ends_there() {
    let mut room = open_room();
    join(&mut room, "op", OP).expect("it is open");
    let house_only = [
        Command::SetPolicy(Box::new(open_policy())),
        Command::Grant(Grantee::Everyone, None),
        Command::SetConversation(Vec::new()),
        Command::Delete,
        Command::Evict(seat("ada")),
        Command::EvictUser(user("ada")),
        Command::Wake,
        Command::Rest,
        Command::Expire { life: LIFE },
        Command::Expel(id("op")),
        Command::Disband { message: String::new() },
        lease("op", 5),
        call("op"),
    ];
    for command in house_only {
        let what = format!("{command:?}");
        assert_eq!(act(&mut room, "op", command), Err(Refusal::NotAuthorised), "{what}");
    }
}

#[test]
fn policy_and_grants_outlive_a_restart() {
    let mut store = FakeStore::with(&open_record());
    let mut room = open_room();
    let grant = Grant { permissions: BY_OWN, since: NOW.wall, kik: Some("ada".to_owned()) };
    let closed = Policy { entry: EntryRule::Grant, guests: false, ..open_policy() };
    let commands = [
        Command::SetPolicy(Box::new(closed)),
        Command::Grant(Grantee::User(user("ada")), Some(grant.clone())),
        Command::Grant(Grantee::Everyone, Some(Grant { kik: None, ..grant })),
        Command::Grant(Grantee::Everyone, None),
    ];
    for command in commands {
        assert!(room.waits_for_store(NOW, &command), "nobody sees it before it is kept");
        for event in &room.apply(NOW, &Actor::House, command).expect("the house may") {
            room.writes_for(event).into_iter().for_each(|write| store.write(write));
        }
    }
    let again = Room::open(room.id(), Epoch(4), limits(), store.read());
    assert_eq!(again.policy(), room.policy());
    assert!(again.grants().eq(room.grants()));
    assert_eq!(again.grants().len(), 1);
}

#[test]
fn who_belongs_to_a_conversation_keeps_what_somebody_else_gave() {
    let mut room = open_room();
    let given = Grant { permissions: OP, since: NOW.wall, kik: None };
    let belongs = Grant { permissions: BY_OWN, since: NOW.wall, kik: Some("ada".to_owned()) };
    let list = |users: &[&str]| {
        let grants = users.iter().map(|name| (user(name), belongs.clone()));
        Command::SetConversation(grants.collect())
    };
    let house = |room: &mut Room, command| {
        room.apply(NOW, &Actor::House, command).expect("the house may");
    };
    house(&mut room, Command::Grant(Grantee::User(user("ada")), Some(given.clone())));
    house(&mut room, list(&["ada", "bob"]));
    assert_eq!(room.grant(&Grantee::User(user("ada"))), Some(&given));
    assert_eq!(room.grants().len(), 3);
    house(&mut room, list(&["bob"]));
    assert_eq!(room.grant(&Grantee::User(user("ada"))), Some(&given), "it was not theirs");
    assert_eq!(room.grant(&Grantee::Belonging(user("ada"))), None);
    house(&mut room, Command::Grant(Grantee::User(user("bob")), None));
    assert!(room.grant(&Grantee::Belonging(user("bob"))).is_some(), "the other way round too");
    for grantee in [Grantee::Everyone, Grantee::User(user("a")), Grantee::Belonging(user("a"))] {
        assert_eq!(grantee.to_string().parse(), Ok(grantee));
    }
}
