//! The one flat object behind every message: which members exist, which JSON
//! type each has, and in which order they are written.
//!
//! Refuses to know which member belongs to which message type. A member that
//! is not listed here is ignored, `null` counts as absent, and a wrong type
//! is refused wherever it occurs.
//!
//! Source: docs/protocols/galene.md §3.1; both shapes of §1.6 are read.

use super::time::parse_rfc3339;
use super::{GroupStatus, text};
use crate::json::{self, JsonError};
use parlour_base::{Json, JsonMap, Permission, Permissions, Wall};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Why a text is not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Not acceptable JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// JSON, but not an object.
    #[error("a message is a json object")]
    NotAnObject,
    /// This member has the wrong JSON type.
    #[error("member {0} has the wrong type")]
    WrongType(&'static str),
    /// The message is of a type that is not read here.
    #[error("unknown message type")]
    UnknownType,
    /// This member does not hold one of the values that the protocol names.
    #[error("member {0} has an unknown value")]
    BadValue(&'static str),
}

impl ParseError {
    /// The code of the close frame that answers it; its reason is empty.
    ///
    /// Source: docs/protocols/galene.md §2.4.
    #[must_use]
    pub const fn close_code(self) -> u16 {
        match self {
            Self::Json(JsonError::Size) => text::CLOSE_TOO_LONG,
            _ => text::CLOSE_INTERNAL,
        }
    }
}

/// An ICE candidate as browsers write it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// The `candidate` attribute without `a=`; empty marks the end.
    pub candidate: String,
    /// The mid it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sdp_mid: Option<String>,
    /// The m-line it belongs to, counted from 0.
    #[serde(rename = "sdpMLineIndex", skip_serializing_if = "Option::is_none")]
    pub sdp_m_line_index: Option<u16>,
    /// The ICE user name fragment it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username_fragment: Option<String>,
}

/// Permissions in the shape that is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rights {
    /// An object of booleans with the three names of 2021.
    Flags(Permissions),
    /// An array of names.
    List(Permissions),
}

/// A time in the shape that is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stamp {
    /// Milliseconds since 1970.
    Number(Wall),
    /// RFC 3339.
    Text(Wall),
}

/// The member `status`, which changed its meaning.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(super) enum Status<'a> {
    Attributes(Cow<'a, JsonMap>),
    Group(Cow<'a, GroupStatus>),
}

pub(super) type Text<'a> = Option<Cow<'a, str>>;

/// Every member of every message, in the order in which they are written.
/// Holds passwords, so it does not print.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Members<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Cow<'a, [String]>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dest: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privileged: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Rights>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Cow<'a, JsonMap>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtc_configuration: Option<Cow<'a, Json>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Stamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noecho: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sdp: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate: Option<Cow<'a, Candidate>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Cow<'a, Json>>,
}

/// The text as a member that is left out when empty.
pub(super) fn filled(text: &str) -> Text<'_> {
    (!text.is_empty()).then_some(Cow::Borrowed(text))
}

/// The flag as a member that is left out when false.
pub(super) fn set(flag: bool) -> Option<bool> {
    flag.then_some(true)
}

/// The value as a member that is left out when null.
pub(super) fn some(value: &Json) -> Option<Cow<'_, Json>> {
    (!value.is_null()).then_some(Cow::Borrowed(value))
}

/// The map as a member that is left out when empty.
pub(super) fn entries(map: &JsonMap) -> Option<Cow<'_, JsonMap>> {
    (!map.is_empty()).then_some(Cow::Borrowed(map))
}

/// What was read, or the empty text.
pub(super) fn owned(text: Text<'_>) -> String {
    text.map(Cow::into_owned).unwrap_or_default()
}

/// What was read, unless it was absent or empty.
pub(super) fn nonempty(text: Text<'_>) -> Option<String> {
    text.map(Cow::into_owned).filter(|text| !text.is_empty())
}

impl Members<'_> {
    /// A message of this type with no other member.
    pub(super) fn of(name: &str) -> Members<'_> {
        Members { r#type: Some(Cow::Borrowed(name)), ..Members::default() }
    }

    /// The message as one line of JSON.
    pub(super) fn write(&self) -> String {
        // Writing to memory fails only for maps whose keys are not strings,
        // and there is none in `Members`.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Members<'static> {
    /// Reads the members of a message.
    pub(super) fn parse(text: &str) -> Result<Self, ParseError> {
        let Json::Object(map) = json::parse(text)? else {
            return Err(ParseError::NotAnObject);
        };
        let mut members = Self::default();
        for (name, value) in map {
            if !value.is_null() {
                members.take(&name, value)?;
            }
        }
        Ok(members)
    }

    fn take(&mut self, name: &str, value: Json) -> Result<(), ParseError> {
        match name {
            "type" => self.r#type = text("type", value)?,
            "version" => self.version = Some(Cow::Owned(texts("version", value)?)),
            "kind" => self.kind = text("kind", value)?,
            "id" => self.id = text("id", value)?,
            "label" => self.label = text("label", value)?,
            "labels" => self.labels = Some(text_map("labels", value)?),
            "replace" => self.replace = text("replace", value)?,
            "group" => self.group = text("group", value)?,
            "source" => self.source = text("source", value)?,
            "dest" => self.dest = text("dest", value)?,
            "username" => self.username = text("username", value)?,
            "password" => self.password = text("password", value)?,
            "token" => self.token = text("token", value)?,
            "privileged" => self.privileged = Some(flag("privileged", &value)?),
            "permissions" => self.permissions = Some(rights(value)?),
            "status" => {
                self.status = Some(Status::Attributes(Cow::Owned(object("status", value)?)))
            }
            "data" => self.data = Some(Cow::Owned(object("data", value)?)),
            "rtcConfiguration" => {
                let map = object("rtcConfiguration", value)?;
                self.rtc_configuration = Some(Cow::Owned(Json::Object(map)));
            }
            "error" => self.error = text("error", value)?,
            "time" => self.time = stamp(&value)?,
            "noecho" => self.noecho = Some(flag("noecho", &value)?),
            "request" if value.is_object() || value.is_array() => self.request = Some(value),
            "request" => return Err(ParseError::WrongType("request")),
            "sdp" => self.sdp = text("sdp", value)?,
            "candidate" => self.candidate = Some(Cow::Owned(candidate(value)?)),
            "value" => self.value = Some(Cow::Owned(value)),
            _ => {}
        }
        Ok(())
    }
}

fn text(name: &'static str, value: Json) -> Result<Text<'static>, ParseError> {
    match value {
        Json::String(text) => Ok(Some(Cow::Owned(text))),
        _ => Err(ParseError::WrongType(name)),
    }
}

fn flag(name: &'static str, value: &Json) -> Result<bool, ParseError> {
    value.as_bool().ok_or(ParseError::WrongType(name))
}

fn object(name: &'static str, value: Json) -> Result<JsonMap, ParseError> {
    match value {
        Json::Object(map) => Ok(map),
        _ => Err(ParseError::WrongType(name)),
    }
}

fn texts(name: &'static str, value: Json) -> Result<Vec<String>, ParseError> {
    let Json::Array(list) = value else { return Err(ParseError::WrongType(name)) };
    list.into_iter()
        .map(|item| match item {
            Json::String(text) => Ok(text),
            _ => Err(ParseError::WrongType(name)),
        })
        .collect()
}

fn text_map(name: &'static str, value: Json) -> Result<BTreeMap<String, String>, ParseError> {
    object(name, value)?
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| match value {
            Json::String(text) => Ok((key, text)),
            _ => Err(ParseError::WrongType(name)),
        })
        .collect()
}

/// Either shape; names nobody knows grant nothing and are dropped.
fn rights(value: Json) -> Result<Rights, ParseError> {
    const NAME: &str = "permissions";
    if value.is_array() {
        let names = texts(NAME, value)?;
        return Ok(Rights::List(names.iter().filter_map(|n| Permission::from_name(n)).collect()));
    }
    let mut held = Permissions::NONE;
    for (name, value) in object(NAME, value)? {
        if !value.is_null() && flag(NAME, &value)? {
            held = Permission::from_name(&name).map_or(held, |p| held.with(p));
        }
    }
    Ok(Rights::Flags(held))
}

/// Either shape; a text that is no time is dropped, since clients' times are
/// never used.
fn stamp(value: &Json) -> Result<Option<Stamp>, ParseError> {
    match value {
        Json::Number(n) => Ok(n.as_i64().map(|ms| Stamp::Number(Wall(ms)))),
        Json::String(text) => Ok(parse_rfc3339(text).map(Stamp::Text)),
        _ => Err(ParseError::WrongType("time")),
    }
}

fn candidate(value: Json) -> Result<Candidate, ParseError> {
    const NAME: &str = "candidate";
    let wrong = ParseError::WrongType(NAME);
    let mut read = Candidate::default();
    for (name, value) in object(NAME, value)? {
        match name.as_str() {
            _ if value.is_null() => {}
            "candidate" => read.candidate = owned(text(NAME, value)?),
            "sdpMid" => read.sdp_mid = text(NAME, value)?.map(Cow::into_owned),
            "sdpMLineIndex" => {
                let index = value.as_u64().and_then(|n| u16::try_from(n).ok());
                read.sdp_m_line_index = Some(index.ok_or(wrong)?);
            }
            "usernameFragment" => read.username_fragment = text(NAME, value)?.map(Cow::into_owned),
            _ => {}
        }
    }
    Ok(read)
}

impl Rights {
    pub(super) const fn held(self) -> Permissions {
        match self {
            Self::Flags(held) | Self::List(held) => held,
        }
    }
}

/// The permissions that a client of 2021 knows.
///
/// Source: docs/protocols/galene.md §1.6.
const FLAGS: [Permission; 3] = [Permission::Op, Permission::Present, Permission::Record];

impl Serialize for Rights {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::List(held) => held.serialize(s),
            Self::Flags(held) => {
                let mut map = s.serialize_map(None)?;
                for right in FLAGS.into_iter().filter(|right| held.has(*right)) {
                    map.serialize_entry(right.name(), &true)?;
                }
                map.end()
            }
        }
    }
}

impl Stamp {
    pub(super) const fn wall(self) -> Wall {
        match self {
            Self::Number(wall) | Self::Text(wall) => wall,
        }
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(wall) => s.serialize_i64(wall.0),
            Self::Text(wall) => s.serialize_str(&wall.rfc3339()),
        }
    }
}
