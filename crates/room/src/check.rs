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
        for (id, member) in &*self.members {
            assert_eq!(*id, member.id, "a member under another's id");
            assert!(member.wishes.len() <= limits.wishes as usize, "more wishes than the limit");
            for stream in member.overrides.keys() {
                assert!(self.streams.contains_key(stream), "a wish for a stream that is not there");
            }
        }
        for (id, seat) in &*self.seats {
            assert_eq!(*id, seat.id, "a seat under another's id");
            assert_eq!(id.user, seat.person.user, "a seat of another user");
            assert!(seat.current.0 <= self.clock.last(), "a token from the future");
            if let Some(live) = &seat.live {
                let member = self.members.get(&live.member);
                let back = member.and_then(|member| member.seat.as_ref());
                assert_eq!(back, Some(id), "a live seat without its member");
                assert!(live.number <= seat.current, "a seat live by a later token");
            }
        }
        for member in self.members.values() {
            let seat = member.seat.as_ref().map(|id| self.seat(id));
            let live = seat.map(|seat| seat.and_then(|seat| seat.live.as_ref()));
            let held = live.is_none_or(|live| live.is_some_and(|live| live.member == member.id));
            assert!(held, "a member that came by a seat which is not live by it");
        }
        assert!(self.seats.len() <= limits.seats as usize, "more seats than the limit");
        assert!(self.grants.len() <= limits.grants as usize, "more grants than the limit");
        assert!(self.stamp <= self.clock.last(), "a stamp from the future");
        let inside = !self.members.is_empty() || self.seats().any(|s| s.takes_part());
        assert_eq!(self.call.is_some(), inside, "a call without people, or people without one");
        for (id, stream) in &*self.streams {
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
