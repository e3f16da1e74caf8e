//! Entry policies as applications write them.

use super::http::Visit;
use super::port::Done;
use super::repeat::after;
use parlour_base::Wall;
use parlour_room::lease::Lease;
use parlour_room::policy::{EntryRule, PasswordHash};
use parlour_room::{Door, Doors, Policy};
use parlour_wire::api::{Change, Code, LeaseBody, PolicyChange, Problem};
use std::time::Duration;

/// The media channel of a room of the rooms door.
const CHANNEL: &str = "default";

/// A change of a policy, checked, its password hashed.
#[derive(Debug)]
pub(super) struct NewPolicy {
    doors: Option<Doors>,
    entry: Option<EntryRule>,
    guests: Option<bool>,
    capacity: Change<u32>,
    password: Change<PasswordHash>,
}

impl NewPolicy {
    /// The policy after the change.
    pub(super) fn over(&self, old: &Policy) -> Done<Policy> {
        let policy = Policy {
            doors: self.doors.unwrap_or(old.doors),
            entry: self.entry.unwrap_or(old.entry),
            guests: self.guests.unwrap_or(old.guests),
            capacity: self.capacity.clone().over(old.capacity),
            password: self.password.clone().over(old.password.clone()),
        };
        // A password that nobody asks for protects nothing.
        if self.password != Change::Keep
            && policy.password.is_some()
            && policy.entry != EntryRule::Password
        {
            let detail = "a password needs the entry `password`";
            return Err(Problem::at(Code::BadField, "policy.password", detail));
        }
        Ok(policy)
    }
}

impl Visit {
    /// Reads what a policy is to become; hashing takes a while.
    pub(super) async fn new_policy(&self, body: PolicyChange) -> Done<NewPolicy> {
        let PolicyChange { doors, entry, guests, capacity, password } = body;
        let doors = doors.as_deref().map(self::doors).transpose()?;
        let entry = entry.map(|entry| match entry.as_str() {
            "open" => EntryRule::Open,
            "password" => EntryRule::Password,
            _ => EntryRule::Grant,
        });
        let password = match password {
            Change::Keep => Change::Keep,
            Change::Clear => Change::Clear,
            Change::Set(password) => {
                let rounds = self.api.config.password_rounds;
                Change::Set(PasswordHash(self.port.hash(password, rounds).await?))
            }
        };
        Ok(NewPolicy { doors, entry, guests, capacity, password })
    }

    /// What the rooms door is to keep.
    pub(super) async fn new_lease(&self, body: LeaseBody, now: Wall) -> Done<(Lease, Wall)> {
        let LeaseBody { owner, owner_name, max_size, life_hours } = body;
        if let Some(owner) = owner
            && !self.is_user(owner).await?
        {
            let detail = "there is no such user";
            return Err(Problem::at(Code::UnknownUser, "lease.owner", detail));
        }
        let channel = CHANNEL.to_owned();
        let lease =
            Lease { owner, owner_name, name: None, context: None, max_size, channel, created: now };
        Ok((lease, after(now, Duration::from_secs(u64::from(life_hours) * 3_600))))
    }
}

fn doors(names: &[String]) -> Done<Doors> {
    let add = |set: Doors, name: &String| Door::from_name(name).map(|door| set.with(door));
    let wrong = || Problem::at(Code::BadField, "policy.doors", "no such door");
    names.iter().try_fold(Doors::NONE, add).ok_or_else(wrong)
}

/// A room that is open to the rooms door needs what that door keeps.
pub(super) fn is_whole(policy: &Policy, has_lease: bool) -> Done<()> {
    if policy.doors.has(Door::Rooms) && !has_lease {
        return Err(Problem::at(Code::MissingField, "lease", "the door `rooms` needs it"));
    }
    Ok(())
}

/// What a room is if its maker does not say: open to nobody without a grant.
pub(super) fn closed() -> Policy {
    Policy { entry: EntryRule::Grant, guests: false, ..Policy::default() }
}
