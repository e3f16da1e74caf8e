//! The media worker: peers, tracks, forwarding.
//!
//! A [`Worker`] is a machine without clock, socket or thread: datagrams,
//! commands and the time go in with [`Worker::handle`], datagrams and notices
//! come out of [`Worker::poll`]. It owns the transports (ICE, DTLS, SRTP) and
//! the packets of the calls given to it. Refuses to know rooms and people.

mod config;
mod down;
mod dtls;
mod ice;
mod identity;
mod input;
pub mod negotiate;
mod outbox;
pub mod plan;
mod shared;
mod slab;
pub mod srtp;
mod stats;
mod timers;
mod transport;
mod up;
mod worker;

pub use config::Config;
pub use identity::{Identity, IdentityError};
pub use input::Input;
pub use outbox::{BURST_BYTES_MAX, Output, SEGMENTS_MAX};
pub use stats::{BURST_BOUNDS, Dropped, Stats};
pub use worker::Worker;
