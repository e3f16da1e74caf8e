//! A changed list on its way to the members of its conversation.

use super::written::Written;
use parlour_base::{Entropy, RoomId};
use parlour_node::callctl::{RequestId, Roster};
use parlour_wire::callctl::pb::common::video::v1::ConvoVideoState;
use parlour_wire::callctl::pb::common::{XiRequestId, XiUuid};
use parlour_wire::callctl::pb::mobileremote::video::v1::OnConvoVideoStateChangedNotification;
use parlour_wire::callctl::pb::selfhost::video::v1::WatchEvent;
use parlour_wire::callctl::pb::selfhost::video::v1::watch_event::Kind;
use parlour_wire::callctl::{LocalPart, Offence};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// One change, the same for everybody who is told (REQ-73).
#[derive(Debug)]
pub(super) struct Change {
    /// The key of the conversation.
    pub convo: Arc<str>,
    /// Its room, if it is in this process.
    pub room: Option<RoomId>,
    /// The time of the list, in nanoseconds.
    pub stamp: u64,
    /// Who belongs to the conversation now.
    pub members: Vec<String>,
    /// The request that caused it.
    pub request: Option<XiRequestId>,
    /// What they are told.
    pub notice: OnConvoVideoStateChangedNotification,
    /// The same as streams are told it, once it was written.
    event: OnceLock<Option<Written>>,
}

impl Change {
    /// What streams are told; `None` if that would break a limit.
    pub(super) fn event(&self) -> Option<Written> {
        let write = || {
            let kind = Some(Kind::Changed(self.notice.clone()));
            let broken = |offence: &Offence| {
                tracing::error!(%offence, "a message of ours breaks a limit");
            };
            Written::of(&WatchEvent { kind }).inspect_err(broken).ok()
        };
        self.event.get_or_init(write).clone()
    }
}

/// A request id as rooms remember it.
pub(super) fn named(id: &XiRequestId) -> RequestId {
    let XiUuid { msb, lsb } = id.id.unwrap_or_default();
    RequestId(msb, lsb)
}

/// The same as it travels.
const fn unnamed(RequestId(msb, lsb): RequestId) -> XiRequestId {
    XiRequestId { id: Some(XiUuid { msb, lsb }) }
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
            room: Some(roster.room),
            stamp: roster.stamp,
            members: roster.members,
            request: roster.request.map(unnamed),
            notice: self.notice(roster.state),
            event: OnceLock::new(),
        })
    }

    /// What another process says, given who belongs to the conversation.
    pub(super) fn of_state(
        &self,
        convo: &str,
        stamp: u64,
        state: ConvoVideoState,
        members: &[LocalPart],
        request: Option<XiRequestId>,
    ) -> Arc<Change> {
        Arc::new(Change {
            convo: convo.into(),
            room: None,
            stamp,
            members: members.iter().map(|name| name.as_str().to_owned()).collect(),
            request,
            notice: self.notice(state),
            event: OnceLock::new(),
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
        ids.of_state(convo, stamp, state::write(&id, [], stamp), &members, None)
    }

    #[test]
    fn req_73_each_change_has_an_id_of_its_own_that_fits() {
        let ids = Ids::new(Entropy::from_seed([1; 32]));
        let (one, other) = (ids.next(), ids.next());
        assert_ne!(one, other);
        assert_eq!(one.len(), 36);
    }
}
