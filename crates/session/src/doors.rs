//! The doors that take single requests, together: their configuration, and
//! what they make of what happens in rooms.

use crate::call::Observed;
use crate::rooms;
use parlour_room::{Event, RequestId, Room};
use std::sync::Arc;

/// What the doors are configured with.
#[derive(Debug, Clone, Default)]
pub struct Doors {
    /// The rooms API.
    pub rooms: Arc<rooms::Door>,
}

impl Doors {
    /// What the doors make of these events of a room, `room` being the room
    /// after them, `names` its (namespace, name) pairs, and `request` what made
    /// them happen.
    #[must_use]
    pub fn observe(
        &self,
        room: &Room,
        names: &[(String, String)],
        events: &[Event],
        request: Option<RequestId>,
    ) -> Vec<Observed> {
        let mut observed = crate::callctl::observe(room, names, events, request);
        observed.extend(rooms::observe(&self.rooms, room, events));
        observed
    }
}
