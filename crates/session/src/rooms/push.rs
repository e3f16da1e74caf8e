//! Telling the owner's devices: which addresses, and about what.

use super::asks::{Port, seconds};
use super::http::Door;
use super::records::{
    DELETED, DeletedRecord, HAWK, HawkRecord, OWNED, PUSH, PushRecord, forget, keep, prefix, read,
    room_key,
};
use super::report::{self, Ended};
use crate::call::{Notice, Notices, Observed, Outcome, Reply, Step};
use parlour_base::storage::{Found, Key};
use parlour_base::{RoomId, UserId, Wall};
use parlour_room::{Actor, Event, Happening, Room};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What the edge is to tell, of this door.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// Devices of a user.
    Push(Push),
    /// Whoever keeps the reports: a participant is gone.
    Ended(Ended),
}

/// A notification: this version to each of these addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// Where to, each once.
    pub urls: Vec<String>,
    /// Seconds since 1970.
    pub version: i64,
    /// What it is about.
    pub topic: Topic,
}

/// What a device wants to be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Its rooms.
    Rooms,
    /// Calls.
    Calls,
}

/// The addresses of a user's devices.
#[derive(Debug, Default)]
pub(super) struct Addresses(Vec<PushRecord>);

impl Addresses {
    /// The notification, if anybody wants it.
    pub(super) fn into_push(self, topic: Topic, version: i64) -> Option<Push> {
        let urls = self.0.into_iter().filter_map(|record| match topic {
            Topic::Rooms => record.rooms,
            Topic::Calls => record.calls,
        });
        let urls: Vec<String> = urls.collect::<BTreeSet<_>>().into_iter().collect();
        (!urls.is_empty()).then_some(Push { urls, version, topic })
    }
}

/// Looks the addresses up; those of sessions that ended do not count. What
/// fails is nobody's to tell: a notification is not repeated.
pub(super) async fn look_up(port: &Port, door: &Door, user: UserId) -> Addresses {
    let most = door.config.devices_max;
    let Ok(listed) = port.records(PUSH, &prefix(user), most).await else {
        return Addresses::default();
    };
    if listed.is_empty() {
        return Addresses::default();
    }
    let device = |key: &str| key.split_once('/').map(|(_, device)| device.to_owned());
    let keys = listed.iter().map(|(key, _)| Key::Record {
        kind: HAWK.to_owned(),
        key: device(key).unwrap_or_default(),
    });
    let Outcome::Found(found) = port.step(Step::Find(keys.collect())).await else {
        return Addresses::default();
    };
    let now = port.now().wall;
    let lives = |found: &Found| match found {
        Found::Record(body) => {
            read::<HawkRecord>(body.clone()).is_some_and(|session| session.expires > now)
        }
        _ => false,
    };
    let records = listed.into_iter().zip(found).filter(|(_, found)| lives(found));
    Addresses(records.filter_map(|((_, body), _)| read(Some(body))).collect())
}

/// What this door makes of what happened in a room: its owner is told of every
/// change of the lease's times and of a deletion by an operator, and a
/// participant's end is recorded.
#[must_use]
pub fn observe(door: &Arc<Door>, room: &Room, actor: &Actor, events: &[Event]) -> Vec<Observed> {
    let mut observed = Vec::new();
    let owner = room.lease().and_then(|lease| lease.owner);
    let mut changed = Vec::new();
    let mut expired = 0_usize;
    for event in events {
        match &event.what {
            Happening::TermSet(term) => changed.push(term.changed),
            // Owners tell their devices themselves, once for all that a request
            // deletes; nobody is told of a room that ran out.
            Happening::Deleted if *actor == Actor::House && is_in_force(room, event.at) => {
                let call = |owner| deleted(door, owner, room.id(), event.at);
                observed.extend(owner.map(call).map(Observed::Call));
            }
            Happening::SeatLeft { seat, how } => {
                let ended = report::ended(room, seat, *how, event.at);
                expired += usize::from(ended.as_ref().is_some_and(|ended| ended.is_expired));
                let told = |ended| Observed::Notice(Notice::Rooms(Told::Ended(ended)));
                observed.extend(ended.map(told));
            }
            _ => {}
        }
    }
    // Several who run out together change the times once, and are told each.
    if let Some(last) = changed.last().copied() {
        changed.resize(changed.len().max(expired), last);
    }
    if let Some(owner) = owner {
        observed.extend(changed.into_iter().map(|at| Observed::Call(tell(door, owner, at))));
    }
    observed
}

fn is_in_force(room: &Room, at: Wall) -> bool {
    room.term().is_none_or(|term| term.expires > at)
}

/// Remembers a deletion that the owner has not asked for, and tells it.
fn deleted(door: &Arc<Door>, owner: UserId, room: RoomId, at: Wall) -> Box<dyn crate::call::Call> {
    let door = Arc::clone(door);
    Port::call(move |port| async move {
        let key = room_key(owner, room);
        let writes = vec![forget(OWNED, key.clone()), keep(DELETED, key, &DeletedRecord { at })];
        // A list without it is all that is lost if the store cannot.
        drop(port.commit(writes).await);
        Reply::new(notices(&port, &door, owner, at).await)
    })
}

/// Looks up whom to tell, and has the edge do it.
fn tell(door: &Arc<Door>, owner: UserId, changed: Wall) -> Box<dyn crate::call::Call> {
    let door = Arc::clone(door);
    Port::call(move |port| async move { Reply::new(notices(&port, &door, owner, changed).await) })
}

async fn notices(port: &Port, door: &Door, owner: UserId, version: Wall) -> Notices {
    let addresses = look_up(port, door, owner).await;
    let push = addresses.into_push(Topic::Rooms, seconds(version));
    let notices = push.map(|push| Notice::Rooms(Told::Push(push)));
    Notices(notices.into_iter().collect())
}
