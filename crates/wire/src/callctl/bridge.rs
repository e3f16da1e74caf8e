//! A call as a bridge from XMPP carries it: service, method, headers, and the
//! request in base64; here as one JSON object.
//!
//! Owns the shape. Refuses to know which services there are.
//!
//! Source: docs/protocols/callctl.md §2.

use super::message::MESSAGE_BYTES_MAX;
use super::metadata::{VALUE_CHARS_MAX, read_base64, write_base64};
use crate::json;
use serde_json::{Map, Value};

/// Longest name of a service or method, in bytes.
pub const NAME_BYTES_MAX: usize = 128;

/// Most headers of one call.
pub const HEADERS_MAX: usize = 16;

/// A request on its way through a bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeCall {
    /// Full name of the service.
    pub service: String,
    /// Bare name of the method.
    pub method: String,
    /// Headers: key in small letters, value in base64.
    pub headers: Vec<(String, String)>,
    /// The serialised request.
    pub body: Vec<u8>,
}

/// Why a text is not a bridged call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BridgeError {
    /// Not a JSON object.
    #[error("not a JSON object")]
    NotAnObject,
    /// This member is missing, too long or of the wrong type.
    #[error("bad {0}")]
    BadMember(&'static str),
}

impl BridgeCall {
    /// Reads `{"service", "method", "headers", "body"}`.
    ///
    /// # Errors
    /// [`BridgeError`] for the first thing wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, BridgeError> {
        let Ok(Value::Object(members)) = json::parse_bytes(bytes) else {
            return Err(BridgeError::NotAnObject);
        };
        let body = match members.get("body") {
            None | Some(Value::Null) => Some(Vec::new()),
            Some(value) => value.as_str().and_then(|t| read_base64(t, MESSAGE_BYTES_MAX)),
        };
        Ok(Self {
            service: name(&members, "service")?,
            method: name(&members, "method")?,
            headers: headers(members.get("headers"))?,
            body: body.ok_or(BridgeError::BadMember("body"))?,
        })
    }

    /// Writes the object.
    #[must_use]
    pub fn to_text(&self) -> String {
        let headers: Map<String, Value> =
            self.headers.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
        let members = [
            ("service", Value::from(self.service.clone())),
            ("method", Value::from(self.method.clone())),
            ("headers", Value::Object(headers)),
            ("body", Value::from(write_base64(&self.body))),
        ];
        let members: Map<String, Value> =
            members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Value::Object(members).to_string()
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, key: &str) -> Option<&str> {
        self.headers.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

fn name(members: &Map<String, Value>, key: &'static str) -> Result<String, BridgeError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'_';
    members
        .get(key)
        .and_then(Value::as_str)
        .filter(|name| (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(plain))
        .map(str::to_owned)
        .ok_or(BridgeError::BadMember(key))
}

fn headers(value: Option<&Value>) -> Result<Vec<(String, String)>, BridgeError> {
    let bad = BridgeError::BadMember("headers");
    let members = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(members)) if members.len() <= HEADERS_MAX => members,
        Some(_) => return Err(bad),
    };
    let header = |(key, value): (&String, &Value)| {
        let value = value.as_str().filter(|text| text.len() <= VALUE_CHARS_MAX)?;
        let key = Some(key.to_ascii_lowercase()).filter(|key| key.len() <= NAME_BYTES_MAX)?;
        Some((key, value.to_owned()))
    };
    let headers: Option<Vec<_>> = members.iter().map(header).collect();
    let mut headers = headers.ok_or(bad)?;
    headers.sort();
    // The same key in two spellings would leave open which one counts.
    if headers.windows(2).any(|two| matches!(two, [(one, _), (other, _)] if one == other)) {
        return Err(bad);
    }
    Ok(headers)
}

/// Writes what goes back: the same service and method, and the answer.
#[must_use]
pub fn write_answer(service: &str, method: &str, answer: &[u8]) -> String {
    let members = [("service", service), ("method", method), ("body", &write_base64(answer))];
    let members: Map<String, Value> =
        members.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
    Value::Object(members).to_string()
}
