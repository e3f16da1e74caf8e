//! Settings: the operator's definition, entry policy, grants, the lock,
//! attributes, permissions of members.

use super::{Turn, merge, need};
use crate::command::Description;
use crate::event::{Happening, StreamEnd};
use crate::member::{Member, MemberId};
use crate::policy::{Grant, Grantee, Policy};
use crate::refusal::Refusal;
use crate::rules::Rules;
use parlour_base::limits::NAME_BYTES_MAX;
use parlour_base::{JsonMap, Permission, UserId};
use std::collections::BTreeMap;

impl Turn<'_> {
    pub(super) fn configure(&mut self, rules: Box<Rules>) {
        if *rules == *self.room.rules {
            return;
        }
        self.emit(Happening::Configured(rules));
        self.mind_absent_operators();
    }

    /// Either all of it or, if the lease cannot be, nothing.
    pub(super) fn describe(&mut self, description: Description) -> Result<(), Refusal> {
        let Description { rules, policy, lease } = description;
        if let Some((lease, expires)) = lease {
            self.lease(lease, expires)?;
        }
        if let Some(policy) = policy {
            // A new room is to be written, even if its policy is the usual one.
            self.emit(Happening::PolicySet(policy));
        }
        if let Some(rules) = rules {
            self.configure(rules);
        }
        Ok(())
    }

    pub(super) fn set_lock(&mut self, me: &Member, lock: Option<String>) -> Result<(), Refusal> {
        need(me, Permission::Op)?;
        self.check_value(lock.as_ref().map_or(0, String::len))?;
        self.emit(Happening::LockSet(lock));
        Ok(())
    }

    pub(super) fn set_room_attributes(
        &mut self,
        me: &Member,
        change: JsonMap,
    ) -> Result<(), Refusal> {
        need(me, Permission::Op)?;
        let merged = merge(&self.room.attributes, change);
        self.check_attributes(&merged)?;
        self.emit(Happening::AttributesSet(merged));
        Ok(())
    }

    pub(super) fn set_attributes(&mut self, me: &Member, change: JsonMap) -> Result<(), Refusal> {
        let attributes = merge(&me.attributes, change);
        self.check_attributes(&attributes)?;
        let (member, permissions) = (me.id.clone(), me.permissions);
        self.emit(Happening::MemberChanged { member, permissions, attributes, regranted: false });
        Ok(())
    }

    pub(super) fn set_permission(
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
            attributes: target.attributes.clone(),
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

    pub(super) fn set_policy(&mut self, policy: Box<Policy>) {
        if *policy != *self.room.policy {
            self.emit(Happening::PolicySet(policy));
        }
    }

    pub(super) fn grant(&mut self, grantee: Grantee, grant: Option<Grant>) -> Result<(), Refusal> {
        let before = self.room.grants.get(&grantee);
        if before == grant.as_ref() {
            return Ok(());
        }
        if before.is_none() && self.room.grants.len() >= self.room.limits.grants as usize {
            return Err(Refusal::TooLarge);
        }
        let name = grant.as_ref().and_then(|grant| grant.kik.as_ref());
        if name.is_some_and(|name| name.len() > NAME_BYTES_MAX) {
            return Err(Refusal::TooLarge);
        }
        self.emit(Happening::Granted(grantee, grant));
        Ok(())
    }

    /// Who is not in the list loses what belonging to the conversation gave; a
    /// grant that is there already keeps its age. What somebody was given
    /// otherwise is another grant, and stays.
    pub(super) fn set_conversation(&mut self, list: Vec<(UserId, Grant)>) -> Result<(), Refusal> {
        let wanted: BTreeMap<Grantee, Grant> =
            list.into_iter().map(|(user, grant)| (Grantee::Belonging(user), grant)).collect();
        let grants = &self.room.grants;
        let belong = grants.keys().filter(|who| matches!(who, Grantee::Belonging(_)));
        let gone: Vec<Grantee> = belong.copied().filter(|who| !wanted.contains_key(who)).collect();
        let others = grants.len() - gone.len();
        let new = wanted.keys().filter(|who| !grants.contains_key(who)).count();
        let long = |grant: &Grant| grant.kik.as_ref().is_some_and(|k| k.len() > NAME_BYTES_MAX);
        if others + new > self.room.limits.grants as usize || wanted.values().any(long) {
            return Err(Refusal::TooLarge);
        }
        for grantee in gone {
            self.emit(Happening::Granted(grantee, None));
        }
        for (grantee, grant) in wanted {
            let same = |old: &Grant| old.kik == grant.kik && old.permissions == grant.permissions;
            if !self.room.grants.get(&grantee).is_some_and(same) {
                self.emit(Happening::Granted(grantee, Some(grant)));
            }
        }
        Ok(())
    }
}
