//! The `Authorization` header of Hawk: `Hawk id="…", ts="…", …`.

use crate::rooms::AUTHORIZATION_BYTES_MAX;
use crate::rooms::error::{ApiError, Errno};
use serde_json::json;

/// What a Hawk header says, as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HawkHeader {
    /// Whose key signed.
    pub id: String,
    /// When, in seconds since 1970, as text: the text is what is signed.
    pub ts: String,
    /// Unique among the requests of that second.
    pub nonce: String,
    /// Of the body; only covered by the signature, never compared.
    pub hash: Option<String>,
    /// Whatever the application likes.
    pub ext: Option<String>,
    /// The signature.
    pub mac: String,
    /// The application the key was given to.
    pub app: Option<String>,
    /// Who delegated it.
    pub dlg: Option<String>,
}

/// The names an attribute may have.
const NAMES: [&str; 8] = ["id", "ts", "nonce", "hash", "ext", "mac", "app", "dlg"];

/// The scheme of an `Authorization` header and what follows it; `None` if it
/// does not begin with a word.
#[must_use]
pub fn scheme(header: &str) -> Option<(&str, &str)> {
    let end = header.find(|c: char| !is_word(c)).unwrap_or(header.len());
    let (scheme, rest) = header.split_at_checked(end)?;
    let attributes = rest.trim_start();
    let separated = rest.is_empty() || attributes.len() < rest.len();
    (!scheme.is_empty() && separated).then_some((scheme, attributes))
}

/// Reads what follows the word `Hawk`.
///
/// # Errors
/// 400 for the first rule that is broken: the syntax, an attribute that is
/// unknown, badly quoted or there twice, one of the four that must be there.
pub fn read_header(attributes: &str) -> Result<HawkHeader, ApiError> {
    if attributes.len() > AUTHORIZATION_BYTES_MAX {
        return Err(bad("Header length too long"));
    }
    if attributes.trim().is_empty() {
        return Err(bad("Invalid header syntax"));
    }
    let mut found: [Option<&str>; NAMES.len()] = [None; NAMES.len()];
    let mut rest = attributes;
    while !rest.is_empty() {
        let (name, value, after) = attribute(rest).ok_or_else(|| bad("Bad header format"))?;
        rest = after;
        let slot = NAMES.iter().position(|n| *n == name).and_then(|at| found.get_mut(at));
        let slot = slot.ok_or_else(|| bad(&format!("Unknown attribute: {name}")))?;
        if value.is_empty() || !value.chars().all(is_value) {
            return Err(bad(&format!("Bad attribute value: {name}")));
        }
        if slot.replace(value).is_some() {
            return Err(bad(&format!("Duplicate attribute: {name}")));
        }
    }
    let [id, ts, nonce, hash, ext, mac, app, dlg] = found.map(|value| value.map(str::to_owned));
    match (id, ts, nonce, mac) {
        (Some(id), Some(ts), Some(nonce), Some(mac)) => {
            Ok(HawkHeader { id, ts, nonce, hash, ext, mac, app, dlg })
        }
        _ => Err(bad("Missing attributes")),
    }
}

/// One attribute with the comma behind it: name, value, and what follows.
fn attribute(text: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = text.split_once('=')?;
    if name.is_empty() || !name.chars().all(is_word) {
        return None;
    }
    let (value, rest) = rest.strip_prefix('"')?.split_once('"')?;
    let rest = rest.trim_start();
    match rest.strip_prefix(',') {
        Some(after) => Some((name, value, after.trim_start())),
        None => rest.is_empty().then_some((name, value, rest)),
    }
}

const fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Printable ASCII without quote and backslash.
const fn is_value(c: char) -> bool {
    matches!(c, ' '..='~') && c != '"' && c != '\\'
}

/// 400 in the words and the shape of the Hawk check.
fn bad(message: &str) -> ApiError {
    let error = json!({ "statusCode": 400, "error": "Bad Request", "message": message });
    ApiError { error, ..ApiError::new(400, Errno::InvalidAuthToken, "") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(attributes: &str) -> String {
        let error = read_header(attributes).expect_err("a bad header");
        assert_eq!((error.status, error.errno), (400, Errno::InvalidAuthToken));
        error.error["message"].as_str().expect("a text").to_owned()
    }

    #[test]
    fn every_attribute_is_read_in_any_order() {
        let text = r#"mac="m=",id="i", ts="1" ,  nonce="n",hash="h", ext="a b", app="x", dlg="y""#;
        let header = read_header(text).expect("a good header");
        assert_eq!((header.id.as_str(), header.mac.as_str()), ("i", "m="));
        assert_eq!(header.ext.as_deref(), Some("a b"));
        assert_eq!(header.dlg.as_deref(), Some("y"));
    }

    #[test]
    fn each_broken_rule_has_its_words() {
        assert_eq!(message(""), "Invalid header syntax");
        assert_eq!(message("id"), "Bad header format");
        assert_eq!(message("id=\"x"), "Bad header format");
        assert_eq!(message(r#"id="x" ts="1""#), "Bad header format");
        assert_eq!(message(r#"id="x", iq="1""#), "Unknown attribute: iq");
        assert_eq!(message(r#"id="x", id="x""#), "Duplicate attribute: id");
        assert_eq!(message(r#"id="""#), "Bad attribute value: id");
        assert_eq!(message("id=\"\u{e9}\""), "Bad attribute value: id");
        assert_eq!(message(r#"id="x\""#), "Bad attribute value: id");
        assert_eq!(message(r#"id="x", ts="1", nonce="n""#), "Missing attributes");
        assert_eq!(message(&format!("id=\"{}\"", "x".repeat(5_000))), "Header length too long");
    }

    #[test]
    fn the_scheme_is_the_first_word() {
        assert_eq!(scheme("Hawk id=\"x\""), Some(("Hawk", "id=\"x\"")));
        assert_eq!(scheme("Basic"), Some(("Basic", "")));
        for text in ["", " Hawk", "Ha-wk x", "=", "Hawk=x"] {
            assert_eq!(scheme(text), None, "{text}");
        }
    }
}
