//! What a room does with a command: entry, permission, capacity, and the
//! events that follow. Every refusal comes before the first event.

mod entry;
mod lease;
mod seats;
mod settings;
mod streams;
mod talk;

use crate::command::{Actor, Command};
use crate::event::{Departure, Event, Happening, StreamEnd};
use crate::member::{Member, MemberId};
use crate::refusal::Refusal;
use crate::room::{AT_ONCE, Room};
use crate::stream::Stream;
use crate::view::{CallState, ROSTER_MAX};
use parlour_base::{Json, JsonMap, Now, Permission, UserId, Wall};
use std::collections::BTreeMap;

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
        if self.gone {
            return Err(Refusal::RoomGone);
        }
        let ceiling = self.wants_ceiling(now, &command);
        let mut turn = Turn::new(self, now.wall);
        turn.ceiling = ceiling;
        match (actor, command) {
            (Actor::Entrant(id), Command::Join(entry)) => turn.join(id, entry),
            (Actor::Entrant(_), _) => Err(Refusal::NotHere),
            (Actor::House, command) => turn.house(command),
            (Actor::Caller(user), command) => turn.caller(*user, command),
            (Actor::Member(id), command) => {
                let me = turn.room.members.get(id).cloned().ok_or(Refusal::NotHere)?;
                turn.member(&me, command)
            }
        }?;
        Ok(turn.finish())
    }
}

/// One command being carried out: what it has caused so far.
struct Turn<'r> {
    room: &'r mut Room,
    at: Wall,
    /// The ceiling of the clock to raise before anything else.
    ceiling: Option<u64>,
    /// What call control said of those whom the command has moved.
    touched: BTreeMap<String, Option<CallState>>,
    /// What call control listed, where that is more than it can list.
    crowd: Option<Vec<(String, CallState)>>,
    /// The stamp is due even if nothing changed.
    wake: bool,
    /// Whom the rooms door lists has changed, and its times have not.
    untimed: bool,
    /// Something may be due earlier than the store knows.
    sooner: bool,
    events: Vec<Event>,
}

impl<'r> Turn<'r> {
    fn new(room: &'r mut Room, at: Wall) -> Self {
        let (touched, events) = (BTreeMap::new(), Vec::new());
        let (wake, untimed, sooner) = (false, false, false);
        Self { room, at, ceiling: None, touched, crowd: None, wake, untimed, sooner, events }
    }

    fn emit(&mut self, what: Happening) {
        if let Some(ceiling) = self.ceiling.take() {
            self.happen(Happening::CeilingRaised(ceiling));
        }
        self.touch(&what);
        self.note(&what);
        self.happen(what);
    }

    fn happen(&mut self, what: Happening) {
        let event = Event { epoch: self.room.epoch, seq: self.room.seq.next(), at: self.at, what };
        self.room.evolve(&event);
        self.events.push(event);
    }

    /// Remembers what has to be said about times at the end.
    fn note(&mut self, what: &Happening) {
        self.sooner |= matches!(
            what,
            Happening::Joined(_)
                | Happening::SeatTaken(_)
                | Happening::SeatRenewed { .. }
                | Happening::TermSet(_)
        );
        match what {
            Happening::TermSet(_) | Happening::LeaseSet(_) => self.untimed = false,
            Happening::Joined(member) | Happening::Left { member, .. } => {
                let seat = member.seat.as_ref().and_then(|seat| self.room.seat(seat));
                let same = seat.is_some_and(|seat| seat.participant().is_some());
                self.untimed |= member.is_person() && !same;
            }
            Happening::SeatLeft { seat, .. } => self.untimed |= seat.participant().is_some(),
            _ => {}
        }
    }

    /// Remembers what call control said of somebody before it changes.
    fn touch(&mut self, what: &Happening) {
        let person = match what {
            Happening::Joined(member) | Happening::Left { member, .. } => &member.person,
            Happening::SeatTaken(seat) | Happening::SeatLeft { seat, .. } => &seat.person,
            _ => return,
        };
        let Some(name) = &person.kik else { return };
        if self.touched.is_empty() && self.room.occupancy() >= ROSTER_MAX {
            self.crowd = Some(listed(self.room));
        }
        if !self.touched.contains_key(name) {
            let state = self.room.call_state(name);
            self.touched.insert(name.clone(), state);
        }
    }

    /// What is left to say when the command is done.
    fn finish(mut self) -> Vec<Event> {
        let moved =
            |(name, before): (&String, &Option<CallState>)| self.room.call_state(name) != *before;
        let changed = match &self.crowd {
            Some(before) => *before != listed(self.room),
            None => self.touched.iter().any(moved),
        };
        if changed || self.wake {
            let stamp = self.room.clock.next(self.at);
            self.emit(Happening::Stamped(stamp));
        }
        self.note_change();
        self.note_due();
        self.events
    }

    /// For the rooms door somebody has come or gone when it lists others than
    /// before, by whichever door that was.
    fn note_change(&mut self) {
        if self.untimed && !self.room.gone && self.room.term.is_some() {
            self.prolong(self.room.limits.leased_life.0);
        }
    }

    /// Has the store know when the room is due, where it would come too late.
    fn note_due(&mut self) {
        if !self.sooner || self.room.gone || self.room.was_interrupted() {
            return;
        }
        let Some(due) = self.wanted_due() else { return };
        if self.room.due.is_none_or(|noted| noted > due) {
            self.emit(Happening::DueNoted(Some(due)));
        }
    }

    /// When the store should have the room opened: with people listed by call
    /// control at once, for a restart has to be told of.
    fn wanted_due(&self) -> Option<Wall> {
        let listed = self.room.callers().next().is_some();
        if listed { Some(AT_ONCE) } else { self.room.due() }
    }

    fn house(&mut self, command: Command) -> Result<(), Refusal> {
        match command {
            Command::Abandon { message } => self.abandon(&message),
            Command::Announce { stream, tracks } => self.announce(&stream, tracks),
            Command::Configure(rules) => self.configure(rules),
            Command::Delete => self.delete(),
            Command::Describe(description) => self.describe(*description)?,
            Command::Disband { message } => self.disband(&message),
            Command::Evict(seat) => self.evict(&seat)?,
            Command::EvictUser(user) => self.evict_user(user),
            Command::Expel(member) => {
                let member = self.room.members.get(&member).cloned();
                let member = member.ok_or(Refusal::UnknownMember)?;
                self.depart(&member, Departure::Gone);
            }
            Command::Expire { life } => self.run_out(life),
            Command::Grant(grantee, grant) => self.grant(grantee, grant)?,
            Command::Kick { target, message } => self.turn_out(&target, message)?,
            Command::Lapse { seat, number } => self.lapse(&seat, number),
            Command::Lease { lease, expires } => self.lease(lease, expires)?,
            Command::Rest => self.rest(),
            Command::SetConversation(list) => self.set_conversation(list)?,
            Command::SetPolicy(policy) => self.set_policy(policy),
            Command::Unpublish(stream) => {
                let stream = self.room.streams.get(&stream).cloned();
                self.end(stream.ok_or(Refusal::UnknownStream)?, StreamEnd::Closed);
            }
            Command::Wake => self.wake = true,
            _ => return Err(Refusal::NotHere),
        }
        Ok(())
    }

    fn caller(&mut self, me: UserId, command: Command) -> Result<(), Refusal> {
        match command {
            Command::Admit(admission) => self.admit(me, *admission),
            Command::ChangeLease(change) => self.change_lease(me, *change),
            Command::Delete => self.delete_as(me),
            Command::GiveUp { seat, number, life } => self.give_up(me, &seat, number, life),
            Command::Renew { seat, expires } => self.renew(me, &seat, expires),
            Command::Report { seat, report } => self.report(me, &seat, report),
            _ => Err(Refusal::NotHere),
        }
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
            _ => return Err(Refusal::NotAuthorised),
        }
        Ok(())
    }

    /// What ran out ends, and what was noted too early is noted anew.
    fn run_out(&mut self, life: std::time::Duration) {
        self.expire(life);
        let passed = self.room.due.is_some_and(|noted| noted <= self.at);
        if passed && !self.room.gone {
            self.rest();
        }
    }

    /// What was noted too early is noted anew: if nothing is going on, nobody
    /// has to be told of a restart.
    fn rest(&mut self) {
        let due = self.wanted_due();
        if self.room.due != due {
            self.emit(Happening::DueNoted(due));
        }
    }

    fn streams_of(&self, owner: &MemberId) -> Vec<Stream> {
        self.room.streams.values().filter(|s| s.owner == *owner).cloned().collect()
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

fn listed(room: &Room) -> Vec<(String, CallState)> {
    let mut list: Vec<_> =
        room.roster().into_iter().map(|(name, state)| (name.to_owned(), state)).collect();
    list.sort_unstable();
    list
}

fn need(member: &Member, permission: Permission) -> Result<(), Refusal> {
    #[cfg(feature = "planted")]
    if permission == Permission::Op && crate::planted::is(crate::planted::Bug::PermissionInSession)
    {
        return Ok(());
    }
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
