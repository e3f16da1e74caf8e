//! Galène's client protocol: JSON texts on a WebSocket, in both dialects, and
//! the group files of today and of 2021.
//!
//! Owns the shapes: what a member is called, which type it has, what is left
//! out. Refuses to know sessions, rooms and permissions' effects.
//!
//! Source: docs/protocols/galene.md §§1.6, 2.3, 2.4, 3, 5.4, 5.5, 5.7.

mod client;
mod dialect;
pub mod group;
mod members;
pub mod name;
mod password;
mod request;
mod server;
mod status;
pub mod text;
mod time;
pub mod token;

pub use client::{ClientMessage, Envelope, Join, Offer};
pub use dialect::{Dialect, RtcConfiguration, VERSION};
pub use group::{GroupFile, GroupFileError};
pub use members::{Candidate, ParseError};
pub use password::{PBKDF2_BYTES_MAX, PBKDF2_ITERATIONS_MAX};
pub use request::{RequestTable, Wish};
pub use server::{Chat, JoinedKind, ServerMessage, TrackKind, UserKind, UserLine};
pub use status::GroupStatus;
pub use time::parse_rfc3339;
pub use token::{Token, TokenEdit, TokenError, TokenRequest, TokenTime};

/// What the stored form of a password asks for; `None` if it cannot be checked.
#[must_use]
pub fn verifier(password: &parlour_base::Json) -> Option<parlour_base::Verifier> {
    password::read(password)
}
