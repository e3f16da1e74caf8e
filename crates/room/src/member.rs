//! Who is in a room.

use crate::person::Person;
use crate::seat::SeatId;
use crate::stream::{StreamId, Wish, Wishes};
use parlour_base::{JsonMap, Permissions, Wall};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Names one member within a room, and everywhere its door shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MemberId(pub String);

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A live admission of one client to a room's call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Unique in the room.
    pub id: MemberId,
    /// Who it is.
    pub person: Person,
    /// What it is.
    pub kind: MemberKind,
    /// The seat by whose token it came in.
    pub seat: Option<SeatId>,
    /// Its place in the order of coming.
    pub order: u64,
    /// Since when.
    pub since: Wall,
    /// The name others see; may be empty.
    pub name: String,
    /// The name of the room by which it came in.
    pub via: String,
    /// What it may do.
    pub permissions: Permissions,
    /// Its own attributes, such as a raised hand.
    pub attributes: JsonMap,
    /// What it wants to receive, by stream label.
    pub wishes: Wishes,
    /// What it wants of single streams instead; an entry ends with its stream.
    pub overrides: BTreeMap<StreamId, Wish>,
}

/// What a member is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberKind {
    /// Somebody's client.
    #[default]
    Client,
    /// A publisher by WHIP.
    Whip,
    /// The recorder.
    Recorder,
}
