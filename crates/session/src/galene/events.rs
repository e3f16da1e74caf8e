//! What the client is told of what happens in its room.

use super::port::Context;
use super::session::{Phase, Session};
use super::translate;
use parlour_base::{JsonMap, Permissions};
use parlour_room::event::{Departure, StreamEnd};
use parlour_room::{Event, Happening, Member, MemberId, Room};
use parlour_wire::galene::{JoinedKind, ServerMessage, UserKind, text};

impl Session {
    /// Tells the client of an event of its room, `room` being the room after
    /// the command that caused it.
    pub fn event(&mut self, context: &Context, room: &Room, event: &Event) {
        let Some(me) = self.id().cloned() else { return };
        if !event.what.reaches(&me) {
            return;
        }
        #[cfg(feature = "planted")]
        if parlour_room::planted::is(parlour_room::planted::Bug::GapAfterSnapshot)
            && parlour_room::planted::skips(&me)
        {
            return;
        }
        match &event.what {
            Happening::AttributesSet(_) | Happening::Configured(_) | Happening::LockSet(_) => {
                self.tell_change(context, room, room.attributes().clone());
            }
            Happening::Chatted { entry, no_echo } => {
                self.send(&ServerMessage::Chat(translate::entry(entry, *no_echo)));
            }
            Happening::ChatCleared { clearing, .. } => self.send(&ServerMessage::UserMessage {
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
            }),
            Happening::Joined(member) if member.id == me => self.welcome(context, room, member),
            Happening::Joined(member) => self.tell_user(UserKind::Add, member),
            Happening::Left { member, how } if member.id == me => match how {
                Departure::Gone => {}
                Departure::Kicked { by, message } => self.tell_kicked(by.as_ref(), message),
                Departure::Left => self.tell_left(context, room, member),
            },
            Happening::Left { member, .. } => self.tell_user(UserKind::Delete, member),
            Happening::MemberChanged { member, permissions, attributes, regranted } => {
                if *regranted && *member == me {
                    self.tell_change_of_permissions(context, room, *permissions);
                }
                self.tell_changed_user(room, member, *permissions, attributes);
            }
            Happening::Said(said) => self.send(&translate::said(said, event.at)),
            Happening::StreamEnded { stream, how: StreamEnd::NotPermitted }
                if stream.owner == me =>
            {
                self.send(&ServerMessage::Abort { id: stream.id.0.clone() });
                self.error(text::soft::PERMISSION_DENIED);
            }
            _ => {}
        }
    }

    /// What somebody who came in is told (docs/protocols/galene.md §3.4).
    fn welcome(&mut self, context: &Context, room: &Room, me: &Member) {
        self.phase = Phase::joined(me);
        #[cfg(feature = "planted")]
        {
            parlour_room::planted::snapshot(&me.id);
            parlour_room::planted::told(&me.id, me.permissions);
        }
        self.send(&ServerMessage::Joined {
            kind: JoinedKind::Join,
            group: me.via.clone(),
            username: Some(me.name.clone()),
            permissions: me.permissions,
            status: Some(translate::status(room, &me.via)),
            data: room.attributes().clone(),
            rtc_configuration: Some(context.rtc_configuration.clone()),
            error: None,
            value: None,
        });
        for entry in room.chat() {
            self.send(&ServerMessage::ChatHistory(translate::entry(entry, false)));
        }
        self.tell_user(UserKind::Add, me);
        for other in room.members().filter(|other| other.id != me.id) {
            self.tell_user(UserKind::Add, other);
        }
    }

    fn tell_user(&mut self, kind: UserKind, member: &Member) {
        self.send(&ServerMessage::User {
            kind,
            id: member.id.0.clone(),
            username: member.name.clone(),
            permissions: member.permissions,
            data: member.attributes.clone(),
        });
    }

    fn tell_changed_user(
        &mut self,
        room: &Room,
        member: &MemberId,
        permissions: Permissions,
        attributes: &JsonMap,
    ) {
        let Some(name) = room.member(member).map(|m| m.name.clone()) else { return };
        self.send(&ServerMessage::User {
            kind: UserKind::Change,
            id: member.0.clone(),
            username: name,
            permissions,
            data: attributes.clone(),
        });
    }

    /// The group changed: what is said to everybody in it.
    fn tell_change(&mut self, context: &Context, room: &Room, data: JsonMap) {
        let Some(me) = self.me(room).cloned() else { return };
        self.send_change(context, room, &me, me.permissions, data);
    }

    fn tell_change_of_permissions(
        &mut self,
        context: &Context,
        room: &Room,
        permissions: Permissions,
    ) {
        let Some(me) = self.me(room).cloned() else { return };
        #[cfg(feature = "planted")]
        parlour_room::planted::told(&me.id, permissions);
        self.send_change(context, room, &me, permissions, JsonMap::new());
    }

    fn send_change(
        &mut self,
        context: &Context,
        room: &Room,
        me: &Member,
        permissions: Permissions,
        data: JsonMap,
    ) {
        self.send(&ServerMessage::Joined {
            kind: JoinedKind::Change,
            group: me.via.clone(),
            username: Some(me.name.clone()),
            permissions,
            status: Some(translate::status(room, &me.via)),
            data,
            rtc_configuration: Some(context.rtc_configuration.clone()),
            error: None,
            value: None,
        });
    }

    fn tell_kicked(&mut self, by: Option<&(MemberId, String)>, message: &str) {
        let Some(me) = self.id().cloned() else { return };
        let said = if message.is_empty() { text::kick::DEFAULT } else { message };
        self.send(&ServerMessage::UserMessage {
            kind: text::KICKED.to_owned(),
            id: by.map(|(id, _)| id.0.clone()),
            dest: Some(me.0),
            source: None,
            username: by.map(|(_, name)| name.clone()),
            privileged: true,
            error: None,
            time: None,
            noecho: false,
            value: said.into(),
        });
        let mut reason = text::kick::REASON.to_owned();
        if !message.is_empty() {
            reason.push_str(&format!(" ({message})"));
        }
        if let Some((_, name)) = by.filter(|(_, name)| !name.is_empty()) {
            reason.push_str(&format!(" by {name}"));
        }
        self.close(text::CLOSE_NORMAL, &reason);
    }

    fn tell_left(&mut self, context: &Context, room: &Room, me: &Member) {
        self.phase = Phase::Shaken { id: me.id.clone() };
        self.send(&ServerMessage::Joined {
            kind: JoinedKind::Leave,
            group: me.via.clone(),
            username: Some(me.name.clone()),
            permissions: Permissions::NONE,
            status: Some(translate::status(room, &me.via)),
            data: room.attributes().clone(),
            rtc_configuration: Some(context.rtc_configuration.clone()),
            error: None,
            value: None,
        });
    }
}
