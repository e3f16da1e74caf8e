//! What the rooms door keeps of a room: owner, life, size, and a context that
//! only its clients can read.

use parlour_base::{Json, UserId, Wall};
use serde::{Deserialize, Serialize};

/// The room as the rooms door made it, or as it was opened to that door.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// Who may change and delete it; `None`: nobody by that door.
    pub owner: Option<UserId>,
    /// The owner's name, as it is shown.
    pub owner_name: String,
    /// The old plain name.
    #[serde(default)]
    pub name: Option<String>,
    /// What the clients encrypted; never looked at.
    #[serde(default)]
    pub context: Option<Json>,
    /// Most participants.
    pub max_size: u32,
    /// Which settings of the media provider were asked for.
    pub channel: String,
    /// When it was made.
    pub created: Wall,
}

/// The times of a lease, which change often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// The last change, join, leave or expiry.
    pub changed: Wall,
    /// When the room ends.
    pub expires: Wall,
}
