//! Every order of events within a seat and across two seats: the room agrees
//! with a model that was written from the table of the state machine alone
//! (docs/protocols/callctl.md, the state machine), and not from the room.
//!
//! Covered are all orders of up to eight events: 1,498,625 in one seat, and
//! 24,690,087 across two seats, once of two users and once of one user. Many lead to the same situation:
//! seats with equally many tokens handed out and connections made, in the same
//! relation to each other. What can follow is the same from each of them, so
//! each situation is explored once for every number of events left; clocks and
//! sequence numbers are what is not compared.
mod common;
use common::store::Home;
use common::*;
use parlour_room::command::Terms;
use parlour_room::view::CallState;
use parlour_room::{
    Actor, Command, Event, Limits, MemberId, Refusal, Room, SeatId, Slot, TokenNumber,
};
use std::collections::{BTreeMap, HashMap};

/// The model of one seat: tokens and connections by the order of their making.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Model {
    Absent,
    Present { cur: usize, live: Option<(usize, usize)>, deadline: bool },
}

/// Something that arrives for a seat.
#[derive(Debug, Clone, Copy)]
enum What {
    /// A join is accepted; the token is the next one.
    Join,
    /// A connection with the token; it is the next one.
    Connect(usize),
    /// A leave with the token.
    Leave(usize),
    /// The end of the connection.
    Disconnect(usize),
    /// The limit set for the token passes.
    Deadline(usize),
    Force,
}

/// What the table says of an event.
struct Said {
    next: Model,
    push: bool,
    refused: bool,
}

/// The table, row by row; `fresh` is the number of a token or connection that
/// is made now.
fn table(model: Model, what: What, fresh: usize) -> Said {
    let nothing = Said { next: model, push: false, refused: false };
    let becomes = |next, push| Said { next, push, refused: false };
    let refused = Said { next: model, push: false, refused: true };
    let gone = || becomes(Model::Absent, true);
    match (what, model) {
        (What::Join, Model::Absent) => {
            becomes(Model::Present { cur: fresh, live: None, deadline: true }, true)
        }
        (What::Join, Model::Present { live, .. }) => {
            becomes(Model::Present { cur: fresh, live, deadline: true }, false)
        }
        (What::Connect(t), Model::Present { cur, live, .. }) if t == cur => {
            let next = Model::Present { cur, live: Some((fresh, t)), deadline: false };
            becomes(next, live.is_none())
        }
        (What::Connect(_), _) => refused,
        (What::Leave(t), Model::Present { cur, .. }) if t >= cur => gone(),
        (What::Leave(_), _) => nothing,
        (What::Disconnect(c), Model::Present { cur, live: Some((live, t)), deadline }) => {
            match (c == live, t >= cur) {
                (true, true) => gone(),
                (true, false) => becomes(Model::Present { cur, live: None, deadline }, true),
                (false, _) => nothing,
            }
        }
        (What::Disconnect(_), _) => nothing,
        (What::Deadline(t), Model::Present { cur, live, deadline: true }) if t == cur => match live
        {
            None => gone(),
            Some((_, t)) => becomes(Model::Present { cur: t, live, deadline: false }, false),
        },
        (What::Deadline(_), _) => nothing,
        (What::Force, Model::Present { .. }) => gone(),
        (What::Force, Model::Absent) => nothing,
    }
}

/// One seat in a run.
#[derive(Debug, Clone)]
struct Seating {
    name: &'static str,
    id: SeatId,
    model: Model,
    /// What was handed out so far.
    tokens: Vec<TokenNumber>,
    connections: Vec<MemberId>,
}

/// A situation that can be explored: what it is made of is comparable.
type Situation = Vec<(Model, usize, usize)>;

#[derive(Clone)]
struct Run {
    room: Room,
    seats: Vec<Seating>,
    /// The greatest number or stamp so far.
    latest: u64,
    trail: Vec<(usize, What)>,
}

impl Run {
    fn new(names: &[(&'static str, Slot)]) -> Self {
        let room = Home::new(&open_record(), Limits::default()).room;
        let seating = |(name, slot): &(&'static str, Slot)| Seating {
            name,
            id: SeatId { user: user(name), slot: slot.clone() },
            model: Model::Absent,
            tokens: Vec::new(),
            connections: Vec::new(),
        };
        let (latest, seats) = (room.stamp(), names.iter().map(seating).collect());
        Self { room, seats, latest, trail: Vec::new() }
    }

    fn situation(&self) -> Situation {
        let of = |seat: &Seating| (seat.model, seat.tokens.len(), seat.connections.len());
        self.seats.iter().map(of).collect()
    }

    fn possible(&self) -> Vec<(usize, What)> {
        let mut list = Vec::new();
        for (n, seat) in self.seats.iter().enumerate() {
            list.extend([(n, What::Join), (n, What::Force)]);
            for t in 0..seat.tokens.len() {
                list.extend([What::Connect(t), What::Leave(t), What::Deadline(t)].map(|w| (n, w)));
            }
            list.extend((0..seat.connections.len()).map(|c| (n, What::Disconnect(c))));
        }
        list
    }

    /// Lets the event arrive at both, and compares.
    fn step(&mut self, n: usize, what: What) {
        self.trail.push((n, what));
        let before = self.expected_roster();
        let seat = self.seats.get(n).expect("it is one of them");
        let fresh = match what {
            What::Join => seat.tokens.len(),
            _ => seat.connections.len(),
        };
        let was = seat.model;
        let said = table(was, what, fresh);
        let (actor, command, connection) = self.command(n, what);
        let result = self.room.apply(NOW, &actor, command);
        let trail = &self.trail;
        match (&result, said.refused) {
            (Err(refusal), true) => assert_eq!(*refusal, Refusal::TokenDead, "{trail:?}"),
            (Err(Refusal::UnknownSeat | Refusal::UnknownMember), false) => {
                assert_eq!(said.next, was, "refused, and the table says otherwise: {trail:?}");
            }
            (Ok(_), false) => {}
            other => panic!("{other:?}: {trail:?}"),
        }
        let events = result.unwrap_or_default();
        let seat = self.seats.get_mut(n).expect("it is one of them");
        seat.model = said.next;
        if matches!(what, What::Connect(_)) && !said.refused {
            seat.connections.push(connection);
        }
        self.follow(n, what, &events);
        let news = self.expected_roster() != before;
        assert!(said.push || !news, "the table pushes what is new: {:?}", self.trail);
        assert_eq!(stamp_in(&events).is_some(), news, "{:?}", self.trail);
        self.compare();
    }

    fn command(&self, n: usize, what: What) -> (Actor, Command, MemberId) {
        let seat = self.seats.get(n).expect("it is one of them");
        let id = seat.id.clone();
        let token = |t: usize| *seat.tokens.get(t).expect("it was handed out");
        let connection = common::id(&format!("{n}.{}", seat.connections.len()));
        let caller = Actor::Caller(id.user);
        let (actor, command) = match what {
            What::Join => {
                (caller, admission(id.slot, kik(seat.name), Terms::Callctl { request: None }))
            }
            What::Connect(t) => (Actor::Entrant(connection.clone()), ticket(id, token(t))),
            What::Leave(t) => {
                (caller, Command::GiveUp { seat: id, number: Some(token(t)), life: LIFE })
            }
            What::Disconnect(c) => {
                let member = seat.connections.get(c).expect("it was made").clone();
                (Actor::House, Command::Expel(member))
            }
            What::Deadline(t) => (Actor::House, Command::Lapse { seat: id, number: token(t) }),
            What::Force => (Actor::House, Command::Evict(id)),
        };
        (actor, command, connection)
    }

    /// Numbers and stamps only grow.
    fn follow(&mut self, n: usize, what: What, events: &[Event]) {
        if let Some(token) = token_in(events) {
            assert!(token.0 > self.latest, "a later token is greater: {:?}", self.trail);
            self.latest = token.0;
            self.seats.get_mut(n).expect("it is one of them").tokens.push(token);
        } else {
            assert!(!matches!(what, What::Join), "a join hands out a token: {:?}", self.trail);
        }
        if let Some(stamp) = stamp_in(events) {
            assert!(stamp > self.latest, "a later stamp is greater: {:?}", self.trail);
            self.latest = stamp;
        }
    }

    /// What the models together make of the roster.
    fn expected_roster(&self) -> BTreeMap<String, CallState> {
        let mut roster = BTreeMap::new();
        for seat in &self.seats {
            let Model::Present { live, .. } = seat.model else { continue };
            let connected = live.is_some();
            let state = if connected { CallState::Connected } else { CallState::Connecting };
            let entry = roster.entry(seat.name.to_owned()).or_insert(state);
            *entry = state.max(*entry);
        }
        roster
    }

    fn compare(&self) {
        self.room.check();
        let trail = &self.trail;
        let roster = self.room.roster().into_iter();
        let roster: BTreeMap<_, _> = roster.map(|(name, state)| (name.to_owned(), state)).collect();
        assert_eq!(roster, self.expected_roster(), "{trail:?}");
        for seat in &self.seats {
            let held = self.room.seat(&seat.id).map(|held| {
                let rank = |n: TokenNumber| seat.tokens.iter().position(|token| *token == n);
                let made = |id: &MemberId| seat.connections.iter().position(|c| c == id);
                let live = held.live.as_ref().map(|live| {
                    (made(&live.member).expect("it was made"), rank(live.number).expect("ours"))
                });
                let cur = rank(held.current).expect("it was handed out");
                Model::Present { cur, live, deadline: held.connecting }
            });
            assert_eq!(held.unwrap_or(Model::Absent), seat.model, "{trail:?}");
        }
        let members = self
            .seats
            .iter()
            .filter(|seat| matches!(seat.model, Model::Present { live: Some(_), .. }));
        assert_eq!(self.room.members().len(), members.count(), "nobody is left behind: {trail:?}");
    }
}

/// How many orders of at most `left` events follow, each of them compared.
fn explore(run: &Run, left: u32, known: &mut HashMap<(Situation, u32), u64>) -> u64 {
    if left == 0 {
        return 1;
    }
    let key = (run.situation(), left);
    if let Some(count) = known.get(&key) {
        return *count;
    }
    let mut count = 1;
    for (n, what) in run.possible() {
        let mut next = run.clone();
        next.step(n, what);
        count += explore(&next, left - 1, known);
    }
    known.insert(key, count);
    count
}

#[test]
fn a_seat_does_what_the_table_says_in_every_order_of_eight_events() {
    let start = Run::new(&[("ada", Slot::User)]);
    let count = explore(&start, 8, &mut HashMap::new());
    assert_eq!(count, 1_498_625);
}

#[test]
fn seats_of_two_users_do_not_disturb_each_other_in_any_order_of_eight_events() {
    let start = Run::new(&[("ada", Slot::User), ("bob", Slot::User)]);
    let count = explore(&start, 8, &mut HashMap::new());
    assert_eq!(count, 24_690_087);
}

#[test]
fn two_seats_of_one_user_show_the_higher_state_in_any_order_of_eight_events() {
    let start = Run::new(&[("ada", Slot::User), ("ada", Slot::Client("phone".to_owned()))]);
    let count = explore(&start, 8, &mut HashMap::new());
    assert_eq!(count, 24_690_087);
}
