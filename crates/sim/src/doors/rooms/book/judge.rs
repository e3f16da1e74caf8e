//! How answers are judged: what the protocol lets the server say, and what it
//! must say by what was acknowledged before.

use super::super::{Under, What};
use super::known::{Known, LATE, Life, Person, Place};
use super::{Book, Seen, Who, ensure};
use crate::dice::SEC;
use parlour_base::Json;

impl Book {
    /// An answer; the token of somebody who came in, if it has one.
    pub(in crate::doors::rooms) fn answered(
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
            What::Change { room, .. } => {
                ensure(passed, "a session that was made is unknown")?;
                self.is_there(under, room, seen, &[200, 401])?;
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
        let place = if exact { Place::inside(self.life, under, seen) } else { Place::Unsure };
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
            What::Refresh { .. } if fine => Place::inside(self.life, under, seen),
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
}
