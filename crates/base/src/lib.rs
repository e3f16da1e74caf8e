//! The floor of the house: identities, time, permissions, units, redaction,
//! the messages to the store, and the limits several crates share.
//!
//! Owns no behaviour of its own and refuses to know any protocol, clock,
//! socket or disk. Everything else stands on it.

pub mod entropy;
pub mod id;
pub mod limits;
pub mod permissions;
pub mod redact;
pub mod storage;
pub mod time;
pub mod unit;
pub mod verifier;

pub use entropy::Entropy;
pub use id::{ConnId, Epoch, RoomId, Seq, UserId};
pub use permissions::{Permission, Permissions};
pub use redact::{Pii, Secret};
pub use time::{Mono, Now, Wall};
pub use unit::{ByteSize, Span};
pub use verifier::Verifier;

/// Free-form JSON that passes through a room untouched: chat values, attributes.
///
/// Objects keep their members in key order, so equal values print equally.
pub use serde_json::Value as Json;

/// A JSON object.
pub type JsonMap = serde_json::Map<String, Json>;
