//! A room in memory with those who are connected to it.

use crate::media::RoomMedia;
use crate::timeline::Timeline;
use parlour_base::{ConnId, Mono};
use parlour_directory::Access;
use parlour_room::MemberId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A room that this shard owns.
#[derive(Debug)]
pub(crate) struct Hosted {
    pub timeline: Timeline,
    /// The connection of each member that everybody sees.
    pub connections: BTreeMap<MemberId, ConnId>,
    pub media: RoomMedia,
    /// Who may enter, as the last to enter found it.
    pub access: Option<Arc<Access>>,
    /// Since when nobody is in it.
    pub idle_since: Option<Mono>,
}
