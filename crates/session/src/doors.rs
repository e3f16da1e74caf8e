//! The doors that take single requests, together: their configuration, and
//! what they make of what happens in rooms.

use crate::call::Observed;
use parlour_room::{Event, Room};

/// What the doors are configured with.
#[derive(Debug, Clone, Default)]
pub struct Doors {}

impl Doors {
    /// What the doors make of these events of a room, `room` being the room
    /// after them and `names` its (namespace, name) pairs.
    #[must_use]
    pub fn observe(
        &self,
        room: &Room,
        names: &[(String, String)],
        events: &[Event],
    ) -> Vec<Observed> {
        crate::callctl::observe(room, names, events)
    }
}
