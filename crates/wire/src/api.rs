//! The integration API: what an application's requests and answers look like.
//!
//! Owns the table of paths, the shapes of bodies and their limits, queries,
//! problems (RFC 9457) and the OpenAPI document. Refuses to know users, rooms
//! and keys: it reads what is written and leaves the rest to the door.
//!
//! Source: docs/reference/api.md.

mod body;
mod contact;
mod fields;
mod key;
mod openapi;
mod problem;
mod query;
mod room;
mod route;
mod tag;
mod token;
mod user;

pub use body::body_of;
pub use contact::ContactBody;
pub use fields::Change;
pub use key::{KeyBody, Scope, Scopes};
pub use openapi::document;
pub use problem::{Code, Problem};
pub use query::Query;
pub use room::{GrantBody, LeaseBody, NameBody, NewNameBody, PolicyChange, RoomBody};
pub use route::{Method, Operation, ROUTES, Route, Routed, routed};
pub use tag::{Tag, accepts, is_known};
pub use token::TokenBody;
pub use user::{OutsideName, UserBody};

/// What every path of the API begins with.
pub const PREFIX: &str = "/api/v1";

/// Longest name a person or room is shown by, in bytes.
pub const SHOWN_BYTES_MAX: usize = 256;
/// Longest login, in bytes.
pub const LOGIN_BYTES_MAX: usize = 64;
/// Longest e-mail of an account, in bytes (RFC 5321 §4.5.3.1.3).
pub const ACCOUNT_BYTES_MAX: usize = 254;
/// Most names of one kind that a user has elsewhere.
pub const OUTSIDE_MAX: usize = 16;
/// Most names that a room is made with, and has.
pub const NAMES_MAX: usize = 64;
/// Longest namespace, in bytes.
pub const NAMESPACE_BYTES_MAX: usize = 32;
/// Longest password of a room, in bytes.
pub const PASSWORD_BYTES_MAX: usize = 1_024;
/// Most people a policy lets in.
pub const CAPACITY_MAX: u32 = 100_000;
/// Longest label of a key, in bytes.
pub const LABEL_BYTES_MAX: usize = 128;
/// Most rooms that a token names.
pub const TOKEN_ROOMS_MAX: usize = 32;
/// Longest subject of a token, in bytes.
pub const SUBJECT_BYTES_MAX: usize = 320;
/// Longest `Idempotency-Key`, in bytes.
pub const IDEMPOTENCY_BYTES_MAX: usize = 128;
/// Longest cursor, in bytes.
pub const CURSOR_BYTES_MAX: usize = 1_024;
/// Most things in a page.
pub const PAGE_MAX: u32 = 100;
/// Things in a page if nobody says how many.
pub const PAGE_DEFAULT: u32 = 50;
