//! What a receiver of lists keeps: per conversation the newest, nothing else.
//!
//! Source: docs/protocols/callctl.md §4 (REQ-16, REQ-23).

use super::convo::ConvoId;
use super::pb::common::video::v1::ConvoVideoState;
use super::pb::common::video::v1::convo_video_state::user_state::State;
use super::state::nanos;
use std::collections::BTreeMap;

/// What became of a list that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is the newest of its conversation now.
    Newest,
    /// A newer one, or this one, is there already.
    Old,
    /// It names no conversation or no time.
    Broken,
}

/// The newest list of each conversation.
#[derive(Debug, Default)]
pub struct Receiver {
    newest: BTreeMap<ConvoId, (u64, ConvoVideoState)>,
}

impl Receiver {
    /// Takes a list, wherever it came from.
    pub fn take(&mut self, state: ConvoVideoState) -> Kept {
        let convo = state.convo_id.clone().and_then(|id| ConvoId::try_from(id).ok());
        let (Some(convo), Some(at)) = (convo, state.timestamp.as_ref().and_then(nanos)) else {
            return Kept::Broken;
        };
        if self.newest.get(&convo).is_some_and(|(kept, _)| *kept >= at) {
            return Kept::Old;
        }
        self.newest.insert(convo, (at, state));
        Kept::Newest
    }

    /// Who is in the call of a conversation, as far as is known. An entry
    /// without a state is the mistake of whoever made it, and left out.
    pub fn people(&self, convo: &ConvoId) -> impl Iterator<Item = (&str, State)> {
        let entries = self.newest.get(convo).map(|(_, state)| state.user_states.as_slice());
        entries.unwrap_or_default().iter().filter_map(|entry| {
            let state = State::try_from(entry.state).ok().filter(|s| *s != State::NotSet)?;
            Some((entry.user.as_ref()?.local_part.as_str(), state))
        })
    }

    /// Forgets a conversation.
    pub fn forget(&mut self, convo: &ConvoId) {
        self.newest.remove(convo);
    }
}
