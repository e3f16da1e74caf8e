//! The WebSocket of one-to-one calls: texts both ways.
//!
//! Source: docs/protocols/rooms.md §7, RFC 6455.

use super::Rooms;
use super::calls::Letter;
use crate::http::asked::Asked;
use crate::http::websocket::{Shaken, shake};
use crate::http::{Site, reply};
use axum::http::request::Parts;
use axum::response::Response;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use parlour_node::rooms::Socket;
use parlour_wire::rooms::progress::MESSAGE_BYTES_MAX;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

/// Read and write buffer of a connection.
const BUFFER_BYTES: usize = 2 << 10;

/// Answers a request for `/websocket`.
pub(super) fn upgrade(
    site: &Arc<Site>,
    rooms: &Arc<Rooms>,
    asked: &Asked,
    mut parts: Parts,
) -> Response {
    let Shaken { response, upgrade, place } = match shake(&mut parts) {
        Ok(shaken) => shaken,
        Err(response) => return *response,
    };
    let behind = asked.forwarded.then(|| site.gate.enter_behind(asked.remote.ip()));
    if matches!(behind, Some(None)) {
        return reply::busy();
    }
    let Some((socket, letters)) = rooms.calls.open() else { return reply::busy() };
    let (site, rooms) = (Arc::clone(site), Arc::clone(rooms));
    let tasks = site.tasks.clone();
    tasks.spawn(async move {
        let _places = (place, behind);
        run(&site, &rooms, socket, letters, upgrade).await;
        rooms.calls.closed(&site, &rooms, socket);
    });
    response
}

/// One connection from its upgrade to its end.
async fn run(
    site: &Arc<Site>,
    rooms: &Arc<Rooms>,
    socket: Socket,
    mut letters: mpsc::Receiver<Letter>,
    upgrade: OnUpgrade,
) {
    let limit = site.config.http.head_timeout.0;
    let Ok(Ok(upgraded)) = timeout(limit, upgrade).await else { return };
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let upgraded = TokioIo::new(upgraded);
    let mut stream = WebSocketStream::from_raw_socket(upgraded, Role::Server, Some(config)).await;
    let limits = &site.config.websocket;
    loop {
        // Reading a message and taking a letter can both be dropped halfway:
        // what was read so far stays in the stream.
        tokio::select! {
            letter = letters.recv() => match letter {
                Some(Some(text)) => {
                    let sending = stream.send(Message::Text(text.into()));
                    if !matches!(timeout(limits.write_timeout.0, sending).await, Ok(Ok(()))) {
                        return;
                    }
                }
                Some(None) | None => break,
            },
            said = stream.next() => match said {
                Some(Ok(Message::Text(text))) => rooms.calls.text(site, rooms, socket, &text),
                Some(Ok(Message::Binary(_))) => rooms.calls.text(site, rooms, socket, ""),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
            },
        }
    }
    // Whether the goodbye arrives makes no difference.
    drop(timeout(limits.close_timeout.0, stream.close(None)).await);
}
