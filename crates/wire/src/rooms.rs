//! The rooms API of Mozilla Loop: what its clients send and are answered, in
//! types.
//!
//! Owns the paths, the two ways of showing who one is, the fields of every
//! body with the order in which they are looked at, the errors in their exact
//! words, the views of a room, and the rules of the client's session state.
//! Refuses to know rooms, sessions, stores, clocks and sockets.
//!
//! Source: docs/protocols/rooms.md.

pub mod accept;
pub mod action;
pub mod basic;
pub mod body;
pub mod call;
pub mod cors;
pub mod error;
pub mod etag;
pub mod form;
pub mod hawk;
pub mod identity;
pub mod number;
pub mod oauth;
pub mod path;
pub mod progress;
pub mod registration;
pub mod room;
pub mod seal;
pub mod state;
pub mod view;

pub use action::{Action, ActionName, DomainCount, Join, Status};
pub use basic::BasicError;
pub use body::Body;
pub use error::{ApiError, Challenge, Errno};
pub use path::{Method, Place, Route};
pub use room::{Bounds, RoomChange, RoomCreate};
pub use state::{Counters, Machine, SessionEvent, SessionState};

/// Longest request body, in bytes; a longer one is answered with 413.
pub const BODY_BYTES_MAX: usize = 100 << 10;

/// Longest `Authorization` header that is looked at, in bytes.
pub const AUTHORIZATION_BYTES_MAX: usize = 4_096;
