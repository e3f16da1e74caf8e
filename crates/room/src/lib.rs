//! One room: commands in, numbered events out.
//!
//! A [`Room`] is one value that is changed in one place, [`Room::apply`]. It
//! decides entry, permission and capacity, and answers with the events that
//! happened or with a [`Refusal`]. Its state is exactly what its events say:
//! [`Room::replay`] over them gives the same room, byte for byte.
//!
//! It knows no protocol, no connection, no clock and no disk; what of it must
//! survive a restart is named in [`record`].

mod apply;
mod check;
pub mod clock;
pub mod command;
pub mod door;
pub mod event;
mod evolve;
pub mod lease;
pub mod limits;
pub mod member;
pub mod person;
#[cfg(feature = "planted")]
pub mod planted;
pub mod policy;
pub mod record;
pub mod refusal;
mod room;
pub mod rules;
pub mod seat;
pub mod stream;
pub mod view;

pub use command::{Actor, Command};
pub use door::{Door, Doors};
pub use event::{Event, Happening};
pub use limits::Limits;
pub use member::{Member, MemberId};
pub use person::Person;
pub use policy::{Policy, Proof};
pub use refusal::Refusal;
pub use room::Room;
pub use rules::Rules;
pub use seat::{RequestId, Seat, SeatId, Slot, Ticket, TokenNumber};
pub use stream::{Stream, StreamId, Track, TrackKind, Wish, Wishes};
