//! The integration API at the edge: HTTP in, typed requests to the shard,
//! answers out.
//!
//! Owns bodies and their limits, and how many requests there may be at once.
//! Refuses to know what a request means and whose key is good.

use super::reply;
use crate::config::api::Api as Settings;
use crate::shard::Mailbox;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use axum::response::Response;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use parlour_base::Secret;
use parlour_node::api;
use parlour_wire::api::{Code, PREFIX};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// The door and its limits.
#[derive(Debug)]
pub struct Api {
    door: Arc<api::Api>,
    settings: Settings,
    shard: Mailbox,
    /// Places for requests.
    places: Semaphore,
}

impl Api {
    /// Opens the door's edge.
    #[must_use]
    pub fn new(settings: Settings, shard: Mailbox) -> Self {
        let door = Arc::new(api::Api::new(settings.door()));
        let places = usize::try_from(settings.in_flight).unwrap_or(usize::MAX);
        let places = Semaphore::new(places.min(Semaphore::MAX_PERMITS));
        Self { door, settings, shard, places }
    }

    /// Whether a path is this door's.
    #[must_use]
    pub fn is_for(path: &str) -> bool {
        path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Answers a request; `house` says that only the operator of this machine
    /// could send it.
    pub async fn answer(&self, request: Request<Body>, house: bool) -> Response {
        let reading = request.method() == axum::http::Method::HEAD;
        let answer = match self.ask(request, house).await {
            Ok(answer) => answer,
            Err(code) => api::Response::problem(code),
        };
        let summary = &answer.summary;
        tracing::debug!(
            status = answer.status,
            operation = summary.operation,
            key = summary.key,
            code = summary.code,
            "api"
        );
        written(answer, reading)
    }

    async fn ask(&self, request: Request<Body>, house: bool) -> Result<api::Response, Code> {
        let _place = self.places.try_acquire().map_err(|_| Code::Busy)?;
        let (parts, body) = request.into_parts();
        let body = Limited::new(body, self.settings.body_bytes_max.bytes());
        let body = match timeout(self.settings.body_timeout.0, body.collect()).await {
            Ok(Ok(body)) => body.to_bytes().to_vec(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(Code::TooLarge),
            Ok(Err(_)) => return Err(Code::BadJson),
            Err(_) => return Err(Code::Timeout),
        };
        let request = api::Request {
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().map(str::to_owned),
            headers: headers(&parts.headers)?,
            body: Secret::new(body),
            house,
        };
        let reply = self.shard.call(self.door.begin(request)).await.ok_or(Code::Busy)?;
        reply.open().ok_or(Code::Internal)
    }
}

/// The headers that the door looks at; what is not text is refused.
fn headers(all: &HeaderMap) -> Result<api::Headers, Code> {
    let text = |name: HeaderName| -> Result<Option<String>, Code> {
        let mut values = all.get_all(name).iter();
        let Some(first) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(Code::BadHeader);
        }
        first.to_str().map(|text| Some(text.to_owned())).map_err(|_| Code::BadHeader)
    };
    Ok(api::Headers {
        authorization: text(header::AUTHORIZATION)?.map(Secret::new),
        content_type: text(header::CONTENT_TYPE)?,
        idempotency_key: text(HeaderName::from_static("idempotency-key"))?,
        if_match: text(header::IF_MATCH)?,
        if_none_match: text(header::IF_NONE_MATCH)?,
    })
}

fn written(answer: api::Response, is_head: bool) -> Response {
    let api::Response { status, headers, body, .. } = answer;
    let length = body.expose().len();
    let body = if is_head { Body::empty() } else { Body::from(body.into_inner()) };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    if is_head && length > 0 {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    reply::set(&mut response, HeaderName::from_static("referrer-policy"), "no-referrer");
    reply::set(&mut response, HeaderName::from_static("x-content-type-options"), "nosniff");
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_below_the_prefix_are_the_apis() {
        for path in ["/api/v1", "/api/v1/", "/api/v1/rooms", "/api/v1/x/../y"] {
            assert!(Api::is_for(path), "{path}");
        }
        for path in ["/", "/api", "/api/v10", "/api/v1x/rooms", "/group/api/v1/"] {
            assert!(!Api::is_for(path), "{path}");
        }
    }
}
