//! The door of applications: the integration API as requests that become steps
//! of the node and answers of HTTP.
//!
//! Owns who may ask for what, what each path does and in which order, and that
//! a request which fails changes nothing. Refuses to decide who may enter a
//! room, which is the room's, to read bytes, which is `wire`'s, and to know
//! sockets and clocks, which are the edge's.
//!
//! Source: docs/reference/api.md.

mod calls;
mod contacts;
mod grants;
mod http;
mod keys;
mod names;
mod page;
mod policy;
mod port;
mod repeat;
mod rooms;
mod show;
mod tally;
mod tokens;
mod users;

pub use http::{Headers, Request, Response, Summary};
pub use keys::first_key;

use crate::call::Call;
use parlour_base::Span;
use std::sync::Arc;

/// The settings of the door.
#[derive(Debug, Clone)]
pub struct Config {
    /// Rounds of PBKDF2 for passwords of rooms.
    pub password_rounds: u32,
    /// How long what came of a request is kept for its repetition.
    pub repeat_life: Span,
    /// Most requests of one key and day that are kept for their repetition.
    pub repeats_per_day: u32,
    /// Most tokens minted with one key in a day.
    pub tokens_per_day: u32,
    /// Life of a token if nobody says.
    pub token_life: Span,
    /// Longest life of a minted token.
    pub token_life_max: Span,
    /// Most keys.
    pub keys_max: u32,
    /// Most contacts of one user.
    pub contacts_max: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            password_rounds: 100_000,
            repeat_life: Span::secs(86_400),
            repeats_per_day: 100_000,
            tokens_per_day: 100_000,
            token_life: Span::secs(3_600),
            token_life_max: Span::secs(30 * 86_400),
            keys_max: 1_000,
            contacts_max: 1_000,
        }
    }
}

/// The door.
#[derive(Debug, Default)]
pub struct Api {
    config: Config,
    tally: tally::Tally,
}

impl Api {
    /// The door with these settings.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, ..Self::default() }
    }

    /// Takes a request in; the reply is a [`Response`].
    #[must_use]
    pub fn begin(self: &Arc<Self>, request: Request) -> Box<dyn Call> {
        let api = Arc::clone(self);
        crate::flow::Flow::boxed(move |port| http::visit(api, request, port::Port(port)))
    }
}
