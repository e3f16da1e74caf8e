//! Which addresses a device wants to be told at, and the telling.
//!
//! Source: docs/protocols/rooms.md §5.

use super::body::Body;
use super::error::ApiError;
use super::form::query_value;
use parlour_base::Json;

/// Longest address that is kept, in bytes.
pub const URL_BYTES_MAX: usize = 8_192;

/// The content type of a notification.
pub const PUSH_TYPE: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// The addresses of one device, by topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushUrls {
    /// Told of calls.
    pub calls: Option<String>,
    /// Told of rooms.
    pub rooms: Option<String>,
}

impl PushUrls {
    /// Reads the addresses of a registration; topics of other names are
    /// nobody's. The old spellings, in body and query, mean calls.
    ///
    /// # Errors
    /// 400 for the first that is no address of the web; whether somebody can be
    /// told there is not known before it is tried.
    pub fn read(body: &Body, query: &str) -> Result<Self, ApiError> {
        let new = body.member("simplePushURLs");
        let topic = |name: &str| new.and_then(|urls| urls.get(name)).cloned();
        let old = ["simplePushURL", "simple_push_url"].into_iter();
        let old = old.filter_map(|name| body.member(name)).find(|value| !is_nothing(value));
        let old = old.cloned().or_else(|| query_value(query, "simplePushURL").map(Json::String));
        let old = old.filter(|value| !is_nothing(value));
        Ok(Self {
            calls: checked("calls", old.or_else(|| topic("calls")))?,
            rooms: checked("rooms", topic("rooms"))?,
        })
    }
}

/// What the old spelling takes for absent.
fn is_nothing(value: &Json) -> bool {
    value.is_null() || value.as_str() == Some("")
}

fn checked(topic: &str, value: Option<Json>) -> Result<Option<String>, ApiError> {
    let Some(value) = value else { return Ok(None) };
    let url = value.as_str().filter(|url| url.starts_with("http") && url.len() <= URL_BYTES_MAX);
    let odd = || ApiError::invalid(format!("simplePushURLs.{topic} should be a valid url"));
    url.map(|url| Some(url.to_owned())).ok_or_else(odd)
}

/// An address as it is asked for: what no address may hold is escaped.
#[must_use]
pub fn escaped(url: &str) -> String {
    let mut escaped = String::with_capacity(url.len());
    for byte in url.bytes() {
        match byte {
            b'!'..=b'~' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// The body of a notification.
#[must_use]
pub fn push_body(version: i64) -> String {
    format!("version={version}")
}
