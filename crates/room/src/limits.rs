//! The room's limits: how large each part of it may grow.

use parlour_base::Span;
use serde::{Deserialize, Serialize};

/// Limits of one room. Configuration section `[room]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Most members of one room, whatever its own capacity says. A join beyond
    /// it is refused as `too many users`; operators are refused too.
    pub members: u32,
    /// Most seats held in one room: people admitted by the rooms, call control
    /// and chat doors. A further one is refused as full.
    pub seats: u32,
    /// Most people in a call by the call control door, connecting ones
    /// included; at most 100 are ever listed. A further one is refused as full.
    pub conference: u32,
    /// Most grants of one room. A further one is refused.
    pub grants: u32,
    /// How far ahead of use the clock of call states is made durable, in
    /// milliseconds. A larger one means fewer writes and larger steps after a
    /// restart.
    pub clock_ahead_ms: u32,
    /// Most streams one member publishes at a time. A further one is refused.
    pub streams_per_member: u32,
    /// Chat entries kept for newcomers. The oldest goes when one is added.
    pub chat_entries: u32,
    /// Longest chat or message value, in bytes of JSON. A longer one is refused.
    pub value_bytes: u32,
    /// Largest attributes of a member or of the room, in bytes of JSON. A
    /// change that would pass it is refused.
    pub attribute_bytes: u32,
    /// How long the lease of the rooms door lasts after somebody came or went by
    /// another door, or ran out.
    pub leased_life: Span,
    /// Most labels in a member's table of wishes. A larger table is refused.
    pub wishes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            members: 5_000,
            seats: 5_000,
            conference: 6,
            grants: 10_000,
            clock_ahead_ms: 60_000,
            streams_per_member: 16,
            chat_entries: 50,
            value_bytes: 256 << 10,
            attribute_bytes: 16 << 10,
            leased_life: Span::secs(1_344 * 3_600),
            wishes: 64,
        }
    }
}
