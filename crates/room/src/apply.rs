//! What a room does with a command: entry, permission, capacity, and the
//! events that follow. Every refusal comes before the first event.

use crate::command::{Actor, Clearing, Command, Entry, Speech};
use crate::event::{ChatEntry, Departure, Event, Happening, Said, StreamEnd};
use crate::member::{Member, MemberId};
use crate::refusal::Refusal;
use crate::room::Room;
use crate::rules::Rules;
use crate::stream::{Stream, StreamId, Track, Wish, Wishes};
use parlour_base::limits::NAME_BYTES_MAX;
use parlour_base::{Json, JsonMap, Now, Permission, Wall};
use std::collections::BTreeMap;
use std::time::Duration;

/// Said at the door of a room that locked itself.
const AUTOLOCKED: &str = "this group is locked";

impl Room {
    /// Does what `actor` asks, or says why not; a refusal changes nothing.
    ///
    /// # Errors
    /// The [`Refusal`], with a stable code.
    pub fn apply(
        &mut self,
        now: Now,
        actor: &Actor,
        command: Command,
    ) -> Result<Vec<Event>, Refusal> {
        let mut turn = Turn { room: self, at: now.wall, events: Vec::new() };
        match (actor, command) {
            (Actor::Entrant(id), Command::Join(entry)) => turn.join(id, entry),
            (Actor::Entrant(_), _) => Err(Refusal::NotHere),
            (Actor::House, command) => turn.house(command),
            (Actor::Member(id), command) => {
                let me = turn.room.members.get(id).cloned().ok_or(Refusal::NotHere)?;
                turn.member(&me, command)
            }
        }?;
        Ok(turn.events)
    }
}

/// One command being carried out: what it has caused so far.
struct Turn<'r> {
    room: &'r mut Room,
    at: Wall,
    events: Vec<Event>,
}

impl Turn<'_> {
    fn emit(&mut self, what: Happening) {
        let event = Event { epoch: self.room.epoch, seq: self.room.seq.next(), at: self.at, what };
        self.room.evolve(&event);
        self.events.push(event);
    }

    fn house(&mut self, command: Command) -> Result<(), Refusal> {
        match command {
            Command::Announce { stream, tracks } => self.announce(&stream, tracks),
            Command::Configure(rules) => self.configure(rules),
            Command::Disband { message } => self.disband(&message),
            Command::Expel(member) => {
                let member = self.room.members.get(&member).cloned();
                self.depart(&member.ok_or(Refusal::UnknownMember)?, Departure::Gone);
            }
            Command::Unpublish(stream) => {
                let stream = self.room.streams.get(&stream).cloned();
                self.end(stream.ok_or(Refusal::UnknownStream)?, StreamEnd::Closed);
            }
            _ => return Err(Refusal::NotHere),
        }
        Ok(())
    }

    fn member(&mut self, me: &Member, command: Command) -> Result<(), Refusal> {
        match command {
            Command::Leave => self.depart(me, Departure::Left),
            Command::Kick { target, message } => self.kick(me, &target, message)?,
            Command::Lock(message) => self.set_lock(me, Some(message))?,
            Command::Unlock => self.set_lock(me, None)?,
            Command::SetRoomAttributes(change) => self.set_room_attributes(me, change)?,
            Command::SetAttributes(change) => self.set_attributes(me, change)?,
            Command::SetPermission { target, permission, grant } => {
                self.set_permission(me, &target, permission, grant)?;
            }
            Command::Publish { stream, label, replaces } => {
                self.publish(me, stream, label, replaces)?;
            }
            Command::Unpublish(stream) => self.unpublish(me, &stream)?,
            Command::Request(wishes) => self.request(me, wishes)?,
            Command::RequestStream { stream, wish } => self.request_stream(me, stream, wish)?,
            Command::Chat(speech) => self.chat(me, speech)?,
            Command::Tell(speech) => self.tell(me, speech)?,
            Command::ClearChat(clearing) => self.clear_chat(me, clearing)?,
            Command::Join(_) => return Err(Refusal::AlreadyHere),
            Command::Announce { .. }
            | Command::Configure(_)
            | Command::Disband { .. }
            | Command::Expel(_) => return Err(Refusal::NotAuthorised),
        }
        Ok(())
    }

    // Coming and going.

    fn join(&mut self, id: &MemberId, entry: Entry) -> Result<(), Refusal> {
        let room = &*self.room;
        let op = entry.permissions.has(Permission::Op);
        if room.members.contains_key(id) {
            return Err(Refusal::AlreadyHere);
        }
        let longest = [id.0.len(), entry.name.len(), entry.via.len()].into_iter().max();
        if id.0.is_empty() || longest > Some(NAME_BYTES_MAX) {
            return Err(Refusal::TooLarge);
        }
        self.check_attributes(&entry.attributes)?;
        if let Some(elsewhere) = &room.rules.redirect {
            return Err(Refusal::Moved(elsewhere.clone()));
        }
        if !op {
            self.check_open_to_others()?;
        }
        if room.members.len() >= room.limits.members as usize {
            return Err(Refusal::Full);
        }
        self.expire_chat();
        self.emit(Happening::Joined(Box::new(Member {
            id: id.clone(),
            name: entry.name,
            via: entry.via,
            permissions: entry.permissions,
            attributes: entry.attributes,
            wishes: Wishes::new(),
            overrides: BTreeMap::new(),
        })));
        Ok(())
    }

    /// What operators bypass: lock, opening hours, autokick, capacity.
    fn check_open_to_others(&self) -> Result<(), Refusal> {
        let Room { rules, lock, members, .. } = &*self.room;
        if let Some(message) = lock {
            let said = if message.is_empty() { AUTOLOCKED } else { message };
            return Err(Refusal::Locked(said.to_owned()));
        }
        if rules.not_before.is_some_and(|opens| self.at < opens) {
            return Err(Refusal::NotYetOpen);
        }
        if rules.expires.is_some_and(|closes| self.at >= closes) {
            return Err(Refusal::Closed);
        }
        if rules.autokick && !self.has_operator() {
            return Err(Refusal::NoOperators);
        }
        if rules.autolock && !self.has_operator() {
            return Err(Refusal::Locked(AUTOLOCKED.to_owned()));
        }
        match rules.capacity {
            Some(capacity) if members.len() >= capacity as usize => Err(Refusal::Full),
            _ => Ok(()),
        }
    }

    fn has_operator(&self) -> bool {
        self.room.members.values().any(|m| m.permissions.has(Permission::Op))
    }

    fn depart(&mut self, member: &Member, how: Departure) {
        self.remove(member, how);
        self.mind_absent_operators();
    }

    fn remove(&mut self, member: &Member, how: Departure) {
        for stream in self.streams_of(&member.id) {
            self.end(stream, StreamEnd::Closed);
        }
        self.emit(Happening::Left { member: Box::new(member.clone()), how });
    }

    fn streams_of(&self, owner: &MemberId) -> Vec<Stream> {
        self.room.streams.values().filter(|s| s.owner == *owner).cloned().collect()
    }

    /// What a room does to itself when its last operator went out.
    fn mind_absent_operators(&mut self) {
        if self.has_operator() {
            return;
        }
        if self.room.rules.autolock && self.room.lock.is_none() {
            self.emit(Happening::LockSet(Some(AUTOLOCKED.to_owned())));
        }
        if self.room.rules.autokick {
            self.disband(&Refusal::NoOperators.to_string());
        }
    }

    fn disband(&mut self, message: &str) {
        let members: Vec<Member> = self.room.members.values().cloned().collect();
        for member in members {
            self.remove(&member, Departure::Kicked { by: None, message: message.to_owned() });
        }
    }

    fn kick(
        &mut self,
        me: &Member,
        target: &MemberId,
        message: Option<String>,
    ) -> Result<(), Refusal> {
        need(me, Permission::Op)?;
        let target = self.room.members.get(target).cloned().ok_or(Refusal::UnknownMember)?;
        let message = message.unwrap_or_default();
        self.check_value(message.len())?;
        let by = Some((me.id.clone(), me.name.clone()));
        self.depart(&target, Departure::Kicked { by, message });
        Ok(())
    }

    // Settings.

    fn configure(&mut self, rules: Box<Rules>) {
        if *rules == self.room.rules {
            return;
        }
        self.emit(Happening::Configured(rules));
        self.mind_absent_operators();
    }

    fn set_lock(&mut self, me: &Member, lock: Option<String>) -> Result<(), Refusal> {
        need(me, Permission::Op)?;
        self.check_value(lock.as_ref().map_or(0, String::len))?;
        self.emit(Happening::LockSet(lock));
        Ok(())
    }

    fn set_room_attributes(&mut self, me: &Member, change: JsonMap) -> Result<(), Refusal> {
        need(me, Permission::Op)?;
        let merged = merge(&self.room.attributes, change);
        self.check_attributes(&merged)?;
        self.emit(Happening::AttributesSet(merged));
        Ok(())
    }

    fn set_attributes(&mut self, me: &Member, change: JsonMap) -> Result<(), Refusal> {
        let attributes = merge(&me.attributes, change);
        self.check_attributes(&attributes)?;
        let (member, permissions) = (me.id.clone(), me.permissions);
        self.emit(Happening::MemberChanged { member, permissions, attributes, regranted: false });
        Ok(())
    }

    fn set_permission(
        &mut self,
        me: &Member,
        target: &MemberId,
        permission: Permission,
        grant: bool,
    ) -> Result<(), Refusal> {
        need(me, Permission::Op)?;
        let target = self.room.members.get(target).cloned().ok_or(Refusal::UnknownMember)?;
        let permissions = match (permission, grant) {
            (Permission::Op, true) => self.room.rules.promoted(target.permissions),
            (Permission::Op, false) => {
                target.permissions.without(Permission::Op).without(Permission::Record)
            }
            (p @ (Permission::Present | Permission::Message), true) => target.permissions.with(p),
            (p @ (Permission::Present | Permission::Message), false) => {
                target.permissions.without(p)
            }
            _ => return Err(Refusal::NotAuthorised),
        };
        self.emit(Happening::MemberChanged {
            member: target.id.clone(),
            permissions,
            attributes: target.attributes,
            regranted: true,
        });
        if !permissions.has(Permission::Present) {
            for stream in self.streams_of(&target.id) {
                self.end(stream, StreamEnd::NotPermitted);
            }
        }
        self.mind_absent_operators();
        Ok(())
    }

    // Streams.

    fn publish(
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

    fn announce(&mut self, id: &StreamId, tracks: Vec<Track>) {
        let changed = self.room.streams.get(id).is_some_and(|s| s.tracks != tracks);
        if changed {
            self.emit(Happening::StreamAnnounced { stream: id.clone(), tracks });
        }
    }

    fn unpublish(&mut self, me: &Member, id: &StreamId) -> Result<(), Refusal> {
        let stream = self.room.streams.get(id).ok_or(Refusal::UnknownStream)?;
        if stream.owner != me.id {
            return Err(Refusal::NotAuthorised);
        }
        self.end(stream.clone(), StreamEnd::Closed);
        Ok(())
    }

    fn end(&mut self, stream: Stream, how: StreamEnd) {
        self.emit(Happening::StreamEnded { stream, how });
    }

    fn request(&mut self, me: &Member, wishes: Wishes) -> Result<(), Refusal> {
        if wishes.len() > self.room.limits.wishes as usize
            || wishes.keys().any(|label| label.len() > NAME_BYTES_MAX)
        {
            return Err(Refusal::TooLarge);
        }
        self.emit(Happening::Requested { member: me.id.clone(), wishes });
        Ok(())
    }

    fn request_stream(
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

    // Talk.

    fn chat(&mut self, me: &Member, speech: Speech) -> Result<(), Refusal> {
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
            entry: ChatEntry {
                id: speech.id,
                key: format!("{}.{}", self.room.epoch.0, next.0),
                source: me.id.clone(),
                name: me.name.clone(),
                privileged: me.permissions.has(Permission::Op),
                kind: speech.kind,
                at: self.at,
                value: speech.value,
            },
            no_echo: speech.no_echo,
        });
        Ok(())
    }

    fn tell(&mut self, me: &Member, speech: Speech) -> Result<(), Refusal> {
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

    fn clear_chat(&mut self, me: &Member, clearing: Clearing) -> Result<(), Refusal> {
        need(me, Permission::Op)?;
        let meant = |entry: &&ChatEntry| match &clearing {
            Clearing::All => true,
            Clearing::Of(source) => entry.source == *source,
            Clearing::One { source, id } => entry.source == *source && entry.id == *id,
        };
        let keys = self.room.chat.iter().filter(meant).map(|entry| entry.key.clone()).collect();
        self.emit(Happening::ChatCleared { clearing, keys });
        Ok(())
    }

    fn expire_chat(&mut self) {
        let age = Duration::from_secs(self.room.rules.history_age_secs);
        let old = |entry: &&ChatEntry| self.at.since(entry.at) > age;
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

    // Sizes.

    fn check_speech(&self, speech: &Speech) -> Result<(), Refusal> {
        if speech.to.as_ref().is_some_and(|to| !self.room.members.contains_key(to)) {
            return Err(Refusal::UnknownMember);
        }
        if speech.id.len() > NAME_BYTES_MAX || speech.kind.len() > NAME_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        self.check_value(json_bytes(&speech.value))
    }

    const fn check_value(&self, bytes: usize) -> Result<(), Refusal> {
        if bytes > self.room.limits.value_bytes as usize { Err(Refusal::TooLarge) } else { Ok(()) }
    }

    fn check_attributes(&self, attributes: &JsonMap) -> Result<(), Refusal> {
        let bytes = serde_json::to_string(attributes).map_or(usize::MAX, |text| text.len());
        if bytes > self.room.limits.attribute_bytes as usize {
            return Err(Refusal::TooLarge);
        }
        Ok(())
    }
}

const fn need(member: &Member, permission: Permission) -> Result<(), Refusal> {
    if member.permissions.has(permission) { Ok(()) } else { Err(Refusal::NotAuthorised) }
}

fn merge(before: &JsonMap, change: JsonMap) -> JsonMap {
    let mut after = before.clone();
    for (key, value) in change {
        if value.is_null() {
            after.remove(&key);
        } else {
            after.insert(key, value);
        }
    }
    after
}

fn json_bytes(value: &Json) -> usize {
    serde_json::to_string(value).map_or(usize::MAX, |text| text.len())
}
