//! What the server says: one variant per message type, written in the dialect
//! of the client it goes to, and read for the sake of bots and tests.
//!
//! Source: docs/protocols/galene.md §§1.6, 3.2 to 3.13.

use super::dialect::{Dialect, RtcConfiguration, VERSION};
use super::members::{
    Candidate, Members, ParseError, Rights, Stamp, Status, Text, entries, filled, nonempty, owned,
    set, some,
};
use super::{GroupStatus, text};
use parlour_base::{Json, JsonMap, Permissions, Wall};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A message to a client.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ServerMessage {
    /// The first message of a connection.
    Handshake,
    /// What became of a join, or a change of what the client may do.
    Joined {
        /// What happened.
        kind: JoinedKind,
        /// The group.
        group: String,
        /// The client's canonical name.
        username: Option<String>,
        /// What the client may do; written for `join` and `change` only.
        permissions: Permissions,
        /// The group's status.
        status: Option<GroupStatus>,
        /// The group's attributes.
        data: JsonMap,
        /// How to reach the media server; clients replace theirs by it.
        rtc_configuration: Option<RtcConfiguration>,
        /// Identifier of a failure.
        error: Option<String>,
        /// Text of a failure, or where to go instead.
        value: Option<String>,
    },
    /// Somebody came, changed or left.
    User {
        /// What happened.
        kind: UserKind,
        /// The user's client id.
        id: String,
        /// The user's name.
        username: String,
        /// What the user may do; not written for `delete`.
        permissions: Permissions,
        /// The user's attributes; not written for `delete`.
        data: JsonMap,
    },
    /// A stream for the client.
    Offer {
        /// The stream.
        id: String,
        /// The stream's tag.
        label: String,
        /// Every live m-line of the SDP: its mid and what it carries.
        tracks: BTreeMap<String, TrackKind>,
        /// The stream that this one replaces.
        replace: Option<String>,
        /// The publisher's client id.
        source: String,
        /// The publisher's name.
        username: String,
        /// The SDP.
        sdp: String,
    },
    /// Accepts a stream of the client.
    Answer {
        /// The stream.
        id: String,
        /// The SDP.
        sdp: String,
    },
    /// A candidate of the server.
    Ice {
        /// The stream.
        id: String,
        /// The candidate.
        candidate: Candidate,
    },
    /// Wants a new offer with an ICE restart.
    Renegotiate {
        /// The stream.
        id: String,
    },
    /// A stream to the client ended.
    Close {
        /// The stream.
        id: String,
    },
    /// A stream of the client is refused.
    Abort {
        /// The stream.
        id: String,
    },
    /// Something said now.
    Chat(Chat),
    /// Something said before the client came.
    ChatHistory(Chat),
    /// Something told to programs rather than people.
    UserMessage {
        /// What it is about, such as `error` or `kicked`.
        kind: String,
        /// An id; for `kicked` the kicker's.
        id: Option<String>,
        /// The addressee's client id; `None` means everybody.
        dest: Option<String>,
        /// The sender's client id.
        source: Option<String>,
        /// The sender's name; for `kicked` the kicker's.
        username: Option<String>,
        /// Whether the sender is the server or may moderate.
        privileged: bool,
        /// Identifier of a failure.
        error: Option<String>,
        /// When it was sent.
        time: Option<Wall>,
        /// Whether the sender wanted no echo.
        noecho: bool,
        /// What is told; [`Json::Null`] is left out.
        value: Json,
    },
    /// Wants a pong.
    Ping,
    /// Answers a ping.
    Pong,
}

/// What a `joined` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JoinedKind {
    /// The client is in the group.
    Join,
    /// Its permissions, or the group's status or attributes, changed.
    Change,
    /// The client left.
    Leave,
    /// The client may not enter.
    Fail,
    /// The group is elsewhere.
    Redirect,
}

/// What a `user` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserKind {
    /// The user came.
    Add,
    /// The user's state is replaced by this one.
    Change,
    /// The user left.
    Delete,
}

/// What a track carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrackKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

/// A chat entry.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chat {
    /// The entry's id; not written for clients of 2021.
    pub id: Option<String>,
    /// `""`, `me`, `caption`, or anything.
    pub kind: String,
    /// The sender's client id.
    pub source: Option<String>,
    /// The addressee's client id; `None` means everybody.
    pub dest: Option<String>,
    /// The sender's name.
    pub username: Option<String>,
    /// Whether the sender may moderate.
    pub privileged: bool,
    /// When it was said.
    pub time: Option<Wall>,
    /// Whether the sender wanted no echo.
    pub noecho: bool,
    /// What was said; [`Json::Null`] is left out.
    pub value: Json,
}

impl JoinedKind {
    const ALL: [Self; 5] = [Self::Join, Self::Change, Self::Leave, Self::Fail, Self::Redirect];

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Change => "change",
            Self::Leave => "leave",
            Self::Fail => "fail",
            Self::Redirect => "redirect",
        }
    }

    const fn tells_permissions(self) -> bool {
        matches!(self, Self::Join | Self::Change)
    }
}

impl UserKind {
    const ALL: [Self; 3] = [Self::Add, Self::Change, Self::Delete];

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Change => "change",
            Self::Delete => "delete",
        }
    }
}

impl TrackKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }
}

/// How one dialect puts what the dialects put differently.
impl Dialect {
    const fn is_legacy(self) -> bool {
        matches!(self, Self::Legacy)
    }

    fn rights(self, held: Permissions) -> Option<Rights> {
        match self {
            Self::Legacy => Some(Rights::Flags(held)),
            Self::V1 | Self::V2 => (!held.is_empty()).then_some(Rights::List(held)),
        }
    }

    const fn stamp(self, time: Wall) -> Stamp {
        match self {
            Self::Legacy | Self::V1 => Stamp::Number(time),
            Self::V2 => Stamp::Text(time),
        }
    }

    /// A name where today's dialect demands one.
    fn username(self, name: &str) -> Text<'_> {
        if self.is_legacy() { filled(name) } else { Some(Cow::Borrowed(name)) }
    }

    /// A name where it may be missing.
    fn maybe_username(self, name: Option<&str>) -> Text<'_> {
        name.and_then(|name| self.username(name))
    }

    /// What only today's dialect says.
    fn modern<T>(self, member: Option<T>) -> Option<T> {
        member.filter(|_| !self.is_legacy())
    }
}

fn maybe(text: Option<&str>) -> Text<'_> {
    text.and_then(filled)
}

impl ServerMessage {
    /// A `usermessage` of the server to one client: `kind` is `error`,
    /// `warning`, `info` or `kicked`.
    #[must_use]
    pub fn notice(kind: &str, dest: &str, text: impl Into<String>) -> Self {
        Self::UserMessage {
            kind: kind.to_owned(),
            id: None,
            dest: Some(dest.to_owned()),
            source: None,
            username: None,
            privileged: true,
            error: None,
            time: None,
            noecho: false,
            value: Json::String(text.into()),
        }
    }

    /// The message as one text frame, or `None` if the dialect cannot express
    /// it: clients of 2021 know no deletion of single chat entries.
    #[must_use]
    pub fn write(&self, dialect: Dialect) -> Option<String> {
        self.members(dialect).map(|members| members.write())
    }

    fn members(&self, dialect: Dialect) -> Option<Members<'_>> {
        let with_id = |name, id| Members { id: filled(id), ..Members::of(name) };
        Some(match self {
            Self::Handshake => Members {
                version: Some(Cow::Owned(vec![VERSION.to_owned()])),
                ..Members::of("handshake")
            },
            Self::Joined { .. } => self.joined(dialect),
            Self::User { .. } => self.user(dialect),
            Self::Offer { .. } => self.offer(dialect),
            Self::Answer { id, sdp } => Members { sdp: filled(sdp), ..with_id("answer", id) },
            Self::Ice { id, candidate } => {
                Members { candidate: Some(Cow::Borrowed(candidate)), ..with_id("ice", id) }
            }
            Self::Renegotiate { id } => with_id("renegotiate", id),
            Self::Close { id } => with_id("close", id),
            Self::Abort { id } => with_id("abort", id),
            Self::Chat(chat) => chat.members("chat", dialect),
            Self::ChatHistory(chat) if dialect.is_legacy() => chat.members("chat", dialect),
            Self::ChatHistory(chat) => chat.members("chathistory", dialect),
            Self::UserMessage { .. } => return self.user_message(dialect),
            Self::Ping => Members::of("ping"),
            Self::Pong => Members::of("pong"),
        })
    }

    fn joined(&self, dialect: Dialect) -> Members<'_> {
        let Self::Joined {
            kind,
            group,
            username,
            permissions,
            status,
            data,
            rtc_configuration,
            error,
            value,
        } = self
        else {
            return Members::default();
        };
        let rights = dialect.rights(*permissions).filter(|_| kind.tells_permissions());
        let status = status.as_ref().map(|status| Status::Group(Cow::Borrowed(status)));
        Members {
            kind: Some(Cow::Borrowed(kind.name())),
            group: filled(group),
            username: dialect.username(username.as_deref().unwrap_or_default()),
            permissions: rights,
            status: dialect.modern(status),
            data: dialect.modern(entries(data)),
            rtc_configuration: rtc_configuration.as_ref().and_then(|rtc| some(&rtc.0)),
            error: dialect.modern(maybe(error.as_deref())),
            value: value.as_ref().map(|text| Cow::Owned(Json::from(text.as_str()))),
            ..Members::of("joined")
        }
    }

    fn user(&self, dialect: Dialect) -> Members<'_> {
        let Self::User { kind, id, username, permissions, data } = self else {
            return Members::default();
        };
        let head = Members {
            kind: Some(Cow::Borrowed(kind.name())),
            id: filled(id),
            username: dialect.username(username),
            ..Members::of("user")
        };
        if *kind == UserKind::Delete {
            return head;
        }
        let permissions = dialect.rights(*permissions);
        if dialect.is_legacy() {
            return Members { permissions, status: entries(data).map(Status::Attributes), ..head };
        }
        Members { permissions, data: entries(data), ..head }
    }

    fn offer(&self, dialect: Dialect) -> Members<'_> {
        let Self::Offer { id, label, tracks, replace, source, username, sdp } = self else {
            return Members::default();
        };
        let tag =
            |kind: TrackKind| if label == "screenshare" { "screenshare" } else { kind.name() };
        let labels = || tracks.iter().map(|(mid, kind)| (mid.clone(), tag(*kind).to_owned()));
        Members {
            id: filled(id),
            label: dialect.modern(filled(label)),
            labels: dialect.is_legacy().then(|| labels().collect()),
            replace: maybe(replace.as_deref()),
            source: filled(source),
            username: dialect.username(username),
            sdp: filled(sdp),
            ..Members::of("offer")
        }
    }

    fn user_message(&self, dialect: Dialect) -> Option<Members<'_>> {
        let Self::UserMessage {
            kind,
            id,
            dest,
            source,
            username,
            privileged,
            error,
            time,
            noecho,
            value,
        } = self
        else {
            return None;
        };
        let kind = match kind.as_str() {
            text::KICKED if dialect.is_legacy() => text::ERROR,
            text::CLEAR_CHAT if dialect.is_legacy() && !value.is_null() => return None,
            kind => kind,
        };
        Some(Members {
            kind: filled(kind),
            id: maybe(id.as_deref()),
            dest: maybe(dest.as_deref()),
            source: maybe(source.as_deref()),
            username: dialect.maybe_username(username.as_deref()),
            privileged: set(*privileged),
            error: dialect.modern(maybe(error.as_deref())),
            time: time.map(|time| dialect.stamp(time)),
            noecho: set(*noecho),
            value: some(value),
            ..Members::of("usermessage")
        })
    }

    /// Reads one text frame of a server, in any dialect. Permissions that were
    /// not written read as none, and tracks are known to clients of 2021 only.
    ///
    /// # Errors
    /// [`ParseError`] if it is not such a message.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let m = Members::parse(text)?;
        let name = m.r#type.as_deref().unwrap_or_default().to_owned();
        Ok(match name.as_str() {
            "handshake" => Self::Handshake,
            "joined" => read_joined(m)?,
            "user" => read_user(m)?,
            "offer" => read_offer(m),
            "answer" => Self::Answer { id: owned(m.id), sdp: owned(m.sdp) },
            "ice" => Self::Ice {
                id: owned(m.id),
                candidate: m.candidate.ok_or(ParseError::BadValue("candidate"))?.into_owned(),
            },
            "renegotiate" => Self::Renegotiate { id: owned(m.id) },
            "close" => Self::Close { id: owned(m.id) },
            "abort" => Self::Abort { id: owned(m.id) },
            "chat" => Self::Chat(Chat::read(m)),
            "chathistory" => Self::ChatHistory(Chat::read(m)),
            "usermessage" => Self::UserMessage {
                kind: owned(m.kind),
                id: nonempty(m.id),
                dest: nonempty(m.dest),
                source: nonempty(m.source),
                username: m.username.map(Cow::into_owned),
                privileged: m.privileged.unwrap_or(false),
                error: nonempty(m.error),
                time: m.time.map(Stamp::wall),
                noecho: m.noecho.unwrap_or(false),
                value: m.value.map_or(Json::Null, Cow::into_owned),
            },
            "ping" => Self::Ping,
            "pong" => Self::Pong,
            _ => return Err(ParseError::UnknownType),
        })
    }
}

fn held(rights: Option<Rights>) -> Permissions {
    rights.map(Rights::held).unwrap_or_default()
}

fn read_joined(m: Members<'static>) -> Result<ServerMessage, ParseError> {
    let name = owned(m.kind);
    let kind = JoinedKind::ALL.into_iter().find(|kind| kind.name() == name);
    let status = match m.status {
        Some(Status::Attributes(map)) => {
            Some(GroupStatus::read(map.into_owned()).ok_or(ParseError::WrongType("status"))?)
        }
        Some(Status::Group(status)) => Some(status.into_owned()),
        None => None,
    };
    let value = match m.value.map(Cow::into_owned) {
        None => None,
        Some(Json::String(text)) => Some(text),
        Some(_) => return Err(ParseError::WrongType("value")),
    };
    Ok(ServerMessage::Joined {
        kind: kind.ok_or(ParseError::BadValue("kind"))?,
        group: owned(m.group),
        username: m.username.map(Cow::into_owned),
        permissions: held(m.permissions),
        status,
        data: m.data.map(Cow::into_owned).unwrap_or_default(),
        rtc_configuration: m.rtc_configuration.map(|json| RtcConfiguration(json.into_owned())),
        error: nonempty(m.error),
        value,
    })
}

fn read_user(m: Members<'static>) -> Result<ServerMessage, ParseError> {
    let name = owned(m.kind);
    let kind = UserKind::ALL.into_iter().find(|kind| kind.name() == name);
    let data = match (m.data, m.status) {
        (Some(data), _) | (None, Some(Status::Attributes(data))) => data.into_owned(),
        (None, _) => JsonMap::new(),
    };
    Ok(ServerMessage::User {
        kind: kind.ok_or(ParseError::BadValue("kind"))?,
        id: owned(m.id),
        username: owned(m.username),
        permissions: held(m.permissions),
        data,
    })
}

fn read_offer(m: Members<'static>) -> ServerMessage {
    let labels = m.labels.unwrap_or_default();
    let screen = labels.values().any(|tag| tag == "screenshare");
    let guess = if labels.is_empty() {
        ""
    } else if screen {
        "screenshare"
    } else {
        "camera"
    };
    // The tag `screenshare` hides the kind; it is most often a picture.
    let kind = |tag: &str| if tag == "audio" { TrackKind::Audio } else { TrackKind::Video };
    ServerMessage::Offer {
        id: owned(m.id),
        label: nonempty(m.label).unwrap_or_else(|| guess.to_owned()),
        tracks: labels.iter().map(|(mid, tag)| (mid.clone(), kind(tag))).collect(),
        replace: nonempty(m.replace),
        source: owned(m.source),
        username: owned(m.username),
        sdp: owned(m.sdp),
    }
}

impl Chat {
    fn members(&self, name: &'static str, dialect: Dialect) -> Members<'_> {
        Members {
            kind: filled(&self.kind),
            id: dialect.modern(maybe(self.id.as_deref())),
            source: maybe(self.source.as_deref()),
            dest: maybe(self.dest.as_deref()),
            username: dialect.maybe_username(self.username.as_deref()),
            privileged: set(self.privileged),
            time: self.time.map(|time| dialect.stamp(time)),
            noecho: set(self.noecho),
            value: some(&self.value),
            ..Members::of(name)
        }
    }

    fn read(m: Members<'static>) -> Self {
        Self {
            id: nonempty(m.id),
            kind: owned(m.kind),
            source: nonempty(m.source),
            dest: nonempty(m.dest),
            username: m.username.map(Cow::into_owned),
            privileged: m.privileged.unwrap_or(false),
            time: m.time.map(Stamp::wall),
            noecho: m.noecho.unwrap_or(false),
            value: m.value.map_or(Json::Null, Cow::into_owned),
        }
    }
}
