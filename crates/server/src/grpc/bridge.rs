//! Calls as a bridge from XMPP carries them: one POST with service, method,
//! headers and the request in base64, answered with the same names and the
//! response in base64 (docs/protocols/callctl.md §2).
//!
//! It becomes a gRPC call and goes the same way as all others.

use super::routes::Routes;
use crate::http::Connection;
use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use bytes::{BufMut as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Limited};
use parlour_wire::callctl::bridge::{BridgeCall, write_answer};
use serde_json::json;
use tonic::{Code, Status};

/// The services that phones call; no other is reached this way.
const SERVICE: &str = "mobile.video.v1.KikVideo";

/// Headers of the HTTP request that a call takes along.
const TAKEN: &[&str] = &["authorization", "grpc-timeout"];

/// Answers one bridged call.
pub(super) async fn answer(routes: &Routes, request: Request<Body>) -> Response<Body> {
    if request.method() != Method::POST {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, &json!({ "error": "POST only" }));
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, routes.bridge_bytes_max()).collect().await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, &json!({ "error": "request too long" }));
    };
    let call = match BridgeCall::parse(&body.to_bytes()) {
        Ok(call) => call,
        Err(error) => return failed(&Status::invalid_argument(error.to_string())),
    };
    if call.service != SERVICE {
        return failed(&Status::unimplemented("no such service"));
    }
    let Some(request) = as_grpc(&call, &parts.headers, parts.extensions.get::<Connection>()) else {
        return failed(&Status::invalid_argument("bad headers"));
    };
    match message(routes.call(request).await).await {
        Ok(message) => {
            let text = write_answer(&call.service, &call.method, &message);
            respond(StatusCode::OK, text)
        }
        Err(status) => failed(&status),
    }
}

/// The same call as gRPC has it; `None` if its headers cannot be.
fn as_grpc(
    call: &BridgeCall,
    outer: &axum::http::HeaderMap,
    connection: Option<&Connection>,
) -> Option<Request<Body>> {
    let mut framed = BytesMut::with_capacity(call.body.len().saturating_add(5));
    framed.put_u8(0);
    framed.put_u32(u32::try_from(call.body.len()).ok()?);
    framed.put_slice(&call.body);
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(format!("/{}/{}", call.service, call.method))
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers");
    for name in TAKEN.iter().copied() {
        if let Some(value) = outer.get(name) {
            request = request.header(name, value);
        }
    }
    for (name, value) in &call.headers {
        // A bridge's headers are messages; no other kind is taken along.
        let name = name.strip_suffix("-bin").map(|_| name)?;
        request = request.header(name.as_str(), value.as_str());
    }
    let mut request = request.body(Body::from(framed.freeze())).ok()?;
    if let Some(connection) = connection {
        request.extensions_mut().insert(*connection);
    }
    Some(request)
}

/// The one message of a response, or its status.
async fn message(response: Response<Body>) -> Result<Bytes, Status> {
    if let Some(status) = Status::from_header_map(response.headers()) {
        return Err(status);
    }
    let broken = || Status::internal("the answer was cut short");
    let body = response.into_body().collect().await.map_err(|_| broken())?;
    if let Some(status) = body.trailers().and_then(Status::from_header_map)
        && status.code() != Code::Ok
    {
        return Err(status);
    }
    let bytes = body.to_bytes();
    let head = bytes.first_chunk::<5>().ok_or_else(broken)?;
    let [_, l0, l1, l2, l3] = *head;
    let length = usize::try_from(u32::from_be_bytes([l0, l1, l2, l3])).map_err(|_| broken())?;
    let message = bytes.slice(5..);
    (message.len() == length).then_some(message).ok_or_else(broken)
}

/// A status as HTTP has it; its name and text are in the body.
fn failed(status: &Status) -> Response<Body> {
    let http = match status.code() {
        Code::InvalidArgument | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::Unimplemented => StatusCode::NOT_FOUND,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let code = i32::from(status.code());
    plain(http, &json!({ "code": code, "error": status.message() }))
}

fn plain(status: StatusCode, body: &serde_json::Value) -> Response<Body> {
    respond(status, body.to_string())
}

fn respond(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
