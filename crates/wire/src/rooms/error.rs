//! The errors of the API: status, number and text, and the challenge that goes
//! with a 401.
//!
//! Source: docs/protocols/rooms.md §2.

use parlour_base::Json;
use serde_json::json;
use std::borrow::Cow;

/// The numbers clients tell errors apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum Errno {
    /// No such room or call URL.
    InvalidToken = 105,
    /// Not JSON, or JSON is not wanted.
    BadJson = 106,
    /// A field has a value it must not have.
    InvalidParameters = 107,
    /// A field is absent.
    MissingParameters = 108,
    /// Who one is was not shown, or wrongly.
    InvalidAuthToken = 110,
    /// It was there and is over.
    Expired = 111,
    /// The body is longer than allowed.
    RequestTooLarge = 113,
    /// The state of a login is another one.
    InvalidOauthState = 114,
    /// More people in the room than this client can show.
    ClientReachedCapacity = 121,
    /// Nobody to call.
    UserUnavailable = 122,
    /// Storage or an outside service failed.
    Backend = 201,
    /// No seat is free.
    RoomFull = 202,
    /// The caller is not in the room.
    NotRoomParticipant = 203,
    /// It once existed.
    NoLongerSupported = 204,
    /// Everything else.
    Undefined = 999,
}

impl Errno {
    /// The number as it is written.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }
}

/// What a 401 says in `WWW-Authenticate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge(pub Cow<'static, str>);

/// An answer that is an error.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    /// The status of HTTP.
    pub status: u16,
    /// The number in the body.
    pub errno: Errno,
    /// The member `error` of the body: a text, or what the Hawk check says.
    pub error: Json,
    /// The `WWW-Authenticate` header, if there is one.
    pub challenge: Option<Challenge>,
}

impl ApiError {
    /// An error without a challenge.
    #[must_use]
    pub fn new(status: u16, errno: Errno, text: impl Into<String>) -> Self {
        Self { status, errno, error: Json::String(text.into()), challenge: None }
    }

    /// What is wrong, in words; where Hawk refuses, its message.
    #[must_use]
    pub fn text(&self) -> &str {
        let message = self.error.get("message").or_else(|| self.error.get("error"));
        message.unwrap_or(&self.error).as_str().unwrap_or_default()
    }

    /// 400: a field has a value it must not have.
    #[must_use]
    pub fn invalid(text: impl Into<String>) -> Self {
        Self::new(400, Errno::InvalidParameters, text)
    }

    /// 400: these fields are absent.
    #[must_use]
    pub fn missing(names: &[&str]) -> Self {
        let text = format!("Missing: {}", names.join(", "));
        Self::new(400, Errno::MissingParameters, text)
    }

    /// 400: the body cannot be read.
    #[must_use]
    pub fn bad_json() -> Self {
        Self::new(400, Errno::BadJson, "The body is not a JSON object or array.")
    }

    /// 413: the body is too long.
    #[must_use]
    pub fn too_large() -> Self {
        Self::new(413, Errno::RequestTooLarge, "The body is too large.")
    }

    /// 406: the client does not accept JSON.
    #[must_use]
    pub fn not_acceptable() -> Self {
        let text = "Request body should be defined as application/json";
        Self::new(406, Errno::BadJson, text)
    }

    /// 404: there is no such route.
    #[must_use]
    pub fn no_route() -> Self {
        Self::new(404, Errno::Undefined, "Resource not found.")
    }

    /// 404: there is no such room or call URL.
    #[must_use]
    pub fn no_token() -> Self {
        Self::new(404, Errno::InvalidToken, "Token not found.")
    }

    /// 503: storage or an outside service failed.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::new(503, Errno::Backend, "Service Unavailable")
    }

    /// 401 with a challenge.
    #[must_use]
    pub fn unauthorized(text: &str, challenge: impl Into<Cow<'static, str>>) -> Self {
        Self::new(401, Errno::InvalidAuthToken, text).challenged(challenge)
    }

    /// 401: a scheme the route does not take; `schemes` are those it does.
    #[must_use]
    pub fn unsupported_scheme(schemes: &str) -> Self {
        Self::unauthorized("Unsupported", format!("{schemes} error=\"Unsupported\""))
    }

    /// 401: the action needs credentials and there are none.
    #[must_use]
    pub fn needs_credentials() -> Self {
        Self::unauthorized("Unauthorized", "Token,Hawk")
    }

    /// 403: neither owner nor participant.
    #[must_use]
    pub fn stranger() -> Self {
        let text = "Authenticated user is neither a participant of the room nor the room owner.";
        Self::new(403, Errno::Undefined, text)
    }

    /// 403: not the owner.
    #[must_use]
    pub fn not_owner() -> Self {
        Self::new(403, Errno::Undefined, "Authenticated user is not the owner of this room.")
    }

    /// 403: the session has no account.
    #[must_use]
    pub fn needs_account() -> Self {
        let text = "You should be a registered user to perform this action.";
        Self::new(403, Errno::InvalidAuthToken, text)
    }

    /// 410: the membership ran out.
    #[must_use]
    pub fn participation_expired() -> Self {
        Self::new(410, Errno::Expired, "Participation has expired.")
    }

    /// 400: one cannot leave where one is not.
    #[must_use]
    pub fn leave_without_joining() -> Self {
        let text = "Unable to leave a room you have not joined.";
        Self::new(400, Errno::NotRoomParticipant, text)
    }

    /// 400: one cannot report from where one is not.
    #[must_use]
    pub fn status_without_joining() -> Self {
        let text = "Can't update status for a room you aren't in.";
        Self::new(400, Errno::NotRoomParticipant, text)
    }

    /// 400: no seat is free.
    #[must_use]
    pub fn room_full() -> Self {
        Self::new(400, Errno::RoomFull, "The room is full.")
    }

    /// 400: the caller cannot show so many people.
    #[must_use]
    pub fn too_many_for_client() -> Self {
        let text = "Too many participants in the room for you to handle.";
        Self::new(400, Errno::ClientReachedCapacity, text)
    }

    /// The same error with this `WWW-Authenticate` header.
    #[must_use]
    pub fn challenged(self, challenge: impl Into<Cow<'static, str>>) -> Self {
        Self { challenge: Some(Challenge(challenge.into())), ..self }
    }

    /// The body: exactly the three members clients know.
    #[must_use]
    pub fn body(&self) -> Json {
        json!({ "code": self.status, "errno": self.errno.number(), "error": self.error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_body_has_exactly_three_members() {
        let body = ApiError::missing(&["roomOwner", "maxSize"]).body();
        assert_eq!(
            body,
            json!({ "code": 400, "errno": 108, "error": "Missing: roomOwner, maxSize" })
        );
    }

    #[test]
    fn an_unsupported_scheme_is_challenged_with_those_that_are() {
        let error = ApiError::unsupported_scheme("Basic,Hawk");
        let challenge = error.challenge.expect("a 401 has one").0;
        assert_eq!(challenge, "Basic,Hawk error=\"Unsupported\"");
    }
}
