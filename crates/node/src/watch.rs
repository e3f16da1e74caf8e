//! A window for those who check the shard: what its rooms decided, in order.
//! Closed unless it is asked for; nothing inside depends on it.

use crate::shard::Shard;
use parlour_base::RoomId;
use parlour_room::{Actor, Command, Event, Refusal, Room};

/// Something that a room of the shard decided or showed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Decision {
    /// A room was taken into memory.
    Hosted(Box<Room>),
    /// A command became visible with what followed from it.
    Shown {
        /// The room.
        room: RoomId,
        /// Who asked.
        actor: Actor,
        /// What was asked.
        command: Command,
        /// What happened.
        events: Vec<Event>,
    },
    /// A command was refused at once.
    Refused {
        /// The room as it was decided on.
        room: Box<Room>,
        /// Who asked.
        actor: Actor,
        /// What was asked.
        command: Command,
        /// Why not.
        refusal: Refusal,
    },
    /// A room was let go.
    Forgotten(RoomId),
}

impl Shard {
    /// Opens the window; from now on decisions are kept until they are taken.
    pub fn watch(&mut self) {
        self.decisions.get_or_insert_default();
    }

    /// Takes the decisions since the last time.
    pub fn take_decisions(&mut self) -> Vec<Decision> {
        self.decisions.as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(crate) fn decided(&mut self, decision: impl FnOnce() -> Decision) {
        if let Some(decisions) = &mut self.decisions {
            decisions.push(decision());
        }
    }
}
