//! The WebSocket door's framing: origins, sizes, slow and silent clients.

use crate::support::{Server, Wish, closed, hear, say};
use futures_util::SinkExt as _;
use serde_json::json;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

fn upgrade(server: &Server, extra: &[(&str, &str)]) -> (u16, Option<String>) {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(server.http).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut head = format!(
        "GET /ws HTTP/1.1\r\nhost: {}\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\n",
        server.http
    );
    let mut fields = vec![("sec-websocket-version", "13"), ("sec-websocket-key", KEY)];
    fields.retain(|(name, _)| !extra.iter().any(|(other, _)| name == other));
    for (name, value) in fields.iter().chain(extra) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    let mut bytes = [0; 2_048];
    let count = stream.read(&mut bytes).unwrap();
    let reply = crate::support::read(&String::from_utf8_lossy(&bytes[..count]));
    (reply.status, reply.header("sec-websocket-accept").map(str::to_owned))
}

#[test]
fn a_handshake_is_answered_as_the_rfc_says_without_extensions() {
    let server = Server::start();
    let offers =
        [("sec-websocket-extensions", "permessage-deflate"), ("sec-websocket-protocol", "x")];
    let (status, accept) = upgrade(&server, &offers);
    assert_eq!((status, accept.as_deref()), (101, Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")));
    assert_eq!(upgrade(&server, &[("sec-websocket-version", "8")]).0, 400);
    assert_eq!(upgrade(&server, &[("sec-websocket-key", "short")]).0, 400);
}

#[test]
fn an_origin_must_be_absent_the_same_or_listed() {
    let env = [("PARLOUR_HTTP_ALLOW_ORIGIN", "https://app.example")];
    let server = Server::with(Wish { env: &env, ..Wish::default() });
    let host = server.http.to_string();
    let near = format!("http://{host}.evil.example");
    let suffix = format!("http://evil-{host}");
    let port = format!("http://{}:1", server.http.ip());
    for (origin, status) in [
        (format!("http://{host}").as_str(), 101),
        (format!("https://{host}").as_str(), 101),
        ("https://app.example", 101),
        ("HTTPS://APP.example", 101),
        ("https://app.example.evil.example", 403),
        ("https://sub.app.example", 403),
        ("null", 403),
        (near.as_str(), 403),
        (suffix.as_str(), 403),
        (port.as_str(), 403),
    ] {
        assert_eq!(upgrade(&server, &[("origin", origin)]).0, status, "{origin}");
    }
    assert_eq!(upgrade(&server, &[]).0, 101);
    assert_eq!(server.metric("parlour_websocket_origins_refused_total"), 6);
}

#[tokio::test]
async fn a_message_above_the_limit_closes_with_1009_and_others_stay() {
    let server = Server::start();
    let mut other = server.member("other").await;
    let mut socket = server.socket().await;
    socket.send(Message::Text("x".repeat((1 << 20) + 1).into())).await.unwrap();
    assert_eq!(closed(&mut socket).await, Some((1009, String::new())));
    say(&mut other, json!({"type": "ping"})).await;
    hear(&mut other, |message| message["type"] == "pong").await;
    assert_eq!(server.metric("parlour_websocket_oversize_total"), 1);
}

#[tokio::test]
async fn a_message_as_long_as_the_limit_is_read() {
    let server = Server::start();
    let mut socket = server.socket().await;
    let head = r#"{"type":"handshake","version":["2"],"id":"long","padding":""#;
    let fill = "x".repeat((1 << 20) - head.len() - 2);
    socket.send(Message::Text(format!("{head}{fill}\"}}").into())).await.unwrap();
    hear(&mut socket, |message| message["type"] == "handshake").await;
}

#[tokio::test]
async fn what_is_no_json_closes_with_1011() {
    let server = Server::start();
    let mut socket = server.socket().await;
    socket.send(Message::Text("nonsense".into())).await.unwrap();
    let (code, _) = closed(&mut socket).await.expect("a close frame");
    assert_eq!(code, 1011);
}

#[tokio::test]
async fn a_slow_reader_is_dropped_and_nobody_else_notices() {
    let env = [
        ("PARLOUR_WEBSOCKET_QUEUE_BYTES", "256KiB"),
        ("PARLOUR_WEBSOCKET_QUEUE_FRAMES", "64"),
        ("PARLOUR_WEBSOCKET_WRITE_TIMEOUT", "30s"),
    ];
    let server = Server::with(Wish { env: &env, ..Wish::default() });
    let _slow = server.member("slow").await;
    let mut healthy = server.member("healthy").await;
    let mut talker = server.member("talker").await;
    // More than the kernel keeps for one connection.
    let value = "x".repeat(200 << 10);
    for n in 0..100 {
        let chat = json!({
            "type": "chat", "source": "talker", "username": "talker", "dest": "",
            "value": format!("{n} {value}"),
        });
        say(&mut talker, chat).await;
        let start = format!("{n} ");
        for socket in [&mut talker, &mut healthy] {
            hear(socket, |message| {
                message["value"].as_str().is_some_and(|value| value.starts_with(&start))
            })
            .await;
        }
        if server.metric("parlour_websocket_slow_readers_total") > 0 {
            break;
        }
    }
    assert_eq!(server.metric("parlour_websocket_slow_readers_total"), 1);
    let left = |message: &serde_json::Value| {
        message["type"] == "user" && message["kind"] == "delete" && message["id"] == "slow"
    };
    hear(&mut healthy, left).await;
}

#[tokio::test]
async fn a_member_that_leaves_politely_gets_its_close_answered() {
    let server = Server::start();
    let mut socket = server.member("polite").await;
    socket.close(None).await.unwrap();
    closed(&mut socket).await;
    assert_eq!(server.metric("parlour_sessions"), 0);
}
