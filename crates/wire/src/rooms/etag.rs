//! Weak validators of JSON bodies.
//!
//! Source: RFC 9110 §8.8.3, §13.1.2.

use super::identity::hex;
use aws_lc_rs::digest;

/// The weak `ETag` of a body.
#[must_use]
pub fn weak(body: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, body);
    let short = hash.as_ref().get(..12).unwrap_or_default();
    format!("W/\"{:x}-{}\"", body.len(), hex(short))
}

/// Whether `If-None-Match` names this validator.
#[must_use]
pub fn matches(if_none_match: &str, etag: &str) -> bool {
    let opaque = |text: &str| text.trim().trim_start_matches("W/").to_owned();
    let wanted = opaque(etag);
    if_none_match.trim() == "*" || if_none_match.split(',').any(|one| opaque(one) == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_validator_matches_itself_in_a_list_and_a_star() {
        let etag = weak(b"{}");
        assert!(etag.starts_with("W/\"2-"));
        assert!(matches(&etag, &etag));
        assert!(matches(&format!("\"x\", {}", etag.trim_start_matches("W/")), &etag));
        assert!(matches("*", &etag));
        assert!(!matches("\"x\"", &etag));
        assert_ne!(etag, weak(b"[]"));
    }
}
