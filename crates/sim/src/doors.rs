//! Doors without connections: their clients send requests, each a call on its
//! way to its reply. A further door is one more file here and one line below.

mod api;
mod callctl;
mod core;
mod hall;
mod rooms;
mod views;

use crate::dice::Dice;
use crate::fault::{Fault, Swarm, Tally};
use crate::secrets::Secrets;
use parlour_base::storage::Write;
use parlour_base::{Now, RoomId};
use parlour_node::Config;
use parlour_room::Room;
use parlour_session::call::Notice;
use parlour_session::{Call, Reply};

pub(crate) use hall::{GROUP as HALL, Hall};

/// Worlds of a thousand that have each door.
const OFTEN: u32 = 500;

/// What the clients of a door decide with.
pub(crate) struct Desk<'w> {
    pub dice: &'w mut Dice,
    pub swarm: &'w Swarm,
    pub tally: &'w mut Tally,
    pub marks: &'w mut u32,
    /// Media tokens that were handed out, the newest last; people try them at
    /// the Galène door.
    pub tokens: &'w mut Vec<String>,
    pub secrets: &'w mut Secrets,
    /// What the clocks show.
    pub now: Now,
    pub trouble: Trouble,
    /// The room that every door knows.
    pub hall: &'w mut Option<Hall>,
}

/// What may have stood in a request's way.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Trouble {
    /// How often the store, the password pool or the node failed so far.
    pub count: u64,
    /// Whether that was not long ago.
    pub recent: bool,
    /// How often the wall clock jumped so far.
    pub jumps: u64,
}

impl Trouble {
    /// Whether a request that was begun then may have failed by now for want
    /// of the server's own means.
    pub(crate) const fn excuses(self, now: Self) -> bool {
        self.recent || now.count != self.count
    }
}

/// Media tokens that are remembered.
const TOKENS_MAX: usize = 12;

impl Desk<'_> {
    pub(crate) fn strikes(&mut self, fault: Fault, permille: u32) -> bool {
        self.swarm.strikes(fault, permille, self.dice, self.tally)
    }

    pub(crate) fn handed_out(&mut self, token: String) {
        self.tokens.push(token);
        if self.tokens.len() > TOKENS_MAX {
            self.tokens.remove(0);
        }
    }

    /// Something that is found again wherever it goes.
    pub(crate) fn mark(&mut self) -> String {
        *self.marks += 1;
        crate::token::mark(*self.marks)
    }

    /// Microseconds since the world began.
    pub(crate) const fn at(&self) -> u64 {
        self.now.mono.0
    }
}

/// What is wanted next.
pub(crate) type Asked = Result<Option<Box<dyn Call>>, String>;

/// The rooms as they are, for comparison with what was told of them.
pub(crate) struct Truth<'w> {
    /// The room, if nothing has happened in it since it was asked about.
    pub room: &'w dyn Fn(RoomId) -> Option<&'w Room>,
}

/// The clients of one door.
pub(crate) trait Door: std::fmt::Debug {
    /// What is in the store before the first node is.
    fn first(&mut self) -> Vec<Write> {
        Vec::new()
    }

    /// The part of a node that is the door's.
    fn configure(&mut self, _: &mut Config) {}

    /// Somebody asks for something, by this number.
    fn ask(&mut self, number: u64, desk: &mut Desk<'_>) -> Asked;

    /// What a request says, for a trace.
    fn says(&self, _: u64, call: &dyn Call) -> String {
        format!("{call:?}")
    }

    /// The reply.
    fn answered(&mut self, number: u64, reply: Reply, desk: &mut Desk<'_>) -> Result<(), String>;

    /// There will be none: the node was busy, or died.
    fn unanswered(&mut self, number: u64, desk: &mut Desk<'_>);

    /// Somebody who is not connected is told something.
    fn told(&mut self, _: &Notice, _: &mut Desk<'_>) -> Result<(), String> {
        Ok(())
    }

    /// All is quiet: asks how things stand, until there is nothing left to
    /// ask.
    fn look(&mut self, _: u64, _: &mut Desk<'_>) -> Asked {
        Ok(None)
    }

    /// Compares what it was told with the rooms; says how many it could.
    fn agrees(&self, _: &Truth<'_>) -> Result<u64, String> {
        Ok(0)
    }

    /// The way it closes after itself when everybody goes, until there is
    /// nothing left to close.
    fn farewell(&mut self, number: u64, desk: &mut Desk<'_>) -> Asked;
}

/// The doors of a world, in the order of their files.
pub(crate) fn draw(dice: &mut Dice) -> Vec<Box<dyn Door>> {
    let mut doors: Vec<Box<dyn Door>> = Vec::new();
    if dice.chance(OFTEN) {
        doors.push(Box::new(api::Api::new(dice)));
    }
    if dice.chance(OFTEN) {
        doors.push(Box::new(callctl::Callctl::new(dice)));
    }
    if dice.chance(OFTEN) {
        doors.push(Box::new(core::Core::new(dice)));
    }
    if dice.chance(OFTEN) {
        doors.push(Box::new(rooms::Rooms::new(dice)));
    }
    doors
}
