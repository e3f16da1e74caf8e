//! What is always true of a room.

use crate::room::Room;

impl Room {
    /// Checks every invariant; tests and the simulator call it after each
    /// command.
    ///
    /// # Panics
    /// If one does not hold, naming it.
    pub fn check(&self) {
        let limits = &self.limits;
        assert!(self.members.len() <= limits.members as usize, "more members than the limit");
        assert!(self.chat.len() <= limits.chat_entries as usize, "more chat than the limit");
        for (id, member) in &self.members {
            assert_eq!(*id, member.id, "a member under another's id");
            assert!(member.wishes.len() <= limits.wishes as usize, "more wishes than the limit");
            for stream in member.overrides.keys() {
                assert!(self.streams.contains_key(stream), "a wish for a stream that is not there");
            }
        }
        for (id, stream) in &self.streams {
            assert_eq!(*id, stream.id, "a stream under another's id");
            assert!(self.members.contains_key(&stream.owner), "a stream without its owner");
            if let Some(old) = &stream.replaces {
                assert!(!self.streams.contains_key(old), "a replaced stream is still there");
            }
        }
        for owner in self.members.keys() {
            let count = self.streams.values().filter(|s| s.owner == *owner).count();
            assert!(count <= limits.streams_per_member as usize, "more streams than the limit");
        }
        let mut keys: Vec<_> = self.chat.iter().map(|entry| &entry.key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), self.chat.len(), "two chat entries under one key");
    }
}
