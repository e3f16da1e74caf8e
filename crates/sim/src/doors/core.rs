//! No dialect at all: users, and the operator, ask rooms for what the core
//! knows, right and wrong: policies, grants, leases, seats and their races.

use super::{Asked, Desk, Door};
use crate::dice::Dice;
use crate::fault::Fault;
use parlour_base::{Permission, Permissions, RoomId, Secret, UserId, Wall};
use parlour_directory::MediaToken;
use parlour_room::command::{Admission, LeaseChange, Terms};
use parlour_room::door::Doors;
use parlour_room::lease::Lease;
use parlour_room::policy::{EntryRule, Grant, Grantee};
use parlour_room::seat::{Report, SeatId, Slot, TokenNumber};
use parlour_room::{Actor, Command, Event, Happening, Person, Policy, Proof, Room};
use parlour_session::{Call, Desk as Means, Outcome, Reply, Step, Target};
use std::time::Duration;

/// How many users there are.
const USERS: u64 = 5;
/// Rooms that are asked for: those of the Galène door, and some of their own.
const ROOMS: [(&str, &str); 4] =
    [("galene", "red"), ("galene", "blue"), ("sim", "one"), ("sim", "two")];
/// How long a lease or a place lasts at most, in milliseconds.
const LIFE: i64 = 60_000;
/// How long after the last change a lease ends.
const REST: Duration = Duration::from_secs(40);
/// How long media tokens are good for, in milliseconds.
const TOKEN_LIFE: i64 = 60_000;

/// One user.
fn user(n: u64) -> UserId {
    UserId::new(0x1000 + n).expect("neither zero nor all ones")
}

fn person(n: u64) -> Person {
    let mut person = if n == 0 { Person::guest(user(n)) } else { Person::known(user(n)) };
    person.kik = (n % 2 == 1).then(|| format!("kik{n}"));
    person
}

/// What somebody wants; what exactly is decided when the room is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Policy,
    Grant,
    Conversation,
    Lease,
    ChangeLease,
    Delete,
    Admit,
    Renew,
    GiveUp,
    GiveUpLate,
    Report,
    Evict,
    EvictUser,
    /// What only the server itself does, asked for by a user.
    Usurp,
    /// Everything away.
    Close,
}

/// How often each is wished for.
const WISHES: [(Wish, usize); 14] = [
    (Wish::Policy, 5),
    (Wish::Grant, 4),
    (Wish::Conversation, 1),
    (Wish::Lease, 4),
    (Wish::ChangeLease, 2),
    (Wish::Delete, 1),
    (Wish::Admit, 16),
    (Wish::Renew, 3),
    (Wish::GiveUp, 4),
    (Wish::GiveUpLate, 6),
    (Wish::Report, 1),
    (Wish::Evict, 1),
    (Wish::EvictUser, 1),
    (Wish::Usurp, 2),
];

/// The clients of this door.
#[derive(Debug)]
pub(crate) struct Core {
    /// How many rooms were closed at the end.
    closed: usize,
}

impl Core {
    pub(crate) const fn new(_: &mut Dice) -> Self {
        Self { closed: 0 }
    }
}

impl Door for Core {
    fn ask(&mut self, _: u64, desk: &mut Desk<'_>) -> Asked {
        if desk.swarm.over {
            return Ok(None);
        }
        let total = WISHES.iter().map(|(_, weight)| weight).sum();
        let mut drawn = desk.dice.below(total);
        let wish = WISHES.iter().find(|(_, weight)| match drawn.checked_sub(*weight) {
            Some(rest) => {
                drawn = rest;
                false
            }
            None => true,
        });
        let mut wish = wish.map_or(Wish::Admit, |(wish, _)| *wish);
        if wish == Wish::Usurp && !desk.strikes(Fault::Usurped, 600) {
            wish = Wish::Admit;
        }
        if wish == Wish::GiveUpLate && !desk.strikes(Fault::LateLeave, 600) {
            wish = Wish::GiveUp;
        }
        let mark = desk.mark();
        let (namespace, name) = *desk.dice.pick(&ROOMS);
        let target = Target::Name {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            create: desk.dice.chance(800),
        };
        let me = desk.dice.between(0, USERS);
        let dice = desk.dice.fork();
        Ok(Some(Box::new(Errand { wish, target, me, mark, dice, room: None })))
    }

    fn answered(&mut self, _: u64, reply: Reply, desk: &mut Desk<'_>) -> Result<(), String> {
        let told = reply.open::<Told>().ok_or("another door's reply")?;
        if let Some(token) = told.token {
            desk.handed_out(token);
        }
        Ok(())
    }

    fn unanswered(&mut self, _: u64, _: &mut Desk<'_>) {}

    fn farewell(&mut self, _: u64, desk: &mut Desk<'_>) -> Asked {
        let Some((namespace, name)) = ROOMS.get(self.closed).copied() else { return Ok(None) };
        self.closed += 1;
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        let target = Target::Name { namespace, name, create: false };
        let (mark, dice) = (String::new(), desk.dice.fork());
        Ok(Some(Box::new(Errand { wish: Wish::Close, target, me: 0, mark, dice, room: None })))
    }
}

/// The reply: whether it was done, and a media token if there was one.
#[derive(Debug, Default)]
struct Told {
    token: Option<String>,
}

/// One request on its way.
#[derive(Debug)]
struct Errand {
    wish: Wish,
    target: Target,
    me: u64,
    mark: String,
    dice: Dice,
    room: Option<RoomId>,
}

impl Call for Errand {
    fn resume(&mut self, means: &mut Means<'_>, outcome: Outcome) -> Step {
        match outcome {
            Outcome::Begin => Step::Open(self.target.clone()),
            Outcome::Room { blank } => {
                let Some(room) = means.room else { return done(Told::default()) };
                self.room = Some(room.id());
                let at = means.now.wall;
                let (actor, command) = match blank {
                    true => (Actor::House, Command::SetPolicy(Box::new(self.policy()))),
                    false => self.command(room, at),
                };
                Step::Command { room: room.id(), actor, command, along: Vec::new() }
            }
            Outcome::Did(events) => done(Told { token: self.token(means, &events) }),
            _ => done(Told::default()),
        }
    }
}

fn done(told: Told) -> Step {
    Step::Done(Reply::new(told))
}

impl Errand {
    fn policy(&mut self) -> Policy {
        let entries = [EntryRule::Open, EntryRule::Open, EntryRule::Password, EntryRule::Grant];
        let mut doors = Doors::GALENE;
        for door in parlour_room::Door::ALL {
            if self.dice.chance(750) {
                doors = doors.with(door);
            }
        }
        let size = u32::try_from(2 + self.dice.below(5)).expect("small");
        Policy {
            doors,
            entry: *self.dice.pick(&entries),
            guests: self.dice.chance(700),
            capacity: self.dice.chance(600).then_some(size),
            password: None,
        }
    }

    fn permissions(&mut self) -> Permissions {
        let list = [Permission::Present, Permission::Message, Permission::Op];
        list.into_iter().filter(|_| self.dice.chance(500)).collect()
    }

    fn expires(&mut self, at: Wall) -> Wall {
        let ahead = self.dice.between(1_000, LIFE.unsigned_abs());
        Wall(at.0 + i64::try_from(ahead).expect("a minute at most"))
    }

    fn lease(&mut self, at: Wall) -> Command {
        let owner = user(self.dice.between(0, USERS));
        let lease = Lease {
            owner: self.dice.chance(800).then_some(owner),
            owner_name: self.mark.clone(),
            name: None,
            context: None,
            max_size: u32::try_from(1 + self.dice.below(5)).expect("small"),
            channel: "release".to_owned(),
            created: at,
        };
        Command::Lease { lease: Box::new(lease), expires: self.expires(at) }
    }

    /// One of one's seats, or a made-up one, or somebody else's.
    fn seat(&mut self, room: &Room) -> SeatId {
        let me = user(self.me);
        let own = room.seats().filter(|seat| seat.id.user == me).map(|seat| seat.id.clone());
        let own = self.dice.one(own);
        let any = self.dice.one(room.seats().map(|seat| seat.id.clone()));
        let seat = if self.dice.chance(900) { own } else { any };
        seat.unwrap_or(SeatId { user: me, slot: Slot::User })
    }

    fn command(&mut self, room: &Room, at: Wall) -> (Actor, Command) {
        let me = Actor::Caller(user(self.me));
        let house = Actor::House;
        match self.wish {
            Wish::Policy => (house, Command::SetPolicy(Box::new(self.policy()))),
            Wish::Grant => {
                let who = user(self.dice.between(0, USERS));
                let everyone = self.dice.chance(150);
                let who = if everyone { Grantee::Everyone } else { Grantee::User(who) };
                let grant = Grant { permissions: self.permissions(), since: at, kik: None };
                (house, Command::Grant(who, self.dice.chance(700).then_some(grant)))
            }
            Wish::Conversation => {
                let mut list = Vec::new();
                for n in (1..USERS).step_by(2) {
                    if self.dice.chance(400) {
                        continue;
                    }
                    let kik = Some(format!("kik{n}"));
                    list.push((user(n), Grant { permissions: self.permissions(), since: at, kik }));
                }
                (house, Command::SetConversation(list))
            }
            Wish::Lease => (house, self.lease(at)),
            Wish::ChangeLease => {
                let change = LeaseChange {
                    max_size: Some(3),
                    expires: self.expires(at),
                    ..Default::default()
                };
                (me, Command::ChangeLease(Box::new(change)))
            }
            Wish::Delete => (me, Command::Delete),
            Wish::Admit => (me, self.admit(at)),
            Wish::Renew => {
                let (seat, expires) = (self.seat(room), self.expires(at));
                (me, Command::Renew { seat, expires })
            }
            Wish::GiveUp | Wish::GiveUpLate => (me, self.give_up(room)),
            Wish::Report => {
                let report = Report {
                    event: "session".to_owned(),
                    state: "starting".to_owned(),
                    connections: 0,
                    sends: 0,
                    receives: 0,
                    at,
                };
                (me, Command::Report { seat: self.seat(room), report })
            }
            Wish::Evict => (house, Command::Evict(self.seat(room))),
            Wish::EvictUser => (house, Command::EvictUser(user(self.me))),
            Wish::Usurp => {
                let list = [
                    Command::SetPolicy(Box::new(self.policy())),
                    Command::Evict(self.seat(room)),
                    Command::EvictUser(user(self.dice.between(0, USERS))),
                    Command::Disband { message: self.mark.clone() },
                    self.lease(at),
                    Command::Wake,
                    Command::Unlock,
                ];
                (me, self.dice.pick(&list).clone())
            }
            Wish::Close => (house, Command::Disband { message: "the end".to_owned() }),
        }
    }

    fn admit(&mut self, at: Wall) -> Command {
        let device = self.dice.below(2);
        let client = Slot::Client(format!("d{device}"));
        let expires = self.expires(at);
        let (slot, terms) = match self.dice.below(10) {
            0..=4 => (Slot::User, Terms::Callctl { request: None }),
            5..=7 => {
                let client_max = i64::try_from(self.dice.below(6)).expect("small");
                let connection = self.mark.clone();
                (client, Terms::Rooms { connection, client_max, expires, life: REST })
            }
            8 => (client, Terms::Viewer),
            _ => (client, Terms::Elsewhere),
        };
        let given = self.permissions();
        let proof = match self.dice.below(4) {
            0 => Proof::Password(given),
            1 => Proof::Invitation(given),
            _ => Proof::Nothing,
        };
        // Now and then somebody claims to be somebody else.
        let who = if self.dice.chance(50) { self.dice.between(0, USERS) } else { self.me };
        let (person, name) = (person(who), format!("{} {who}", self.mark));
        Command::Admit(Box::new(Admission { slot, person, name, proof, terms }))
    }

    /// With the current token, or with an older one, which must not do
    /// anything.
    fn give_up(&mut self, room: &Room) -> Command {
        let seat = self.seat(room);
        let current = room.seat(&seat).map_or(TokenNumber(1), |seat| seat.current);
        let number = match self.wish {
            Wish::GiveUpLate => Some(TokenNumber(current.0.saturating_sub(1))),
            _ => self.dice.chance(800).then_some(current),
        };
        Command::GiveUp { seat, number, life: REST }
    }

    /// The media token for a seat that was taken.
    fn token(&self, means: &Means<'_>, events: &[Event]) -> Option<String> {
        let seat = events.iter().find_map(|event| match &event.what {
            Happening::SeatTaken(seat) => Some(seat),
            _ => None,
        })?;
        let token = MediaToken {
            room: self.room?,
            user: seat.id.user,
            slot: match &seat.id.slot {
                Slot::User => None,
                Slot::Client(client) => Some(client.clone()),
            },
            number: seat.current.0,
            expires: Wall(means.now.wall.0 + TOKEN_LIFE),
        };
        means.media_keys.mint(&token).map(|token: Secret<String>| token.expose().clone())
    }
}
