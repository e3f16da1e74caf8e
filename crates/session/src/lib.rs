//! Doors: what a client says becomes commands, what happens in a room becomes
//! what the client is told.
//!
//! There are two kinds of doors. Where clients hold a connection, a *session*
//! is one client connection in one dialect. Where they send single requests, a
//! *call* ([`call::Call`]) is one request on its way to its reply.
//!
//! A session is one client connection in one dialect. It holds no roster: what
//! it tells of a room it reads from the room, so a session rebuilt from a
//! snapshot goes on with the same bytes. It knows no socket and no clock, and
//! does not decide what is permitted: the room does.

pub mod api;
pub mod call;
pub mod callctl;
mod doors;
mod flow;
pub mod galene;
mod note;
pub mod rooms;

pub use call::{Call, Desk, Notice, Notices, Observed, Outcome, Reply, Step, Target};
pub use doors::{Cause, Doors};
pub use note::{StreamNote, StreamOffer};
