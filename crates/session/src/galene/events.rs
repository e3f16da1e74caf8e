//! What the client is told of what happens in its room.

use super::news::{News, user};
use super::port::Context;
use super::session::{Phase, Session};
use super::translate;
use parlour_base::{JsonMap, Permissions};
use parlour_room::event::{Departure, StreamEnd};
use parlour_room::{Happening, Member, MemberId, Room};
use parlour_wire::galene::{JoinedKind, ServerMessage, UserKind, text};

impl Session {
    /// Tells the client of an event of its room.
    pub fn event(&mut self, news: &mut News<'_>) {
        let News { context, room, event, .. } = *news;
        if !self.id().is_some_and(|me| event.what.reaches(me)) {
            return;
        }
        #[cfg(feature = "planted")]
        if parlour_room::planted::is(parlour_room::planted::Bug::GapAfterSnapshot)
            && self.id().is_some_and(parlour_room::planted::skips)
        {
            return;
        }
        match &event.what {
            Happening::AttributesSet(_) | Happening::Configured(_) | Happening::LockSet(_) => {
                self.tell_change(context, room, room.attributes().clone());
            }
            Happening::Joined(member) if self.is(&member.id) => self.welcome(news, member),
            Happening::Left { member, how } if self.is(&member.id) => match how {
                Departure::Gone => {}
                Departure::Kicked { by, message } => self.tell_kicked(by.as_ref(), message),
                Departure::Left => self.tell_left(context, room, member),
            },
            Happening::MemberChanged { member, permissions, regranted: true, .. }
                if self.is(member) =>
            {
                self.tell_change_of_permissions(context, room, *permissions);
                self.tell(news);
            }
            Happening::StreamEnded { stream, how: StreamEnd::NotPermitted }
                if self.is(&stream.owner) =>
            {
                self.send(&ServerMessage::Abort { id: stream.id.0.clone() });
                self.error(text::soft::PERMISSION_DENIED);
            }
            _ => self.tell(news),
        }
    }

    fn is(&self, member: &MemberId) -> bool {
        self.id() == Some(member)
    }

    /// Tells what all others are told too.
    fn tell(&mut self, news: &mut News<'_>) {
        if let Some(frame) = news.frame(self.dialect) {
            self.say_frame(frame);
        }
    }

    /// What somebody who came in is told (docs/protocols/galene.md §3.4).
    fn welcome(&mut self, news: &mut News<'_>, me: &Member) {
        let News { context, room, .. } = *news;
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
        self.tell(news);
        for other in room.members().filter(|other| other.id != me.id) {
            self.say_frame(user(UserKind::Add, other).write(self.dialect).into());
        }
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
