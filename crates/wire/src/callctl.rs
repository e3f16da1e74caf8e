//! Kik's video control plane: its messages, their limits, and the small texts
//! that travel beside them.
//!
//! Owns the shapes and what makes one valid. The messages and their checks are
//! made from `proto/` when this crate is built. Refuses to know who is calling,
//! who is a member of what, and how a message got here.
//!
//! Source: docs/protocols/callctl.md.

pub mod bridge;
pub mod check;
mod checks;
pub mod conference;
pub mod connection;
pub mod convo;
pub mod message;
pub mod metadata;
pub mod receiver;
pub mod state;

pub use check::{Broken, Check, Offence};
pub use conference::{ConferenceId, ConferenceKey};
pub use connection::ConnectionText;
pub use convo::{ConvoId, GroupName, LocalPart};
pub use message::{MESSAGE_BYTES_MAX, MessageError, read};
pub use prost::Message;

/// The messages as `proto/` defines them, one module per package.
#[allow(
    missing_docs,
    clippy::all,
    clippy::use_self,
    unreachable_pub,
    unused_qualifications,
    reason = "made from the definitions"
)]
pub mod pb {
    include!(concat!(env!("OUT_DIR"), "/callctl.rs"));
}

/// All definitions as a serialised `FileDescriptorSet`, options included: what
/// reflection shows.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/callctl.bin"));
