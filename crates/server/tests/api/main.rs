//! The integration API as applications meet it: a real process, real sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bad;
mod docs;
mod entering;
mod keys;
mod rooms;
mod scale;
mod secrets;
#[allow(dead_code, reason = "shared with the tests of the edge, which use all of it")]
#[path = "../edge/support.rs"]
mod support;
mod tokens;
mod users;
mod world;
