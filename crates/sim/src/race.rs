//! What must hold of seats, media tokens and times, whichever door they are
//! taken by (docs/protocols/callctl.md, the state machine within a seat and
//! what it says about times): written apart from the room's code.

use parlour_base::RoomId;
use parlour_room::{Command, Event, Happening, Room, SeatId};
use std::collections::BTreeMap;

/// The highest values that were ever seen of a room.
#[derive(Debug, Default)]
pub(crate) struct Race {
    /// Token numbers and stamps share one clock.
    latest: BTreeMap<RoomId, u64>,
    /// The newest token of each seat that anybody was told of.
    newest: BTreeMap<(RoomId, SeatId), u64>,
}

impl Race {
    /// Numbers and times grow, through restarts, rooms that were forgotten and
    /// clocks that are set back.
    pub(crate) fn event(&mut self, room: &Room, event: &Event) -> Result<(), String> {
        let value = match &event.what {
            Happening::Stamped(stamp) => *stamp,
            Happening::SeatTaken(seat) => seat.current.0,
            Happening::SeatLive { seat, live, current, .. } => {
                return self.live(room, seat, live.as_ref().map(|live| live.number.0), current.0);
            }
            _ => return Ok(()),
        };
        let latest = self.latest.entry(room.id()).or_default();
        if value <= *latest {
            return Err(format!("{value} came after {latest}: {event:?}"));
        }
        *latest = value;
        if let Happening::SeatTaken(seat) = &event.what {
            self.newest.insert((room.id(), seat.id.clone()), value);
        }
        Ok(())
    }

    /// Only the newest token lets in.
    fn live(
        &self,
        room: &Room,
        seat: &SeatId,
        live: Option<u64>,
        current: u64,
    ) -> Result<(), String> {
        let newest = self.newest.get(&(room.id(), seat.clone())).copied().unwrap_or_default();
        let before = room.seat(seat).and_then(|seat| seat.live.as_ref());
        let enters = live.is_some_and(|number| before.is_none_or(|live| live.number.0 != number));
        if enters && live != Some(newest) {
            return Err(format!("{seat:?} came in with {live:?}, and its newest is {newest}"));
        }
        if current > newest {
            return Err(format!("{seat:?} has token {current}, which nobody was given"));
        }
        Ok(())
    }
}

/// A leave with a token that was replaced has no effect.
pub(crate) fn late_leave(room: &Room, command: &Command, events: &[Event]) -> Result<(), String> {
    let Command::GiveUp { seat, number: Some(number), .. } = command else { return Ok(()) };
    let Some(held) = room.seat(seat) else { return Ok(()) };
    match held.current > *number && !events.is_empty() {
        true => Err(format!("a late leave with {number:?} had an effect on {held:?}")),
        false => Ok(()),
    }
}

/// What is true of a room at any time.
pub(crate) fn room_holds(room: &Room) -> Result<(), String> {
    for seat in room.seats() {
        let Some(live) = &seat.live else { continue };
        let member = room.members().find(|member| member.id == live.member);
        if member.is_none_or(|member| member.seat.as_ref() != Some(&seat.id)) {
            return Err(format!("{seat:?} is live, and its member is not here"));
        }
        if live.number > seat.current {
            return Err(format!("{seat:?} came in with a token of the future"));
        }
    }
    for member in room.members() {
        let Some(id) = &member.seat else { continue };
        let seat = room.seats().find(|seat| seat.id == *id);
        if seat.is_none_or(|seat| seat.live.as_ref().is_none_or(|l| l.member != member.id)) {
            return Err(format!("{:?} came in by {id:?}, which does not know", member.id));
        }
    }
    views_agree(room)
}

/// What call control, the rooms door and the Galène door list fits together.
fn views_agree(room: &Room) -> Result<(), String> {
    let listed: Vec<&str> = room.roster().into_iter().map(|(name, _)| name).collect();
    let mut unique = listed.clone();
    unique.sort_unstable();
    unique.dedup();
    if unique.len() != listed.len() {
        return Err(format!("call control lists somebody twice: {listed:?}"));
    }
    for member in room.members() {
        let named = member.person.kik.as_deref();
        if let Some(name) = named.filter(|name| !listed.contains(name))
            && listed.len() < 100
        {
            return Err(format!("{name} is in the call, and call control lists {listed:?}"));
        }
    }
    Ok(())
}
