//! Who may enter a room, whichever door it is.
//!
//! There is one policy for each room. A door checks what somebody shows (a
//! password, a token, a signature) and says what it found as a [`Proof`]; what
//! that is good for is decided here, for all doors alike.

use crate::door::{Door, Doors};
use crate::person::Person;
use crate::refusal::Refusal;
use crate::room::Room;
use parlour_base::{Permission, Permissions, UserId, Wall};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A room's entry policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// Which doors are open.
    pub doors: Doors,
    /// What it takes.
    pub entry: EntryRule,
    /// Whether people without an account may come in; those who were invited
    /// may in any case.
    pub guests: bool,
    /// Most people at a time, by whichever door; `None` = as many as the
    /// server allows.
    pub capacity: Option<u32>,
    /// What the room's own password must fit, in the form of a group file.
    pub password: Option<PasswordHash>,
}

impl Default for Policy {
    /// The policy of a room that the Galène door made: every way in leads
    /// through the group's definition.
    fn default() -> Self {
        Self {
            doors: Doors::GALENE,
            entry: EntryRule::Password,
            guests: true,
            capacity: None,
            password: None,
        }
    }
}

/// What it takes to come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryRule {
    /// To know where the room is.
    Open,
    /// A password or a grant.
    Password,
    /// A grant.
    Grant,
}

/// The stored form of a password, as JSON text; it is not shown in logs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash")
    }
}

/// What somebody at a door has shown, once the door has checked it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Nothing; who it is may still be known.
    Nothing,
    /// A password of the room, or of its group's definition, and what it gives.
    Password(Permissions),
    /// An invitation or a token made for this room, and what it gives.
    Invitation(Permissions),
}

/// Who is given something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grantee {
    /// Whoever comes.
    Everyone,
    /// One user.
    User(UserId),
    /// One user, for as long as the user belongs to the conversation that the
    /// room is: whoever says who belongs to it gives and takes this one, and
    /// no other ([`Command::SetConversation`]).
    ///
    /// [`Command::SetConversation`]: crate::Command::SetConversation
    Belonging(UserId),
}

/// The durable right of somebody in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// What it gives.
    pub permissions: Permissions,
    /// Since when.
    pub since: Wall,
    /// The grantee's name in call control, if it has one: grants with such a
    /// name are the members of the conversation.
    #[serde(default)]
    pub kik: Option<String>,
}

/// What the text of a grantee begins with who belongs to a conversation.
const BELONGING: &str = "kik.";

impl fmt::Display for Grantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everyone => f.write_str("everyone"),
            Self::User(user) => user.fmt(f),
            Self::Belonging(user) => write!(f, "{BELONGING}{user}"),
        }
    }
}

impl std::str::FromStr for Grantee {
    type Err = parlour_base::id::IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "everyone" {
            return Ok(Self::Everyone);
        }
        match text.strip_prefix(BELONGING) {
            Some(user) => user.parse().map(Self::Belonging),
            None => text.parse().map(Self::User),
        }
    }
}

impl Serialize for Grantee {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Grantee {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What everybody gets who comes in without anything that says more.
pub const VISITOR: Permissions =
    Permissions::of(&[Permission::Present, Permission::Message, Permission::Caption]);

impl Room {
    /// What entry by this door with this proof gives, or why it is refused.
    pub(crate) fn admit(
        &self,
        door: Door,
        person: &Person,
        proof: Proof,
    ) -> Result<Permissions, Refusal> {
        let policy = &*self.policy;
        if !policy.doors.has(door) {
            return Err(Refusal::DoorClosed);
        }
        let granted = self.granted(person);
        let welcome = policy.guests || !person.guest;
        let by_password = welcome && policy.entry != EntryRule::Grant;
        let shown = match proof {
            Proof::Invitation(permissions) => Some(permissions),
            Proof::Password(permissions) if by_password => Some(permissions),
            Proof::Password(_) | Proof::Nothing => None,
        };
        if let Some(permissions) = granted.into_iter().chain(shown).reduce(Permissions::union) {
            return Ok(permissions);
        }
        if welcome && policy.entry == EntryRule::Open {
            return Ok(VISITOR);
        }
        Err(Refusal::NotAuthorised)
    }

    /// What grants give somebody: one's own, that of the conversation, and
    /// everyone's.
    fn granted(&self, person: &Person) -> Option<Permissions> {
        let own = [Grantee::User(person.user), Grantee::Belonging(person.user)];
        let own = own.iter().filter_map(|grantee| self.grants.get(grantee));
        let all = self.grants.get(&Grantee::Everyone);
        let all = all.filter(|_| self.policy.guests || !person.guest);
        own.chain(all).map(|grant| grant.permissions).reduce(Permissions::union)
    }
}
