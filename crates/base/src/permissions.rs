//! What a member may do in a room.
//!
//! The names are those of Galène's protocol (docs/protocols/galene.md §4),
//! which is the richest of the four vocabularies.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// One right inside a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Permission {
    /// Moderate; bypass locks and capacity.
    Op = 0,
    /// Publish streams.
    Present,
    /// Send chat and user messages.
    Message,
    /// Send captions.
    Caption,
    /// Make invitations.
    Token,
    /// Record the room.
    Record,
    /// Administer the room over HTTP.
    Admin,
    /// Internal participant; never given to people.
    System,
}

impl Permission {
    /// All of them, in the order in which they are written.
    pub const ALL: [Self; 8] = [
        Self::Op,
        Self::Present,
        Self::Message,
        Self::Caption,
        Self::Token,
        Self::Record,
        Self::Admin,
        Self::System,
    ];

    /// The name on the wire and in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Op => "op",
            Self::Present => "present",
            Self::Message => "message",
            Self::Caption => "caption",
            Self::Token => "token",
            Self::Record => "record",
            Self::Admin => "admin",
            Self::System => "system",
        }
    }

    /// The permission of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == name)
    }
}

/// A set of permissions.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permissions(u8);

impl Permissions {
    /// No permission at all.
    pub const NONE: Self = Self(0);

    /// The set of these.
    #[must_use]
    pub const fn of(list: &[Permission]) -> Self {
        let (mut bits, mut i) = (0, 0);
        while i < list.len() {
            bits |= 1 << list[i] as u8;
            i += 1;
        }
        Self(bits)
    }

    /// Whether `p` is in the set.
    #[must_use]
    pub const fn has(self, p: Permission) -> bool {
        self.0 & (1 << p as u8) != 0
    }

    /// The set with `p`.
    #[must_use]
    pub const fn with(self, p: Permission) -> Self {
        Self(self.0 | 1 << p as u8)
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The set without `p`.
    #[must_use]
    pub const fn without(self, p: Permission) -> Self {
        Self(self.0 & !(1 << p as u8))
    }

    /// Whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members of the set, in their written order.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |p| self.has(*p))
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(iter: I) -> Self {
        iter.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Permission::name)).finish()
    }
}

impl Serialize for Permissions {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.iter().map(Permission::name))
    }
}

impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Vec::<String>::deserialize(d)?
            .iter()
            .map(|name| {
                Permission::from_name(name)
                    .ok_or_else(|| serde::de::Error::custom("unknown permission"))
            })
            .collect()
    }
}
