//! Conversations and the people in them, as types that cannot be wrong.
//!
//! Source: docs/protocols/callctl.md §3 (REQ-1 to REQ-6).

use super::check::{Check, Offence};
use super::pb::common as model;
use super::pb::common::video::v1::{self as common, convo_id::Kind};
use std::fmt;

/// Stands between the two people of a pair in its key.
const BETWEEN: char = ':';

/// What comes before the server in a user's address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalPart(String);

impl LocalPart {
    /// Reads one.
    ///
    /// # Errors
    /// [`Offence`] if it is not of the form of a local part.
    pub fn parse(text: &str) -> Result<Self, Offence> {
        Self::try_from(model::XiBareUserJid { local_part: text.to_owned() })
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The message that carries it.
    #[must_use]
    pub fn to_pb(&self) -> model::XiBareUserJid {
        model::XiBareUserJid { local_part: self.0.clone() }
    }
}

impl TryFrom<model::XiBareUserJid> for LocalPart {
    type Error = Offence;

    fn try_from(jid: model::XiBareUserJid) -> Result<Self, Offence> {
        jid.check()?;
        Ok(Self(jid.local_part))
    }
}

impl fmt::Display for LocalPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What comes before the server in a group's address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupName(String);

impl GroupName {
    /// Reads one.
    ///
    /// # Errors
    /// [`Offence`] if it is not of the form of a group's name.
    pub fn parse(text: &str) -> Result<Self, Offence> {
        Self::try_from(model::XiGroupJid { local_part: text.to_owned() })
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The message that carries it.
    #[must_use]
    pub fn to_pb(&self) -> model::XiGroupJid {
        model::XiGroupJid { local_part: self.0.clone() }
    }
}

impl TryFrom<model::XiGroupJid> for GroupName {
    type Error = Offence;

    fn try_from(jid: model::XiGroupJid) -> Result<Self, Offence> {
        jid.check()?;
        Ok(Self(jid.local_part))
    }
}

/// A conversation; equal exactly when it is the same one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConvoId {
    /// Two people, the smaller name first.
    Pair(LocalPart, LocalPart),
    /// A group.
    Group(GroupName),
}

impl ConvoId {
    /// Its key: the group's name, or both names with a colon between them.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Pair(one, other) => format!("{one}{BETWEEN}{other}"),
            Self::Group(group) => group.0.clone(),
        }
    }

    /// The conversation that a key names.
    ///
    /// # Errors
    /// [`Offence`] if the key is not one that [`Self::key`] writes.
    pub fn parse_key(key: &str) -> Result<Self, Offence> {
        let Some((one, other)) = key.split_once(BETWEEN) else {
            return Ok(Self::Group(GroupName::parse(key)?));
        };
        let user = |name: &str| model::XiBareUserJid { local_part: name.to_owned() };
        let pair = common::OneToOneConvoId { users: vec![user(one), user(other)] };
        Self::try_from(common::ConvoId { kind: Some(Kind::OneToOne(pair)) })
    }

    /// The message that carries it.
    #[must_use]
    pub fn to_pb(&self) -> common::ConvoId {
        let kind = match self {
            Self::Pair(one, other) => {
                Kind::OneToOne(common::OneToOneConvoId { users: vec![one.to_pb(), other.to_pb()] })
            }
            Self::Group(group) => Kind::Group(group.to_pb()),
        };
        common::ConvoId { kind: Some(kind) }
    }

    /// Whether it is a pair that this person is one of; `None` for a group,
    /// which does not say who belongs to it.
    #[must_use]
    pub fn pair_has(&self, user: &LocalPart) -> Option<bool> {
        match self {
            Self::Pair(one, other) => Some(one == user || other == user),
            Self::Group(_) => None,
        }
    }
}

impl TryFrom<common::ConvoId> for ConvoId {
    type Error = Offence;

    fn try_from(id: common::ConvoId) -> Result<Self, Offence> {
        id.check()?;
        let missing = Offence {
            field: "common.video.v1.ConvoId.kind",
            broken: super::check::Broken::Missing,
        };
        match id.kind.ok_or(missing)? {
            Kind::Group(group) => Ok(Self::Group(GroupName(group.local_part))),
            Kind::OneToOne(pair) => {
                let mut users = pair.users.into_iter().map(|user| LocalPart(user.local_part));
                let (Some(one), Some(other)) = (users.next(), users.next()) else {
                    return Err(missing);
                };
                Ok(Self::Pair(one, other))
            }
        }
    }
}

impl fmt::Display for ConvoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pair(one, other) => write!(f, "{one}{BETWEEN}{other}"),
            Self::Group(group) => f.write_str(&group.0),
        }
    }
}
