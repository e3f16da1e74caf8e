//! The ways into a room.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A protocol by which somebody comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Door {
    /// Galène's client protocol.
    Galene = 0,
    /// The rooms API.
    Rooms,
    /// Call control.
    Callctl,
    /// Real-time messages.
    Chat,
    /// Ingest by WHIP (RFC 9725).
    Whip,
    /// Egress by WHEP.
    Whep,
}

impl Door {
    /// All of them, in the order in which they are written.
    pub const ALL: [Self; 6] =
        [Self::Galene, Self::Rooms, Self::Callctl, Self::Chat, Self::Whip, Self::Whep];

    /// The name in configuration, tokens and the integration API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Galene => "galene",
            Self::Rooms => "rooms",
            Self::Callctl => "callctl",
            Self::Chat => "chat",
            Self::Whip => "whip",
            Self::Whep => "whep",
        }
    }

    /// The door of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|door| door.name() == name)
    }
}

/// A set of doors.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Doors(u8);

impl Doors {
    /// No door.
    pub const NONE: Self = Self(0);

    /// A set of these.
    #[must_use]
    pub const fn of(doors: &[Door]) -> Self {
        let mut set = Self(0);
        let mut rest = doors;
        while let [door, more @ ..] = rest {
            set = set.with(*door);
            rest = more;
        }
        set
    }

    /// The doors of somebody who came by Galène's protocol: its page and what
    /// belongs to it.
    pub const GALENE: Self = Self::of(&[Door::Galene, Door::Whip, Door::Whep]);

    /// The set and this door.
    #[must_use]
    pub const fn with(self, door: Door) -> Self {
        Self(self.0 | 1 << door as u8)
    }

    /// The set without this door.
    #[must_use]
    pub const fn without(self, door: Door) -> Self {
        Self(self.0 & !(1 << door as u8))
    }

    /// Whether the door is in the set.
    #[must_use]
    pub const fn has(self, door: Door) -> bool {
        self.0 & (1 << door as u8) != 0
    }

    /// The doors in it, in the order in which they are written.
    pub fn iter(self) -> impl Iterator<Item = Door> {
        Door::ALL.into_iter().filter(move |door| self.has(*door))
    }
}

impl fmt::Debug for Doors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Door::name)).finish()
    }
}

impl Serialize for Doors {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.iter().map(Door::name))
    }
}

impl<'de> Deserialize<'de> for Doors {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(d)?;
        names.iter().try_fold(Self::NONE, |set, name| match Door::from_name(name) {
            Some(door) => Ok(set.with(door)),
            None => Err(serde::de::Error::custom("no such door")),
        })
    }
}

impl Serialize for Door {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Door {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let name = String::deserialize(d)?;
        Self::from_name(&name).ok_or_else(|| serde::de::Error::custom("no such door"))
    }
}
