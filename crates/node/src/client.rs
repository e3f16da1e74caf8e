//! One connection as the shard keeps it.

use parlour_base::{Pii, RoomId};
use parlour_room::MemberId;
use parlour_session::galene::Session;
use std::net::SocketAddr;

/// A connection, its session, and where it is.
#[derive(Debug)]
pub(crate) struct Client {
    pub session: Session,
    pub remote: Pii<SocketAddr>,
    /// The room it is in, or whose decision to let it in is under way.
    pub place: Option<Place>,
}

/// Where a client is.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub room: RoomId,
    pub member: MemberId,
}
