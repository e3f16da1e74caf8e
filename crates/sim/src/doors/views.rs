//! Who is seen where, written once more from the table of the design
//! (docs/design/architecture.md, "Who is seen where") and not from the room's
//! views.

use parlour_room::seat::Means;
use parlour_room::{Room, Seat};
use std::collections::BTreeMap;

/// What each door says of who is in a room.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Views {
    /// Names, sorted.
    pub rooms: Vec<String>,
    /// Whether each is connected.
    pub callctl: BTreeMap<String, bool>,
    /// Names and states, sorted.
    pub api: Vec<(String, &'static str)>,
}

impl Views {
    pub(crate) fn of(room: &Room) -> Self {
        let mut views = Self::default();
        for member in room.members() {
            let seat = room.seats().find(|seat| Some(&seat.id) == member.seat.as_ref());
            // Somebody with a place at the rooms door is shown as there.
            let name = seat.filter(|seat| seat.participant().is_some()).map(|seat| &seat.name);
            views.rooms.push(name.unwrap_or(&member.name).clone());
            views.api.push((member.name.clone(), "connected"));
            views.callctl.extend(member.person.kik.clone().map(|name| (name, true)));
        }
        for seat in room.seats().filter(|seat| seat.live.is_none()) {
            views.waiting(seat);
        }
        views.rooms.sort_unstable();
        views.api.sort_unstable();
        views
    }

    /// Somebody who was admitted and has no media session.
    fn waiting(&mut self, seat: &Seat) {
        let name = seat.name.clone();
        let state = match &seat.means {
            Means::Callctl { .. } => {
                let kik = seat.person.kik.clone();
                kik.into_iter().for_each(|kik| {
                    self.callctl.entry(kik).or_insert(false);
                });
                "connecting"
            }
            Means::Rooms(_) => {
                self.rooms.push(name.clone());
                "connecting"
            }
            Means::Viewer => "viewer",
            Means::Elsewhere => "elsewhere",
        };
        self.api.push((name, state));
    }
}
