//! JSON from strangers, read once and strictly.
//!
//! Owns the rules that hold for every JSON text the server reads: one value
//! and nothing after it, no object with the same key twice, bounded nesting,
//! bounded number of items. Refuses to know what the value means, and never
//! repeats input in an error.
//!
//! Source: RFC 8259; RFC 7493 §2.3 (no duplicate keys).

use parlour_base::limits::{FRAME_BYTES_MAX, JSON_DEPTH_MAX};
use parlour_base::{Json, JsonMap};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::cell::Cell;
use std::fmt;

/// Most values in one JSON text of a client, counting every member and element.
pub const JSON_ITEMS_MAX: usize = 10_000;

/// Longest file that is read as JSON, in bytes.
pub const FILE_BYTES_MAX: usize = 8 << 20;

/// Most values in a file: some 25,000 users with hashed passwords.
pub const FILE_ITEMS_MAX: usize = 200_000;

/// How much one JSON text may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Length of the text, in bytes.
    pub bytes: usize,
    /// Arrays and objects within each other.
    pub depth: usize,
    /// Values, counting every member and element.
    pub items: usize,
}

impl Limits {
    /// For what clients send.
    pub const FRAME: Self =
        Self { bytes: FRAME_BYTES_MAX, depth: JSON_DEPTH_MAX, items: JSON_ITEMS_MAX };
    /// For files that the operator keeps.
    pub const FILE: Self =
        Self { bytes: FILE_BYTES_MAX, depth: JSON_DEPTH_MAX, items: FILE_ITEMS_MAX };
}

/// Why a text was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Arrays and objects nested deeper than [`Limits::depth`].
    #[error("json is nested too deeply")]
    Depth,
    /// An object has the same key twice.
    #[error("json object has a key twice")]
    DuplicateKey,
    /// More values than [`Limits::items`].
    #[error("json has too many items")]
    Items,
    /// Longer than [`Limits::bytes`].
    #[error("json is too long")]
    Size,
    /// Not JSON.
    #[error("json syntax error in line {line}, column {column}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// Something other than white space follows the value.
    #[error("text after the json value")]
    Trailing,
    /// Not UTF-8.
    #[error("json is not utf-8")]
    Utf8,
}

/// Reads one JSON value that fills the whole text, within [`Limits::FRAME`].
///
/// # Errors
/// [`JsonError`] for the first rule the text breaks.
pub fn parse(text: &str) -> Result<Json, JsonError> {
    parse_within(text, Limits::FRAME)
}

/// Reads one JSON value from bytes that must be UTF-8, within [`Limits::FRAME`].
///
/// # Errors
/// As [`parse`], and [`JsonError::Utf8`].
pub fn parse_bytes(bytes: &[u8]) -> Result<Json, JsonError> {
    parse_bytes_within(bytes, Limits::FRAME)
}

/// [`parse_bytes`] within other limits.
///
/// # Errors
/// As [`parse_bytes`].
pub fn parse_bytes_within(bytes: &[u8], limits: Limits) -> Result<Json, JsonError> {
    if bytes.len() > limits.bytes {
        return Err(JsonError::Size);
    }
    parse_within(std::str::from_utf8(bytes).map_err(|_| JsonError::Utf8)?, limits)
}

/// [`parse`] within other limits.
///
/// # Errors
/// As [`parse`].
pub fn parse_within(text: &str, limits: Limits) -> Result<Json, JsonError> {
    if text.len() > limits.bytes {
        return Err(JsonError::Size);
    }
    let watch = Watch { left: Cell::new(limits.items), broken: Cell::new(None) };
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict { watch: &watch, left: limits.depth }.deserialize(&mut reader);
    let value = value.map_err(|e| {
        let syntax = JsonError::Syntax { line: e.line(), column: e.column() };
        watch.broken.get().unwrap_or(syntax)
    })?;
    reader.end().map_err(|_| JsonError::Trailing)?;
    Ok(value)
}

/// What one reading shares between its levels: items left to read, and the
/// rule that was broken (serde's own error type cannot carry it).
struct Watch {
    left: Cell<usize>,
    broken: Cell<Option<JsonError>>,
}

/// Reads one value that may hold `left` levels of arrays and objects.
#[derive(Clone, Copy)]
struct Strict<'a> {
    watch: &'a Watch,
    left: usize,
}

impl Strict<'_> {
    fn refuse<E: serde::de::Error>(self, rule: JsonError) -> E {
        self.watch.broken.set(Some(rule));
        E::custom(rule)
    }

    /// The reader for what is inside an array or object found here.
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.left.checked_sub(1) {
            Some(left) => Ok(Self { left, ..self }),
            None => Err(self.refuse(JsonError::Depth)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Json, D::Error> {
        let Some(left) = self.watch.left.get().checked_sub(1) else {
            return Err(self.refuse(JsonError::Items));
        };
        self.watch.left.set(left);
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a json value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Json, E> {
        let number = serde_json::Number::from_f64(value);
        number.map(Json::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let inside = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            list.push(item);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let inside = self.deeper()?;
        let mut map = JsonMap::new();
        while let Some(key) = members.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(self.refuse(JsonError::DuplicateKey));
            }
            let value = members.next_value_seed(inside)?;
            map.insert(key, value);
        }
        Ok(Json::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_json_reads_as_serde_reads_it() {
        let text =
            r#" {"a":[1,-2,3.5,1e300,"é\n",null,true],"b":{"":{}},"c":18446744073709551615} "#;
        assert_eq!(parse(text), Ok(serde_json::from_str(text).expect("is JSON")));
    }

    #[test]
    fn a_duplicate_key_is_refused_at_any_depth() {
        for text in [r#"{"a":1,"a":1}"#, r#"[{"x":{"a":1,"b":2,"a":3}}]"#, r#"{"a":1,"\u0061":2}"#]
        {
            assert_eq!(parse(text), Err(JsonError::DuplicateKey), "{text}");
        }
        assert!(parse(r#"{"a":{"a":{"a":1}}}"#).is_ok());
    }

    #[test]
    fn nesting_is_bounded_and_a_bomb_does_no_harm() {
        let nest = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
        assert!(parse(&nest(JSON_DEPTH_MAX)).is_ok());
        assert_eq!(parse(&nest(JSON_DEPTH_MAX + 1)), Err(JsonError::Depth));
        assert_eq!(parse(&"[".repeat(1 << 20)), Err(JsonError::Depth));
        assert_eq!(parse(&"{\"a\":".repeat(100_000)), Err(JsonError::Depth));
    }

    #[test]
    fn items_are_counted_over_the_whole_text() {
        let list = |n: usize| format!("[{}]", vec!["1"; n].join(","));
        assert!(parse(&list(JSON_ITEMS_MAX - 1)).is_ok());
        assert_eq!(parse(&list(JSON_ITEMS_MAX)), Err(JsonError::Items));
    }

    #[test]
    fn what_is_not_one_json_value_is_refused() {
        assert_eq!(parse("{} {}"), Err(JsonError::Trailing));
        assert_eq!(parse("1 x"), Err(JsonError::Trailing));
        assert_eq!(parse_bytes(b"\"\xff\""), Err(JsonError::Utf8));
        assert_eq!(parse_bytes(&vec![b' '; FRAME_BYTES_MAX + 1]), Err(JsonError::Size));
        for text in ["", " ", "{", "[1,]", "{\"a\"}", "nul", "01", "\"\\ud800\"", "1e999", "'a'"] {
            assert!(matches!(parse(text), Err(JsonError::Syntax { .. })), "{text}");
        }
    }
}
