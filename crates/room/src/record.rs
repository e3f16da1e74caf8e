//! What of a room must survive a restart, and which writes keep it so.
//!
//! The body of a room holds what changes seldom. What grows one by one is kept
//! in parts: grants and seats under their own keys, the time to which a seat
//! was renewed under the same key, and the times that change with every join
//! under one of theirs, so that a write is as large as the change and not as
//! the room.

use crate::command::Clearing;
use crate::event::{ChatEntry, Event, Happening};
use crate::lease::{Lease, Term};
use crate::policy::{Grant, Grantee, Policy};
use crate::room::Room;
use crate::rules::Rules;
use crate::seat::{Live, Means, Seat, SeatId, TokenNumber};
use parlour_base::storage::Write;
use parlour_base::{Json, JsonMap, Wall};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The kind of part that a grant is.
const GRANT: &str = "grant";
/// The kind of part that a seat is.
const SEAT: &str = "seat";
/// The kind of part that says until when a seat was renewed.
const RENEWAL: &str = "renewal";
/// The kind of part that single values are.
const VALUE: &str = "value";
/// The value: the ceiling of the clock of call states.
const CEILING: &str = "ceiling";
/// The value: when the room is due.
const DUE: &str = "due";
/// The value: the times of the lease.
const TERM: &str = "term";

/// The body of a room.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoomRecord {
    /// The operator's definition as it was last seen.
    pub rules: Rules,
    /// Who may enter.
    pub policy: Policy,
    /// What the rooms door keeps.
    pub lease: Option<Lease>,
    /// What is said at the door while it is locked.
    pub lock: Option<String>,
    /// Room-wide attributes.
    pub attributes: JsonMap,
}

/// Until when a seat was renewed: that of this token, for one that was taken
/// anew since has a time of its own.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Renewal(TokenNumber, Wall);

/// Everything that is kept of a room.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kept {
    /// Its body.
    pub record: RoomRecord,
    /// Who has rights in it.
    pub grants: BTreeMap<Grantee, Grant>,
    /// The seats that outlive a restart.
    pub seats: Vec<Seat>,
    /// The times of its lease.
    pub term: Option<Term>,
    /// How far the clock of call states may have been used.
    pub ceiling: u64,
    /// How far clocks of deleted rooms may have been used; not the room's own.
    pub floor: u64,
    /// When the store was told to have it opened.
    pub due: Option<Wall>,
    /// Its chat, oldest first.
    pub chat: Vec<ChatEntry>,
}

impl Kept {
    /// Reads what the store has of a room. What cannot be read is left out:
    /// a part that a later version wrote must not keep everybody out.
    #[must_use]
    pub fn read(body: Option<Json>, parts: Vec<(String, String, Json)>, chat: Vec<Json>) -> Self {
        let mut kept = Self {
            record: body.and_then(from_json).unwrap_or_default(),
            chat: chat.into_iter().filter_map(from_json).collect(),
            ..Self::default()
        };
        let mut renewals: BTreeMap<String, Renewal> = BTreeMap::new();
        for (kind, key, body) in parts {
            match kind.as_str() {
                RENEWAL => renewals.extend(from_json(body).map(|renewal| (key, renewal))),
                kind => kept.part(kind, &key, body),
            }
        }
        for seat in &mut kept.seats {
            let renewal = renewals.get(&seat.id.to_string());
            if let (Means::Rooms(participant), Some(renewal)) = (&mut seat.means, renewal)
                && renewal.0 == seat.current
            {
                participant.expires = renewal.1;
            }
        }
        kept
    }

    fn part(&mut self, kind: &str, key: &str, body: Json) {
        match (kind, key) {
            (GRANT, key) => {
                if let (Ok(grantee), Some(grant)) = (key.parse(), from_json(body)) {
                    self.grants.insert(grantee, grant);
                }
            }
            (SEAT, _) => self.seats.extend(from_json(body)),
            (VALUE, CEILING) => self.ceiling = from_json(body).unwrap_or_default(),
            (VALUE, DUE) => self.due = from_json(body),
            (VALUE, TERM) => self.term = from_json(body),
            _ => {}
        }
    }
}

fn from_json<T: DeserializeOwned>(body: Json) -> Option<T> {
    serde_json::from_value(body).ok()
}

fn to_json(value: &impl Serialize) -> Json {
    serde_json::to_value(value).expect("every part has a JSON form")
}

impl Room {
    /// The body that must survive a restart.
    #[must_use]
    pub fn record(&self) -> RoomRecord {
        RoomRecord {
            rules: Rules::clone(&self.rules),
            policy: Policy::clone(&self.policy),
            lease: self.lease.as_deref().cloned(),
            lock: self.lock.as_deref().map(str::to_owned),
            attributes: JsonMap::clone(&self.attributes),
        }
    }

    /// What must be written because `event` happened, this being the room
    /// after it.
    #[must_use]
    pub fn writes_for(&self, event: &Event) -> Vec<Write> {
        let (room, epoch) = (self.id, self.epoch);
        match &event.what {
            Happening::Chatted { entry, .. } => vec![Write::Chat {
                room,
                epoch,
                seq: event.seq,
                key: entry.key.clone(),
                at: entry.at,
                body: to_json(entry.as_ref()),
                keep: self.limits.chat_entries,
            }],
            Happening::ChatCleared { clearing: Clearing::All, .. } => {
                vec![Write::ForgetChat { room, epoch, keys: None }]
            }
            Happening::ChatCleared { keys, .. } => {
                vec![Write::ForgetChat { room, epoch, keys: Some(keys.clone()) }]
            }
            Happening::LeaseSet(None) => {
                let body = to_json(&self.record());
                vec![Write::Room { room, epoch, body }, self.value(TERM, None)]
            }
            Happening::AttributesSet(_)
            | Happening::Configured(_)
            | Happening::LeaseSet(_)
            | Happening::LockSet(_)
            | Happening::PolicySet(_) => {
                vec![Write::Room { room, epoch, body: to_json(&self.record()) }]
            }
            Happening::CeilingRaised(ceiling) => vec![self.value(CEILING, Some(to_json(ceiling)))],
            Happening::Deleted => vec![Write::ForgetRoom { room, epoch }],
            Happening::DueNoted(at) => {
                vec![self.value(DUE, at.as_ref().map(to_json)), Write::Due { room, epoch, at: *at }]
            }
            Happening::Granted(grantee, grant) => {
                vec![self.part(GRANT, grantee.to_string(), grant.as_ref().map(to_json))]
            }
            Happening::SeatTaken(seat) => self.seat_part(&seat.id),
            Happening::SeatRenewed { seat, expires } => self.renewal(seat, *expires),
            Happening::SeatLeft { seat, .. } if seat.participant().is_some() => {
                let key = seat.id.to_string();
                vec![self.part(SEAT, key.clone(), None), self.part(RENEWAL, key, None)]
            }
            Happening::TermSet(term) => vec![self.value(TERM, Some(to_json(term)))],
            _ => Vec::new(),
        }
    }

    /// What a write is to be followed by so that the store has what this room
    /// is, when nobody knows whether it was done and this room goes on as if it
    /// was not. `None` if it does no harm: a clock that is further on, or chat
    /// that is forgotten.
    #[must_use]
    pub fn instead_of(&self, write: &Write) -> Option<Write> {
        let (room, epoch) = (self.id, self.epoch);
        match write {
            Write::Room { .. } => Some(Write::Room { room, epoch, body: to_json(&self.record()) }),
            Write::Part { kind, key, .. } => match (kind.as_str(), key.as_str()) {
                (GRANT, _) => {
                    let grant = key.parse().ok().and_then(|grantee| self.grants.get(&grantee));
                    Some(self.part(GRANT, key.clone(), grant.map(to_json)))
                }
                (SEAT, _) => {
                    let seat = key.parse().ok().and_then(|id| self.seat_part(&id).pop());
                    Some(seat.unwrap_or_else(|| self.part(SEAT, key.clone(), None)))
                }
                (VALUE, DUE) => Some(self.value(DUE, self.due.as_ref().map(to_json))),
                (VALUE, TERM) => Some(self.value(TERM, self.term.as_ref().map(to_json))),
                _ => None,
            },
            Write::Due { .. } => Some(Write::Due { room, epoch, at: self.due }),
            Write::Chat { key, .. } if self.chat.iter().all(|entry| entry.key != *key) => {
                Some(Write::ForgetChat { room, epoch, keys: Some(vec![key.clone()]) })
            }
            _ => None,
        }
    }

    fn part(&self, kind: &str, key: String, body: Option<Json>) -> Write {
        Write::Part { room: self.id, epoch: self.epoch, kind: kind.to_owned(), key, body }
    }

    fn value(&self, key: &str, body: Option<Json>) -> Write {
        self.part(VALUE, key.to_owned(), body)
    }

    fn renewal(&self, id: &SeatId, expires: Wall) -> Vec<Write> {
        let kept = self.seat(id).filter(|seat| seat.participant().is_some());
        let body = |seat: &Seat| to_json(&Renewal(seat.current, expires));
        let write = |seat| self.part(RENEWAL, id.to_string(), Some(body(seat)));
        kept.map(write).into_iter().collect()
    }

    /// A seat of the rooms door is kept, but not who came in with it.
    fn seat_part(&self, id: &SeatId) -> Vec<Write> {
        let kept = self.seat(id).filter(|seat| seat.participant().is_some());
        let at_rest = |seat: &Seat| Seat { live: None::<Live>, report: None, ..seat.clone() };
        let write = |seat| self.part(SEAT, id.to_string(), Some(to_json(&at_rest(seat))));
        kept.map(write).into_iter().collect()
    }
}
