//! The doors that take single requests, together: their configuration, and
//! what they make of what happens in rooms.

use crate::call::Observed;
use crate::rooms;
use parlour_room::{Actor, Event, Room};
use std::sync::Arc;

/// What the doors are configured with.
#[derive(Debug, Clone, Default)]
pub struct Doors {
    /// The rooms API.
    pub rooms: Arc<rooms::Door>,
}

impl Doors {
    /// What the doors make of these events of a room, which `actor` has caused:
    /// `room` is the room after them and `names` its (namespace, name) pairs.
    #[must_use]
    pub fn observe(
        &self,
        room: &Room,
        names: &[(String, String)],
        actor: &Actor,
        events: &[Event],
    ) -> Vec<Observed> {
        let mut observed = crate::callctl::observe(room, names, events);
        observed.extend(rooms::observe(&self.rooms, room, actor, events));
        observed
    }
}
