//! The older one-to-one calls: whom to call, and what both sides are told.
//!
//! Source: docs/protocols/rooms.md §7.

use super::body::Body;
use super::error::ApiError;
use super::room::hours;
use parlour_base::{Json, Secret};
use serde_json::json;

/// Most characters of a subject.
pub const SUBJECT_CHARS_MAX: usize = 124;

/// Longest life of a call URL, in hours.
pub const URL_HOURS_MAX: u32 = 720;

/// Most identities of one call.
pub const CALLEES_MAX: usize = 100;

/// Whether a picture is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallType {
    /// Sound.
    Audio,
    /// Sound and picture.
    AudioVideo,
}

impl CallType {
    /// The word on the wire.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::AudioVideo => "audio-video",
        }
    }

    /// Reads the member `callType`.
    ///
    /// # Errors
    /// 400 if it is neither.
    pub fn read(body: &Body) -> Result<Self, ApiError> {
        match body.text("callType") {
            Some("audio") => Ok(Self::Audio),
            Some("audio-video") => Ok(Self::AudioVideo),
            _ => Err(ApiError::invalid("callType should be 'audio' or 'audio-video'")),
        }
    }
}

/// A call to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectCall {
    /// E-mails and phone numbers; several may mean several people, none nobody.
    pub callees: Vec<String>,
    /// Whether a picture is wanted.
    pub call_type: CallType,
    /// What it is about.
    pub subject: Option<String>,
    /// Which provider the client prefers.
    pub channel: Option<String>,
}

impl DirectCall {
    /// Reads the body.
    ///
    /// # Errors
    /// 400 for the first field that is absent or must not be so.
    pub fn read(body: &Body) -> Result<Self, ApiError> {
        body.require(&["calleeId"])?;
        let call_type = CallType::read(body)?;
        let subject = read_subject(body)?;
        let callees = match body.member("calleeId") {
            // What names nobody is no more than somebody who cannot be found.
            Some(Json::Array(list)) if list.len() <= CALLEES_MAX => {
                Some(list.iter().filter_map(identity).collect::<Vec<_>>())
            }
            Some(one) => identity(one).map(|one| vec![one]),
            None => None,
        };
        let odd = || ApiError::invalid("calleeId should be an e-mail, a phone number, or a list");
        Ok(Self {
            callees: callees.ok_or_else(odd)?,
            call_type,
            subject,
            channel: body.text("channel").map(str::to_owned),
        })
    }
}

/// Reads the member `subject`.
///
/// # Errors
/// 400 if it is too long or no text.
pub fn read_subject(body: &Body) -> Result<Option<String>, ApiError> {
    super::room::text(body, "subject", SUBJECT_CHARS_MAX)
}

/// One identity: text, or a phone number as dialled in some country.
fn identity(value: &Json) -> Option<String> {
    match value {
        Json::String(text) if !text.is_empty() => Some(text.clone()),
        Json::Object(members) => {
            let number = members.get("phoneNumber")?;
            members.get("mcc")?;
            let number = number.as_str().map_or_else(|| number.to_string(), str::to_owned);
            let kept: String = number.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
            (!kept.is_empty()).then_some(kept)
        }
        _ => None,
    }
}

/// What changes about a call URL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallUrlChange {
    /// Who is called by it.
    pub caller_id: Option<String>,
    /// Who made it.
    pub issuer: Option<String>,
    /// What it is about.
    pub subject: Option<String>,
    /// Life in hours from now.
    pub expires_in_hours: Option<u32>,
}

impl CallUrlChange {
    /// Reads the body.
    ///
    /// # Errors
    /// 400 for the first value that must not be.
    pub fn read(body: &Body) -> Result<Self, ApiError> {
        Ok(Self {
            expires_in_hours: hours(body, "expiresIn", URL_HOURS_MAX)?,
            caller_id: super::room::text(body, "callerId", 255)?,
            issuer: super::room::text(body, "issuer", 255)?,
            subject: read_subject(body)?,
        })
    }
}

/// What the caller is told.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The call.
    pub call_id: String,
    /// Opens the progress of the call for this side.
    pub websocket_token: Secret<String>,
    /// The media session.
    pub session_id: String,
    /// Opens it for this side.
    pub session_token: Secret<String>,
    /// The media provider.
    pub api_key: String,
    /// Where the progress of the call is told.
    pub progress_url: String,
}

impl Placed {
    /// The body.
    #[must_use]
    pub fn body(&self) -> Json {
        json!({
            "callId": self.call_id,
            "websocketToken": self.websocket_token.expose(),
            "sessionId": self.session_id,
            "sessionToken": self.session_token.expose(),
            "apiKey": self.api_key,
            "progressURL": self.progress_url,
        })
    }
}

/// What the callee is told besides.
#[derive(Debug, Clone)]
pub struct Pending {
    /// What the caller is told, with this side's tokens.
    pub placed: Placed,
    /// Whether a picture is wanted.
    pub call_type: CallType,
    /// Who calls.
    pub caller_id: String,
    /// What it is about.
    pub subject: Option<String>,
}

impl Pending {
    /// The entry in the list of calls.
    #[must_use]
    pub fn body(&self) -> Json {
        let mut body = self.placed.body();
        if let Some(members) = body.as_object_mut() {
            members.insert("callType".to_owned(), json!(self.call_type.text()));
            members.insert("callerId".to_owned(), json!(self.caller_id));
            if let Some(subject) = &self.subject {
                members.insert("subject".to_owned(), json!(subject));
            }
        }
        body
    }
}
