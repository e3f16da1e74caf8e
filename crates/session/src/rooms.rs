//! The rooms door: Mozilla Loop's API as requests that become steps of the
//! node and answers of HTTP.
//!
//! Owns what each endpoint does and in which order it looks at things, Hawk
//! sessions, push addresses and the other records of the door, and the texts
//! of its answers. Refuses to decide who may enter a room, which is the room's,
//! and to know sockets and clocks, which are the edge's.
//!
//! Source: docs/protocols/rooms.md.

mod account;
mod actions;
mod asks;
mod calls;
mod change;
mod config;
mod credentials;
pub mod exchange;
mod health;
mod http;
mod list;
mod nonces;
mod oauth;
mod push;
mod read;
mod records;
mod registration;
pub mod report;
mod route;
mod sweep;

pub use calls::Effect;
pub use config::{Config, OauthConfig, VerifierConfig};
pub use credentials::media_session;
pub use exchange::{Exchange, Placing, Socket, Timers};
pub use http::{Begun, Door, Headers, Payload, Request, Response, Summary, Unread, UserKind};
pub use push::{Push, Told, Topic, observe};
pub(crate) use records::{owned, passed_on};
pub use report::{Ended, Move, Reports};
