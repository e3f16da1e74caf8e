//! What clients of the rooms door know, from nothing but the answers they
//! were given, and what they may count on (docs/protocols/rooms.md §§1, 4):
//! what was acknowledged stays, whoever is inside is listed until its time is
//! over and not longer, whoever left is not.

mod judge;
mod known;

use super::super::Truth;
use super::super::views::Views;
use super::What;
use crate::dice::SEC;
use known::{Known, Life, Person, Place};
use parlour_base::{Json, RoomId};
use std::collections::BTreeMap;

/// From when on after the faults everything must be exact.
const CALM: u64 = 35 * SEC;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    Nobody,
    /// By its session.
    Device(usize),
    /// By its first token.
    Guest(String),
}

/// What came back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    pub status: u16,
    pub body: &'a Json,
    pub at: u64,
    /// The wall clock jumped meanwhile.
    pub jumped: bool,
}

impl Seen<'_> {
    fn text(&self, name: &str) -> Result<String, String> {
        let text = self.body.get(name).and_then(Json::as_str);
        text.map(str::to_owned).ok_or_else(|| format!("{name} is missing"))
    }

    fn is_one_of(&self, statuses: &[u16]) -> Result<(), String> {
        match statuses.contains(&self.status) || self.status == 503 {
            true => Ok(()),
            false => Err(format!("none of {statuses:?}")),
        }
    }
}

/// All of it.
#[derive(Debug)]
pub(super) struct Book {
    rooms: BTreeMap<String, Known>,
    /// How long a participant stays without a refresh.
    life: u64,
    /// Since when everything is exact.
    calm_at: Option<u64>,
}

impl Book {
    pub(super) const fn new(life: u64) -> Self {
        Self { rooms: BTreeMap::new(), life, calm_at: None }
    }

    // What there is.

    pub(super) fn count(&self) -> usize {
        self.rooms.len()
    }

    pub(super) fn open_rooms(&self) -> Vec<String> {
        self.rooms
            .iter()
            .filter(|(_, room)| room.life == Life::There)
            .map(|(t, _)| t.clone())
            .collect()
    }

    pub(super) fn is_open(&self, room: &str) -> bool {
        self.rooms.get(room).is_some_and(|room| !matches!(room.life, Life::Gone(..)))
    }

    pub(super) fn room_at(&self, at: usize) -> Option<String> {
        self.rooms.keys().nth(at).cloned()
    }

    pub(super) fn owner(&self, room: &str) -> Option<usize> {
        self.rooms.get(room).map(|room| room.owner)
    }

    pub(super) fn guests(&self, room: &str) -> Vec<Who> {
        let people = self.rooms.get(room).into_iter().flat_map(|room| room.people.keys());
        people.filter(|who| matches!(who, Who::Guest(_))).cloned().collect()
    }

    /// A guest's token for another room.
    pub(super) fn foreign_token(&self, room: &str) -> Option<String> {
        let others = self.rooms.iter().filter(|(token, _)| *token != room);
        others.flat_map(|(_, room)| room.people.keys()).find_map(|who| match who {
            Who::Guest(token) => Some(token.clone()),
            _ => None,
        })
    }

    /// When a room was deleted, in seconds of the wall clock.
    pub(super) fn deletion(&self) -> Option<i64> {
        self.rooms.values().find_map(|room| match room.life {
            Life::Gone(second, _) => Some(second),
            _ => None,
        })
    }

    /// Other doors lead to this room from now on.
    pub(super) fn everybodys(&mut self, id: RoomId) {
        if let Some(room) = self.rooms.get_mut(&id.to_string()) {
            room.shared = true;
        }
    }

    /// Faults have ended. From some time later on everything is exact; what
    /// was known before is not.
    pub(super) fn calm(&mut self, now: u64) {
        if self.calm_at.is_none() {
            self.calm_at = Some(now + CALM);
        }
        if self.calm_at.is_some_and(|at| now < at) {
            let people = self.rooms.values_mut().flat_map(|room| room.people.values_mut());
            people.for_each(|person| person.place = Place::Unsure);
        }
    }

    fn is_exact(&self, at: u64) -> bool {
        self.calm_at.is_some_and(|calm| at >= calm)
    }

    // What happens.

    /// A request leaves.
    pub(super) fn begun(&mut self, what: &What) {
        if let What::Join { room, name, .. } = what
            && let Some(room) = self.rooms.get_mut(room)
        {
            *room.names.entry(name.clone()).or_default() += 1;
        }
        if let Some((room, who)) = seat(what)
            && let Some(room) = self.rooms.get_mut(room)
            && *who != Who::Nobody
        {
            let unknown = || Person::new(Place::Unsure, String::new(), 0);
            let person = room.people.entry(who.clone()).or_insert_with(unknown);
            person.busy += 1;
            person.mixed |= person.busy > 1;
        }
        if let What::Change { room, size, .. } = what
            && let Some(room) = self.rooms.get_mut(room)
        {
            // Whether or not anybody answers.
            room.size = room.size.max(*size);
        }
        for room in deleted(what) {
            if let Some(room) = self.rooms.get_mut(room)
                && room.life == Life::There
            {
                room.life = Life::Unsure;
            }
        }
    }

    /// Nobody will answer it.
    pub(super) fn unanswered(&mut self, what: &What) {
        self.set(what, None, u64::MAX);
    }

    /// Somebody is now here or there, or nobody knows.
    fn set(&mut self, what: &What, place: Option<Place>, at: u64) {
        let Some((room, who)) = seat(what) else { return };
        let Some(person) = self.rooms.get_mut(room).and_then(|room| room.people.get_mut(who))
        else {
            return;
        };
        person.heard = at;
        person.busy = person.busy.saturating_sub(1);
        if matches!(what, What::Join { .. }) && (place.is_none() || person.mixed) {
            // It may have come in by this name, or be there by another.
            person.name.clear();
        }
        person.place = place.filter(|_| !person.mixed).unwrap_or(Place::Unsure);
        person.mixed &= person.busy > 0;
    }

    /// What was told last is how things are.
    pub(super) fn agrees(&self, truth: &Truth<'_>) -> Result<u64, String> {
        let mut compared = 0;
        for (token, known) in &self.rooms {
            let room = token.parse().ok().and_then(|id| (truth.room)(id));
            let Some((told, room)) = known.last.as_ref().zip(room) else { continue };
            let is = Views::of(room).rooms;
            if *told != is {
                return Err(format!(
                    "{token}: the rooms door tells {told:?}, and there are {is:?}"
                ));
            }
            compared += 1;
        }
        Ok(compared)
    }
}

/// Whose place in which room a request is about.
const fn seat(what: &What) -> Option<(&String, &Who)> {
    match what {
        What::Join { room, who, .. }
        | What::Refresh { room, who }
        | What::Status { room, who }
        | What::Leave { room, who } => Some((room, who)),
        _ => None,
    }
}

/// The rooms that a request deletes.
fn deleted(what: &What) -> &[String] {
    match what {
        What::Delete { room, .. } => std::slice::from_ref(room),
        What::DeleteMany { rooms, .. } => rooms,
        _ => &[],
    }
}

fn ensure(holds: bool, rule: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(rule.to_owned()) }
}
