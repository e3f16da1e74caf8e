//! The call-control door: Kik's video control plane without its transport.
//!
//! Owns what a request means: which room a conversation is, who belongs to it,
//! and how the room's answer is said in the door's words. Each request is a
//! [`Call`](crate::Call); its reply is `Result<M, Trouble>` with the message M
//! that goes back. Refuses to know who proved to be whom, and by what the
//! messages travel.
//!
//! Source: docs/protocols/callctl.md.

mod asking;
pub mod bearer;
pub mod config;
mod describe;
mod directory;
mod identify;
mod join;
mod leave;
mod media;
mod observe;
mod permit;
mod query;
mod roster;

pub use bearer::BearerKeys;
pub use config::{Ask, Config};
pub use directory::{GroupMembers, SetMembers};
pub use identify::{Identify, Known, Scope};
pub use join::{Authority, Join};
pub use leave::{Force, Leave};
pub use media::{MediaConnected, MediaDisconnected, MediaLost, conference_text};
pub use observe::{Eviction, EvictionReason, Roster, observe};
pub use permit::{Permit, Permitted};
pub use query::{Inner, Query};

use parlour_base::storage::{Found, StoreFault};
use parlour_room::Refusal;
pub use parlour_room::RequestId;
use parlour_wire::callctl::{ConferenceKey, ConvoId, LocalPart};

use crate::call::{Desk, Target};

/// The namespace of conversations.
pub const NAMESPACE: &str = "kik";

/// How often a call begins again because its room went away meanwhile.
const TRIES: u8 = 3;

/// Why a request has no answer of its own kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// Something that has to be asked does not answer; later it may.
    #[error("not available at the moment")]
    Unavailable,
    /// More members than a room takes.
    #[error("too many members")]
    TooMany,
}

impl From<StoreFault> for Trouble {
    fn from(_: StoreFault) -> Self {
        Self::Unavailable
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::TooLarge => Self::TooMany,
            _ => Self::Unavailable,
        }
    }
}

/// The room of a conversation.
fn room_of(convo: &ConvoId, create: bool) -> Target {
    Target::Name { namespace: NAMESPACE.to_owned(), name: convo.key(), create }
}

/// The conversation that a room is, if it is one.
fn convo_of(names: &[(String, String)]) -> impl Iterator<Item = ConvoId> {
    let kik = names.iter().filter(|(namespace, _)| namespace == NAMESPACE);
    kik.filter_map(|(_, name)| ConvoId::parse_key(name).ok())
}

/// What conference ids are written and read with.
fn conference_key(config: &Config, desk: &Desk<'_>) -> Option<ConferenceKey> {
    ConferenceKey::new(&config.app, desk.media_keys.outside().expose())
}

/// The user that each name means, given what was found under its link.
fn users(desk: &Desk<'_>, names: &[LocalPart], found: Vec<Found>) -> Vec<parlour_base::UserId> {
    let linked = |found: Option<Found>| match found {
        Some(Found::Record(Some(body))) => body.as_str()?.parse().ok(),
        _ => None,
    };
    let mut found = found.into_iter();
    names
        .iter()
        .map(|name| {
            let outside = parlour_directory::outside::Outside::kik(name.as_str());
            linked(found.next()).unwrap_or_else(|| outside.derived(desk.media_keys.outside()))
        })
        .collect()
}

/// Where the links of these names are.
fn links(names: &[LocalPart]) -> Vec<parlour_base::storage::Key> {
    let link = |name: &LocalPart| parlour_directory::outside::Outside::kik(name.as_str()).lookup();
    names.iter().map(link).collect()
}
