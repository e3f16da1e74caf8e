//! The media plane's edge: sockets, threads, and the ways between them.
//!
//! One thread for each worker, each with its own UDP sockets on the same port.
//! Refuses to know what datagrams say.

mod candidates;
mod port;
mod socket;
mod thread;
mod waker;

pub use candidates::{Announced, announced};
pub use port::{WORDS_MAX, Word, WorkerPort};
pub use socket::{Binding, MediaSockets};
pub use thread::{Pipes, run};
