//! Rooms in which something is due although nobody is connected to them: they
//! are opened when the time comes, a few at a time.

use crate::opening::Waiter;
use crate::shard::{Shard, Timer};
use parlour_base::{Mono, Now, RoomId, Wall};
use parlour_session::Target;
use std::collections::BTreeSet;
use std::time::Duration;

/// Most rooms opened at a time because something is due in them.
const OPENINGS_MAX: usize = 64;

/// How long at most until the wall clock is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// How long until a room is tried again that could not be opened.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// The rooms that are not in memory and have something coming.
#[derive(Debug, Default)]
pub(crate) struct DueRooms {
    rooms: BTreeSet<(Wall, RoomId)>,
    /// How many are being opened.
    opening: usize,
}

impl DueRooms {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.rooms.len()
    }
}

/// When the wall clock is likely to show `at`, and soon enough to notice if it
/// was moved.
pub(crate) fn likely(now: Now, at: Wall) -> Mono {
    let wait = Duration::from_millis(u64::try_from(at.0.saturating_sub(now.wall.0)).unwrap_or(0));
    now.mono + wait.min(LOOK_AGAIN)
}

impl Shard {
    /// A room is not in memory and has something coming.
    pub(crate) fn due_later(&mut self, now: Now, at: Wall, room: RoomId) {
        self.due_rooms.rooms.insert((at, room));
        self.arm_due(now);
    }

    fn arm_due(&mut self, now: Now) {
        if self.due_rooms.opening < OPENINGS_MAX
            && let Some((at, _)) = self.due_rooms.rooms.first()
        {
            self.arm(Some(likely(now, *at)), Timer::Due);
        }
    }

    /// Opens the rooms whose time has come.
    pub(crate) fn due_tick(&mut self, now: Now) {
        while self.due_rooms.opening < OPENINGS_MAX {
            let first = self.due_rooms.rooms.first().copied();
            let Some((at, room)) = first.filter(|(at, _)| *at <= now.wall) else { break };
            self.due_rooms.rooms.remove(&(at, room));
            self.due_rooms.opening += 1;
            self.want(now, Target::Id(room), Waiter::Due(room));
        }
        self.arm_due(now);
    }

    /// One of them is there, or there is none; one that our side failed to
    /// open is tried again.
    pub(crate) fn due_opened(&mut self, now: Now, again: Option<RoomId>) {
        self.due_rooms.opening = self.due_rooms.opening.saturating_sub(1);
        let later = i64::try_from(TRY_AGAIN.as_millis()).unwrap_or(i64::MAX);
        let later = Wall(now.wall.0.saturating_add(later));
        self.due_rooms.rooms.extend(again.map(|room| (later, room)));
        self.arm_due(now);
    }
}
