//! From bytes to a JSON object.

use super::problem::{Code, Problem};
use crate::json;
use parlour_base::Json;

/// Most values in one body.
const ITEMS_MAX: usize = 2_000;
/// Deepest nesting of a body.
const DEPTH_MAX: usize = 6;

/// The body of a request that has one.
///
/// # Errors
/// [`Code::UnsupportedMediaType`] or [`Code::BadJson`].
pub fn body_of(content_type: Option<&str>, bytes: &[u8]) -> Result<Json, Problem> {
    let kind = content_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    let is_json = ["application/json", "application/merge-patch+json"]
        .iter()
        .any(|json| kind.eq_ignore_ascii_case(json));
    if !is_json {
        return Err(Code::UnsupportedMediaType.into());
    }
    let limits = json::Limits { bytes: bytes.len(), depth: DEPTH_MAX, items: ITEMS_MAX };
    json::parse_bytes_within(bytes, limits)
        .ok()
        .filter(Json::is_object)
        .ok_or_else(|| Code::BadJson.into())
}
