//! Which pages of other origins may ask.
//!
//! Source: docs/protocols/rooms.md §2; the Fetch standard §3.2.

/// The methods an allowed origin may use.
pub const ALLOWED_METHODS: &str = "GET,HEAD,PUT,PATCH,POST,DELETE";

/// Whether an origin is on the list; `*` in it admits all.
#[must_use]
pub fn is_allowed(allowed: &[String], origin: &str) -> bool {
    let is_text = !origin.is_empty() && origin.chars().all(|c| matches!(c, '!'..='~'));
    is_text && allowed.iter().any(|one| one == "*" || one == origin)
}

/// The headers that go with every answer to an allowed origin.
#[must_use]
pub fn headers(origin: &str) -> [(&'static str, String); 2] {
    [("access-control-allow-origin", origin.to_owned()), ("vary", "Origin".to_owned())]
}

/// The further headers of the answer to an allowed origin's `OPTIONS`.
/// `requested` is its `Access-Control-Request-Headers`.
#[must_use]
pub fn preflight(requested: Option<&str>) -> Vec<(&'static str, String)> {
    let mut headers = vec![("access-control-allow-methods", ALLOWED_METHODS.to_owned())];
    headers.extend(requested.map(|text| ("access-control-allow-headers", text.to_owned())));
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_origins_are_allowed_unless_all_are() {
        let list = ["http://localhost:3000".to_owned()];
        assert!(is_allowed(&list, "http://localhost:3000"));
        assert!(!is_allowed(&list, "http://localhost:3001"));
        assert!(!is_allowed(&list, "HTTP://localhost:3000"));
        let all = ["*".to_owned()];
        assert!(is_allowed(&all, "https://example.com"));
        assert!(!is_allowed(&all, ""));
        assert!(!is_allowed(&all, "a b"));
    }
}
