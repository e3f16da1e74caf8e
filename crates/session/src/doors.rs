//! The doors that take single requests, together: their configuration, and
//! what they make of what happens in rooms.

use crate::call::Observed;
use crate::rooms;
use parlour_room::{Actor, Event, RequestId, Room};
use std::sync::Arc;

/// What made events happen.
#[derive(Debug, Clone, Copy)]
pub struct Cause<'c> {
    /// Who wanted it.
    pub actor: &'c Actor,
    /// The request of a caller, if it was one that has a name.
    pub request: Option<RequestId>,
}

/// What the doors are configured with.
#[derive(Debug, Clone, Default)]
pub struct Doors {
    /// The rooms API.
    pub rooms: Arc<rooms::Door>,
}

impl Doors {
    /// What the doors make of these events of a room: `room` is the room after
    /// them and `names` its (namespace, name) pairs.
    #[must_use]
    pub fn observe(
        &self,
        room: &Room,
        names: &[(String, String)],
        cause: Cause<'_>,
        events: &[Event],
    ) -> Vec<Observed> {
        let mut observed = crate::callctl::observe(room, names, events, cause.request);
        observed.extend(rooms::observe(&self.rooms, room, cause.actor, events));
        observed
    }
}
