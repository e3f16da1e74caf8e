//! The lease: the room's life as the rooms door sees it, and its end.

use super::Turn;
use crate::command::LeaseChange;
use crate::door::{Door, Doors};
use crate::event::Happening;
use crate::lease::{Lease, Term};
use crate::refusal::Refusal;
use parlour_base::{UserId, Wall};
use std::time::Duration;

/// Said to members when the room is deleted under them.
const DELETED: &str = "this room was deleted";

impl Turn<'_> {
    pub(super) fn lease(&mut self, lease: Box<Lease>, expires: Wall) -> Result<(), Refusal> {
        self.check_lease(&lease)?;
        self.emit(Happening::LeaseSet(Some(lease)));
        self.emit(Happening::TermSet(Term { changed: self.at, expires }));
        Ok(())
    }

    pub(super) fn change_lease(&mut self, me: UserId, change: LeaseChange) -> Result<(), Refusal> {
        let mut lease = Lease::clone(self.lease_in_force()?);
        if !self.is_owner(me) {
            return Err(Refusal::NotOwner);
        }
        let LeaseChange { owner_name, name, context, max_size, expires } = change;
        lease.owner_name = owner_name.unwrap_or(lease.owner_name);
        lease.name = name.or(lease.name);
        lease.context = context.or(lease.context);
        lease.max_size = max_size.unwrap_or(lease.max_size);
        self.lease(Box::new(lease), expires)
    }

    /// The lease, unless its time is over by now.
    pub(super) fn lease_in_force(&self) -> Result<&Lease, Refusal> {
        let over = self.room.term.is_some_and(|term| term.expires <= self.at);
        self.room.lease.as_deref().filter(|_| !over).ok_or(Refusal::DoorClosed)
    }

    fn check_lease(&self, lease: &Lease) -> Result<(), Refusal> {
        let context = lease.context.as_ref().map_or(0, super::json_bytes);
        let name = lease.name.as_ref().map_or(0, String::len);
        let bytes = [context, name, lease.owner_name.len(), lease.channel.len()].into_iter();
        self.check_value(bytes.fold(0, usize::saturating_add))
    }

    /// Somebody came or went: the lease lasts for `life` from now.
    pub(super) fn prolong(&mut self, life: Duration) {
        if self.room.lease.is_some() {
            let life = i64::try_from(life.as_millis()).unwrap_or(i64::MAX);
            let expires = Wall(self.at.0.saturating_add(life));
            self.emit(Happening::TermSet(Term { changed: self.at, expires }));
        }
    }

    /// The lease ran out: a room that only the rooms door knows is gone with
    /// it, another one closes that door.
    pub(super) fn end_lease(&mut self) {
        let mut policy = self.room.policy().clone();
        if policy.doors == Doors::of(&[Door::Rooms]) {
            self.delete();
            return;
        }
        policy.doors = policy.doors.without(Door::Rooms);
        self.emit(Happening::LeaseSet(None));
        self.set_policy(Box::new(policy));
    }

    pub(super) fn delete_as(&mut self, me: UserId) -> Result<(), Refusal> {
        self.lease_in_force()?;
        if !self.is_owner(me) {
            return Err(Refusal::NotOwner);
        }
        self.delete();
        Ok(())
    }

    pub(super) fn delete(&mut self) {
        self.disband(DELETED);
        self.emit(Happening::Deleted);
    }
}
