//! The clock of call states across everything that can befall a room: token
//! numbers and stamps only grow, one stamp never names two rosters, and what
//! was not yet on disk was never seen (docs/protocols/callctl.md, timestamps
//! and token numbers).
mod common;
use common::store::FakeStore;
use common::*;
use parlour_base::storage::Write;
use parlour_base::{Epoch, Now, RoomId, Wall};
use parlour_room::view::CallState;
use parlour_room::{Actor, Command, Limits, Room, TokenNumber};
use proptest::prelude::*;
use std::collections::BTreeMap;

type Roster = BTreeMap<String, CallState>;

/// A room as its owner runs it: commands that wait are written before they
/// are seen, the writes of others follow in the background and may be lost.
struct Owner {
    room: Room,
    store: FakeStore,
    /// Writes in the background that are not on disk yet.
    pending: Vec<Write>,
    epoch: u64,
    wall: i64,
    /// What was seen, by its stamp.
    rosters: BTreeMap<u64, Roster>,
    /// The roster that was seen last.
    last: (u64, Roster),
    /// The greatest token number and stamp that were seen.
    latest: u64,
    /// By name: what was handed out last.
    tokens: BTreeMap<String, TokenNumber>,
    /// How many connections there were.
    connections: u32,
}

fn clock_limits() -> Limits {
    Limits { clock_ahead_ms: 50, conference: 100, ..Limits::default() }
}

impl Owner {
    fn new() -> Self {
        let store = FakeStore::with(&open_record());
        let id = RoomId::new(7).expect("not reserved");
        let room = Room::open(id, Epoch(1), clock_limits(), store.read());
        let (rosters, last) = (BTreeMap::new(), (0, Roster::new()));
        let (pending, tokens) = (Vec::new(), BTreeMap::new());
        let (wall, connections) = (NOW.wall.0, 0);
        Self { room, store, pending, epoch: 1, wall, rosters, last, latest: 0, tokens, connections }
    }

    fn now(&self) -> Now {
        Now { wall: Wall(self.wall), ..NOW }
    }

    fn flush(&mut self, most: usize) {
        let most = most.min(self.pending.len());
        self.pending.drain(..most).for_each(|write| self.store.write(write));
    }

    /// Asks; `lost` if the process ends before a write it waits for is done.
    fn ask(&mut self, actor: &Actor, command: Command, lost: bool) {
        let waits = self.room.waits_for_store(self.now(), &command);
        let Ok(events) = self.room.apply(self.now(), actor, command) else { return };
        self.room.check();
        let writes: Vec<_> = events.iter().flat_map(|event| self.room.writes_for(event)).collect();
        if waits && !events.is_empty() {
            if lost {
                return self.lose(usize::MAX);
            }
            self.flush(usize::MAX);
            writes.into_iter().for_each(|write| self.store.write(write));
        } else {
            self.pending.extend(writes);
        }
        if let Some(token) = token_in(&events) {
            assert!(token.0 > self.latest, "a token that is not later than all before");
            self.latest = token.0;
            if let Actor::Caller(who) = actor {
                let name = NAMES.into_iter().find(|name| user(name) == *who);
                self.tokens.insert(name.expect("they are all known").to_owned(), token);
            }
        }
        if let Some(stamp) = stamp_in(&events) {
            assert!(stamp > self.latest, "a stamp that is not later than all before");
        }
        self.look(stamp_in(&events).is_some());
    }

    /// Somebody looks at the roster; it changes exactly with its stamp.
    fn look(&mut self, stamped: bool) {
        let room = &self.room;
        let roster: Roster = room.roster().into_iter().map(|(n, s)| (n.to_owned(), s)).collect();
        let seen = (room.stamp(), roster);
        assert!(seen.0 >= self.last.0, "the roster went back in time");
        if seen.1 != self.last.1 {
            assert!(stamped, "a change without a stamp: {:?} {:?}", self.last, seen);
        }
        let named = self.rosters.entry(seen.0).or_insert_with(|| seen.1.clone());
        assert_eq!(*named, seen.1, "one stamp names two rosters");
        self.latest = self.latest.max(seen.0);
        self.last = seen;
    }

    /// The process is lost, with this many of the writes in the background
    /// done; another one opens the room when the store says so, or somebody
    /// comes.
    fn lose(&mut self, done: usize) {
        self.flush(done);
        self.pending.clear();
        let listed = !self.last.1.is_empty();
        let due = self.store.due.is_some_and(|due| due.0 <= self.wall);
        assert!(due || !listed, "nobody will tell those who saw {:?}", self.last);
        self.open();
    }

    /// Nobody was in, and the room was forgotten for a while.
    fn forget(&mut self) {
        if !self.room.is_empty() {
            return;
        }
        self.ask(&Actor::House, Command::Rest, false);
        self.flush(usize::MAX);
        assert!(!self.room.was_interrupted(), "nothing is going on");
        self.open();
    }

    fn open(&mut self) {
        self.epoch += 1;
        let id = self.room.id();
        self.room = Room::open(id, Epoch(self.epoch), clock_limits(), self.store.read());
        let (stamp, last) = (self.room.stamp(), self.last.clone());
        assert!(stamp >= last.0, "a query would be answered with an older roster");
        if self.room.was_interrupted() {
            // The owner says how things stand before anybody is answered.
            self.ask(&Actor::House, Command::Wake, false);
        }
        self.look(true);
        assert!(last.1.is_empty() || self.last.0 > last.0, "those who saw somebody are told");
    }
}

/// What befalls it.
#[derive(Debug, Clone)]
enum Fate {
    /// Somebody asks for a seat; whether the process ends over it.
    Call(usize, bool),
    /// Somebody comes in with the last token; whether the process ends.
    Connect(usize, bool),
    /// Somebody comes in at the Galène door; whether the process ends.
    Walk(usize, bool),
    Leave(usize),
    /// The nth connection is gone.
    Gone(u32),
    Lapse(usize),
    Evict(usize),
    Disband,
    Expire,
    /// So many milliseconds pass, or the wall clock is set back.
    Wait(i64),
    /// The process is lost, after so many writes in the background.
    Lose(usize),
    Forget,
    Flush,
}

const NAMES: [&str; 3] = ["ada", "bob", "eve"];

fn fate() -> impl Strategy<Value = Fate> {
    let who = || 0..NAMES.len();
    prop_oneof![
        6 => (who(), prop::bool::weighted(0.1)).prop_map(|(n, lost)| Fate::Call(n, lost)),
        4 => (who(), prop::bool::weighted(0.1)).prop_map(|(n, lost)| Fate::Connect(n, lost)),
        2 => (who(), prop::bool::weighted(0.1)).prop_map(|(n, lost)| Fate::Walk(n, lost)),
        3 => who().prop_map(Fate::Leave),
        3 => (0_u32..8).prop_map(Fate::Gone),
        2 => who().prop_map(Fate::Lapse),
        1 => who().prop_map(Fate::Evict),
        1 => Just(Fate::Disband),
        1 => Just(Fate::Expire),
        4 => prop_oneof![0_i64..3, 0_i64..200, -100_000_i64..0, 0_i64..100_000]
            .prop_map(Fate::Wait),
        2 => (0_usize..6).prop_map(Fate::Lose),
        2 => Just(Fate::Forget),
        2 => Just(Fate::Flush),
    ]
}

impl Owner {
    fn suffer(&mut self, fate: Fate) {
        let name = |n: usize| NAMES.get(n).copied().expect("they are that many");
        let caller = |n| Actor::Caller(user(name(n)));
        let token = |owner: &Self, n| owner.tokens.get(name(n)).copied().unwrap_or_default();
        match fate {
            Fate::Call(n, lost) => self.ask(&caller(n), call(name(n)), lost),
            Fate::Connect(n, lost) => {
                let join = ticket(seat(name(n)), token(self, n));
                self.enter(join, lost);
            }
            Fate::Walk(n, lost) => self.enter(walk_in(kik(name(n))), lost),
            Fate::Leave(n) => {
                let (seat, number) = (seat(name(n)), Some(token(self, n)));
                self.ask(&caller(n), Command::GiveUp { seat, number, life: LIFE }, false);
            }
            Fate::Gone(n) => {
                let member = self.room.members().nth(n as usize).map(|member| member.id.clone());
                let Some(member) = member else { return };
                self.ask(&Actor::House, Command::Expel(member), false);
            }
            Fate::Lapse(n) => {
                let (seat, number) = (seat(name(n)), token(self, n));
                self.ask(&Actor::House, Command::Lapse { seat, number }, false);
            }
            Fate::Evict(n) => self.ask(&Actor::House, Command::Evict(seat(name(n))), false),
            Fate::Disband => {
                let message = String::new();
                self.ask(&Actor::House, Command::Disband { message }, false);
            }
            Fate::Expire => self.ask(&Actor::House, Command::Expire { life: LIFE }, false),
            Fate::Wait(ms) => self.wall += ms,
            Fate::Lose(done) => self.lose(done),
            Fate::Forget => self.forget(),
            Fate::Flush => self.flush(usize::MAX),
        }
    }

    fn enter(&mut self, join: Command, lost: bool) {
        self.connections += 1;
        let client = id(&self.connections.to_string());
        self.ask(&Actor::Entrant(client), join, lost);
    }
}

proptest! {
    #[test]
    fn nothing_that_was_seen_is_ever_contradicted(
        fates in proptest::collection::vec(fate(), 1..150),
    ) {
        let mut owner = Owner::new();
        for fate in fates {
            owner.suffer(fate);
        }
    }

    #[test]
    fn the_clock_grows_below_its_ceiling_whatever_the_wall_clock_shows(
        walls in proptest::collection::vec(
            (prop_oneof![any::<i64>(), 0_i64..10_000, Just(i64::MAX)], any::<bool>()),
            1..50,
        ),
        ahead in prop_oneof![Just(0_u32), 1_u32..100, Just(u32::MAX)],
        start in prop_oneof![Just(0_u64), 0..u64::MAX / 2],
    ) {
        let mut room = clock_room(start, ahead);
        let mut latest = room.clock().last();
        for (wall, lost) in walls {
            let now = Now { wall: Wall(wall), ..NOW };
            let events = room.apply(now, &Actor::Caller(user("ada")), call("ada"));
            let events = events.expect("it is open");
            let token = token_in(&events).expect("a token");
            prop_assert!(token.0 > latest);
            latest = token.0.max(stamp_in(&events).unwrap_or_default());
            prop_assert!(latest < room.clock().ceiling());
            if lost {
                room = clock_room(room.clock().ceiling(), ahead);
                prop_assert!(room.stamp() > latest);
                latest = room.stamp();
            }
        }
    }
}

fn clock_room(ceiling: u64, clock_ahead_ms: u32) -> Room {
    let id = RoomId::new(7).expect("not reserved");
    let limits = Limits { clock_ahead_ms, ..Limits::default() };
    let record = open_record();
    let kept = parlour_room::record::Kept { record, ceiling, ..Default::default() };
    Room::open(id, Epoch(1), limits, kept)
}

#[test]
fn a_room_that_call_control_never_used_keeps_no_clock() {
    let mut room = open_room();
    for command in [entry("a", PRESENT), Command::Leave] {
        assert!(!room.waits_for_store(NOW, &command), "nobody waits for the disk");
        let actor = if command == Command::Leave {
            Actor::Member(id("a"))
        } else {
            Actor::Entrant(id("a"))
        };
        let events = room.apply(NOW, &actor, command).expect("it may");
        assert!(events.iter().all(|event| room.writes_for(event).is_empty()));
    }
    assert_eq!((room.stamp(), room.clock().ceiling()), (0, 0));
}

#[test]
fn the_disk_is_asked_once_for_many_states() {
    let mut owner = Owner::new();
    owner.suffer(Fate::Call(0, false));
    let mut waits = 0;
    for n in 0..40 {
        owner.wall += 1;
        let command = call("ada");
        waits += u32::from(owner.room.waits_for_store(owner.now(), &command));
        owner.suffer(Fate::Call(n % 3, false));
    }
    assert_eq!(waits, 0, "the ceiling is fifty milliseconds ahead");
    owner.wall += 50;
    assert!(owner.room.waits_for_store(owner.now(), &call("ada")), "it is reached");
}

#[test]
fn an_unchanged_roster_keeps_its_stamp_while_the_room_is_forgotten_and_found() {
    let mut owner = Owner::new();
    owner.suffer(Fate::Call(0, false));
    owner.suffer(Fate::Leave(0));
    owner.forget();
    let stamp = owner.room.stamp();
    owner.wall += 1_000_000;
    owner.forget();
    owner.forget();
    assert_eq!(
        owner.room.stamp(),
        stamp,
        "an idle room shows one value however often it is opened"
    );
    owner.suffer(Fate::Call(1, false));
    assert!(owner.room.stamp() > stamp, "and the first change after it a later one");
}

#[test]
fn a_lost_process_is_told_of_although_nothing_was_written_since() {
    let mut owner = Owner::new();
    owner.suffer(Fate::Call(0, false));
    owner.suffer(Fate::Leave(0));
    owner.suffer(Fate::Expire);
    owner.flush(usize::MAX);
    assert_eq!(owner.store.due, None, "nothing is going on");
    // The ceiling lies ahead already, but the store must learn of the roster.
    owner.suffer(Fate::Call(0, false));
    assert!(owner.store.due.is_some_and(|due| due.0 <= owner.wall));
    owner.wall -= 500_000;
    owner.lose(0);
    assert!(owner.last.1.is_empty(), "and the empty roster was pushed");
}

#[test]
fn a_ceiling_that_no_clock_of_ours_wrote_does_not_stop_the_room() {
    let mut room = clock_room(u64::MAX, u32::MAX);
    for _ in 0..3 {
        let events = room.apply(NOW, &Actor::Caller(user("ada")), call("ada"));
        assert!(token_in(&events.expect("it is open")).is_some());
        room.check();
    }
}
