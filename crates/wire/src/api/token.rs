//! Tokens for people of an application.

use super::fields::{Fields, Read};
use super::{SHOWN_BYTES_MAX, SUBJECT_BYTES_MAX, TOKEN_ROOMS_MAX};
use parlour_base::{Json, Permissions};

/// Longest time to the beginning or end of a token, in seconds: ten years.
/// How long it may really last is the server's configuration.
const SPAN_SECS_MAX: u64 = 315_360_000;

/// `POST /tokens`
#[derive(Debug, Clone, PartialEq)]
pub struct TokenBody {
    /// Who the bearer is: a handle, or `ext:NAMESPACE:NAME`.
    pub subject: String,
    /// The rooms it opens, by id; `*` for all.
    pub rooms: Vec<String>,
    /// The doors it is good at, by name; all if none are named.
    pub doors: Option<Vec<String>>,
    /// What the bearer may do in these rooms.
    pub rights: Permissions,
    /// The name others see.
    pub name: Option<String>,
    /// After how many seconds it ends.
    pub expires_in: Option<u64>,
    /// After how many seconds it begins.
    pub begins_in: Option<u64>,
}

impl TryFrom<Json> for TokenBody {
    type Error = super::Problem;

    fn try_from(body: Json) -> Read<Self> {
        let mut fields = Fields::of(body)?;
        let subject = fields.shown("sub", SUBJECT_BYTES_MAX)?.set();
        let subject = subject.ok_or_else(|| fields.missing("sub"))?;
        let rooms = fields.texts("rooms", TOKEN_ROOMS_MAX)?.unwrap_or_default();
        let doors = fields.texts("doors", 16)?;
        let rights = fields.permissions("rights")?.unwrap_or_default();
        let name = fields.shown("name", SHOWN_BYTES_MAX)?.set();
        let expires_in = fields.number("expires_in", 1, SPAN_SECS_MAX)?.set();
        let begins_in = fields.number("begins_in", 0, SPAN_SECS_MAX)?.set();
        fields.end()?;
        Ok(Self { subject, rooms, doors, rights, name, expires_in, begins_in })
    }
}
