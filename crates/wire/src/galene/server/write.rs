//! Messages of the server, written: what the dialects put differently.
//!
//! Source: docs/protocols/galene.md §1.6.

use super::super::dialect::{Dialect, VERSION};
use super::super::members::{Members, Rights, Stamp, Status, Text, entries, filled, set, some};
use super::super::text;
use super::{Chat, ServerMessage, TrackKind, UserKind, UserLine};
use parlour_base::{Json, Permissions, Wall};
use std::borrow::Cow;

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
        UserLine { kind: *kind, id, username, permissions: *permissions, data }.members(dialect)
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
}

impl<'a> UserLine<'a> {
    /// The message as one text frame.
    #[must_use]
    pub fn write(self, dialect: Dialect) -> String {
        self.members(dialect).write()
    }

    fn members(self, dialect: Dialect) -> Members<'a> {
        let Self { kind, id, username, permissions, data } = self;
        let head = Members {
            kind: Some(Cow::Borrowed(kind.name())),
            id: filled(id),
            username: dialect.username(username),
            ..Members::of("user")
        };
        if kind == UserKind::Delete {
            return head;
        }
        let permissions = dialect.rights(permissions);
        if dialect.is_legacy() {
            return Members { permissions, status: entries(data).map(Status::Attributes), ..head };
        }
        Members { permissions, data: entries(data), ..head }
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
}
