//! Stateful tokens: how they are asked for, edited, shown and stored.
//!
//! Owns the shapes. Refuses to know who may make a token and whether it fits.
//!
//! Source: docs/protocols/galene.md §§3.12, 5.2, 5.7.

use super::members::ParseError;
use super::text::soft;
use super::time::parse_rfc3339;
use parlour_base::{Json, JsonMap, Permission, Permissions, Secret, Wall};

/// First and last second that RFC 3339 can express (years 1 to 9999), in
/// milliseconds since 1970.
const EXPRESSIBLE: (i64, i64) = (-62_135_596_800_000, 253_402_300_799_000);

/// A time as clients give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenTime {
    /// A point in time.
    At(Wall),
    /// Milliseconds from now, backwards if negative.
    In(i64),
}

impl TokenTime {
    /// The point in time that is meant now, moved to where it can be written
    /// down: what a client asks for must not spoil the file it ends up in.
    #[must_use]
    pub fn at(self, now: Wall) -> Wall {
        let millis = match self {
            Self::At(wall) => wall.0,
            Self::In(millis) => now.0.saturating_add(millis),
        };
        Wall(millis.clamp(EXPRESSIBLE.0, EXPRESSIBLE.1))
    }
}

/// Why the value of a token action was refused; prints as the text of the
/// reply, whose identifier is [`super::text::error_id::ERROR`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The text of a new token is not the client's to choose.
    #[error("{}", soft::CLIENT_SPECIFIED_TOKEN)]
    ClientSpecified,
    /// A new token without an end.
    #[error("{}", soft::TOKEN_DOES_NOT_EXPIRE)]
    DoesNotExpire,
    /// Only the times of a token can be changed.
    #[error("{}", soft::FIELD_CANNOT_BE_EDITED)]
    NotEditable,
    /// The value or this member of it has the wrong shape.
    #[error("bad {0} in token")]
    BadMember(&'static str),
}

/// The value of `maketoken`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// The group; must be the current one.
    pub group: String,
    /// Whether it is to let into subgroups as well.
    pub include_subgroups: bool,
    /// The name that its bearer gets; `None` lets the bearer choose.
    pub username: Option<String>,
    /// What its bearer may do; each must be held by whoever asks.
    pub permissions: Permissions,
    /// Whether a permission was named that nobody knows, so nobody holds.
    pub unknown_permission: bool,
    /// When it ends.
    pub expires: TokenTime,
    /// When it begins.
    pub not_before: Option<TokenTime>,
}

impl TokenRequest {
    /// Reads the value of `maketoken`.
    ///
    /// # Errors
    /// [`TokenError`] for the first thing wrong with it.
    pub fn read(value: &Json) -> Result<Self, TokenError> {
        let map = value.as_object().ok_or(TokenError::BadMember("value"))?;
        if text(map, "token")?.is_some_and(|token| !token.is_empty()) {
            return Err(TokenError::ClientSpecified);
        }
        let (permissions, unknown_permission) = permissions(map)?;
        Ok(Self {
            group: text(map, "group")?.unwrap_or_default(),
            include_subgroups: flag(map, "includeSubgroups")?,
            username: text(map, "username")?,
            permissions,
            unknown_permission,
            expires: time(map, "expires")?.ok_or(TokenError::DoesNotExpire)?,
            not_before: time(map, "not-before")?,
        })
    }
}

/// The value of `edittoken`.
#[derive(Debug, Clone)]
pub struct TokenEdit {
    /// Which token.
    pub token: Secret<String>,
    /// Its new end.
    pub expires: Option<TokenTime>,
    /// Its new beginning.
    pub not_before: Option<TokenTime>,
}

impl TokenEdit {
    /// Reads the value of `edittoken`.
    ///
    /// # Errors
    /// [`TokenError`] for the first thing wrong with it.
    pub fn read(value: &Json) -> Result<Self, TokenError> {
        let map = value.as_object().ok_or(TokenError::BadMember("value"))?;
        let editable = |name: &str| matches!(name, "token" | "expires" | "not-before");
        if map.iter().any(|(name, value)| !editable(name) && !value.is_null()) {
            return Err(TokenError::NotEditable);
        }
        Ok(Self {
            token: Secret::new(text(map, "token")?.ok_or(TokenError::BadMember("token"))?),
            expires: time(map, "expires")?,
            not_before: time(map, "not-before")?,
        })
    }
}

/// A stateful token as it is shown to clients and stored, one in a line.
#[derive(Debug, Clone)]
pub struct Token {
    /// The text of the invitation.
    pub token: Secret<String>,
    /// The group it lets into; empty with `include_subgroups` means every one.
    pub group: String,
    /// Whether it lets into subgroups as well.
    pub include_subgroups: bool,
    /// The name its bearer gets; `None` lets the bearer choose.
    pub username: Option<String>,
    /// What its bearer may do.
    pub permissions: Permissions,
    /// When it ends.
    pub expires: Option<Wall>,
    /// When it begins.
    pub not_before: Option<Wall>,
    /// When it was made.
    pub issued_at: Option<Wall>,
    /// Who made it.
    pub issued_by: Option<String>,
}

impl Token {
    /// The token as a JSON object, its text included.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let moment = |wall: Wall| Json::from(wall.rfc3339());
        let text = |text: &String| Json::from(text.as_str());
        let names = self.permissions.iter().map(|right| Json::from(right.name()));
        let members = [
            ("token", Some(text(self.token.expose()))),
            ("group", Some(text(&self.group))),
            ("includeSubgroups", self.include_subgroups.then_some(Json::Bool(true))),
            ("username", self.username.as_ref().map(text)),
            ("permissions", Some(names.collect())),
            ("expires", self.expires.map(moment)),
            ("not-before", self.not_before.map(moment)),
            ("issuedAt", self.issued_at.map(moment)),
            ("issuedBy", self.issued_by.as_ref().map(text)),
        ];
        let given = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Json::Object(given.collect())
    }

    /// Reads a token from a JSON text; permissions nobody knows are dropped.
    ///
    /// # Errors
    /// [`ParseError`] if it is not an acceptable JSON object or a member has
    /// the wrong type or is missing.
    pub fn parse(line: &str) -> Result<Self, ParseError> {
        let Json::Object(map) = crate::json::parse(line)? else {
            return Err(ParseError::NotAnObject);
        };
        Self::read(&map).map_err(|e| match e {
            TokenError::BadMember(name) => ParseError::WrongType(name),
            _ => ParseError::NotAnObject,
        })
    }

    fn read(map: &JsonMap) -> Result<Self, TokenError> {
        let moment = |name| match time(map, name)? {
            None => Ok(None),
            Some(TokenTime::At(wall)) => Ok(Some(wall)),
            Some(TokenTime::In(_)) => Err(TokenError::BadMember(name)),
        };
        let token = text(map, "token")?.filter(|token| !token.is_empty());
        Ok(Self {
            token: Secret::new(token.ok_or(TokenError::BadMember("token"))?),
            group: text(map, "group")?.unwrap_or_default(),
            include_subgroups: flag(map, "includeSubgroups")?,
            username: text(map, "username")?,
            permissions: permissions(map)?.0,
            expires: moment("expires")?,
            not_before: moment("not-before")?,
            issued_at: moment("issuedAt")?,
            issued_by: text(map, "issuedBy")?,
        })
    }
}

fn text(map: &JsonMap, name: &'static str) -> Result<Option<String>, TokenError> {
    match map.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(TokenError::BadMember(name)),
    }
}

fn flag(map: &JsonMap, name: &'static str) -> Result<bool, TokenError> {
    match map.get(name) {
        None | Some(Json::Null) => Ok(false),
        Some(Json::Bool(flag)) => Ok(*flag),
        Some(_) => Err(TokenError::BadMember(name)),
    }
}

fn time(map: &JsonMap, name: &'static str) -> Result<Option<TokenTime>, TokenError> {
    let bad = TokenError::BadMember(name);
    match map.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => {
            parse_rfc3339(text).map(|wall| Some(TokenTime::At(wall))).ok_or(bad)
        }
        Some(Json::Number(n)) => n.as_i64().map(|ms| Some(TokenTime::In(ms))).ok_or(bad),
        Some(_) => Err(bad),
    }
}

/// The permissions, and whether there were names nobody knows; `system` is
/// not for people and counts as such a name.
fn permissions(map: &JsonMap) -> Result<(Permissions, bool), TokenError> {
    const BAD: TokenError = TokenError::BadMember("permissions");
    let list = match map.get("permissions") {
        None | Some(Json::Null) => return Ok((Permissions::NONE, false)),
        Some(Json::Array(list)) => list,
        Some(_) => return Err(BAD),
    };
    list.iter().try_fold((Permissions::NONE, false), |(held, unknown), item| {
        match Permission::from_name(item.as_str().ok_or(BAD)?) {
            None | Some(Permission::System) => Ok((held, true)),
            Some(right) => Ok((held.with(right), unknown)),
        }
    })
}
