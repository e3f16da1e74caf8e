//! Hawk: showing that one holds a key without sending it.
//!
//! Owns the header's syntax, the text that is signed, the signatures of
//! request, answer and clock, and the order in which a request is checked.
//! Refuses to know sessions and clocks: the caller looks up the key and says
//! what time it is.
//!
//! Source: docs/protocols/rooms.md §3; the published Hawk 1.1 description.

mod check;
mod header;
mod key;
mod sign;

pub use check::{SKEW_MS_MAX, Verified, check, needed, repeated, stale, unknown};
pub use header::{HawkHeader, read_header, scheme};
pub use key::{Credentials, SessionToken};
pub use sign::{Artifacts, Target, payload_hash};
