//! Who is in the calls of these conversations (REQ-32 to REQ-40).

use super::asking::Asking;
use super::config::Config;
use super::describe::Part;
use super::{Scope, Trouble, room_of, roster};
use crate::call::{Call, Desk, Outcome, Reply, Step};
use parlour_wire::callctl::pb::common::video::v1::ConvoVideoState;
use parlour_wire::callctl::pb::internal::video::v1::GetConvoStateFromVcsResponse;
use parlour_wire::callctl::pb::internal::video::v1::get_convo_state_from_vcs_response::Result as Got;
use parlour_wire::callctl::pb::mobile::video::v1::BatchedGetConvoStateResponse;
use parlour_wire::callctl::{ConvoId, LocalPart};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// A query of a client. Reply: `Result<BatchedGetConvoStateResponse, Trouble>`.
#[derive(Debug)]
pub struct Query {
    config: Arc<Config>,
    caller: LocalPart,
    scope: Option<Scope>,
    left: VecDeque<ConvoId>,
    states: Vec<ConvoVideoState>,
    asking: Option<Asking>,
}

impl Query {
    /// Asks for each of these once, however often it is named.
    #[must_use]
    pub fn new(config: Arc<Config>, caller: LocalPart, convos: Vec<ConvoId>) -> Self {
        let mut seen = BTreeSet::new();
        let left = convos.into_iter().filter(|convo| seen.insert(convo.clone())).collect();
        Self { config, caller, scope: None, left, states: Vec::new(), asking: None }
    }

    /// The same, by a token that is good in some rooms only.
    #[must_use]
    pub fn within(self, scope: Option<Scope>) -> Self {
        Self { scope, ..self }
    }

    fn next(&mut self) -> Step {
        while let Some(convo) = self.left.front() {
            if convo.pair_has(&self.caller) == Some(false) {
                self.states.push(roster::nobody(convo));
                self.left.pop_front();
                continue;
            }
            if let Some(ask) = &self.config.ask {
                let (asking, step) = Asking::begin(ask.clone(), convo.clone());
                self.asking = Some(asking);
                return step;
            }
            return Step::Open(room_of(convo, false));
        }
        let latest_states = std::mem::take(&mut self.states);
        let result = 0;
        done(Ok(BatchedGetConvoStateResponse { result, latest_states }))
    }

    fn answer(&mut self, desk: &Desk<'_>) -> Step {
        let Some(convo) = self.left.pop_front() else { return self.next() };
        let insider = |room: &&parlour_room::Room| {
            let may_ask = self.config.ask.is_none() && convo.pair_has(&self.caller) == Some(true);
            let good = |scope: &Scope| scope.rights_in(room.id()).is_some();
            let belongs = may_ask || roster::member(room, &self.caller).is_some();
            belongs && self.scope.as_ref().is_none_or(good)
        };
        let state = match desk.room.filter(insider) {
            Some(room) => roster::of_room(&convo, room),
            None => roster::nobody(&convo),
        };
        self.states.push(state);
        self.next()
    }
}

fn done(result: Result<BatchedGetConvoStateResponse, Trouble>) -> Step {
    Step::Done(Reply::new(result))
}

impl Call for Query {
    fn resume(&mut self, desk: &mut Desk<'_>, outcome: Outcome) -> Step {
        if let Some(asking) = &mut self.asking {
            return match asking.resume(desk, outcome) {
                Part::Step(step) => step,
                Part::Over(Err(trouble)) => done(Err(trouble)),
                Part::Over(Ok(())) => {
                    self.asking = None;
                    self.left.front().map_or_else(
                        || done(Err(Trouble::Unavailable)),
                        |convo| Step::Open(room_of(convo, false)),
                    )
                }
            };
        }
        match outcome {
            Outcome::Begin => self.next(),
            Outcome::Room { .. } | Outcome::NoRoom => self.answer(desk),
            _ => done(Err(Trouble::Unavailable)),
        }
    }
}

/// A query of the front, who has asked who is asking. Reply:
/// `Result<GetConvoStateFromVcsResponse, Trouble>`.
#[derive(Debug)]
pub struct Inner {
    convo: ConvoId,
}

impl Inner {
    /// Asks for one conversation.
    #[must_use]
    pub const fn new(convo: ConvoId) -> Self {
        Self { convo }
    }
}

impl Call for Inner {
    fn resume(&mut self, desk: &mut Desk<'_>, outcome: Outcome) -> Step {
        let (result, state) = match outcome {
            Outcome::Begin => return Step::Open(room_of(&self.convo, false)),
            Outcome::Room { .. } => match desk.room {
                Some(room) if room.call().is_some() => {
                    (Got::Ok, roster::of_room(&self.convo, room))
                }
                Some(room) => (Got::NotFound, roster::of_room(&self.convo, room)),
                None => (Got::NotFound, roster::nobody(&self.convo)),
            },
            Outcome::NoRoom => (Got::NotFound, roster::nobody(&self.convo)),
            _ => {
                let trouble: Result<GetConvoStateFromVcsResponse, _> = Err(Trouble::Unavailable);
                return Step::Done(Reply::new(trouble));
            }
        };
        let answer =
            GetConvoStateFromVcsResponse { result: result.into(), latest_state: Some(state) };
        Step::Done(Reply::new(Ok::<_, Trouble>(answer)))
    }
}
