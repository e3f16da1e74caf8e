//! Talk: chat that is kept, and messages that are not.

use super::{Turn, json_bytes, need};
use crate::command::{Clearing, Speech};
use crate::event::{ChatEntry, Happening, Said};
use crate::member::Member;
use crate::refusal::Refusal;
use parlour_base::Permission;
use parlour_base::limits::NAME_BYTES_MAX;
use std::sync::Arc;
use std::time::Duration;

impl Turn<'_> {
    pub(super) fn chat(&mut self, me: &Member, speech: Speech) -> Result<(), Refusal> {
        let caption = speech.kind == "caption";
        need(me, if caption { Permission::Caption } else { Permission::Message })?;
        self.check_speech(&speech)?;
        if caption || speech.to.is_some() {
            self.say(me, speech, true);
            return Ok(());
        }
        self.expire_chat();
        self.make_place_for_chat();
        let next = self.room.seq.next();
        self.emit(Happening::Chatted {
            entry: Arc::new(ChatEntry {
                id: speech.id,
                key: format!("{}.{}", self.room.epoch.0, next.0),
                source: me.id.clone(),
                name: me.name.clone(),
                privileged: me.permissions.has(Permission::Op),
                kind: speech.kind,
                at: self.at,
                value: speech.value,
            }),
            no_echo: speech.no_echo,
        });
        Ok(())
    }

    pub(super) fn tell(&mut self, me: &Member, speech: Speech) -> Result<(), Refusal> {
        need(me, Permission::Message)?;
        self.check_speech(&speech)?;
        self.say(me, speech, false);
        Ok(())
    }

    fn say(&mut self, me: &Member, speech: Speech, chat: bool) {
        self.emit(Happening::Said(Said {
            chat,
            id: speech.id,
            source: me.id.clone(),
            name: me.name.clone(),
            privileged: me.permissions.has(Permission::Op),
            kind: speech.kind,
            to: speech.to,
            no_echo: speech.no_echo,
            value: speech.value,
        }));
    }

    pub(super) fn clear_chat(&mut self, me: &Member, clearing: Clearing) -> Result<(), Refusal> {
        need(me, Permission::Op)?;
        let meant = |entry: &&Arc<ChatEntry>| match &clearing {
            Clearing::All => true,
            Clearing::Of(source) => entry.source == *source,
            Clearing::One { source, id } => entry.source == *source && entry.id == *id,
        };
        let keys = self.room.chat.iter().filter(meant).map(|entry| entry.key.clone()).collect();
        self.emit(Happening::ChatCleared { clearing, keys });
        Ok(())
    }

    pub(super) fn expire_chat(&mut self) {
        let age = Duration::from_secs(self.room.rules.history_age_secs);
        let old = |entry: &&Arc<ChatEntry>| self.at.since(entry.at) > age;
        let count = self.room.chat.iter().take_while(old).count();
        if count > 0 {
            self.emit(Happening::ChatExpired(u32::try_from(count).expect("few are kept")));
        }
    }

    fn make_place_for_chat(&mut self) {
        let most = (self.room.limits.chat_entries as usize).saturating_sub(1);
        let excess = self.room.chat.len().saturating_sub(most);
        if excess > 0 {
            self.emit(Happening::ChatExpired(u32::try_from(excess).expect("few are kept")));
        }
    }

    fn check_speech(&self, speech: &Speech) -> Result<(), Refusal> {
        if speech.to.as_ref().is_some_and(|to| !self.room.members.contains_key(to)) {
            return Err(Refusal::UnknownMember);
        }
        if speech.id.len() > NAME_BYTES_MAX || speech.kind.len() > NAME_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        self.check_value(json_bytes(&speech.value))
    }
}
