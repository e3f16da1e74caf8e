//! Bad networks as values: what happens to a packet, and when.
//!
//! One model for the proxy between browsers and a server, for the bench's
//! generator and for the simulator's links. Owns the profiles of networks,
//! their presets and the machines that apply them. Refuses to know clocks and
//! sockets: time and the seed are arguments, so the same seed and the same
//! input give the same output. Sockets live in `edge`, behind the feature of
//! that name.
//!
//! | For | Take |
//! | --- | --- |
//! | when a datagram arrives, if at all | [`Pipe::send`] |
//! | datagrams of one client both ways, held until they are due | [`Link`] |
//! | when bytes of a stream arrive | [`Timing::arrival`] |
//! | the bytes of one direction of a stream, cut and held | [`Flow`] |

mod bottleneck;
mod chance;
#[cfg(feature = "edge")]
pub mod edge;
mod flow;
mod link;
mod pipe;
pub mod preset;
mod profile;
mod share;
mod timing;
mod window;

pub use flow::{Flow, FlowCounts, FlowInput, FlowOutput, Overflow, READ_BYTES_MAX};
pub use link::{HELD_BYTES_MAX, HELD_MAX, Input, Link, Output};
pub use pipe::{Arrival, Cause, Counts, Fate, Flip, Pipe};
pub use preset::Preset;
pub use profile::{Burst, Course, Path, Profile, ProfileError, Tcp, Way};
pub use share::Share;
pub use timing::Timing;
pub use window::{Moment, WINDOWS_MAX, Window};
