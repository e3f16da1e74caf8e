//! The call-control door of the real program, spoken to by gRPC over TCP.
#![allow(clippy::unwrap_used, reason = "what must be there fails the test if it is not")]

mod apart;
mod asking;
mod bad;
mod bearer;
mod calls;
mod certificates;
mod client;
mod examples;
mod floods;
mod foreign;
mod media;
mod middle;
mod parts;
mod peer;
mod pushes;
mod rtp;
mod secure;
mod silence;
#[path = "../edge/support.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod support;
#[path = "../api/world.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod world;
