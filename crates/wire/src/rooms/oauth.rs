//! Logging in to an account by OAuth: what the client and the outside services
//! say.
//!
//! Source: docs/protocols/rooms.md §5.

use super::body::Body;
use super::error::ApiError;
use crate::json;
use parlour_base::{Json, Secret};
use serde_json::json as object;

/// Longest text taken from an outside service, in bytes.
const TEXT_BYTES_MAX: usize = 4_096;

/// What a client needs to begin a login.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params {
    /// The name this server has at the service.
    pub client_id: String,
    /// Where the service sends the browser.
    pub redirect_uri: String,
    /// Where profiles are read.
    pub profile_uri: String,
    /// Where people log in.
    pub content_uri: String,
    /// Where codes are traded.
    pub oauth_uri: String,
    /// What is asked for.
    pub scope: String,
}

impl Params {
    /// The body, with the state of this login.
    #[must_use]
    pub fn body(&self, state: &str) -> Json {
        object!({
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "profile_uri": self.profile_uri,
            "content_uri": self.content_uri,
            "oauth_uri": self.oauth_uri,
            "scope": self.scope,
            "state": state,
        })
    }
}

/// What a client brings back from a login.
#[derive(Debug, Clone)]
pub struct Login {
    /// The state it began with.
    pub state: Secret<String>,
    /// What is traded for a token.
    pub code: String,
}

impl Login {
    /// Reads the body.
    ///
    /// # Errors
    /// 400 naming what is absent, or for what is not text.
    pub fn read(body: &Body) -> Result<Self, ApiError> {
        body.require(&["state", "code"])?;
        let text = |name: &str| {
            let odd = || ApiError::invalid(format!("{name} should be a text."));
            body.text(name).map(str::to_owned).ok_or_else(odd)
        };
        Ok(Self { state: Secret::new(text("state")?), code: text("code")? })
    }
}

/// What the service gives for a code.
#[derive(Debug, Clone)]
pub struct Granted {
    /// Opens the profile.
    pub access_token: Secret<String>,
    /// How it is shown.
    pub token_type: String,
    /// What it covers.
    pub scope: String,
}

impl Granted {
    /// Reads the answer of the service; `None` if it is not one.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let answer = json::parse_bytes(bytes).ok()?;
        Some(Self {
            access_token: Secret::new(short(&answer, "access_token")?),
            token_type: short(&answer, "token_type")?,
            scope: short(&answer, "scope")?,
        })
    }

    /// The answer to the client.
    #[must_use]
    pub fn body(&self) -> Json {
        object!({
            "token_type": self.token_type,
            "access_token": self.access_token.expose(),
            "scope": self.scope,
        })
    }
}

/// What the profile service says: not JSON, JSON without an e-mail, or one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Profile {
    /// Not JSON.
    Unreadable,
    /// No e-mail in it.
    Nobody,
    /// The e-mail as the service spells it.
    Email(String),
}

impl Profile {
    /// Reads the answer of the service.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let Ok(answer) = json::parse_bytes(bytes) else { return Self::Unreadable };
        short(&answer, "email").filter(|email| !email.is_empty()).map_or(Self::Nobody, Self::Email)
    }
}

fn short(answer: &Json, name: &str) -> Option<String> {
    let text = answer.get(name)?.as_str()?;
    (text.len() <= TEXT_BYTES_MAX).then(|| text.to_owned())
}

/// Reads the body of a usage event.
///
/// # Errors
/// 400 naming what is absent.
pub fn read_event(body: &Body) -> Result<(), ApiError> {
    body.require(&["event", "action", "label"])
}
