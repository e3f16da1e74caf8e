//! The edge: command line, configuration, sockets, TLS, HTTP, WebSocket, UDP,
//! threads, timers, metrics, logs.
//!
//! Everything below is a machine without clock and socket; this crate carries
//! bytes and time to it and away from it, and never looks into a room.

pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod fetch;
pub mod groups;
pub mod grpc;
pub mod http;
mod ice;
pub mod media;
pub mod metrics;
pub mod ops;
pub mod outgoing;
pub mod passwords;
pub mod pool;
pub mod serve;
pub mod shard;
pub mod telemetry;
pub mod tls;

use parlour_node::port;
