//! The shard's configuration.

use parlour_base::Span;
use parlour_session::{Doors, galene};
use parlour_sfu::plan::Fingerprint;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// Limits of the control side. Configuration section `[control]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Most rooms in memory. A join that would open one more is refused.
    pub rooms: u32,
    /// Most joins under way at a time (group file, password, store). A further
    /// one is refused.
    pub entries: u32,
    /// Most commands of one room that wait for the store. A further one is
    /// refused, except leaving and ending a stream.
    pub waiting_commands: u32,
    /// How long the store may take. What waits longer is refused.
    pub store_patience: Span,
    /// Most calls under way at a time: requests of doors without connections.
    /// A further one is refused as busy.
    pub calls: u32,
    /// Most calls that wait for another one to be done with the same room, or
    /// with the same idempotency key. A further one is refused as busy.
    pub line_calls: u32,
    /// Most records of the directory, and pages of a few, that are remembered
    /// after they were looked up; 0 remembers none.
    pub recent_records: u32,
    /// How long somebody whom call control admitted may take to connect.
    pub connecting: Span,
    /// How long an empty room stays in memory.
    pub idle_room: Span,
    /// How long a publisher whose media stopped may take to bring it back
    /// before its stream ends.
    pub lost_stream: Span,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rooms: 200_000,
            entries: 2_000,
            calls: 20_000,
            line_calls: 1_000,
            recent_records: 50_000,
            connecting: Span::secs(20),
            waiting_commands: 10_000,
            store_patience: Span::secs(5),
            idle_room: Span::secs(300),
            lost_stream: Span::secs(30),
        }
    }
}

/// What the media workers of this server are, for descriptions.
#[derive(Debug, Clone)]
pub struct Media {
    /// How many there are; at least one.
    pub workers: u8,
    /// The certificate they all show.
    pub fingerprint: Fingerprint,
    /// Where clients reach them.
    pub candidates: Vec<SocketAddr>,
}

/// What a shard is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// The Galène door.
    pub galene: galene::Context,
    /// The doors that take single requests.
    pub doors: Doors,
    /// Limits of each room.
    pub room: parlour_room::Limits,
    /// Limits of the shard.
    pub limits: Limits,
    /// The media workers.
    pub media: Media,
    /// The host (and port) that signed tokens must be meant for, if any.
    pub canonical_host: Option<String>,
    /// Make the open room on a store that is new; without, remove it.
    pub lobby: bool,
    /// This is a media server apart, and called so by the keeper of the calls,
    /// which is asked about everybody who wants in.
    pub media_server: Option<String>,
}
