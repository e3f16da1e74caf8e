//! Entity tags: which state of a thing somebody has seen.
//!
//! Source: RFC 9110 §8.8.3, §13.1.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;

/// The tag of one state, which follows from the text of its JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag(String);

impl Tag {
    /// The tag of this state.
    #[must_use]
    pub fn of(state: &str) -> Self {
        let digest = digest::digest(&digest::SHA256, state.as_bytes());
        let short = digest.as_ref().first_chunk::<16>().copied().unwrap_or_default();
        Self(URL_SAFE_NO_PAD.encode(short))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

/// Whether `If-Match` lets a change of this state pass; weak tags never do.
#[must_use]
pub fn accepts(if_match: Option<&str>, tag: &Tag) -> bool {
    let Some(list) = if_match else { return true };
    let wanted = tag.to_string();
    list.split(',').map(str::trim).any(|one| one == "*" || one == wanted)
}

/// Whether `If-None-Match` says that this state is known already.
#[must_use]
pub fn is_known(if_none_match: Option<&str>, tag: &Tag) -> bool {
    let Some(list) = if_none_match else { return false };
    let wanted = tag.to_string();
    let strong = |one: &str| one.trim().trim_start_matches("W/").to_owned();
    list.split(',').map(strong).any(|one| one == "*" || one == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_tag_follows_from_the_state_and_from_nothing_else() {
        let of = |state: serde_json::Value| Tag::of(&state.to_string());
        let tag = of(json!({"a": 1, "b": 2}));
        assert_eq!(tag, of(json!({"b": 2, "a": 1})));
        assert_ne!(tag, of(json!({"a": 1, "b": 3})));
        let text = tag.to_string();
        assert!(accepts(None, &tag) && accepts(Some("*"), &tag));
        assert!(accepts(Some(&format!("\"x\", {text}")), &tag));
        assert!(!accepts(Some(&format!("W/{text}")), &tag), "weak tags do not protect changes");
        assert!(is_known(Some(&format!("W/{text}")), &tag) && !is_known(None, &tag));
        assert!(!is_known(Some("\"x\""), &tag));
    }
}
