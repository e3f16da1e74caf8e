//! The program as its users meet it: real processes, real sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod disk;
mod http;
mod limits;
mod process;
mod reference;
mod secrets;
mod support;
mod tls;
mod websocket;
