//! What of a room must survive a restart, and which writes keep it so.

use crate::command::Clearing;
use crate::event::{ChatEntry, Event, Happening};
use crate::room::Room;
use crate::rules::Rules;
use parlour_base::storage::Write;
use parlour_base::{Json, JsonMap};
use serde::{Deserialize, Serialize};

/// The durable part of a room but for its chat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoomRecord {
    /// The operator's definition as it was last seen.
    pub rules: Rules,
    /// What is said at the door while it is locked.
    pub lock: Option<String>,
    /// Room-wide attributes.
    pub attributes: JsonMap,
}

impl RoomRecord {
    /// Reads what [`RoomRecord::to_json`] wrote.
    ///
    /// # Errors
    /// If it is something else.
    pub fn from_json(body: Json) -> Result<Self, serde_json::Error> {
        serde_json::from_value(body)
    }

    /// The stored form.
    #[must_use]
    pub fn to_json(&self) -> Json {
        serde_json::to_value(self).expect("every part has a JSON form")
    }
}

impl ChatEntry {
    /// Reads a stored entry.
    ///
    /// # Errors
    /// If it is something else.
    pub fn from_json(body: Json) -> Result<Self, serde_json::Error> {
        serde_json::from_value(body)
    }
}

impl Room {
    /// What must be written because `event` happened, this being the room
    /// after it.
    #[must_use]
    pub fn write_for(&self, event: &Event) -> Option<Write> {
        let (room, epoch) = (self.id, self.epoch);
        match &event.what {
            Happening::Chatted { entry, .. } => Some(Write::Chat {
                room,
                epoch,
                seq: event.seq,
                key: entry.key.clone(),
                at: entry.at,
                body: serde_json::to_value(entry).expect("every part has a JSON form"),
                keep: self.limits.chat_entries,
            }),
            Happening::ChatCleared { clearing: Clearing::All, .. } => {
                Some(Write::ForgetChat { room, epoch, keys: None })
            }
            Happening::ChatCleared { keys, .. } => {
                Some(Write::ForgetChat { room, epoch, keys: Some(keys.clone()) })
            }
            Happening::AttributesSet(_) | Happening::Configured(_) | Happening::LockSet(_) => {
                Some(Write::Room { room, epoch, body: self.record().to_json() })
            }
            _ => None,
        }
    }
}
