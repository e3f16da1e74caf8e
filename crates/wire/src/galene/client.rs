//! What clients say: one variant per message type, read and written.
//!
//! Source: docs/protocols/galene.md §§3.1 to 3.12.

use super::members::{Candidate, Members, ParseError, entries, filled, nonempty, owned, set, some};
use super::request::{RequestTable, Wish};
use parlour_base::{Json, JsonMap, Secret};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A client's message with what every message may carry.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// The client id the sender claims; never empty.
    pub source: Option<String>,
    /// The name the sender claims, which may be empty. Always `None` on a
    /// join, where the name is a wish: see [`Join::username`].
    pub username: Option<String>,
    /// The message itself.
    pub message: ClientMessage,
}

/// A client's message.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ClientMessage {
    /// The first message of a connection.
    Handshake {
        /// Versions the client speaks, best first; see [`super::Dialect::of`].
        version: Option<Vec<String>>,
        /// The client id it chose.
        id: String,
    },
    /// Enter or leave a group.
    Join(Join),
    /// Publish a stream, or renegotiate it.
    Offer(Offer),
    /// Accept a stream.
    Answer {
        /// The stream.
        id: String,
        /// The SDP.
        sdp: String,
    },
    /// A candidate of the client.
    Ice {
        /// The stream.
        id: String,
        /// Absent candidates are a fatal error.
        candidate: Option<Candidate>,
    },
    /// Wants a new offer with an ICE restart.
    Renegotiate {
        /// The stream.
        id: String,
    },
    /// Ends a stream of the client's own.
    Close {
        /// The stream.
        id: String,
    },
    /// Refuses a stream.
    Abort {
        /// The stream.
        id: String,
    },
    /// Replaces the whole table of what is wanted.
    Request(RequestTable),
    /// Overrides the table for one stream.
    RequestStream {
        /// The stream.
        id: String,
        /// What is wanted; absent returns to the table.
        request: Option<Wish>,
    },
    /// Says something.
    Chat {
        /// `""`, `me`, `caption`, or anything.
        kind: String,
        /// The addressee's client id; empty means everybody.
        dest: String,
        /// The id the client chose for the entry, or empty.
        id: String,
        /// What is said; [`Json::Null`] when absent.
        value: Json,
        /// Do not send it back.
        noecho: bool,
    },
    /// Tells something to programs rather than people.
    UserMessage {
        /// Anything.
        kind: String,
        /// The addressee's client id; empty means everybody.
        dest: String,
        /// An id, or empty.
        id: String,
        /// What is told; [`Json::Null`] when absent.
        value: Json,
        /// Do not send it back.
        noecho: bool,
    },
    /// Does something to a user.
    UserAction {
        /// Which action, such as `kick`.
        kind: String,
        /// The client id of the user.
        dest: String,
        /// The action's argument; [`Json::Null`] when absent.
        value: Json,
    },
    /// Does something to the group.
    GroupAction {
        /// Which action, such as `lock`.
        kind: String,
        /// The action's argument; [`Json::Null`] when absent.
        value: Json,
    },
    /// Wants a pong.
    Ping,
    /// Answers a ping.
    Pong,
    /// A message of a type nobody knows, or of none; the checks of the
    /// envelope come before its refusal.
    Unknown,
}

/// Enter or leave a group.
#[derive(Debug, Clone, Default)]
pub struct Join {
    /// `join` or `leave`.
    pub kind: String,
    /// The group's name.
    pub group: String,
    /// The name wished for; absent differs from empty.
    pub username: Option<String>,
    /// The password; empty when absent.
    pub password: Secret<String>,
    /// A token, never empty; with one the password is ignored.
    pub token: Option<Secret<String>>,
    /// First attributes of the user.
    pub data: JsonMap,
}

/// Compares secrets in constant time.
impl PartialEq for Join {
    fn eq(&self, other: &Self) -> bool {
        let token = match (&self.token, &other.token) {
            (Some(mine), Some(theirs)) => mine.matches(theirs.expose()),
            (mine, theirs) => mine.is_none() && theirs.is_none(),
        };
        token
            && self.password.matches(other.password.expose())
            && self.kind == other.kind
            && self.group == other.group
            && self.username == other.username
            && self.data == other.data
    }
}

/// Publishes a stream, or renegotiates it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offer {
    /// The stream, named by its publisher.
    pub id: String,
    /// The stream's tag; clients of 2021 send [`Offer::labels`] instead.
    pub label: Option<String>,
    /// Tags of the tracks by mid, as of 2021.
    pub labels: Option<BTreeMap<String, String>>,
    /// The stream that this one replaces, or empty.
    pub replace: String,
    /// The SDP.
    pub sdp: String,
    /// `""` or `renegotiate`; for information only.
    pub kind: String,
}

impl Offer {
    /// The stream's tag, whichever way it was sent (docs/protocols/galene.md
    /// §1.6 "Mapping of labels"); empty when none was sent.
    #[must_use]
    pub fn stream_label(&self) -> &str {
        match (&self.label, &self.labels) {
            (Some(label), _) => label,
            (None, Some(map)) if map.values().any(|label| label == "screenshare") => "screenshare",
            (None, Some(_)) => "camera",
            (None, None) => "",
        }
    }
}

impl Envelope {
    /// Reads one text frame.
    ///
    /// # Errors
    /// [`ParseError`] if it is not an acceptable JSON object or a member has
    /// the wrong type. A message of an unknown type is not an error here.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut m = Members::parse(text)?;
        let name = m.r#type.take();
        let source = nonempty(m.source.take());
        let is_join = name.as_deref() == Some("join");
        let username = if is_join { None } else { m.username.take().map(Cow::into_owned) };
        let message = ClientMessage::read(name.as_deref().unwrap_or_default(), m)?;
        Ok(Self { source, username, message })
    }

    /// The message as one text frame, in today's dialect except for what only
    /// a client of 2021 says.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut m = self.message.members();
        m.source = self.source.as_deref().map(Cow::Borrowed);
        if let Some(username) = self.username.as_deref() {
            m.username = Some(Cow::Borrowed(username));
        }
        m.write()
    }
}

impl From<ClientMessage> for Envelope {
    fn from(message: ClientMessage) -> Self {
        Self { source: None, username: None, message }
    }
}

impl ClientMessage {
    fn read(name: &str, m: Members<'static>) -> Result<Self, ParseError> {
        let (id, kind, dest) = (owned(m.id), owned(m.kind), owned(m.dest));
        let value = m.value.map_or(Json::Null, Cow::into_owned);
        let noecho = m.noecho.unwrap_or(false);
        Ok(match name {
            "handshake" => Self::Handshake { version: m.version.map(Cow::into_owned), id },
            "join" => Self::Join(Join {
                kind,
                group: owned(m.group),
                username: m.username.map(Cow::into_owned),
                password: Secret::new(owned(m.password)),
                token: nonempty(m.token).map(Secret::new),
                data: m.data.map(Cow::into_owned).unwrap_or_default(),
            }),
            "offer" => Self::Offer(Offer {
                id,
                label: nonempty(m.label),
                labels: m.labels,
                replace: owned(m.replace),
                sdp: owned(m.sdp),
                kind,
            }),
            "answer" => Self::Answer { id, sdp: owned(m.sdp) },
            "ice" => Self::Ice { id, candidate: m.candidate.map(Cow::into_owned) },
            "renegotiate" => Self::Renegotiate { id },
            "close" => Self::Close { id },
            "abort" => Self::Abort { id },
            "request" => Self::Request(match &m.request {
                None => RequestTable::default(),
                Some(Json::Object(map)) => RequestTable::read(map)?,
                Some(_) => return Err(ParseError::WrongType("request")),
            }),
            "requestStream" => Self::RequestStream {
                id,
                request: match &m.request {
                    None => None,
                    Some(Json::Array(list)) => Some(Wish::read(list)?),
                    Some(_) => return Err(ParseError::WrongType("request")),
                },
            },
            "chat" => Self::Chat { kind, dest, id, value, noecho },
            "usermessage" => Self::UserMessage { kind, dest, id, value, noecho },
            "useraction" => Self::UserAction { kind, dest, value },
            "groupaction" => Self::GroupAction { kind, value },
            "ping" => Self::Ping,
            "pong" => Self::Pong,
            _ => Self::Unknown,
        })
    }

    fn members(&self) -> Members<'_> {
        let with_id = |name, id| Members { id: filled(id), ..Members::of(name) };
        match self {
            Self::Handshake { version, id } => Members {
                version: version.as_deref().map(Cow::Borrowed),
                ..with_id("handshake", id)
            },
            Self::Join(join) => join.members(),
            Self::Offer(offer) => offer.members(),
            Self::Answer { id, sdp } => Members { sdp: filled(sdp), ..with_id("answer", id) },
            Self::Ice { id, candidate } => {
                Members { candidate: candidate.as_ref().map(Cow::Borrowed), ..with_id("ice", id) }
            }
            Self::Renegotiate { id } => with_id("renegotiate", id),
            Self::Close { id } => with_id("close", id),
            Self::Abort { id } => with_id("abort", id),
            Self::Request(table) => {
                Members { request: Some(table.to_json()), ..Members::of("request") }
            }
            Self::RequestStream { id, request } => {
                Members { request: request.map(Wish::to_json), ..with_id("requestStream", id) }
            }
            Self::Chat { kind, dest, id, value, noecho }
            | Self::UserMessage { kind, dest, id, value, noecho } => Members {
                kind: filled(kind),
                dest: filled(dest),
                value: some(value),
                noecho: set(*noecho),
                ..with_id(
                    if matches!(self, Self::Chat { .. }) { "chat" } else { "usermessage" },
                    id,
                )
            },
            Self::UserAction { kind, dest, value } => Members {
                kind: filled(kind),
                dest: filled(dest),
                value: some(value),
                ..Members::of("useraction")
            },
            Self::GroupAction { kind, value } => {
                Members { kind: filled(kind), value: some(value), ..Members::of("groupaction") }
            }
            Self::Ping => Members::of("ping"),
            Self::Pong => Members::of("pong"),
            Self::Unknown => Members::of("unknown"),
        }
    }
}

impl Join {
    fn members(&self) -> Members<'_> {
        Members {
            kind: filled(&self.kind),
            group: filled(&self.group),
            username: self.username.as_deref().map(Cow::Borrowed),
            password: filled(self.password.expose()),
            token: self.token.as_ref().and_then(|token| filled(token.expose())),
            data: entries(&self.data),
            ..Members::of("join")
        }
    }
}

impl Offer {
    fn members(&self) -> Members<'_> {
        Members {
            kind: filled(&self.kind),
            id: filled(&self.id),
            label: self.label.as_deref().and_then(filled),
            labels: self.labels.clone(),
            replace: filled(&self.replace),
            sdp: filled(&self.sdp),
            ..Members::of("offer")
        }
    }
}
