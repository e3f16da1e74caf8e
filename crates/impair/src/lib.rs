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
//!
//! ```
//! use parlour_base::Mono;
//! use parlour_impair::{Fate, Input, Link, Output, Pipe, Preset, Way};
//!
//! let (profile, seed, start) = (Preset::Lossy.profile(), 7, Mono(0));
//!
//! // With a queue of events of one's own: when does it arrive?
//! let mut up = Pipe::new(&profile.up, &profile.blackouts, Way::Up, seed, start);
//! match up.send(Mono(1_000), 1_200) {
//!     Fate::Dropped(why) => println!("lost: {why:?}"),
//!     Fate::Arrives { first, copy } => println!("at {:?}, again at {copy:?}", first.at),
//! }
//!
//! // Without one: the link holds what it carries.
//! let mut link = Link::new(&profile, seed, start, start);
//! link.handle(Mono(1_000), Input::Packet { way: Way::Down, length: 5, body: "hello" });
//! while let Some(at) = link.deadline() {
//!     link.handle(at, Input::Tick);
//!     while let Some(Output::Packet { body, .. }) = link.poll() {
//!         println!("{body} arrives at {at:?}");
//!     }
//! }
//! ```

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
