//! Streams: what members publish and want to receive.

use super::{Turn, need};
use crate::event::{Happening, StreamEnd};
use crate::member::Member;
use crate::refusal::Refusal;
use crate::stream::{Stream, StreamId, Track, Wish, Wishes};
use parlour_base::Permission;
use parlour_base::limits::NAME_BYTES_MAX;

impl Turn<'_> {
    pub(super) fn publish(
        &mut self,
        me: &Member,
        id: StreamId,
        label: String,
        replaces: Option<StreamId>,
    ) -> Result<(), Refusal> {
        need(me, Permission::Present)?;
        if id.0.is_empty() || id.0.len() > NAME_BYTES_MAX || label.len() > NAME_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        // An id whose place another stream takes may still be with receivers.
        let taken = |s: &Stream| s.id == id || s.replaces.as_ref() == Some(&id);
        if self.room.streams.values().any(taken) {
            return Err(Refusal::StreamExists);
        }
        let mine = |old: &&Stream| old.owner == me.id;
        let old = replaces.and_then(|old| self.room.streams.get(&old).filter(mine).cloned());
        let others = self.streams_of(&me.id).len() - usize::from(old.is_some());
        if others >= self.room.limits.streams_per_member as usize {
            return Err(Refusal::TooManyStreams);
        }
        // Receivers know the last announced stream of a chain of replacements.
        let replaces = old.as_ref().map(|old| match &old.replaces {
            Some(older) if old.tracks.is_empty() => older.clone(),
            _ => old.id.clone(),
        });
        if let Some(stream) = old {
            self.end(stream, StreamEnd::Replaced { by: id.clone() });
        }
        let owner = me.id.clone();
        let stream = Stream { id, owner, label, replaces, tracks: Vec::new() };
        self.emit(Happening::StreamPublished(stream));
        Ok(())
    }

    pub(super) fn announce(&mut self, id: &StreamId, tracks: Vec<Track>) {
        let changed = self.room.streams.get(id).is_some_and(|s| s.tracks != tracks);
        if changed {
            self.emit(Happening::StreamAnnounced { stream: id.clone(), tracks });
        }
    }

    pub(super) fn unpublish(&mut self, me: &Member, id: &StreamId) -> Result<(), Refusal> {
        let stream = self.room.streams.get(id).ok_or(Refusal::UnknownStream)?;
        if stream.owner != me.id {
            return Err(Refusal::NotAuthorised);
        }
        self.end(stream.clone(), StreamEnd::Closed);
        Ok(())
    }

    pub(super) fn end(&mut self, stream: Stream, how: StreamEnd) {
        self.emit(Happening::StreamEnded { stream, how });
    }

    pub(super) fn request(&mut self, me: &Member, wishes: Wishes) -> Result<(), Refusal> {
        if wishes.len() > self.room.limits.wishes as usize
            || wishes.keys().any(|label| label.len() > NAME_BYTES_MAX)
        {
            return Err(Refusal::TooLarge);
        }
        self.emit(Happening::Requested { member: me.id.clone(), wishes });
        Ok(())
    }

    pub(super) fn request_stream(
        &mut self,
        me: &Member,
        stream: StreamId,
        wish: Option<Wish>,
    ) -> Result<(), Refusal> {
        if !self.room.streams.contains_key(&stream) {
            return Err(Refusal::UnknownStream);
        }
        self.emit(Happening::RequestedStream { member: me.id.clone(), stream, wish });
        Ok(())
    }
}
