//! A call that takes a room into memory and has it do one thing after another.

use parlour_base::{RoomId, Secret, UserId, Wall};
use parlour_directory::MediaToken;
use parlour_room::command::{Admission, Terms};
use parlour_room::policy::{EntryRule, Grant, Policy, VISITOR};
use parlour_room::{
    Actor, Command, Door, Doors, Event, Happening, Person, Proof, Refusal, SeatId, Slot,
};
use parlour_session::{Call, Desk, Outcome, Reply, Step, Target};
use std::collections::VecDeque;
use std::time::Duration;

/// What to do.
#[derive(Debug)]
pub struct Script {
    pub target: Target,
    pub commands: VecDeque<(Actor, Command)>,
    pub done: Done,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Done {
    pub room: Option<RoomId>,
    pub blank: bool,
    pub missing: bool,
    pub fault: bool,
    pub outcomes: Vec<Result<Vec<Event>, Refusal>>,
    /// A media token for each seat that was taken.
    pub tokens: Vec<Secret<String>>,
}

impl Script {
    pub fn new(target: Target, commands: impl IntoIterator<Item = (Actor, Command)>) -> Self {
        Self { target, commands: commands.into_iter().collect(), done: Done::default() }
    }
}

impl Call for Script {
    fn resume(&mut self, desk: &mut Desk<'_>, outcome: Outcome) -> Step {
        match outcome {
            Outcome::Begin => return Step::Open(self.target.clone()),
            Outcome::Room { blank } => {
                self.done.blank = blank;
                self.done.room = desk.room.map(parlour_room::Room::id);
            }
            Outcome::Did(events) => {
                self.mint(desk, &events);
                self.done.outcomes.push(Ok(events));
            }
            Outcome::Refused(refusal) => self.done.outcomes.push(Err(refusal)),
            Outcome::NoRoom => self.done.missing = true,
            _ => self.done.fault = true,
        }
        match (self.done.room, self.commands.pop_front()) {
            (Some(room), Some((actor, command))) if !self.done.missing && !self.done.fault => {
                Step::Command { room, actor, command, along: Vec::new() }
            }
            _ => Step::Done(Reply::new(std::mem::take(&mut self.done))),
        }
    }
}

impl Script {
    fn mint(&mut self, desk: &Desk<'_>, events: &[Event]) {
        let Some(room) = desk.room.map(parlour_room::Room::id) else { return };
        for event in events {
            let Happening::SeatTaken(seat) = &event.what else { continue };
            let slot = match &seat.id.slot {
                Slot::User => None,
                Slot::Client(client) => Some(client.clone()),
            };
            let token = MediaToken {
                room,
                user: seat.id.user,
                slot,
                number: seat.current.0,
                expires: Wall(desk.now.wall.0 + 60_000),
            };
            self.done.tokens.extend(desk.media_keys.mint(&token));
        }
    }
}

pub fn user(n: u64) -> UserId {
    UserId::new(n).expect("not reserved")
}

pub fn caller(n: u64) -> Person {
    Person { kik: Some(format!("user{n}_abc")), ..Person::known(user(n)) }
}

pub fn conversation(name: &str) -> Target {
    Target::Name { namespace: "kik".to_owned(), name: name.to_owned(), create: true }
}

/// Makes the room a conversation of these.
pub fn describe(members: &[u64]) -> [(Actor, Command); 2] {
    let policy = Policy {
        doors: Doors::of(&[Door::Callctl]),
        entry: EntryRule::Grant,
        guests: false,
        ..Policy::default()
    };
    let grant = |n: &u64| {
        let kik = caller(*n).kik;
        (user(*n), Grant { permissions: VISITOR, since: Wall(0), kik })
    };
    let grants = members.iter().map(grant).collect();
    [
        (Actor::House, Command::SetPolicy(Box::new(policy))),
        (Actor::House, Command::SetConversation(grants)),
    ]
}

pub fn admit(n: u64) -> (Actor, Command) {
    let person = caller(n);
    let name = person.kik.clone().unwrap_or_default();
    let (slot, proof, terms) = (Slot::User, Proof::Nothing, Terms::Callctl { request: None });
    let admission = Admission { slot, person, name, proof, terms };
    (Actor::Caller(user(n)), Command::Admit(Box::new(admission)))
}

pub fn leave(n: u64, number: Option<u64>) -> (Actor, Command) {
    let seat = SeatId { user: user(n), slot: Slot::User };
    let number = number.map(parlour_room::TokenNumber);
    (Actor::Caller(user(n)), Command::GiveUp { seat, number, life: Duration::ZERO })
}
