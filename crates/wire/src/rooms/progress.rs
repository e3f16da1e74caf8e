//! The progress of a one-to-one call, told over a WebSocket in JSON.
//!
//! Source: docs/protocols/rooms.md §7.

use crate::json::{self, Limits};
use parlour_base::{Json, Secret};
use serde_json::json as object;

/// Longest message, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 8 << 10;

/// Longest reason, in bytes.
pub const REASON_BYTES_MAX: usize = 64;

const LIMITS: Limits = Limits { bytes: MESSAGE_BYTES_MAX, depth: 8, items: 200 };

/// What a client says.
#[derive(Debug, Clone)]
pub enum Said {
    /// Which call, and that one may know of it.
    Hello {
        /// The call.
        call_id: String,
        /// The token of this side.
        auth: Secret<String>,
    },
    /// What it did.
    Action {
        /// Such as `accept`; others are answered by name.
        event: String,
        /// Why.
        reason: Option<String>,
    },
    /// Wants it back.
    Echo(Json),
}

/// Why a socket is told an error and closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProgressError {
    /// Not a JSON object.
    #[error("Malformed message.")]
    Malformed,
    /// A sort of message that does not exist.
    #[error("Unknown messageType")]
    UnknownType,
    /// Members of the message are absent.
    #[error("Missing parameters: {0}")]
    Missing(String),
    /// A reason of other characters.
    #[error("Invalid reason: should be alphanumeric")]
    Reason,
    /// No such call.
    #[error("bad callId")]
    CallId,
    /// A token of nobody, or nothing was shown yet.
    #[error("bad authentication")]
    Authentication,
    /// The call is in a state in which this cannot happen.
    #[error("No transition from {state} state with {event} event.")]
    Transition {
        /// Where it is.
        state: &'static str,
        /// What was said.
        event: String,
    },
    /// Storage failed.
    #[error("Service Unavailable")]
    Unavailable,
}

impl Said {
    /// Reads one message.
    ///
    /// # Errors
    /// [`ProgressError`] to be told before closing.
    pub fn read(text: &str) -> Result<Self, ProgressError> {
        let value = json::parse_within(text, LIMITS).map_err(|_| ProgressError::Malformed)?;
        if !value.is_object() {
            return Err(ProgressError::Malformed);
        }
        match value.get("messageType").and_then(Json::as_str) {
            Some("hello") => Self::hello(&value),
            Some("action") => Self::action(&value),
            Some("echo") => Ok(Self::Echo(value.get("echo").cloned().unwrap_or(Json::Null))),
            _ => Err(ProgressError::UnknownType),
        }
    }

    fn hello(value: &Json) -> Result<Self, ProgressError> {
        let text = |name: &str| value.get(name).and_then(Json::as_str).map(str::to_owned);
        let (call_id, auth) = (text("callId"), text("auth"));
        match (call_id, auth) {
            (Some(call_id), Some(auth)) => Ok(Self::Hello { call_id, auth: Secret::new(auth) }),
            (None, None) => Err(ProgressError::Missing("callId, auth".to_owned())),
            (None, _) => Err(ProgressError::Missing("callId".to_owned())),
            (_, None) => Err(ProgressError::Missing("auth".to_owned())),
        }
    }

    fn action(value: &Json) -> Result<Self, ProgressError> {
        let Some(event) = value.get("event").and_then(Json::as_str) else {
            return Err(ProgressError::Missing("event".to_owned()));
        };
        let reason = match value.get("reason") {
            None | Some(Json::Null) => None,
            Some(Json::String(reason)) if is_reason(reason) => Some(reason.clone()),
            Some(_) => return Err(ProgressError::Reason),
        };
        // Repeated in an error, so not longer than a word.
        let event = event.chars().take(REASON_BYTES_MAX).collect();
        Ok(Self::Action { event, reason })
    }
}

/// Letters, digits and hyphens.
fn is_reason(text: &str) -> bool {
    let fits = !text.is_empty() && text.len() <= REASON_BYTES_MAX;
    fits && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// What a client is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// Its hello was taken.
    Hello {
        /// Where the call is.
        state: &'static str,
        /// Why it ended.
        reason: Option<String>,
    },
    /// The call moved.
    Progress {
        /// Where to.
        state: &'static str,
        /// Why it ended.
        reason: Option<String>,
    },
    /// What it wanted back.
    Echo(Json),
    /// What was wrong; the socket closes.
    Error(ProgressError),
}

impl Told {
    /// The text of the message.
    #[must_use]
    pub fn text(&self) -> String {
        let moved = |kind: &str, state: &str, reason: &Option<String>| match reason {
            Some(reason) => object!({ "messageType": kind, "state": state, "reason": reason }),
            None => object!({ "messageType": kind, "state": state }),
        };
        let message = match self {
            Self::Hello { state, reason } => moved("hello", state, reason),
            Self::Progress { state, reason } => moved("progress", state, reason),
            Self::Echo(value) => object!({ "messageType": "echo", "echo": value }),
            Self::Error(error) => {
                object!({ "messageType": "error", "reason": error.to_string() })
            }
        };
        message.to_string()
    }
}
