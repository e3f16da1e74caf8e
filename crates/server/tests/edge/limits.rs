//! What happens at the limits: half-open, silent and too many connections.

use crate::support::{PATIENCE, Server, Wish, closed, closes};
use parlour_server::clock::Clock;
use std::io::Write as _;
use std::net::TcpStream;

#[test]
fn half_open_connections_are_gone_after_the_head_timeout() {
    let env = [("PARLOUR_HTTP_HEAD_TIMEOUT", "300ms")];
    let flags = ["--listen", "https://127.0.0.1:0"];
    let server = Server::with(Wish { env: &env, flags: &flags, ..Wish::default() });
    let silent = TcpStream::connect(server.http).unwrap();
    let no_hello = TcpStream::connect(server.https.unwrap()).unwrap();
    let mut half = TcpStream::connect(server.http).unwrap();
    half.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nx-slow: ").unwrap();
    let mut preface = TcpStream::connect(server.http).unwrap();
    preface.write_all(b"PRI * HTT").unwrap();
    let mut idle = TcpStream::connect(server.http).unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    for stream in [silent, no_hello, half, preface, idle] {
        assert!(closes(stream));
    }
    assert_eq!(server.get("/").status, 200);
}

#[tokio::test]
async fn a_client_that_says_nothing_after_the_upgrade_is_closed() {
    let env = [("PARLOUR_GALENE_FIRST_MESSAGE", "200ms")];
    let server = Server::with(Wish { env: &env, ..Wish::default() });
    let mut socket = server.socket().await;
    let (code, _) = closed(&mut socket).await.expect("a close frame");
    assert!((1000..=1011).contains(&code));
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_and_the_place_comes_back() {
    let env = [("PARLOUR_HTTP_CONNECTIONS_MAX", "2")];
    let server = Server::with(Wish { env: &env, ..Wish::default() });
    let first = server.member("first").await;
    let _second = server.member("second").await;
    let reply = server.get("/");
    assert_eq!(reply.status, 503);
    assert!(reply.header("retry-after").is_some());
    assert!(server.metric("parlour_connections_refused_total") >= 1);
    drop(first);
    let clock = Clock::start();
    while server.get("/").status != 200 {
        assert!(clock.elapsed() < PATIENCE, "the place does not come back");
    }
}

#[test]
fn a_head_beyond_the_limit_is_refused() {
    let server = Server::start();
    let long = "x".repeat(20 << 10);
    let status = server.ask("GET", "/", &[("x-long", &long)]).status;
    assert!(status == 431 || status == 0, "{status}");
    assert_eq!(server.get("/").status, 200);
}
