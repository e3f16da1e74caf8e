//! The body of a request: its members, wherever they were written as JSON or
//! as a form.
//!
//! Source: docs/protocols/rooms.md §1.

use super::error::ApiError;
use super::{BODY_BYTES_MAX, form, number};
use crate::json::{self, Limits};
use parlour_base::limits::JSON_DEPTH_MAX;
use parlour_base::{Json, JsonMap};

/// What one request body may hold: as many items as there is room for.
const LIMITS: Limits =
    Limits { bytes: BODY_BYTES_MAX, depth: JSON_DEPTH_MAX, items: BODY_BYTES_MAX };

/// The members of a request body. A member that is `null` is there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Body(JsonMap);

/// How the bytes of a body are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Form,
    Other,
}

/// By the media type alone; parameters do not matter.
fn kind(content_type: &str) -> Kind {
    let media = content_type.split(';').next().unwrap_or("").trim();
    if media.eq_ignore_ascii_case("application/json") {
        Kind::Json
    } else if media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        Kind::Form
    } else {
        Kind::Other
    }
}

impl Body {
    /// Reads a body. None, an empty one, or one of another content type has no
    /// members; neither has a list.
    ///
    /// # Errors
    /// 413 if it is too long; 400 if it says it is JSON and is not, or is JSON
    /// but neither object nor list.
    pub fn read(content_type: Option<&str>, bytes: &[u8]) -> Result<Self, ApiError> {
        if bytes.len() > BODY_BYTES_MAX {
            return Err(ApiError::too_large());
        }
        match content_type.map_or(Kind::Other, kind) {
            _ if bytes.is_empty() => Ok(Self::default()),
            Kind::Other => Ok(Self::default()),
            Kind::Form => Ok(Self(form::read_form(bytes))),
            Kind::Json => match json::parse_bytes_within(bytes, LIMITS) {
                Ok(Json::Object(members)) => Ok(Self(members)),
                Ok(Json::Array(_)) => Ok(Self::default()),
                Ok(_) | Err(_) => Err(ApiError::bad_json()),
            },
        }
    }

    /// The body with these members.
    #[must_use]
    pub const fn of(members: JsonMap) -> Self {
        Self(members)
    }

    /// A member, `null` included.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Json> {
        self.0.get(name)
    }

    /// A member that is text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Json::as_str)
    }

    /// A member as a number; the outer `None` if it is absent, the inner one
    /// if it is not a number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<Option<i64>> {
        self.0.get(name).map(number::parse_int)
    }

    /// Refuses a body that lacks one of these members, naming all it lacks.
    ///
    /// # Errors
    /// 400, with the names in the order given.
    pub fn require(&self, names: &[&str]) -> Result<(), ApiError> {
        let absent: Vec<&str> =
            names.iter().copied().filter(|name| !self.0.contains_key(*name)).collect();
        if absent.is_empty() { Ok(()) } else { Err(ApiError::missing(&absent)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_of_any_charset_is_read_and_other_types_are_empty() {
        for content_type in
            ["application/json", "Application/JSON; charset=utf-8", "application/json;charset=x"]
        {
            let body = Body::read(Some(content_type), br#"{"a":1}"#).expect("JSON");
            assert_eq!(body.member("a"), Some(&json!(1)));
        }
        for content_type in [None, Some("text/plain"), Some("application/jsonx"), Some("")] {
            assert_eq!(Body::read(content_type, br#"{"a":1}"#), Ok(Body::default()));
        }
        assert_eq!(Body::read(Some("application/json"), b""), Ok(Body::default()));
        assert_eq!(Body::read(Some("application/json"), b"[1]"), Ok(Body::default()));
    }

    #[test]
    fn what_is_not_an_object_or_a_list_is_bad_json() {
        for bytes in [&b"1"[..], b"null", b"{", b"\"x\"", b"\xff", b"{}{}"] {
            let error = Body::read(Some("application/json"), bytes).expect_err("not a body");
            assert_eq!((error.status, error.errno.number()), (400, 106));
        }
    }

    #[test]
    fn a_body_beyond_the_limit_is_too_large() {
        let bytes = vec![b' '; BODY_BYTES_MAX + 1];
        assert_eq!(Body::read(None, &bytes).expect_err("too long").status, 413);
        assert!(Body::read(None, bytes.get(1..).expect("not empty")).is_ok());
    }

    #[test]
    fn all_absent_members_are_named_in_order() {
        let body = Body::read(Some("application/json"), br#"{"b":null}"#).expect("JSON");
        let error = body.require(&["c", "b", "a"]).expect_err("two are absent");
        assert_eq!(error.error, json!("Missing: c, a"));
    }
}
