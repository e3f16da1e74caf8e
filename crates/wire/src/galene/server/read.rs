//! Messages of the server, read in any dialect.
//!
//! Source: docs/protocols/galene.md §§1.6, 3.

use super::super::dialect::RtcConfiguration;
use super::super::members::{Members, ParseError, Rights, Stamp, Status, nonempty, owned};
use super::{Chat, GroupStatus, JoinedKind, ServerMessage, TrackKind, UserKind};
use parlour_base::{Json, JsonMap, Permissions};
use std::borrow::Cow;

impl ServerMessage {
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
