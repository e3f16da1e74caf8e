//! What the door has to tell of what happened in a room: a new list to all
//! members of the conversation (REQ-71 to REQ-75), and to media servers apart
//! which connections to close.

use super::join::conference_number;
use super::{convo_of, media, roster};
use crate::call::{Notice, Observed};
use parlour_base::RoomId;
use parlour_room::event::Departure;
use parlour_room::seat::SeatEnd;
use parlour_room::{Event, Happening, Member, RequestId, Room};
use parlour_wire::callctl::ConvoId;
use parlour_wire::callctl::pb::common::video::v1::ConvoVideoState;

/// A conversation's list has changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Roster {
    /// The conversation.
    pub convo: ConvoId,
    /// Its room.
    pub room: RoomId,
    /// The list.
    pub state: ConvoVideoState,
    /// Its time, in nanoseconds.
    pub stamp: u64,
    /// Who belongs to the conversation now.
    pub members: Vec<String>,
    /// The request that changed it, if there was one with a name.
    pub request: Option<RequestId>,
}

/// A media server has to close a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Eviction {
    /// The media server.
    pub media_server: String,
    /// Its connection.
    pub connection: String,
    /// The room it is in.
    pub room: RoomId,
    /// The number of the call, for the conference id.
    pub incarnation: u32,
    /// Why.
    pub reason: EvictionReason,
}

/// Why a connection has to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvictionReason {
    /// The user left.
    Left,
    /// The user came in by another connection.
    Replaced,
    /// Somebody took the user out, or time did.
    Forced,
}

/// What is to be told of these events; `room` is the room after them, and
/// `request` made them happen.
#[must_use]
pub fn observe(
    room: &Room,
    names: &[(String, String)],
    events: &[Event],
    request: Option<RequestId>,
) -> Vec<Observed> {
    let mut told = Vec::new();
    let stamped = |event: &Event| matches!(event.what, Happening::Stamped(_));
    if events.iter().any(stamped) {
        let members = || roster::members(room).map(|(name, _)| name.to_owned()).collect();
        told.extend(convo_of(names).map(|convo| {
            let state = roster::of_room(&convo, room);
            let (stamp, members) = (room.stamp(), members());
            let notice = Roster { convo, room: room.id(), state, stamp, members, request };
            Observed::Notice(Notice::Roster(Box::new(notice)))
        }));
    }
    let evictions = events.iter().filter_map(|event| match &event.what {
        Happening::Left { member, how: Departure::Kicked { .. } } => eviction(room, member, events),
        _ => None,
    });
    told.extend(evictions.map(|eviction| Observed::Notice(Notice::Eviction(eviction))));
    told
}

fn eviction(room: &Room, member: &Member, events: &[Event]) -> Option<Eviction> {
    let (media_server, connection) = media::remote(&member.id)?;
    let mut reasons = events.iter().filter_map(|event| match &event.what {
        Happening::Joined(other) if other.seat == member.seat => Some(EvictionReason::Replaced),
        Happening::SeatLeft { seat, how: SeatEnd::Left }
            if Some(&seat.id) == member.seat.as_ref() =>
        {
            Some(EvictionReason::Left)
        }
        _ => None,
    });
    Some(Eviction {
        media_server: media_server.to_owned(),
        connection: connection.to_owned(),
        room: room.id(),
        incarnation: conference_number(room).unwrap_or_default(),
        reason: reasons.next_back().unwrap_or(EvictionReason::Forced),
    })
}
