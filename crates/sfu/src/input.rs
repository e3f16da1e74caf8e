//! What goes into a worker.

use crate::plan::{Command, WorkerIndex};
use std::net::{IpAddr, SocketAddr};

/// One thing that happened to a worker.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// A datagram arrived on the worker's own socket.
    Datagram {
        /// Who sent it.
        from: SocketAddr,
        /// The local address it was sent to; answers leave from there.
        to: Option<IpAddr>,
        /// The datagram.
        bytes: &'a [u8],
    },
    /// A datagram that another worker received for us; never passed on again.
    Foreign {
        /// Who sent it.
        from: SocketAddr,
        /// The local address it was sent to.
        to: Option<IpAddr>,
        /// The datagram.
        bytes: &'a [u8],
    },
    /// Another worker owns an address now, or gave it up.
    Learned {
        /// Which worker.
        worker: WorkerIndex,
        /// The address.
        address: SocketAddr,
        /// Whether it owns it.
        held: bool,
    },
    /// An order of the control side.
    Command(Command),
    /// Time passed.
    Tick,
}
