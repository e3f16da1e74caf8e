//! The room's state and how it is read.

use crate::event::{ChatEntry, Event};
use crate::limits::Limits;
use crate::member::{Member, MemberId};
use crate::record::RoomRecord;
use crate::rules::Rules;
use crate::stream::{Stream, StreamId};
use parlour_base::{Epoch, JsonMap, RoomId, Seq};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// A place people join; the unit of order.
///
/// It can be written as a snapshot and read back; two rooms are equal exactly
/// when their snapshots are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Room {
    pub(crate) id: RoomId,
    pub(crate) epoch: Epoch,
    pub(crate) seq: Seq,
    pub(crate) limits: Limits,
    pub(crate) rules: Rules,
    pub(crate) lock: Option<String>,
    pub(crate) attributes: JsonMap,
    pub(crate) members: BTreeMap<MemberId, Member>,
    pub(crate) streams: BTreeMap<StreamId, Stream>,
    pub(crate) chat: VecDeque<ChatEntry>,
}

impl Room {
    /// An empty room in a new epoch, with what the store kept of it.
    #[must_use]
    pub fn open(
        id: RoomId,
        epoch: Epoch,
        limits: Limits,
        record: RoomRecord,
        chat: Vec<ChatEntry>,
    ) -> Self {
        Self {
            id,
            epoch,
            seq: Seq(0),
            limits,
            rules: record.rules,
            lock: record.lock,
            attributes: record.attributes,
            members: BTreeMap::new(),
            streams: BTreeMap::new(),
            chat: chat.into(),
        }
    }

    /// The room that results when these events happen to this one.
    ///
    /// # Panics
    /// If an event is not the next one of this room's epoch.
    #[must_use]
    pub fn replay<'e>(mut self, events: impl IntoIterator<Item = &'e Event>) -> Self {
        for event in events {
            self.evolve(event);
        }
        self
    }

    /// A text that is equal for equal rooms and for no others.
    #[must_use]
    pub fn digest(&self) -> String {
        serde_json::to_string(self).expect("every part has a JSON form")
    }

    /// Its identity.
    #[must_use]
    pub const fn id(&self) -> RoomId {
        self.id
    }

    /// Which opening of the room this is.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The number of its last event.
    #[must_use]
    pub const fn seq(&self) -> Seq {
        self.seq
    }

    /// Entry policy, capacity and settings.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What people who are turned away are told while it is locked.
    #[must_use]
    pub fn lock(&self) -> Option<&str> {
        self.lock.as_deref()
    }

    /// Room-wide attributes.
    #[must_use]
    pub const fn attributes(&self) -> &JsonMap {
        &self.attributes
    }

    /// Everybody who is in, by id.
    pub fn members(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.members.values()
    }

    /// One member.
    #[must_use]
    pub fn member(&self, id: &MemberId) -> Option<&Member> {
        self.members.get(id)
    }

    /// All published streams, by id.
    pub fn streams(&self) -> impl ExactSizeIterator<Item = &Stream> {
        self.streams.values()
    }

    /// One stream.
    #[must_use]
    pub fn stream(&self, id: &StreamId) -> Option<&Stream> {
        self.streams.get(id)
    }

    /// The chat that newcomers are shown, oldest first.
    pub fn chat(&self) -> impl ExactSizeIterator<Item = &ChatEntry> {
        self.chat.iter()
    }

    /// Whether nobody is in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// What must survive a restart.
    #[must_use]
    pub fn record(&self) -> RoomRecord {
        RoomRecord {
            rules: self.rules.clone(),
            lock: self.lock.clone(),
            attributes: self.attributes.clone(),
        }
    }
}
