//! Names of rooms, definitions of groups, and who may enter with what.
//!
//! Owns the bindings of names to rooms and the check of credentials, whose
//! only fruit is an [`Admission`]. It knows no room, no protocol and no disk:
//! what must be kept it hands out as a [`Write`](parlour_base::storage::Write).

pub mod access;
pub mod contacts;
pub mod invitation;
pub mod jwt;
pub mod keys;
pub mod media_token;
pub mod names;
pub mod outside;
pub mod record;
pub mod repeats;
pub mod tokens;
pub mod users;
mod verify;

pub use access::{Access, Admission, Attempt, Step};
pub use invitation::Invitation;
pub use media_token::{MediaKeys, MediaToken};
pub use names::Directory;
pub use verify::verify;
