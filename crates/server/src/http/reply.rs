//! The answers that have no content of their own, and the headers of all.
//!
//! Source: docs/protocols/galene.md §2.2.

use super::paths;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;

/// The policy of our own client: nothing but itself.
const OWN_POLICY: &str = "default-src 'self'; script-src 'self'; object-src 'none'; \
    base-uri 'none'; frame-ancestors 'none'; img-src 'self' data: blob:; media-src 'self' blob:; ";

/// The policy of another client's tree.
const OTHER_POLICY: &str = "img-src 'self'; media-src blob: 'self'; \
    script-src 'unsafe-eval' 'self'; default-src 'self'; ";

/// The Content-Security-Policy of a page. `auth_server` is the one place
/// outside that the page of a group may talk to.
pub(super) fn policy(own: bool, auth_server: Option<&str>) -> HeaderValue {
    let base = if own { OWN_POLICY } else { OTHER_POLICY };
    let outside = auth_server.filter(|url| is_source(url)).map(|url| format!(" {url}"));
    let text = format!("{base}connect-src{} ws: wss: 'self'", outside.unwrap_or_default());
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(OWN_POLICY))
}

/// Whether a URL can stand in a policy without ending its directive.
fn is_source(url: &str) -> bool {
    let web = url.starts_with("https://") || url.starts_with("http://");
    web && url.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b';' | b',' | b'\''))
}

/// An answer with a body of text.
pub(super) fn text(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Body>,
) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, content_type);
    response
}

/// A short answer for people.
pub(super) fn plain(status: StatusCode, body: &'static str) -> Response {
    text(status, "text/plain; charset=utf-8", body)
}

/// JSON that must be fresh each time.
pub(super) fn json(body: String) -> Response {
    let mut response = text(StatusCode::OK, "application/json", body);
    set(&mut response, header::CACHE_CONTROL, "no-cache");
    response
}

/// Sends the client to a clean path of ours, for good; the query goes along.
pub(super) fn redirect(path: &str, query: Option<&str>) -> Response {
    let mut location = paths::encode(path);
    if let Some(query) = query {
        location.push('?');
        location.push_str(query);
    }
    redirect_to(StatusCode::PERMANENT_REDIRECT, &location)
}

/// Sends the client elsewhere.
pub(super) fn redirect_to(status: StatusCode, location: &str) -> Response {
    match HeaderValue::from_str(location) {
        Ok(value) => {
            let mut response = plain(status, "");
            response.headers_mut().insert(header::LOCATION, value);
            response
        }
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error"),
    }
}

/// Another method was expected.
pub(super) fn not_allowed(methods: &'static str) -> Response {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed");
    set(&mut response, header::ALLOW, methods);
    response
}

/// Which methods there are.
pub(super) fn options(methods: &'static str) -> Response {
    let mut response = plain(StatusCode::NO_CONTENT, "");
    set(&mut response, header::ALLOW, methods);
    response
}

/// The server cannot take this on now.
pub(super) fn busy() -> Response {
    let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, "Too busy, try again later");
    set(&mut response, header::RETRY_AFTER, "5");
    set(&mut response, header::CONNECTION, "close");
    response
}

/// Puts a fixed header in.
pub(super) fn set(response: &mut Response, name: HeaderName, value: &'static str) {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(auth: Option<&str>) -> String {
        policy(true, auth)
            .to_str()
            .expect("text")
            .split("connect-src")
            .nth(1)
            .expect("there")
            .to_owned()
    }

    #[test]
    fn the_authentication_server_joins_the_policy_of_its_page() {
        assert_eq!(connect(None), " ws: wss: 'self'");
        assert_eq!(
            connect(Some("https://auth.example/x")),
            " https://auth.example/x ws: wss: 'self'"
        );
    }

    #[test]
    fn no_url_can_widen_the_policy() {
        for url in ["https://a;script-src *", "https://a *", "javascript:1", "https://a'x'", "*"] {
            assert_eq!(connect(Some(url)), " ws: wss: 'self'", "{url}");
        }
    }
}
