//! The table of interleavings of joins, leaves, connections and time limits
//! within one seat: each row is played, and outcome and pushes are compared
//! (docs/protocols/callctl.md, interleavings).
mod common;
use common::store::Home;
use common::*;
use parlour_room::command::Terms;
use parlour_room::view::CallState;
use parlour_room::{Actor, Command, Limits, Person, Refusal, SeatId, Slot, TokenNumber};
use std::collections::BTreeMap;

/// How a row ends for the user whose seat it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Gone,
    Connecting,
    Connected,
    /// Live by the token of that join, which is the current one.
    On(usize),
}
use Outcome::{Connected, Connecting, Gone, On};

/// Number, orders, outcome. An event is a letter, often the number of a join,
/// and what is to come of it: `+` pushed, `-` nothing pushed, `!` refused.
///
/// J join · C connect · L leave · D end of the connection · X the limit of a
/// join passes · F forced out · G removed from the group · N leave without a
/// token · O another user joins · S that one leaves with our token · R the
/// process is lost and the room opened again · M the media server is lost ·
/// E nothing: the conference has ended.
const ROWS: &[(u32, &str, Outcome)] = &[
    (1, "J1+", Connecting),
    (2, "J1+ C1+", Connected),
    (3, "J1+ X1+", Gone),
    (4, "J1+ C1+ X1-", Connected),
    (5, "J1+ L1+", Gone),
    (6, "J1+ C1+ L1+", Gone),
    (7, "J1+ C1+ D1+", Gone),
    (8, "J1+ C1+ L1+ D1!", Gone),
    (9, "J1+ C1+ D1+ L1!", Gone),
    (10, "J1+ L1+ L1!", Gone),
    (11, "J1+ L1+ C1!", Gone),
    (12, "J1+ X1+ C1!", Gone),
    (13, "J1+ X1+ L1!", Gone),
    (14, "J1+ J2-", Connecting),
    (15, "J1+ J2- L1-", Connecting),
    (16, "J1+ J2- L2+", Gone),
    (17, "J1+ J2- C1!", Connecting),
    (18, "J1+ J2- C2+ L1-", Connected),
    (19, "J1+ J2- X1-", Connecting),
    (20, "J1+ J2- X2+", Gone),
    (21, "J1+ C1+ J2-", Connected),
    (22, "J1+ C1+ J2- L1-", Connected),
    (23, "J1+ C1+ J2- D1+", Connecting),
    (24, "J1+ C1+ J2- L1- D1+", Connecting),
    (25, "J1+ C1+ J2- D1+ L1-", Connecting),
    (26, "J1+ C1+ J2- D1+ C2+", Connected),
    (27, "J1+ C1+ J2- C2-", On(2)),
    (28, "J1+ C1+ J2- C2- D1!", On(2)),
    (29, "J1+ C1+ J2- C2- L1-", On(2)),
    (30, "J1+ C1+ J2- C2- L2+", Gone),
    (31, "J1+ C1+ J2- C2- D2+", Gone),
    (32, "J1+ C1+ J2- D1+ X2+", Gone),
    (33, "J1+ C1+ J2- X2-", On(1)),
    (34, "J1+ C1+ J2- X2- L2+", Gone),
    (35, "J1+ C1+ J2- X2- C2!", On(1)),
    (36, "J1+ L1+ J2+", Connecting),
    (37, "J1+ L1+ J2+ L1-", Connecting),
    (38, "J1+ L1+ E- J2+ L1-", Connecting),
    (39, "J1+ X1+ J2+ L1-", Connecting),
    (40, "J1+ C1+ L1+ J2+ D1!", Connecting),
    (41, "J1+ J2-", Connecting),
    (42, "J1+ C1+ J2- C2- L1- D1!", On(2)),
    (43, "J1+ G- L1+", Gone),
    (44, "J1+ J2- N-", Connecting),
    (45, "J1+ O+ S!", Connecting),
    (46, "J1+ C1+ J2- F+ C1! C2!", Gone),
    (47, "J1+ R+ J2+ L1-", Connecting),
    (48, "J1+ C1+ M+", Gone),
];

const ME: &str = "alice";
const OTHER: &str = "bob";

/// A row being played.
struct Play {
    home: Home,
    row: u32,
    /// By the number of the join.
    tokens: BTreeMap<usize, TokenNumber>,
    /// The roster and its stamp after the last event.
    seen: (Vec<(String, CallState)>, u64),
}

impl Play {
    fn new(row: u32) -> Self {
        let home = Home::new(&open_record(), Limits::default());
        let seen = (Vec::new(), home.room.stamp());
        Self { home, row, tokens: BTreeMap::new(), seen }
    }

    fn step(&mut self, what: &str) {
        let row = self.row;
        let mut signs = what.chars();
        let letter = signs.next().expect("an event has a letter");
        let sign = signs.next_back().expect("an event says what comes of it");
        let n = signs.as_str().parse().unwrap_or(0);
        let result = self.ask(letter, n);
        let came = match &result {
            Ok(true) => '+',
            Ok(false) => '-',
            Err(_) => '!',
        };
        assert_eq!(came, sign, "row {row}, {what}: {result:?}");
        if letter == 'C' && came == '!' {
            assert_eq!(result, Err(Refusal::TokenDead), "row {row}, {what}");
        }
        self.compare(what, came == '+');
    }

    /// A push has a greater stamp and another roster; without one, both stay.
    fn compare(&mut self, what: &str, pushed: bool) {
        let room = &self.home.room;
        let roster: Vec<_> = room.roster().into_iter().map(|(n, s)| (n.to_owned(), s)).collect();
        let now = (roster, room.stamp());
        if pushed {
            assert!(now.1 > self.seen.1, "row {}, {what}: the stamp grows", self.row);
            assert_ne!(now.0, self.seen.0, "row {}, {what}: there is news", self.row);
        } else {
            assert_eq!(now, self.seen, "row {}, {what}: nothing changes", self.row);
        }
        self.seen = now;
    }

    /// Whether it was pushed.
    fn ask(&mut self, letter: char, n: usize) -> Result<bool, Refusal> {
        let token = self.tokens.get(&n).copied();
        let known = || token.expect("the join came before");
        let leave = |seat, number| Command::GiveUp { seat, number, life: LIFE };
        let (actor, command) = match letter {
            'J' => return self.join(n),
            'R' => return Ok(self.restart()),
            'E' => {
                assert!(self.home.room.call().is_none(), "row {}: it has ended", self.row);
                return Ok(false);
            }
            'C' => (Actor::Entrant(connection(n)), ticket(seat(ME), known())),
            'D' => (Actor::House, Command::Expel(connection(n))),
            'M' => (Actor::House, Command::Expel(connection(1))),
            'L' => (Actor::Caller(user(ME)), leave(seat(ME), Some(known()))),
            'N' => (Actor::Caller(user(ME)), leave(seat(ME), None)),
            'X' => (Actor::House, Command::Lapse { seat: seat(ME), number: known() }),
            'F' => (Actor::House, Command::Evict(seat(ME))),
            'G' => (Actor::House, Command::SetConversation(Vec::new())),
            'O' => (Actor::Caller(user(OTHER)), call(OTHER)),
            'S' => (Actor::Caller(user(OTHER)), leave(seat(ME), self.tokens.get(&1).copied())),
            other => panic!("{other} is no event"),
        };
        let events = self.home.ask(NOW, &actor, command)?;
        Ok(stamp_in(&events).is_some())
    }

    fn join(&mut self, n: usize) -> Result<bool, Refusal> {
        let events = self.home.caller(NOW, ME, call(ME))?;
        let token = token_in(&events).expect("every join hands out a token");
        let later = self.tokens.values().all(|earlier| *earlier < token);
        assert!(later, "row {}: tokens are sequential", self.row);
        self.tokens.insert(n, token);
        Ok(stamp_in(&events).is_some())
    }

    fn restart(&mut self) -> bool {
        self.home.restart();
        assert!(self.home.room.was_interrupted(), "row {}: the store knew", self.row);
        let events = self.home.house(NOW, Command::Wake).expect("the house may");
        stamp_in(&events).is_some()
    }

    fn outcome(&self) -> Outcome {
        let room = &self.home.room;
        let mine: Vec<_> = room.roster().into_iter().filter(|(name, _)| *name == ME).collect();
        assert!(mine.len() <= 1, "row {}: listed once", self.row);
        match (mine.first(), room.seat(&seat(ME))) {
            (None, None) => Gone,
            (Some((_, CallState::Connecting)), Some(seat)) if seat.live.is_none() => Connecting,
            (Some((_, CallState::Connected)), Some(seat)) => {
                let live = seat.live.as_ref().expect("somebody is connected");
                assert!(room.member(&live.member).is_some(), "row {}", self.row);
                let by = self.tokens.iter().find(|(_, token)| **token == live.number);
                match by {
                    Some((n, token)) if *token == seat.current => On(*n),
                    _ => Connected,
                }
            }
            other => panic!("row {}: roster and seat differ: {other:?}", self.row),
        }
    }
}

fn connection(n: usize) -> parlour_room::MemberId {
    id(&format!("connection {n}"))
}

#[test]
fn every_interleaving_ends_as_the_table_says() {
    let mut rows = Vec::new();
    for (row, orders, expected) in ROWS {
        let mut play = Play::new(*row);
        orders.split(' ').for_each(|what| play.step(what));
        let came = play.outcome();
        let same = came == *expected || (*expected == Connected && matches!(came, On(_)));
        assert!(same, "row {row}: {orders}: {came:?} instead of {expected:?}");
        if orders.contains('O') {
            assert_eq!(play.home.room.call_state(OTHER), Some(CallState::Connecting), "row {row}");
        }
        rows.push(*row);
    }
    assert!(rows.into_iter().eq(1..=48), "every row is played");
}

#[test]
fn a_leave_is_accepted_from_whoever_is_no_longer_in_the_conversation() {
    let mut home = Home::new(&open_record(), Limits::default());
    let token = token_in(&home.caller(NOW, ME, call(ME)).expect("it is open")).expect("a token");
    let closed =
        parlour_room::Policy { entry: parlour_room::policy::EntryRule::Grant, ..open_policy() };
    home.house(NOW, Command::SetPolicy(Box::new(closed))).expect("the house may");
    assert_eq!(home.caller(NOW, ME, call(ME)), Err(Refusal::NotAuthorised), "it may not join");
    let leave = Command::GiveUp { seat: seat(ME), number: Some(token), life: LIFE };
    assert!(stamp_in(&home.caller(NOW, ME, leave).expect("it may leave")).is_some());
}

#[test]
fn devices_of_one_user_share_the_seat_of_call_control_and_no_other() {
    let mut home = Home::new(&open_record(), Limits::default());
    home.caller(NOW, ME, call(ME)).expect("it is open");
    let elsewhere: SeatId = client_seat(ME, "phone");
    let slot = Slot::Client("phone".to_owned());
    let person = Person { kik: None, ..kik(ME) };
    home.caller(NOW, ME, admission(slot, person, Terms::Elsewhere)).expect("it is open");
    home.caller(NOW, ME, call(ME)).expect("again");
    assert!(home.room.seat(&elsewhere).is_some(), "a join in one seat evicts no other");
    assert_eq!(home.room.seats().len(), 2);
}
