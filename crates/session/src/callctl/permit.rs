//! Who belongs to a conversation, for a front whose calls are kept by another
//! process, and for whoever has to tell its members something.

use super::asking::Asking;
use super::config::Config;
use super::describe::Part;
use super::{Trouble, room_of, roster};
use crate::call::{Call, Desk, Outcome, Reply, Step};
use parlour_wire::callctl::{ConvoId, LocalPart};
use std::sync::Arc;

/// Asks who belongs to a conversation. Reply: `Result<Permitted, Trouble>`.
#[derive(Debug)]
pub struct Permit {
    config: Arc<Config>,
    convo: ConvoId,
    fresh: bool,
    asking: Option<Asking>,
}

/// The members of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permitted {
    /// Their names.
    pub members: Vec<LocalPart>,
}

impl Permitted {
    /// Whether somebody is one of them.
    #[must_use]
    pub fn has(&self, user: &LocalPart) -> bool {
        self.members.contains(user)
    }
}

impl Permit {
    /// Who belongs to it now; the application is asked if it is the one to
    /// know.
    #[must_use]
    pub const fn new(config: Arc<Config>, convo: ConvoId) -> Self {
        Self { config, convo, fresh: true, asking: None }
    }

    /// Who belongs to it as far as is known here; for pushes.
    #[must_use]
    pub const fn known(config: Arc<Config>, convo: ConvoId) -> Self {
        Self { config, convo, fresh: false, asking: None }
    }

    fn begin(&mut self) -> Step {
        match &self.config.ask {
            Some(ask) if self.fresh => {
                let (asking, step) = Asking::begin(ask.clone(), self.convo.clone());
                self.asking = Some(asking);
                step
            }
            _ => self.open(),
        }
    }

    /// A pair says itself who belongs to it, unless somebody else does.
    fn open(&self) -> Step {
        match &self.convo {
            ConvoId::Pair(one, other) if self.config.ask.is_none() => {
                done(Ok(Permitted { members: vec![one.clone(), other.clone()] }))
            }
            _ => Step::Open(room_of(&self.convo, false)),
        }
    }
}

fn done(result: Result<Permitted, Trouble>) -> Step {
    Step::Done(Reply::new(result))
}

impl Call for Permit {
    fn resume(&mut self, desk: &mut Desk<'_>, outcome: Outcome) -> Step {
        if let Some(asking) = &mut self.asking {
            return match asking.resume(desk, outcome) {
                Part::Step(step) => step,
                Part::Over(Err(trouble)) => done(Err(trouble)),
                Part::Over(Ok(())) => {
                    self.asking = None;
                    self.open()
                }
            };
        }
        match outcome {
            Outcome::Begin => self.begin(),
            Outcome::Room { .. } => {
                let members = desk.room.into_iter().flat_map(roster::members);
                let members = members.filter_map(|(name, _)| LocalPart::parse(name).ok());
                done(Ok(Permitted { members: members.collect() }))
            }
            Outcome::NoRoom => done(Ok(Permitted { members: Vec::new() })),
            _ => done(Err(Trouble::Unavailable)),
        }
    }
}
