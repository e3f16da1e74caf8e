//! What the memory engine holds of one room.

use super::Pair;
use parlour_base::{Epoch, Json, Seq, Wall};
use std::collections::BTreeMap;

/// Where an entry of chat stands, and its key.
pub(super) type ChatKey = (Epoch, Seq, String);

/// Entries of chat that were taken out or, without a body, put in.
pub(super) type ChatChanges = Vec<(ChatKey, Option<Json>)>;

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Room {
    pub(super) epoch: Epoch,
    /// Nothing is kept of it but the epoch, and nobody owns it.
    pub(super) forgotten: bool,
    pub(super) body: Option<Json>,
    pub(super) due: Option<Wall>,
    pub(super) parts: BTreeMap<Pair, Json>,
    pub(super) chat: BTreeMap<ChatKey, Json>,
    /// Where in `chat` a key is.
    places: BTreeMap<String, (Epoch, Seq)>,
}

impl Room {
    /// Leaves nothing but the epoch, and gives what there was.
    pub(super) fn forget(&mut self) -> Self {
        let left = Self { epoch: self.epoch, forgotten: true, ..Self::default() };
        std::mem::replace(self, left)
    }

    /// Adds an entry, and forgets the oldest beyond `keep`.
    pub(super) fn say(&mut self, at: ChatKey, body: Json, keep: u32) -> ChatChanges {
        let mut changes = self.forget_keys(std::slice::from_ref(&at.2));
        changes.push((at.clone(), self.put(at, Some(body))));
        let keep = usize::try_from(keep).unwrap_or(usize::MAX);
        while self.chat.len() > keep {
            let Some((oldest, body)) = self.chat.pop_first() else { break };
            self.places.remove(&oldest.2);
            changes.push((oldest, Some(body)));
        }
        changes
    }

    pub(super) fn forget_keys(&mut self, keys: &[String]) -> ChatChanges {
        let mut changes = Vec::new();
        for key in keys {
            if let Some(&(epoch, seq)) = self.places.get(key) {
                let at = (epoch, seq, key.clone());
                changes.push((at.clone(), self.put(at, None)));
            }
        }
        changes
    }

    pub(super) fn forget_chat(&mut self) -> ChatChanges {
        self.places.clear();
        std::mem::take(&mut self.chat).into_iter().map(|(at, body)| (at, Some(body))).collect()
    }

    /// Takes changes back.
    pub(super) fn undo(&mut self, changes: ChatChanges) {
        for (at, body) in changes.into_iter().rev() {
            self.put(at, body);
        }
    }

    /// Sets one entry, and gives what was there.
    fn put(&mut self, at: ChatKey, body: Option<Json>) -> Option<Json> {
        match body {
            Some(body) => {
                self.places.insert(at.2.clone(), (at.0, at.1));
                self.chat.insert(at, body)
            }
            None => {
                self.places.remove(&at.2);
                self.chat.remove(&at)
            }
        }
    }
}
