//! The room's state and how it is read.

use crate::clock::CallClock;
use crate::command::{Command, Pass};
use crate::event::{ChatEntry, Event};
use crate::lease::{Lease, Term};
use crate::limits::Limits;
use crate::member::{Member, MemberId};
use crate::policy::{Grant, Grantee, Policy};
use crate::record::Kept;
use crate::rules::Rules;
use crate::seat::{Seat, SeatId};
use crate::stream::{Stream, StreamId};
use parlour_base::{Epoch, JsonMap, Now, RoomId, Seq, Wall};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// The due time of a room in which call control lists somebody: it is past
/// whenever it is read, wherever the wall clock has gone meanwhile.
pub(crate) const AT_ONCE: Wall = Wall(0);

/// A place people join; the unit of order.
///
/// It can be written as a snapshot and read back; two rooms are equal exactly
/// when their snapshots are. Its large parts are shared between clones until
/// one of them changes, so a clone costs little.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Room {
    pub(crate) id: RoomId,
    pub(crate) epoch: Epoch,
    pub(crate) seq: Seq,
    pub(crate) limits: Limits,
    pub(crate) rules: Arc<Rules>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) lease: Option<Arc<Lease>>,
    pub(crate) term: Option<Term>,
    pub(crate) gone: bool,
    pub(crate) lock: Option<Arc<str>>,
    pub(crate) attributes: Arc<JsonMap>,
    pub(crate) grants: Arc<BTreeMap<Grantee, Grant>>,
    /// Each is shared too: a copy of the map is a copy of pointers.
    pub(crate) seats: Arc<BTreeMap<SeatId, Arc<Seat>>>,
    /// The same.
    pub(crate) members: Arc<BTreeMap<MemberId, Arc<Member>>>,
    pub(crate) streams: Arc<BTreeMap<StreamId, Stream>>,
    pub(crate) chat: VecDeque<Arc<ChatEntry>>,
    pub(crate) call: Option<Call>,
    /// How many calls this epoch has seen.
    pub(crate) calls: u32,
    /// How many have come in this epoch.
    pub(crate) arrivals: u64,
    pub(crate) clock: CallClock,
    /// The time of what call control lists.
    pub(crate) stamp: u64,
    /// When the store was told to have the room opened.
    pub(crate) due: Option<Wall>,
}

/// The period in which somebody is in the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Names it among the room's calls.
    pub incarnation: u32,
    /// Since when.
    pub since: Wall,
}

impl Room {
    /// A room in a new epoch, with what the store kept of it.
    #[must_use]
    pub fn open(id: RoomId, epoch: Epoch, limits: Limits, kept: Kept) -> Self {
        let Kept { record, grants, seats, term, ceiling, floor, due, chat } = kept;
        let clock = CallClock::open(ceiling, floor);
        let (call, term) = (None, term.filter(|_| record.lease.is_some()));
        let mut room = Self {
            id,
            epoch,
            seq: Seq(0),
            limits,
            rules: Arc::new(record.rules),
            policy: Arc::new(record.policy),
            lease: record.lease.map(Arc::new),
            term,
            gone: false,
            lock: record.lock.map(Into::into),
            attributes: Arc::new(record.attributes),
            grants: Arc::new(grants),
            seats: Arc::default(),
            members: Arc::default(),
            streams: Arc::default(),
            chat: chat.into_iter().map(Arc::new).collect(),
            call,
            calls: 0,
            arrivals: 0,
            stamp: clock.last(),
            clock,
            due,
        };
        let began = seats.iter().map(|seat| seat.since).min();
        let seats = seats.into_iter().map(|seat| (seat.id.clone(), Arc::new(seat)));
        room.seats = Arc::new(seats.collect());
        room.arrivals = room.seats().map(|seat| seat.order).max().unwrap_or(0);
        if let Some(since) = began {
            room.begin_call(since);
        }
        room
    }

    /// Whether this command's events may be seen only once they are on disk.
    #[must_use]
    pub fn waits_for_store(&self, now: Now, command: &Command) -> bool {
        #[cfg(feature = "planted")]
        if crate::planted::is(crate::planted::Bug::AcknowledgedEarly) {
            return false;
        }
        command.is_durable()
            || self.may_end_kept_seat(command)
            || self.wants_note(command)
            || self.wants_ceiling(now, command).is_some()
    }

    /// Whether it may end a seat that is kept, which a crash must not bring
    /// back once anybody has seen it end.
    fn may_end_kept_seat(&self, command: &Command) -> bool {
        let kept = |seat: &Seat| seat.participant().is_some();
        if !self.seats().any(kept) {
            return false;
        }
        let all = self.rules.autokick && command.moves_people();
        all || match command {
            Command::Disband { .. } => true,
            Command::Configure(rules) => rules.autokick,
            Command::Describe(it) => it.rules.as_ref().is_some_and(|rules| rules.autokick),
            Command::Evict(seat) | Command::GiveUp { seat, .. } => {
                self.seat(seat).is_some_and(kept)
            }
            Command::EvictUser(user) => {
                self.seats().any(|seat| seat.person.user == *user && kept(seat))
            }
            Command::Kick { target, .. } => {
                let seat = self.members.get(target).and_then(|member| member.seat.as_ref());
                seat.and_then(|seat| self.seat(seat)).is_some_and(kept)
            }
            _ => false,
        }
    }

    /// Whether the store must know, before anybody sees what comes of the
    /// command, that call control has to be told should we not come back.
    fn wants_note(&self, command: &Command) -> bool {
        let Some(person) = (match command {
            Command::Admit(admission) => Some(&admission.person),
            Command::Join(entry) => match &entry.pass {
                Pass::Shown { person, .. } => Some(person),
                Pass::Ticket(ticket) => self.seat(&ticket.seat).map(|seat| &seat.person),
            },
            _ => None,
        }) else {
            return false;
        };
        person.kik.is_some() && !self.was_interrupted()
    }

    /// Whether the store was told that somebody is listed by call control: a
    /// room that is opened and finds this was not put to rest, and has to say
    /// how things stand now ([`Command::Wake`]).
    #[must_use]
    pub fn was_interrupted(&self) -> bool {
        self.due == Some(AT_ONCE)
    }

    /// The ceiling of the clock that must be durable before the command's
    /// values are used.
    pub(crate) fn wants_ceiling(&self, now: Now, command: &Command) -> Option<u64> {
        let used = match command {
            Command::Admit(_) | Command::Wake => true,
            Command::Join(entry) => entry.pass.is_listed_by_call_control(),
            _ => false,
        };
        let used = used || self.clock.ceiling() > 0;
        if !(used && command.moves_people()) {
            return None;
        }
        self.clock.wants(now.wall, self.limits.clock_ahead_ms)
    }

    /// The room that results when these events happen to this one.
    ///
    /// # Panics
    /// If an event is not the next one of this room's epoch.
    #[must_use]
    pub fn replay<'e>(mut self, events: impl IntoIterator<Item = &'e Event>) -> Self {
        for event in events {
            self.evolve(event);
        }
        self
    }

    /// A text that is equal for equal rooms and for no others.
    #[must_use]
    pub fn digest(&self) -> String {
        serde_json::to_string(self).expect("every part has a JSON form")
    }

    /// Its identity.
    #[must_use]
    pub const fn id(&self) -> RoomId {
        self.id
    }

    /// Which opening of the room this is.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The number of its last event.
    #[must_use]
    pub const fn seq(&self) -> Seq {
        self.seq
    }

    /// The operator's definition: settings, capacity, opening hours.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What people who are turned away are told while it is locked.
    #[must_use]
    pub fn lock(&self) -> Option<&str> {
        self.lock.as_deref()
    }

    /// Who may enter, by which door.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What the rooms door keeps, if the room is open to it.
    #[must_use]
    pub fn lease(&self) -> Option<&Lease> {
        self.lease.as_deref()
    }

    /// The times of the lease.
    #[must_use]
    pub const fn term(&self) -> Option<Term> {
        self.term
    }

    /// Whether the room was deleted.
    #[must_use]
    pub const fn is_gone(&self) -> bool {
        self.gone
    }

    /// The durable rights in it.
    pub fn grants(&self) -> impl ExactSizeIterator<Item = (&Grantee, &Grant)> {
        self.grants.iter()
    }

    /// One of them.
    #[must_use]
    pub fn grant(&self, grantee: &Grantee) -> Option<&Grant> {
        self.grants.get(grantee)
    }

    /// The seats that are held.
    pub fn seats(&self) -> impl ExactSizeIterator<Item = &Seat> {
        self.seats.values().map(AsRef::as_ref)
    }

    /// One seat.
    #[must_use]
    pub fn seat(&self, id: &SeatId) -> Option<&Seat> {
        self.seats.get(id).map(AsRef::as_ref)
    }

    /// The call, while somebody is in.
    #[must_use]
    pub const fn call(&self) -> Option<Call> {
        self.call
    }

    /// The clock of call states.
    #[must_use]
    pub const fn clock(&self) -> CallClock {
        self.clock
    }

    /// The time of what call control lists of the room.
    #[must_use]
    pub const fn stamp(&self) -> u64 {
        self.stamp
    }

    /// Room-wide attributes.
    #[must_use]
    pub fn attributes(&self) -> &JsonMap {
        &self.attributes
    }

    /// Everybody who is in, by id.
    pub fn members(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.members.values().map(AsRef::as_ref)
    }

    /// One member.
    #[must_use]
    pub fn member(&self, id: &MemberId) -> Option<&Member> {
        self.members.get(id).map(AsRef::as_ref)
    }

    /// All published streams, by id.
    pub fn streams(&self) -> impl ExactSizeIterator<Item = &Stream> {
        self.streams.values()
    }

    /// One stream.
    #[must_use]
    pub fn stream(&self, id: &StreamId) -> Option<&Stream> {
        self.streams.get(id)
    }

    /// The chat that newcomers are shown, oldest first.
    pub fn chat(&self) -> impl ExactSizeIterator<Item = &ChatEntry> {
        self.chat.iter().map(AsRef::as_ref)
    }

    /// Whether nobody is in, nor holds a seat.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.seats.is_empty()
    }
}
