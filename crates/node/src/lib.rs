//! One control shard: its rooms, its sessions and its part of the directory.
//!
//! The shard is one value on one thread. It carries what one machine says to
//! the next: frames to sessions, what they ask to rooms, events to sessions,
//! media and store. The server and the simulator are two shells around it; it
//! knows no clock, no socket, no task and no disk.

mod asker;
mod calls;
mod client;
pub mod config;
mod due;
mod entry;
mod groups;
mod hosted;
mod invite;
mod lines;
mod media;
mod opening;
pub mod port;
mod recent;
mod shard;
mod timeline;
pub mod watch;

pub use config::Config;
pub use parlour_session::call::{self, Call};
pub use parlour_session::{api, callctl, rooms};
pub use port::{
    CallId, ErrandId, Frame, Gauges, GroupLookup, Input, Output, Query, QueryId, Reply,
};
pub use shard::Shard;

/// What opens the room `lobby` to everyone, for whoever writes to a new store
/// before a server sees it.
#[must_use]
pub fn lobby() -> parlour_base::storage::Write {
    let (kind, key) = ("group".to_owned(), "lobby".to_owned());
    parlour_base::storage::Write::Record { kind, key, body: Some(groups::lobby()) }
}
