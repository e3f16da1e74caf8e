//! What clients of the rooms door know, from nothing but the answers they
//! were given, and what they may count on (docs/protocols/rooms.md §§1, 4):
//! what was acknowledged stays, whoever is inside is listed until its time is
//! over and not longer, whoever left is not.

use super::super::Truth;
use super::super::views::Views;
use super::{Under, What};
use crate::dice::SEC;
use parlour_base::{Json, RoomId};
use std::collections::{BTreeMap, BTreeSet};

/// From when on after the faults everything must be exact.
const CALM: u64 = 35 * SEC;
/// How late an end may be noticed: the write takes its time, and one that
/// failed is tried again after a second.
const LATE: u64 = 2 * SEC;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    Nobody,
    /// By its session.
    Device(usize),
    /// By its first token.
    Guest(String),
}

/// Where somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Inside at least until the first and at most until the second.
    In(u64, u64),
    Out,
    /// Nobody can say.
    Unsure,
}

/// Somebody in a room.
#[derive(Debug)]
struct Person {
    place: Place,
    name: String,
    /// Requests of this one under way, and whether there were two at once.
    busy: u32,
    mixed: bool,
    /// When this was last heard of.
    heard: u64,
}

impl Person {
    const fn new(place: Place, name: String, heard: u64) -> Self {
        Self { place, name, busy: 0, mixed: false, heard }
    }
}

/// Whether a room is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    There,
    /// A deletion may have happened.
    Unsure,
    /// Since this second of the wall clock, and this time of the world.
    Gone(i64, u64),
}

/// One room.
#[derive(Debug)]
struct Known {
    owner: usize,
    life: Life,
    /// Since when its owner knows of it.
    made: u64,
    /// The largest size it may have had.
    size: u32,
    ctime: i64,
    ctime_at: u64,
    /// How often the server had failed by then: the visits of people at other
    /// doors are not on disk.
    ctime_count: u64,
    people: BTreeMap<Who, Person>,
    /// Every name that was used to come in, and how often: a join sent again
    /// by somebody without credentials is one more person of that name.
    names: BTreeMap<String, u32>,
    /// Other doors lead here too.
    shared: bool,
    /// Who is inside, as the owner was told last.
    last: Option<Vec<String>>,
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
        person.place = place.filter(|_| !person.mixed).unwrap_or(Place::Unsure);
        person.mixed &= person.busy > 0;
    }

    /// An answer; the token of somebody who came in, if it has one.
    pub(super) fn answered(
        &mut self,
        under: &Under,
        seen: &Seen<'_>,
        steady: bool,
    ) -> Result<Option<(Who, String)>, String> {
        // A clock that jumps makes a signature old.
        let passed = seen.status != 401 || seen.jumped;
        match &under.what {
            What::Lie(allowed) => seen.is_one_of(allowed)?,
            What::Hall(_) => {}
            What::Register(_) => seen.is_one_of(if passed { &[200, 401] } else { &[200] })?,
            What::Create { owner, size } => {
                ensure(passed, "a session that was made is unknown")?;
                seen.is_one_of(&[201, 401])?;
                if seen.status == 201 {
                    self.rooms.insert(seen.text("roomToken")?, Known::new(*owner, *size, seen.at));
                }
            }
            What::List { owner, since } => {
                ensure(passed, "a session that was made is unknown")?;
                seen.is_one_of(&[200, 401])?;
                if seen.status == 200 {
                    self.listed(under, *owner, *since, seen, steady)?;
                }
            }
            What::DeleteMany { rooms, .. } => {
                ensure(passed, "a session that was made is unknown")?;
                seen.is_one_of(&[207, 404, 401])?;
                for room in rooms {
                    let gone = seen.body["responses"][room.as_str()]["code"] == 200;
                    self.life(under, room, gone, seen);
                }
            }
            What::Delete { room, .. } => {
                ensure(passed, "a session that was made is unknown")?;
                self.is_there(under, room, seen, &[204, 401])?;
                self.life(under, room, seen.status == 204, seen);
            }
            What::Change { room, size, .. } => {
                ensure(passed, "a session that was made is unknown")?;
                self.is_there(under, room, seen, &[200, 401])?;
                if let Some(known) = self.rooms.get_mut(room) {
                    known.size = known.size.max(*size);
                }
            }
            What::Read { room, who } => self.read(under, room, who, seen, steady)?,
            What::Join { room, who, name } => return self.joined(under, (room, who, name), seen),
            What::Refresh { room, who } => self.acted(under, (room, who), seen, &[200], &[410])?,
            What::Status { room, who } => self.acted(under, (room, who), seen, &[204], &[400])?,
            What::Leave { room, who } => self.acted(under, (room, who), seen, &[204], &[400])?,
        }
        Ok(None)
    }

    /// A room that is there is found; one that is gone is not.
    fn is_there(
        &self,
        under: &Under,
        room: &str,
        seen: &Seen<'_>,
        statuses: &[u16],
    ) -> Result<(), String> {
        let life = self.rooms.get(room).map_or(Life::Unsure, |room| room.life);
        match life {
            Life::Gone(_, at) if under.at >= at => seen.is_one_of(&[404, 401]),
            // A deletion by this very request leaves it unsure meanwhile.
            Life::There => seen.is_one_of(statuses),
            _ => match seen.status {
                404 => Ok(()),
                _ => seen.is_one_of(statuses),
            },
        }
    }

    fn life(&mut self, under: &Under, room: &str, gone: bool, seen: &Seen<'_>) {
        let Some(room) = self.rooms.get_mut(room).filter(|_| gone) else { return };
        if !matches!(room.life, Life::Gone(..)) {
            room.life = Life::Gone(under.wall.div_euclid(1_000), seen.at);
        }
    }

    fn joined(
        &mut self,
        under: &Under,
        (room, who, name): (&String, &Who, &String),
        seen: &Seen<'_>,
    ) -> Result<Option<(Who, String)>, String> {
        // A guest's token dies with its place; a full room says so, and a room
        // that an operator at another door has locked.
        self.is_there(under, room, seen, &[200, 400, 401, 403])?;
        let exact = self.is_exact(under.at);
        let Some(known) = self.rooms.get_mut(room) else { return Ok(None) };
        if seen.status != 200 {
            let place = known.people.get(who).map(|person| person.place);
            if matches!(who, Who::Device(_)) && seen.status == 401 && !seen.jumped {
                return Err("a session that was made is unknown".to_owned());
            }
            // A refused join changes nothing.
            let refused = matches!(seen.status, 400 | 403);
            self.set(&under.what, place.filter(|_| refused), seen.at);
            return Ok(None);
        }
        let token = seen.text("sessionToken")?;
        for name in ["apiKey", "sessionId"] {
            seen.text(name)?;
        }
        ensure(seen.body["expires"] == self.life / SEC, "another time than was set")?;
        let place = if exact {
            Place::In(under.at + self.life, seen.at + self.life)
        } else {
            Place::Unsure
        };
        let me = if *who == Who::Nobody { Who::Guest(token.clone()) } else { who.clone() };
        match known.people.get_mut(&me) {
            Some(person) => {
                person.name.clone_from(name);
                self.set(&under.what, Some(place), seen.at);
            }
            None => {
                known.people.insert(me.clone(), Person::new(place, name.clone(), seen.at));
            }
        }
        Ok(Some((me, token)))
    }

    /// Something that only somebody inside may ask for.
    fn acted(
        &mut self,
        under: &Under,
        (room, who): (&String, &Who),
        seen: &Seen<'_>,
        good: &[u16],
        over: &[u16],
    ) -> Result<(), String> {
        let mut all = [good, over].concat();
        all.push(401);
        self.is_there(under, room, seen, &all)?;
        let person = self.rooms.get(room).and_then(|room| room.people.get(who));
        let alone = person.is_some_and(|person| !person.mixed);
        let place = person.map_or(Place::Unsure, |person| person.place);
        let fine = good.contains(&seen.status);
        let says_over = over.contains(&seen.status) || seen.status == 401;
        let there = self.rooms.get(room).is_some_and(|room| room.life == Life::There);
        if self.is_exact(under.at) && alone && there {
            match place {
                Place::In(until, _) if says_over && seen.at < until => {
                    return Err(format!("{who:?} was inside until {until}"));
                }
                Place::In(_, until) if fine && under.at > until + LATE => {
                    return Err(format!("{who:?} was inside only until {until}"));
                }
                Place::Out if fine => return Err(format!("{who:?} was not inside")),
                _ => {}
            }
        }
        let place = match &under.what {
            What::Refresh { .. } if fine => Place::In(under.at + self.life, seen.at + self.life),
            What::Leave { .. } if fine => Place::Out,
            _ if says_over => Place::Out,
            _ => place,
        };
        let sure = self.is_exact(under.at) && seen.status != 503;
        self.set(&under.what, sure.then_some(place), seen.at);
        Ok(())
    }

    fn read(
        &mut self,
        under: &Under,
        room: &str,
        who: &Who,
        seen: &Seen<'_>,
        steady: bool,
    ) -> Result<(), String> {
        let owner = self.owner(room);
        let owns = matches!(who, Who::Device(n) if owner == Some(*n));
        let statuses: &[u16] = match who {
            Who::Nobody => &[200],
            Who::Device(_) if owns => &[200, 401],
            Who::Device(_) => &[200, 403, 401],
            Who::Guest(_) => &[200, 401],
        };
        ensure(!owns || seen.status != 401 || seen.jumped, "a session that was made is unknown")?;
        self.is_there(under, room, seen, statuses)?;
        if seen.status != 200 {
            return Ok(());
        }
        let list = seen.body.get("participants").and_then(Json::as_array);
        if *who == Who::Nobody {
            return ensure(list.is_none(), "a stranger is told who is inside");
        }
        let list = list.ok_or("a full view without people")?;
        let exact = self.is_exact(under.at);
        let Some(known) = self.rooms.get_mut(room) else { return Ok(()) };
        known.full(under, seen, list, steady, exact)
    }

    fn listed(
        &self,
        under: &Under,
        owner: usize,
        since: Option<i64>,
        seen: &Seen<'_>,
        steady: bool,
    ) -> Result<(), String> {
        let list = seen.body.as_array().ok_or("no list")?;
        let entry = |token: &str| list.iter().find(|entry| entry["roomToken"] == *token);
        for (token, room) in self.rooms.iter().filter(|(_, room)| room.owner == owner) {
            let listed = entry(token);
            let is_deleted = listed.is_some_and(|entry| entry["deleted"] == true);
            match room.life {
                Life::There if since.is_none() && room.made <= under.at => {
                    ensure(listed.is_some() && !is_deleted, "a room of one's own is missing")?;
                }
                Life::Gone(_, at) if at <= under.at => {
                    ensure(listed.is_none() || is_deleted, "a deleted room is listed")?;
                    let told = since.is_some_and(
                        |since| matches!(room.life, Life::Gone(second, _) if since <= second),
                    );
                    if steady && told {
                        ensure(is_deleted, "a deletion is not told")?;
                    }
                }
                _ => {}
            }
        }
        let foreign = self.rooms.iter().filter(|(_, room)| room.owner != owner);
        ensure(foreign.into_iter().all(|(token, _)| entry(token).is_none()), "somebody else's room")
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

impl Known {
    const fn new(owner: usize, size: u32, made: u64) -> Self {
        Self {
            owner,
            life: Life::There,
            made,
            size,
            ctime: 0,
            ctime_at: 0,
            ctime_count: 0,
            people: BTreeMap::new(),
            names: BTreeMap::new(),
            shared: false,
            last: None,
        }
    }

    /// Somebody was shown everything.
    fn full(
        &mut self,
        under: &Under,
        seen: &Seen<'_>,
        list: &[Json],
        steady: bool,
        exact: bool,
    ) -> Result<(), String> {
        let mut names: Vec<String> = list
            .iter()
            .map(|one| one["displayName"].as_str().unwrap_or_default().to_owned())
            .collect();
        names.sort_unstable();
        let ids: BTreeSet<&str> =
            list.iter().filter_map(|one| one["roomConnectionId"].as_str()).collect();
        ensure(ids.len() == list.len(), "two people are one connection")?;
        let ctime = seen.body["ctime"].as_i64().ok_or("no ctime")?;
        if steady && under.at >= self.ctime_at {
            let same = under.trouble.count == self.ctime_count;
            ensure(!same || ctime >= self.ctime, "ctime went back")?;
            (self.ctime, self.ctime_at) = (ctime, seen.at);
            self.ctime_count = under.trouble.count;
        }
        if !self.shared {
            ensure(names.len() <= self.size as usize, "more people than the room takes")?;
        }
        // What was heard of somebody meanwhile may be newer than this.
        let alone = |person: &Person| self.names.get(&person.name).is_none_or(|n| *n < 2);
        let settled = |person: &&Person| {
            exact && person.busy == 0 && person.heard < under.at && alone(person)
        };
        for person in self.people.values().filter(settled) {
            let listed = names.contains(&person.name);
            match person.place {
                Place::In(until, _) if seen.at < until && !listed => {
                    return Err(format!("{} is inside and not listed", person.name));
                }
                Place::In(_, until) if under.at > until + LATE && listed => {
                    return Err(format!("{} ran out at {until} and is listed", person.name));
                }
                Place::Out if listed => {
                    return Err(format!("{} has left and is listed", person.name));
                }
                _ => {}
            }
        }
        self.last = Some(names);
        Ok(())
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
