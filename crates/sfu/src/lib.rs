//! The media worker: peers, tracks, forwarding.
//!
//! A [`Worker`] is a machine without clock, socket or thread: datagrams,
//! commands and the time go in with [`Worker::handle`], datagrams and notices
//! come out of [`Worker::poll`]. It owns the transports (ICE, DTLS, SRTP) and
//! the packets of the calls given to it. Refuses to know rooms and people.
//!
//! # Driving a worker
//!
//! One thread owns a worker and its UDP socket; nothing is shared, nothing
//! locks, and a worker is `Send`. A turn of its loop:
//!
//! 1. Read datagrams until there are none, or some hundred, and give each to
//!    [`Worker::handle`] as [`Input::Datagram`], with the local address it was
//!    sent to (needed unless the socket is bound to one address).
//! 2. Take commands off the bounded queue from the control side, and
//!    datagrams and addresses off those from other workers, each as its input.
//! 3. Call `handle` with [`Input::Tick`] if [`Worker::deadline`] has passed.
//! 4. Call [`Worker::poll`] until `None`, after every input or after a batch;
//!    end the batch when [`Worker::brims`], for with many receivers one
//!    datagram in is megabytes out.
//!    [`Output`] borrows the worker's arena: send, or copy, before going on.
//! 5. Sleep until the socket or a queue has something, or the deadline.
//!
//! Times given to `handle` never go back. A [`Output::Transmit`] with a
//! `segment` is one call with UDP segmentation offload, or one per segment
//! without. [`Output::Claim`] goes to all other workers, [`Output::Forward`]
//! to the one it names; both may be dropped when a queue is full, at the price
//! of lost datagrams. [`Output::Notice`] must not be dropped.

mod config;
mod down;
mod dtls;
mod ice;
mod identity;
mod input;
pub mod negotiate;
mod outbox;
pub mod plan;
mod shared;
mod slab;
pub mod srtp;
mod stats;
mod timers;
mod transport;
mod up;
mod worker;

pub use config::Config;
pub use identity::{Identity, IdentityError};
pub use input::Input;
pub use outbox::{BURST_BYTES_MAX, Output, SEGMENTS_MAX};
pub use stats::{BURST_BOUNDS, Dropped, Stats};
pub use worker::Worker;
