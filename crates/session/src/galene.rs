//! The Galène door: one session of Galène's client protocol.
//!
//! Source: docs/protocols/galene.md §§1 to 3.

mod events;
mod handle;
mod news;
pub mod port;
pub mod present;
mod session;
mod translate;
pub mod visit;

pub use news::News;
pub use port::{Ask, Config, Context, EntryFailure, EntryRequest, Output};
pub use session::Session;
