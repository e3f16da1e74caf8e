//! An event on its way to many sessions: what all of them are told alike is
//! written once in each dialect, and its bytes are shared.
//!
//! Owns what others are told of an event. Refuses to know who they are: what
//! differs from one to the next, each session writes itself.

use super::port::Context;
use super::translate;
use parlour_room::{Event, Happening, Member, Room};
use parlour_wire::galene::{Dialect, ServerMessage, UserKind, UserLine, text};
use std::sync::Arc;

/// An event of a room, as it is told.
#[derive(Debug)]
pub struct News<'e> {
    pub(super) context: &'e Context,
    /// The room after the command that caused the event.
    pub(super) room: &'e Room,
    pub(super) event: &'e Event,
    /// By dialect, once somebody who speaks it was told.
    frames: [Option<Option<Arc<str>>>; 3],
}

impl<'e> News<'e> {
    /// An event that nobody has been told of yet, `room` being the room after
    /// the command that caused it.
    #[must_use]
    pub const fn new(context: &'e Context, room: &'e Room, event: &'e Event) -> Self {
        Self { context, room, event, frames: [const { None }; 3] }
    }

    /// What everybody is told whom the event does not concern in person;
    /// `None` if that is nothing.
    pub(super) fn frame(&mut self, dialect: Dialect) -> Option<Arc<str>> {
        let [legacy, v1, v2] = &mut self.frames;
        let frame = match dialect {
            Dialect::Legacy => legacy,
            Dialect::V1 => v1,
            Dialect::V2 => v2,
        };
        let (room, event) = (self.room, self.event);
        frame.get_or_insert_with(|| written(room, event, dialect).map(Into::into)).clone()
    }
}

fn written(room: &Room, event: &Event, dialect: Dialect) -> Option<String> {
    match &event.what {
        Happening::Chatted { entry, no_echo } => {
            ServerMessage::Chat(translate::entry(entry, *no_echo)).write(dialect)
        }
        Happening::ChatCleared { clearing, .. } => ServerMessage::UserMessage {
            kind: text::CLEAR_CHAT.to_owned(),
            id: None,
            dest: None,
            source: None,
            username: None,
            privileged: true,
            error: None,
            time: None,
            noecho: false,
            value: translate::clearing_value(clearing),
        }
        .write(dialect),
        Happening::Joined(member) => Some(user(UserKind::Add, member).write(dialect)),
        Happening::Left { member, .. } => Some(user(UserKind::Delete, member).write(dialect)),
        Happening::MemberChanged { member, permissions, attributes, .. } => {
            let member = room.member(member)?;
            let (permissions, data) = (*permissions, attributes);
            Some(UserLine { permissions, data, ..user(UserKind::Change, member) }.write(dialect))
        }
        Happening::Said(said) => translate::said(said, event.at).write(dialect),
        _ => None,
    }
}

/// A member as others are told of it.
pub(super) fn user(kind: UserKind, member: &Member) -> UserLine<'_> {
    UserLine {
        kind,
        id: &member.id.0,
        username: &member.name,
        permissions: member.permissions,
        data: &member.attributes,
    }
}
