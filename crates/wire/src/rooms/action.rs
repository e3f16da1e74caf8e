//! What a participant asks of a room: join, refresh, status, leave, and the
//! domains it shared.
//!
//! Source: docs/protocols/rooms.md §4.

use super::body::Body;
use super::error::{ApiError, Errno};
use super::number::parse_int;
use super::room::{Bounds, text};
use super::state::Counters;
use parlour_base::{Json, Secret};

/// The name of an action, known before anything else of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActionName {
    /// Come in.
    Join,
    /// Stay.
    Refresh,
    /// Report the media session.
    Status,
    /// Go.
    Leave,
    /// Report which sites were shared.
    LogDomain,
}

impl ActionName {
    /// Reads the member `action`.
    ///
    /// # Errors
    /// 400: absent (108) or another one (107), in the same words.
    pub fn read(body: &Body) -> Result<Self, ApiError> {
        let text = "action should be one of join, refresh, status, leave, logDomain";
        let Some(action) = body.member("action") else {
            return Err(ApiError::new(400, Errno::MissingParameters, text));
        };
        Ok(match action.as_str() {
            Some("join") => Self::Join,
            Some("refresh") => Self::Refresh,
            Some("status") => Self::Status,
            Some("leave") => Self::Leave,
            Some("logDomain") => Self::LogDomain,
            _ => return Err(ApiError::invalid(text)),
        })
    }

    /// The word on the wire.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Refresh => "refresh",
            Self::Status => "status",
            Self::Leave => "leave",
            Self::LogDomain => "logDomain",
        }
    }

    /// Whether the `Accept` header is looked at.
    #[must_use]
    pub const fn needs_json(self) -> bool {
        matches!(self, Self::Join | Self::LogDomain)
    }
}

/// An action with its fields.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Come in.
    Join(Join),
    /// Stay.
    Refresh,
    /// Report the media session.
    Status(Status),
    /// Go.
    Leave,
    /// Report which sites were shared.
    LogDomain(Vec<DomainCount>),
}

/// Who comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// What the others see.
    pub display_name: String,
    /// The largest number of participants this client can show, itself
    /// included; zero and less can show nobody.
    pub client_max_size: i64,
}

/// What a client says of its media session. Event and state are whatever it
/// sends: only the counters are looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// What happened.
    pub event: Json,
    /// The state after it.
    pub state: Json,
    /// The counters after it.
    pub counters: Counters,
}

/// How often a site was shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainCount {
    /// The site.
    pub domain: String,
    /// How often.
    pub count: i64,
}

impl Action {
    /// Reads the fields of an action.
    ///
    /// # Errors
    /// 400 for the first field that is absent or must not be so.
    pub fn read(name: ActionName, body: &Body, bounds: &Bounds) -> Result<Self, ApiError> {
        Ok(match name {
            ActionName::Join => Self::Join(Join::read(body, bounds)?),
            ActionName::Refresh => Self::Refresh,
            ActionName::Status => Self::Status(Status::read(body)?),
            ActionName::Leave => Self::Leave,
            ActionName::LogDomain => Self::LogDomain(read_domains(body)?),
        })
    }
}

impl Join {
    fn read(body: &Body, bounds: &Bounds) -> Result<Self, ApiError> {
        body.require(&["displayName", "clientMaxSize"])?;
        let limit = body.number("clientMaxSize").flatten();
        let limit = limit.ok_or_else(|| ApiError::invalid("clientMaxSize should be a number."))?;
        let name = text(body, "displayName", bounds.display_name_chars)?;
        Ok(Self { display_name: name.unwrap_or_default(), client_max_size: limit })
    }
}

impl Status {
    fn read(body: &Body) -> Result<Self, ApiError> {
        // The published example says `sessions` where the server said `connections`.
        let connections = body.member("connections").or_else(|| body.member("sessions"));
        let event = present("event", body.member("event"))?;
        let state = present("state", body.member("state"))?;
        let connections = present("connections", connections)?;
        let sent = present("sendStreams", body.member("sendStreams"))?;
        let received = present("recvStreams", body.member("recvStreams"))?;
        let counters = Counters {
            connections: counter("connections", connections)?,
            send_streams: counter("sendStreams", sent)?,
            recv_streams: counter("recvStreams", received)?,
        };
        Ok(Self { event: event.clone(), state: state.clone(), counters })
    }
}

fn present<'a>(name: &str, value: Option<&'a Json>) -> Result<&'a Json, ApiError> {
    value.ok_or_else(|| ApiError::invalid(format!("'{name}' field is missing in body.")))
}

/// A number that is not negative; beyond 32 bits it stays at their end.
fn counter(name: &str, value: &Json) -> Result<u32, ApiError> {
    let number = parse_int(value).filter(|number| *number >= 0);
    let number = number.ok_or_else(|| ApiError::invalid(format!("Invalid {name} number.")))?;
    Ok(u32::try_from(number).unwrap_or(u32::MAX))
}

fn read_domains(body: &Body) -> Result<Vec<DomainCount>, ApiError> {
    body.require(&["domains"])?;
    let odd = || {
        ApiError::invalid(
            "Domains must be a list of objects with both a ``domain`` and ``count`` property.",
        )
    };
    let list = body.member("domains").and_then(Json::as_array).ok_or_else(odd)?;
    let mut domains = Vec::new();
    for entry in list {
        let (domain, count) = (entry.get("domain"), entry.get("count"));
        let (Some(domain), Some(count)) = (domain, count) else { return Err(odd()) };
        let domain = domain.as_str().map_or_else(|| domain.to_string(), str::to_owned);
        domains.push(DomainCount { domain, count: parse_int(count).unwrap_or(0) });
    }
    Ok(domains)
}

/// The token in the body of refresh, leave and status, which stands for an
/// `Authorization` header that is absent.
#[must_use]
pub fn session_token(body: &Body) -> Option<Secret<String>> {
    let text = body.text("sessionToken")?;
    let token = text.strip_suffix(':').unwrap_or(text);
    (!token.is_empty()).then(|| Secret::new(token.to_owned()))
}
