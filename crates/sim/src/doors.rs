//! Doors without connections: their clients send requests, each a call on its
//! way to its reply. A further door is one more file here and one line below.

mod core;

use crate::dice::Dice;
use crate::fault::{Fault, Swarm, Tally};
use parlour_session::{Call, Reply};

/// What the clients of a door decide with.
pub(crate) struct Desk<'w> {
    pub dice: &'w mut Dice,
    pub swarm: &'w Swarm,
    pub tally: &'w mut Tally,
    pub marks: &'w mut u32,
    /// Media tokens that were handed out, the newest last; people try them at
    /// the Galène door.
    pub tokens: &'w mut Vec<String>,
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
}

/// The clients of one door.
pub(crate) trait Door: std::fmt::Debug {
    /// Somebody asks for something.
    fn ask(&mut self, number: u64, desk: &mut Desk<'_>) -> Option<Box<dyn Call>>;
    /// The reply.
    fn answered(&mut self, number: u64, reply: Reply, desk: &mut Desk<'_>) -> Result<(), String>;
    /// There will be none: the node was busy, or died.
    fn unanswered(&mut self, number: u64);
    /// The way it closes after itself when everybody goes.
    fn farewell(&mut self, desk: &mut Desk<'_>) -> Vec<Box<dyn Call>>;
}

/// All doors, in the order of their files.
pub(crate) fn all(dice: &mut Dice) -> Vec<Box<dyn Door>> {
    vec![Box::new(core::Core::new(dice))]
}
