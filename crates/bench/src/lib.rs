//! Measures a running server: what it costs to forward, to join, to hold a
//! connection, to write durably.
//!
//! Above the line: it owns threads, sockets, clocks and child processes of its
//! own. The generator is this process; the server is another one, known by its
//! ports and its process id only. Refuses to know how the server works inside.
//!
//! Figures of different runs on a shared machine say little; so each run
//! measures beside the server what the same work costs at least (`limit`), and
//! the ratio of the two is the figure to look at.

pub mod all;
pub mod call;
pub mod callctl;
pub mod cli;
pub mod clock;
pub mod connect;
pub mod generator;
pub mod histogram;
mod http;
pub mod join;
mod keys;
pub mod limit;
pub mod mark;
mod network;
mod peer;
pub mod process;
pub mod report;
pub mod rooms;
pub mod server;
pub mod shape;
pub mod signal;
pub mod state;
pub mod tally;
