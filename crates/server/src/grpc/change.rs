//! A changed list on its way to the members of its conversation.

use parlour_base::Entropy;
use parlour_node::callctl::Roster;
use parlour_wire::callctl::LocalPart;
use parlour_wire::callctl::pb::common::video::v1::ConvoVideoState;
use parlour_wire::callctl::pb::mobileremote::video::v1::OnConvoVideoStateChangedNotification;
use std::sync::{Arc, Mutex, PoisonError};

/// One change, the same for everybody who is told (REQ-73).
#[derive(Debug)]
pub(super) struct Change {
    /// The key of the conversation.
    pub convo: Arc<str>,
    /// The time of the list, in nanoseconds.
    pub stamp: u64,
    /// Who belongs to the conversation now.
    pub members: Vec<String>,
    /// What they are told.
    pub notice: OnConvoVideoStateChangedNotification,
}

/// Makes the ids of changes.
#[derive(Debug)]
pub(super) struct Ids(Mutex<Entropy>);

impl Ids {
    pub(super) const fn new(entropy: Entropy) -> Self {
        Self(Mutex::new(entropy))
    }

    fn next(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).uuid()
    }

    /// What a room of this process says.
    pub(super) fn of_roster(&self, roster: Roster) -> Arc<Change> {
        Arc::new(Change {
            convo: roster.convo.key().into(),
            stamp: roster.stamp,
            members: roster.members,
            notice: self.notice(roster.state),
        })
    }

    /// What another process says, given who belongs to the conversation.
    pub(super) fn of_state(
        &self,
        convo: &str,
        stamp: u64,
        state: ConvoVideoState,
        members: &[LocalPart],
    ) -> Arc<Change> {
        Arc::new(Change {
            convo: convo.into(),
            stamp,
            members: members.iter().map(|name| name.as_str().to_owned()).collect(),
            notice: self.notice(state),
        })
    }

    fn notice(&self, state: ConvoVideoState) -> OnConvoVideoStateChangedNotification {
        let notification_id = self.next();
        OnConvoVideoStateChangedNotification { convo_video_state: Some(state), notification_id }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use parlour_wire::callctl::{ConvoId, state};

    pub(in crate::grpc) fn change(convo: &str, stamp: u64, members: &[&str]) -> Arc<Change> {
        let id = ConvoId::parse_key(convo).expect("a key");
        let members: Vec<LocalPart> =
            members.iter().map(|name| LocalPart::parse(name).expect("a name")).collect();
        let ids = Ids::new(Entropy::from_seed([1; 32]));
        ids.of_state(convo, stamp, state::write(&id, [], stamp), &members)
    }

    #[test]
    fn req_73_each_change_has_an_id_of_its_own_that_fits() {
        let ids = Ids::new(Entropy::from_seed([1; 32]));
        let (one, other) = (ids.next(), ids.next());
        assert_ne!(one, other);
        assert_eq!(one.len(), 36);
    }
}
