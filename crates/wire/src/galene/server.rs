//! What the server says: one variant per message type. `write.rs` puts it in
//! the dialect of the client it goes to, `read.rs` reads it back for the sake
//! of bots and tests.
//!
//! Source: docs/protocols/galene.md §§1.6, 3.2 to 3.13.

use super::GroupStatus;
use super::dialect::RtcConfiguration;
use super::members::Candidate;
use parlour_base::{Json, JsonMap, Permissions, Wall};
use std::collections::BTreeMap;

mod read;
mod write;

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

/// [`ServerMessage::User`] of borrowed parts: a list of thousands is written
/// without copying any of them.
#[derive(Debug, Clone, Copy)]
pub struct UserLine<'a> {
    /// What happened.
    pub kind: UserKind,
    /// The user's client id.
    pub id: &'a str,
    /// The user's name.
    pub username: &'a str,
    /// What the user may do; not written for `delete`.
    pub permissions: Permissions,
    /// The user's attributes; not written for `delete`.
    pub data: &'a JsonMap,
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
}
