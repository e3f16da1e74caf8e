//! Whose pages may open a WebSocket.
//!
//! Source: docs/protocols/galene.md §2.4.

use axum::http::{HeaderMap, header};

/// Whether the origin of a request is allowed: there is none, it is the host
/// that was asked, or it is listed.
pub(super) fn is_allowed(headers: &HeaderMap, host: &str, listed: &[String]) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else {
        return !headers.contains_key(header::ORIGIN);
    };
    let Ok(origin) = origin.to_str() else { return false };
    let same = host_of(origin).is_some_and(|from| from.eq_ignore_ascii_case(host));
    same || listed.iter().any(|it| it.eq_ignore_ascii_case(origin))
}

/// Host and port of an origin as a browser writes it.
fn host_of(origin: &str) -> Option<&str> {
    let (scheme, host) = origin.split_once("://")?;
    let web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    (web && !host.is_empty() && !host.contains(['/', '@', '?', '#'])).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn allowed(origin: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, HeaderValue::from_str(origin).expect("a value"));
        let listed = ["https://app.example.org".to_owned()];
        is_allowed(&headers, "parlour.example:8443", &listed)
    }

    #[test]
    fn only_the_same_host_and_listed_origins_pass() {
        assert!(allowed("https://parlour.example:8443"));
        assert!(allowed("https://PARLOUR.example:8443"));
        assert!(allowed("https://App.Example.org"));
        for origin in [
            "null",
            "",
            "https://parlour.example",
            "https://parlour.example:8444",
            "https://parlour.example:8443.evil.example",
            "https://evil.example/parlour.example:8443",
            "https://x@parlour.example:8443",
            "https://sub.parlour.example:8443",
            "https://app.example.org.evil.example",
            "https://sub.app.example.org",
            "http://app.example.org",
            "https://app.example.org:443",
            "https://xn--prlour-eua.example:8443",
            "file://parlour.example:8443",
            "parlour.example:8443",
        ] {
            assert!(!allowed(origin), "{origin}");
        }
    }

    #[test]
    fn a_request_without_an_origin_passes_and_one_with_two_does_not() {
        let mut headers = HeaderMap::new();
        assert!(is_allowed(&headers, "h", &[]));
        headers.append(header::ORIGIN, HeaderValue::from_static("https://h"));
        assert!(is_allowed(&headers, "h", &[]));
        headers.append(header::ORIGIN, HeaderValue::from_static("https://h"));
        assert!(!is_allowed(&headers, "h", &[]));
    }
}
