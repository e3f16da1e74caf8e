//! The bodies that make and change rooms.
//!
//! Source: docs/protocols/rooms.md §4.

use super::body::Body;
use super::error::ApiError;
use super::number::parse_int;
use parlour_base::{Json, JsonMap};

/// How large the fields of a room may be; the numbers appear in the errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// Most characters of `roomName`.
    pub name_chars: usize,
    /// Most characters of `roomOwner`.
    pub owner_chars: usize,
    /// Most characters of a participant's name.
    pub display_name_chars: usize,
    /// Most participants.
    pub size: u32,
    /// Longest life, in hours.
    pub life_hours: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            name_chars: 100,
            owner_chars: 255,
            display_name_chars: 1_000,
            size: 5,
            life_hours: 1_344,
        }
    }
}

/// What a room is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct RoomCreate {
    /// Encrypted by the client, or else `name` is there.
    pub context: Option<JsonMap>,
    /// Deprecated: the name in the clear.
    pub name: Option<String>,
    /// The owner's display name.
    pub owner: String,
    /// Most participants.
    pub max_size: u32,
    /// Life in hours, if not the default.
    pub expires_in_hours: Option<u32>,
    /// Which provider the client prefers.
    pub channel: Option<String>,
}

/// What changes about a room; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RoomChange {
    /// A new context.
    pub context: Option<JsonMap>,
    /// A new name.
    pub name: Option<String>,
    /// A new display name of the owner.
    pub owner: Option<String>,
    /// Another size.
    pub max_size: Option<u32>,
    /// Life in hours from now, if not the default.
    pub expires_in_hours: Option<u32>,
}

impl RoomCreate {
    /// Reads the body of a request that makes a room.
    ///
    /// # Errors
    /// 400: what is absent first, then the first value that must not be.
    pub fn read(body: &Body, bounds: &Bounds) -> Result<Self, ApiError> {
        let named = body.member("context").is_some() || body.member("roomName").is_some();
        let absent = |name: &str| body.member(name).is_none();
        let mut missing = Vec::new();
        if !named {
            missing.push("context,roomName");
        }
        missing.extend(["roomOwner", "maxSize"].into_iter().filter(|name| absent(name)));
        let change = match (missing.as_slice(), RoomChange::read(body, bounds)) {
            ([], change) => change?,
            (missing, _) => return Err(ApiError::missing(missing)),
        };
        let (Some(owner), Some(max_size)) = (change.owner, change.max_size) else {
            return Err(ApiError::missing(&["roomOwner", "maxSize"]));
        };
        Ok(Self {
            context: change.context,
            name: change.name,
            owner,
            max_size,
            expires_in_hours: change.expires_in_hours,
            channel: body.text("channel").map(str::to_owned),
        })
    }
}

impl RoomChange {
    /// Reads the body of a request that changes a room.
    ///
    /// # Errors
    /// 400 for the first value that must not be: name, name beside context,
    /// context, owner, life, size.
    pub fn read(body: &Body, bounds: &Bounds) -> Result<Self, ApiError> {
        let name = text(body, "roomName", bounds.name_chars)?;
        if name.is_some() && body.member("context").is_some() {
            return Err(ApiError::invalid(
                "roomName has been deprecated, please store it encrypted inside the context.",
            ));
        }
        Ok(Self {
            context: body.member("context").map(context).transpose()?,
            name,
            owner: text(body, "roomOwner", bounds.owner_chars)?,
            expires_in_hours: hours(body, "expiresIn", bounds.life_hours)?,
            max_size: size(body, bounds.size)?,
        })
    }
}

/// A text of at most so many characters; anything else is told the same.
pub(super) fn text(body: &Body, name: &str, most: usize) -> Result<Option<String>, ApiError> {
    let Some(value) = body.member(name) else { return Ok(None) };
    let text = value.as_str().filter(|text| text.chars().count() <= most);
    let long = || ApiError::invalid(format!("{name} should be shorter than {most} characters"));
    text.map(|text| Some(text.to_owned())).ok_or_else(long)
}

fn context(value: &Json) -> Result<JsonMap, ApiError> {
    let object = value.as_object().filter(|members| {
        ["value", "alg", "wrappedKey"].iter().all(|name| members.contains_key(*name))
    });
    let odd = "context should be an object containing `value`, `alg` and `wrappedKey` properties.";
    object.cloned().ok_or_else(|| ApiError::invalid(odd))
}

/// A life of one to `most` hours.
pub(super) fn hours(body: &Body, name: &str, most: u32) -> Result<Option<u32>, ApiError> {
    let Some(value) = body.member(name) else { return Ok(None) };
    let odd = || ApiError::invalid(format!("{name} should be a valid number"));
    let number = parse_int(value).ok_or_else(odd)?;
    if number > i64::from(most) {
        return Err(ApiError::invalid(format!("{name} cannot be greater than {most}")));
    }
    u32::try_from(number).ok().filter(|hours| *hours > 0).map(Some).ok_or_else(odd)
}

fn size(body: &Body, most: u32) -> Result<Option<u32>, ApiError> {
    let Some(value) = body.member("maxSize") else { return Ok(None) };
    let odd = || ApiError::invalid("maxSize should be a valid number");
    let number = parse_int(value).ok_or_else(odd)?;
    if number > i64::from(most) {
        return Err(ApiError::invalid(format!("maxSize cannot be greater than {most}")));
    }
    u32::try_from(number).ok().filter(|size| *size > 0).map(Some).ok_or_else(odd)
}

/// Reads the tokens of a bulk deletion, each once.
///
/// # Errors
/// 400: absent, not a list of texts, or empty.
pub fn read_delete(body: &Body) -> Result<Vec<String>, ApiError> {
    body.require(&["deleteRoomTokens"])?;
    let list = body.member("deleteRoomTokens").and_then(Json::as_array);
    let odd = || ApiError::invalid("deleteRoomTokens should be a list of room tokens.");
    let list = list.ok_or_else(odd)?;
    if list.is_empty() {
        return Err(ApiError::invalid("deleteRoomTokens should not be empty."));
    }
    let mut tokens: Vec<String> = Vec::new();
    for token in list {
        tokens.push(token.as_str().ok_or_else(odd)?.to_owned());
    }
    tokens.sort_unstable();
    tokens.dedup();
    Ok(tokens)
}
