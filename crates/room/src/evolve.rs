//! How events change a room: the only code that writes its state.

use crate::event::{Event, Happening, StreamEnd};
use crate::room::Room;

impl Room {
    /// Lets `event` have happened.
    ///
    /// # Panics
    /// If it is not the next event of this room's epoch.
    pub fn evolve(&mut self, event: &Event) {
        assert_eq!(event.epoch, self.epoch, "an event of another epoch");
        assert_eq!(event.seq, self.seq.next(), "an event out of order");
        self.seq = event.seq;
        match &event.what {
            Happening::AttributesSet(attributes) => self.attributes = attributes.clone(),
            Happening::Chatted { entry, .. } => self.chat.push_back(entry.clone()),
            Happening::ChatCleared { keys, .. } => {
                self.chat.retain(|entry| !keys.contains(&entry.key));
            }
            Happening::ChatExpired(count) => {
                self.chat.drain(..(*count as usize).min(self.chat.len()));
            }
            Happening::Configured(rules) => self.rules = rules.as_ref().clone(),
            Happening::Joined(member) => {
                self.members.insert(member.id.clone(), member.as_ref().clone());
            }
            Happening::Left { member, .. } => {
                self.members.remove(&member.id);
            }
            Happening::LockSet(lock) => self.lock = lock.clone(),
            Happening::MemberChanged { member, permissions, attributes, .. } => {
                if let Some(member) = self.members.get_mut(member) {
                    member.permissions = *permissions;
                    member.attributes = attributes.clone();
                }
            }
            Happening::Requested { member, wishes } => {
                if let Some(member) = self.members.get_mut(member) {
                    member.wishes = wishes.clone();
                }
            }
            Happening::RequestedStream { member, stream, wish } => {
                if let Some(member) = self.members.get_mut(member) {
                    match wish {
                        Some(wish) => member.overrides.insert(stream.clone(), *wish),
                        None => member.overrides.remove(stream),
                    };
                }
            }
            Happening::Said(_) => {}
            Happening::StreamAnnounced { stream, tracks } => {
                if let Some(stream) = self.streams.get_mut(stream) {
                    stream.tracks = tracks.clone();
                }
            }
            Happening::StreamEnded { stream, how } => {
                self.streams.remove(&stream.id);
                for member in self.members.values_mut() {
                    let wish = member.overrides.remove(&stream.id);
                    // What was wanted of the old one goes for the new one.
                    if let (Some(wish), StreamEnd::Replaced { by }) = (wish, how) {
                        member.overrides.insert(by.clone(), wish);
                    }
                }
            }
            Happening::StreamPublished(stream) => {
                self.streams.insert(stream.id.clone(), stream.clone());
            }
        }
    }
}
