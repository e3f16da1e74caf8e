//! Seats: what media tokens are numbered for.
//!
//! A seat is held by a user who was admitted by a door that is not the media
//! door itself; with its current token the holder comes in at the Galène door
//! and is then a member, and the seat is *live*. Tokens are numbered within a
//! seat, and the number decides every race (docs/protocols/callctl.md, the
//! state machine): what was made with an older number has no effect.

use crate::member::MemberId;
use crate::person::Person;
use parlour_base::id::IdError;
use parlour_base::{Permissions, UserId, Wall};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Names a seat within a room; written as one text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeatId {
    /// Whose it is.
    pub user: UserId,
    /// Which of the user's.
    pub slot: Slot,
}

/// Which of a user's seats.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// The only one, whatever the device.
    User,
    /// That of one client.
    Client(String),
}

impl fmt::Display for SeatId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.slot {
            Slot::User => self.user.fmt(f),
            Slot::Client(client) => write!(f, "{}.{client}", self.user),
        }
    }
}

impl FromStr for SeatId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (user, slot) = match text.split_once('.') {
            Some((user, client)) => (user, Slot::Client(client.to_owned())),
            None => (text, Slot::User),
        };
        Ok(Self { user: user.parse()?, slot })
    }
}

impl Serialize for SeatId {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SeatId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The number of a media token: later ones are greater, within a room, for as
/// long as the room is stored.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct TokenNumber(pub u64);

/// Names one request of a client, which may send it again; two halves of a
/// UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestId(pub i64, pub i64);

/// A media token as it was checked: it was made here, for this room, and is
/// not too old. Whether it is the current one is for the room to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The seat it is for.
    pub seat: SeatId,
    /// Its number.
    pub number: TokenNumber,
}

/// A seat that is held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seat {
    /// Its identity.
    pub id: SeatId,
    /// Who holds it.
    pub person: Person,
    /// The name others see.
    pub name: String,
    /// What the holder may do as a member.
    pub permissions: Permissions,
    /// By which door it is held, and what that door keeps of it.
    pub means: Means,
    /// Its place in the order of coming.
    pub order: u64,
    /// Since when.
    pub since: Wall,
    /// The newest token handed out and still alive.
    pub current: TokenNumber,
    /// Whether the time to connect with the current token runs.
    pub connecting: bool,
    /// The member that came in with a token of this seat.
    pub live: Option<Live>,
    /// What the holder's client last reported of its media session.
    pub report: Option<Report>,
}

/// A member that came in with a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// Who.
    pub member: MemberId,
    /// With which token.
    pub number: TokenNumber,
}

/// By which door a seat is held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Means {
    /// Call control; the media connection has to follow soon.
    Callctl {
        /// The request that the current token answered.
        request: Option<RequestId>,
    },
    /// The rooms API; it is held until it runs out, with or without media.
    Rooms(Participant),
    /// WHEP: receives, and is not seen.
    Viewer,
    /// The chat door says that the user is in a call that is carried elsewhere.
    Elsewhere,
}

/// What the rooms door keeps of a participant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// A UUID, new at every join.
    pub connection: String,
    /// Most people, itself included, that its client can show.
    pub client_max: u32,
    /// It is the owner of the room.
    pub owner: bool,
    /// When it runs out unless it is renewed.
    pub expires: Wall,
}

/// What a client says of its own media session; counted and kept as it comes,
/// never believed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What happened, in the client's words.
    pub event: String,
    /// The state it is in now, in the client's words.
    pub state: String,
    /// Connections that it sees, its own included.
    pub connections: u32,
    /// Streams it sends.
    pub sends: u32,
    /// Streams it receives.
    pub receives: u32,
    /// When it said so.
    pub at: Wall,
}

/// How a seat ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SeatEnd {
    /// By its holder's wish.
    Left,
    /// Its media connection ended.
    Disconnected,
    /// Its time ran out: to connect, or to be renewed.
    Expired,
    /// It was taken away.
    Evicted,
    /// The same client came again.
    Replaced,
}

impl Seat {
    /// What the rooms door keeps, if it is that door's.
    #[must_use]
    pub const fn participant(&self) -> Option<&Participant> {
        match &self.means {
            Means::Rooms(participant) => Some(participant),
            _ => None,
        }
    }

    /// Whether its current token has let nobody in yet, and answered this
    /// request: whoever asks again is given the same one.
    #[must_use]
    pub fn is_answer_to(&self, asked: Option<RequestId>) -> bool {
        let used = self.live.as_ref().is_some_and(|live| live.number >= self.current);
        match self.means {
            Means::Callctl { request } => asked.is_some() && request == asked && !used,
            _ => false,
        }
    }

    /// Whether its time is over by then, whether or not anybody has noticed.
    #[must_use]
    pub fn is_over(&self, at: Wall) -> bool {
        self.participant().is_some_and(|participant| participant.expires <= at)
    }

    /// Whether somebody is in the room's call by it: all but viewers.
    #[must_use]
    pub const fn takes_part(&self) -> bool {
        !matches!(self.means, Means::Viewer)
    }
}
