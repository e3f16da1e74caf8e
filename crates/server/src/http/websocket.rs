//! The WebSocket upgrade, and one connection from then on.
//!
//! Frames go to the shard, orders come back; what they say is not looked at.
//! Source: docs/protocols/galene.md §2.4, RFC 6455 §4.2.

use super::asked::Asked;
use super::gate::Place;
use super::linger::LINGER_BYTES_MAX;
use super::{Site, origin, reply};
use crate::outgoing::{self, Order, Room, Waiting};
use crate::port::Frame;
use crate::shard::{Gone, Mail};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use parlour_base::{ConnId, Pii};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::AsyncReadExt as _;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};

/// Read and write buffer of a connection: the library's own take 256 KiB.
const BUFFER_BYTES: usize = 4 << 10;

/// Frames put into the write buffer before it is flushed.
const BATCH_MAX: usize = 32;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Numbers connections; never reused while the process runs.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A handshake that is well-formed.
pub(super) struct Shaken {
    /// The answer to it.
    pub(super) response: Response,
    /// What the connection becomes when the answer is out.
    pub(super) upgrade: OnUpgrade,
    /// The connection's place.
    pub(super) place: Option<Arc<Place>>,
}

/// Checks a handshake; the answer to one that is not well-formed.
pub(super) fn shake(request: &mut Parts) -> Result<Shaken, Box<Response>> {
    match request.method {
        Method::GET => {}
        Method::OPTIONS => return Err(Box::new(reply::options("OPTIONS, GET"))),
        _ => return Err(Box::new(reply::not_allowed("OPTIONS, GET"))),
    }
    let Some(key) = handshake_key(&request.headers) else {
        let mut response = reply::plain(StatusCode::BAD_REQUEST, "Expected a WebSocket handshake");
        reply::set(&mut response, header::SEC_WEBSOCKET_VERSION, "13");
        return Err(Box::new(response));
    };
    let Some(upgrade) = request.extensions.remove::<OnUpgrade>() else {
        let response = reply::plain(StatusCode::BAD_REQUEST, "Expected HTTP/1.1");
        return Err(Box::new(response));
    };
    let mut response = reply::plain(StatusCode::SWITCHING_PROTOCOLS, "");
    response.headers_mut().remove(header::CONTENT_TYPE);
    reply::set(&mut response, header::CONNECTION, "Upgrade");
    reply::set(&mut response, header::UPGRADE, "websocket");
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        response.headers_mut().insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    Ok(Shaken { response, upgrade, place: request.extensions.remove::<Arc<Place>>() })
}

/// Answers a request for `/ws`.
pub(super) fn upgrade(site: &Arc<Site>, asked: &Asked, mut request: Parts) -> Response {
    let Shaken { response, upgrade, place } = match shake(&mut request) {
        Ok(shaken) => shaken,
        Err(response) => return *response,
    };
    if !origin::is_allowed(&request.headers, &asked.host, &site.config.http.allow_origin) {
        site.counters.origins_refused.inc();
        return reply::plain(StatusCode::FORBIDDEN, "This origin may not open a WebSocket");
    }
    let behind = asked.forwarded.then(|| site.gate.enter_behind(asked.remote.ip()));
    if matches!(behind, Some(None)) {
        return reply::busy();
    }
    site.tasks.spawn(run(Arc::clone(site), asked.remote, upgrade, (place, behind.flatten())));
    response
}

/// The key of a well-formed handshake (RFC 6455 §4.2.1).
fn handshake_key(headers: &HeaderMap) -> Option<String> {
    let has = |name: header::HeaderName, wanted: &str| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|it| it.trim().eq_ignore_ascii_case(wanted))
    };
    let fits = has(header::CONNECTION, "upgrade")
        && has(header::UPGRADE, "websocket")
        && headers.get(header::SEC_WEBSOCKET_VERSION)?.as_bytes() == b"13";
    let key = headers.get(header::SEC_WEBSOCKET_KEY)?.to_str().ok()?.trim();
    // 16 bytes in base64.
    (fits && key.len() == 24 && key.ends_with("==")).then(|| key.to_owned())
}

/// One connection from its upgrade to its end; keeps its places meanwhile.
async fn run(
    site: Arc<Site>,
    remote: SocketAddr,
    upgrade: OnUpgrade,
    _places: (Option<Arc<Place>>, Option<Place>),
) {
    let limit = site.config.http.head_timeout.0;
    let Ok(Ok(upgraded)) = timeout(limit, upgrade).await else { return };
    let most = site.config.websocket.message_bytes_max.bytes();
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_message_size(Some(most))
        .max_frame_size(Some(most));
    let socket =
        WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    site.counters.websockets.inc();
    let conn = ConnId(NEXT.fetch_add(1, Ordering::Relaxed));
    let limits = &site.config.websocket;
    let room = Room {
        frames: usize::try_from(limits.queue_frames).unwrap_or(usize::MAX),
        bytes: limits.queue_bytes.bytes(),
    };
    let (outgoing, waiting) = outgoing::queue(room, Arc::clone(&site.counters));
    if site.shard.post(Mail::Opened(conn, Pii(remote), outgoing)).await.is_err() {
        return;
    }
    let (socket, end) = converse(&site, conn, socket, waiting).await;
    // Told before the goodbye, which a client may drag out; a shard that is
    // gone needs no word of it.
    drop(site.shard.post(Mail::Closed(conn)).await);
    if let Some(socket) = socket {
        close(&site, socket, end).await;
    }
}

/// Why a connection ends.
#[derive(Debug)]
enum End {
    /// The client closed or vanished.
    Left,
    /// A message was too large.
    Oversize,
    /// A message was no WebSocket message.
    Malformed,
    /// A text was no UTF-8.
    NoText,
    /// The shard said so.
    Ordered(u16, String),
    /// Too much waits for the client.
    Overflow,
    /// A frame did not leave in time, or the way is broken.
    Stuck,
    /// The process ends.
    Gone,
}

/// Carries messages both ways until one side has enough.
async fn converse(
    site: &Site,
    conn: ConnId,
    socket: Socket,
    mut waiting: Waiting,
) -> (Option<Socket>, End) {
    let (mut sink, mut stream) = socket.split();
    let alarm = waiting.alarm();
    // Each branch runs until the connection ends; the others are dropped with
    // what they held, which nobody wants any more.
    let end = tokio::select! {
        end = hear(site, conn, &mut stream) => end,
        end = speak(site, &mut sink, &mut waiting) => end,
        () = alarm.rings() => End::Overflow,
    };
    tracing::debug!(conn = conn.0, ?end, "connection ends");
    (stream.reunite(sink).ok(), end)
}

/// Carries the client's messages to the shard, one turn at a time.
async fn hear(site: &Site, conn: ConnId, stream: &mut SplitStream<Socket>) -> End {
    let places = usize::try_from(site.config.websocket.in_flight).unwrap_or(1);
    let turns = Arc::new(Semaphore::new(places));
    loop {
        let Ok(turn) = Arc::clone(&turns).acquire_owned().await else { return End::Gone };
        let frame = match next_frame(stream).await {
            Ok(frame) => frame,
            Err(end) => return end,
        };
        site.counters.frames_in.inc();
        if let Frame::Text(text) = &frame {
            site.counters.bytes_in.inc_by(u64::try_from(text.len()).unwrap_or(u64::MAX));
        }
        if let Err(Gone) = site.shard.frame(conn, frame, turn).await {
            return End::Gone;
        }
    }
}

async fn next_frame(stream: &mut SplitStream<Socket>) -> Result<Frame, End> {
    loop {
        match stream.next().await {
            Some(Ok(Message::Text(text))) => return Ok(Frame::Text(text.as_str().to_owned())),
            Some(Ok(Message::Binary(_))) => return Ok(Frame::Binary),
            Some(Ok(Message::Close(_))) | None => return Err(End::Left),
            Some(Ok(_)) => {}
            Some(Err(tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. }))) => {
                return Err(End::Oversize);
            }
            Some(Err(tungstenite::Error::Protocol(_))) => return Err(End::Malformed),
            Some(Err(tungstenite::Error::Utf8(_))) => return Err(End::NoText),
            Some(Err(_)) => return Err(End::Left),
        }
    }
}

/// Carries the shard's orders to the client.
async fn speak(site: &Site, sink: &mut SplitSink<Socket, Message>, waiting: &mut Waiting) -> End {
    let limit = site.config.websocket.write_timeout.0;
    while let Some(first) = waiting.next().await {
        let (mut next, mut end) = (Some(first), None);
        for _ in 0..BATCH_MAX {
            let text = match next.take().or_else(|| waiting.ready()) {
                Some(Order::Text(text)) => text,
                Some(Order::Close(code, reason)) => {
                    end = Some(End::Ordered(code, reason));
                    break;
                }
                None => break,
            };
            let Ok(Ok(())) = timeout(limit, sink.feed(message(text))).await else {
                return stuck(site);
            };
        }
        // Before a close too: what was fed may lie in this half of the socket.
        let Ok(Ok(())) = timeout(limit, sink.flush()).await else { return stuck(site) };
        if let Some(end) = end {
            return end;
        }
    }
    End::Gone
}

/// A text that goes to one connection of many, without a copy for each.
fn message(text: Arc<str>) -> Message {
    struct Shared(Arc<str>);

    impl AsRef<[u8]> for Shared {
        fn as_ref(&self) -> &[u8] {
            self.0.as_bytes()
        }
    }

    let bytes = Bytes::from_owner(Shared(text));
    Message::Text(Utf8Bytes::try_from(bytes).unwrap_or_default())
}

fn stuck(site: &Site) -> End {
    site.counters.write_timeouts.inc();
    End::Stuck
}

/// Says goodbye as far as the client still listens.
async fn close(site: &Site, mut socket: Socket, end: End) {
    let (code, reason) = match end {
        End::Left => {
            finish(site, &mut socket).await;
            return;
        }
        End::Stuck => return,
        End::Oversize => {
            site.counters.oversize.inc();
            (1009, String::new())
        }
        End::Malformed => (1002, String::new()),
        End::NoText => (1007, String::new()),
        End::Overflow => (1011, "too slow".to_owned()),
        End::Gone => (1001, String::new()),
        End::Ordered(code, reason) => (code, reason),
    };
    let frame = CloseFrame { code: CloseCode::from(code), reason: shorten(reason) };
    let limits = &site.config.websocket;
    let limit = limits.write_timeout.0.min(limits.close_timeout.0);
    if !matches!(timeout(limit, socket.close(Some(frame))).await, Ok(Ok(()))) {
        return;
    }
    finish(site, &mut socket).await;
}

/// Reads to the end, so that what was sent arrives; within limits of time and
/// size.
async fn finish(site: &Site, socket: &mut Socket) {
    let read = async {
        while let Some(Ok(_)) = socket.next().await {}
        let mut rest = socket.get_mut().take(LINGER_BYTES_MAX);
        // What comes is of no interest, nor is how it ends.
        drop(tokio::io::copy(&mut rest, &mut tokio::io::sink()).await);
    };
    drop(timeout(site.config.websocket.close_timeout.0, read).await);
}

/// A reason that fits a close frame (RFC 6455 §5.5: 125 bytes with the code).
fn shorten(reason: String) -> Utf8Bytes {
    const REASON_BYTES_MAX: usize = 123;
    let end = reason.floor_char_boundary(REASON_BYTES_MAX);
    let mut reason = reason;
    reason.truncate(end);
    reason.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let long = "ä".repeat(100);
        let cut = shorten(long);
        assert_eq!(cut.len(), 122);
        assert_eq!(shorten("kicked out".to_owned()).as_str(), "kicked out");
    }
}
