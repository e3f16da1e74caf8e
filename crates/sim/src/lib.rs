//! The shipped node in a world of its own: a clock, links, a store, media
//! workers and clients, all made up from one seed, with things going wrong.
//!
//! A run has a turbulent phase with faults, a healing phase without, and an
//! end at which everybody leaves; checkers watch each step (`checker.rs`) and
//! each client keeps its own picture (`view.rs`). The same seed gives the same
//! run, byte for byte. For tests and the command `parlour-sim` only.

mod bug;
mod checker;
mod client;
mod dice;
mod disk;
mod doors;
mod fault;
mod groups;
pub mod ledger;
mod liar;
mod links;
mod media;
mod model;
mod race;
mod sdp;
mod secrets;
mod token;
mod view;
mod workers;
mod world;

pub use bug::Bug;
pub use fault::{Fault, Tally};
pub use media::Seen;
pub use world::{Outcome, Plan, run};
