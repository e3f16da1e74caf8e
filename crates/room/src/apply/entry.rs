//! Coming in and going out at the Galène door.

use super::{Turn, need};
use crate::command::{Entry, Pass};
use crate::event::{Departure, Happening, StreamEnd};
use crate::member::{Member, MemberId};
use crate::person::Person;
use crate::refusal::Refusal;
use crate::room::Room;
use crate::seat::{Live, Seat, Ticket};
use crate::stream::Wishes;
use parlour_base::limits::NAME_BYTES_MAX;
use parlour_base::{Permission, Permissions};
use std::collections::BTreeMap;

/// Said at the door of a room that locked itself.
pub(super) const AUTOLOCKED: &str = "this group is locked";
/// Said to a client whose user came in again elsewhere.
const TAKEN_OVER: &str = "you have joined from another device";

impl Turn<'_> {
    pub(super) fn join(&mut self, id: &MemberId, entry: Entry) -> Result<(), Refusal> {
        let room = &*self.room;
        if room.members.contains_key(id) {
            return Err(Refusal::AlreadyHere);
        }
        let longest = [id.0.len(), entry.name.len(), entry.via.len()].into_iter().max();
        if id.0.is_empty() || longest > Some(NAME_BYTES_MAX) {
            return Err(Refusal::TooLarge);
        }
        self.check_attributes(&entry.attributes)?;
        match &entry.pass {
            Pass::Ticket(ticket) => {
                let ticket = ticket.clone();
                self.join_with_ticket(id, entry, ticket)
            }
            Pass::Shown { person, proof } => {
                let (person, proof) = (person.clone(), *proof);
                let permissions = self.room.admit(entry.door, &person, proof)?;
                self.check_entry(permissions)?;
                self.come_in(id, entry, person, permissions, None);
                Ok(())
            }
        }
    }

    /// The token decides: it was admitted when the seat was taken.
    fn join_with_ticket(
        &mut self,
        id: &MemberId,
        mut entry: Entry,
        ticket: Ticket,
    ) -> Result<(), Refusal> {
        let seat = self.room.seat(&ticket.seat).ok_or(Refusal::TokenDead)?.clone();
        // Viewers are not seen, so they cannot become members.
        let good = seat.current == ticket.number && seat.takes_part() && !seat.is_over(self.at);
        if !good {
            return Err(Refusal::TokenDead);
        }
        if let Some(elsewhere) = &self.room.rules.redirect {
            return Err(Refusal::Moved(elsewhere.clone()));
        }
        if let Some(live) = &seat.live
            && let Some(old) = self.room.members.get(&live.member).cloned()
        {
            self.remove_member(&old, Departure::Kicked { by: None, message: TAKEN_OVER.into() });
        }
        let replaced = seat.live.is_some();
        entry.name.clone_from(&seat.name);
        let live = Live { member: id.clone(), number: ticket.number };
        let (person, permissions) = (seat.person.clone(), seat.permissions);
        self.come_in(id, entry, person, permissions, Some(&seat));
        self.emit(Happening::SeatLive {
            seat: seat.id,
            live: Some(live),
            current: ticket.number,
            connecting: false,
        });
        if replaced {
            self.mind_absent_operators();
        }
        Ok(())
    }

    fn come_in(
        &mut self,
        id: &MemberId,
        entry: Entry,
        person: Person,
        permissions: Permissions,
        seat: Option<&Seat>,
    ) {
        self.expire_chat();
        let order = self.room.arrivals.saturating_add(1);
        self.emit(Happening::Joined(Box::new(Member {
            id: id.clone(),
            person,
            kind: entry.kind,
            seat: seat.map(|seat| seat.id.clone()),
            order,
            since: self.at,
            name: entry.name,
            via: entry.via,
            permissions,
            attributes: entry.attributes,
            wishes: Wishes::new(),
            overrides: BTreeMap::new(),
        })));
    }

    /// What holds at every door, once it is known what somebody may do.
    pub(super) fn check_entry(&self, permissions: Permissions) -> Result<(), Refusal> {
        let room = &*self.room;
        if let Some(elsewhere) = &room.rules.redirect {
            return Err(Refusal::Moved(elsewhere.clone()));
        }
        if !permissions.has(Permission::Op) {
            self.check_open_to_others()?;
        }
        if room.occupancy() >= room.limits.members as usize {
            return Err(Refusal::Full);
        }
        Ok(())
    }

    /// What operators bypass: lock, opening hours, autokick, capacity.
    fn check_open_to_others(&self) -> Result<(), Refusal> {
        let Room { rules, lock, .. } = &*self.room;
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
        match self.room.capacity() {
            Some(capacity) if self.room.occupancy_at(self.at) >= capacity as usize => {
                Err(Refusal::Full)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn has_operator(&self) -> bool {
        self.room.members.values().any(|m| m.permissions.has(Permission::Op))
    }

    pub(super) fn depart(&mut self, member: &Member, how: Departure) {
        self.remove(member, how);
        self.mind_absent_operators();
    }

    /// Takes a member out, and tells its seat.
    pub(super) fn remove(&mut self, member: &Member, how: Departure) {
        let turned_out = matches!(how, Departure::Kicked { .. });
        self.remove_member(member, how);
        self.seat_is_dead(member, turned_out);
    }

    /// Takes a member out; its seat is somebody else's business.
    pub(super) fn remove_member(&mut self, member: &Member, how: Departure) {
        for stream in self.streams_of(&member.id) {
            self.end(stream, StreamEnd::Closed);
        }
        self.emit(Happening::Left { member: Box::new(member.clone()), how });
    }

    /// What a room does to itself when its last operator went out.
    pub(super) fn mind_absent_operators(&mut self) {
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

    pub(super) fn disband(&mut self, message: &str) {
        let members: Vec<_> = self.room.members.values().cloned().collect();
        for member in members {
            self.remove(&member, Departure::Kicked { by: None, message: message.to_owned() });
        }
        self.evict_all();
    }

    /// What happens here is not the room's any more: no list of it changes.
    pub(super) fn abandon(&mut self, message: &str) {
        self.disband(message);
        self.touched.clear();
        self.crowd = None;
        self.untimed = false;
    }

    /// Turns a member out for the house.
    pub(super) fn turn_out(
        &mut self,
        target: &MemberId,
        message: Option<String>,
    ) -> Result<(), Refusal> {
        let target = self.room.members.get(target).cloned().ok_or(Refusal::UnknownMember)?;
        let message = message.unwrap_or_default();
        self.check_value(message.len())?;
        self.depart(&target, Departure::Kicked { by: None, message });
        Ok(())
    }

    pub(super) fn kick(
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
}

impl Room {
    /// The one capacity: the policy's, or that of the operator's definition,
    /// whichever is smaller.
    #[must_use]
    pub fn capacity(&self) -> Option<u32> {
        [self.policy.capacity, self.rules.capacity].into_iter().flatten().min()
    }
}
