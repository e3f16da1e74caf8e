//! Where the calls are kept: in this process, or in another one that is asked
//! over gRPC (arrow 3).
//!
//! A front asks only for its members, tells nobody what it does not know, and
//! never makes up an empty list: if the keeper does not answer, neither does
//! it (REQ-39, REQ-40). A leave is answered at once and tried again for a
//! moment.

use super::Door;
use super::remote::{Remote, with_node};
use super::retry::Pauses;
use super::stubs::internal::video::v1::rounds_video_conference_client::RoundsVideoConferenceClient;
use crate::config::callctl::Callctl;
use parlour_node::callctl::{Permit, Permitted};
use parlour_wire::callctl::pb::common::XiRequestId;
use parlour_wire::callctl::pb::common::video::v1::{ConvoVideoState, MediaServerConnectionToken};
use parlour_wire::callctl::pb::internal::video::v1::{
    GetConvoStateFromVcsRequest, JoinConvoConferenceFromVcsRequest,
    LeaveConvoConferenceFromVcsNotification,
};
use parlour_wire::callctl::pb::mobile::video::v1::{
    BatchedGetConvoStateResponse, JoinConvoConferenceResponse,
    join_convo_conference_response::Result as Joined,
};
use parlour_wire::callctl::{ConvoId, LocalPart, state};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tonic::{Code, Status};

/// Where the calls are kept.
#[derive(Debug)]
pub(super) enum Keeper {
    /// In this process.
    Here,
    /// In another one.
    There(There),
}

/// Another process that keeps the calls.
#[derive(Debug)]
pub(super) struct There {
    remote: Remote,
    /// Places for leaves that are being tried.
    leaves: Arc<Semaphore>,
    leaves_max: usize,
    tries: u32,
    pauses: Pauses,
}

type Client = RoundsVideoConferenceClient<tonic::transport::Channel>;

/// What a client is told if the keeper does not answer as it should.
fn unavailable(status: &Status) -> Status {
    match status.code() {
        Code::ResourceExhausted => Status::new(status.code(), status.message()),
        // What the client has asked was looked at here: it cannot be its fault.
        _ => Status::unavailable("the keeper of the calls does not answer"),
    }
}

/// A list as the keeper gave it, save for what no keeper should have put there.
pub(super) fn sound(mut list: ConvoVideoState) -> ConvoVideoState {
    let left_out = state::mend(&mut list);
    if left_out > 0 {
        tracing::warn!(left_out, "the keeper of the calls lists people without a state");
    }
    list
}

/// Whether the keeper may not have heard a leave. It may be said twice.
fn is_worth_trying_again(status: &Status) -> bool {
    !matches!(status.code(), Code::InvalidArgument | Code::Unauthenticated | Code::PermissionDenied)
}

impl There {
    pub(super) fn new(remote: Remote, config: &Callctl) -> Self {
        let leaves_max = usize::try_from(config.leaves_pending).unwrap_or(Semaphore::MAX_PERMITS);
        let leaves = Arc::new(Semaphore::new(leaves_max));
        let (tries, pauses) = (config.leave_tries.into(), Pauses::of(config));
        Self { remote, leaves, leaves_max, tries, pauses }
    }

    /// How many leaves are being tried.
    pub(super) fn leaving(&self) -> usize {
        self.leaves_max.saturating_sub(self.leaves.available_permits())
    }

    fn client(&self) -> Client {
        Client::new(self.remote.channel())
    }

    async fn is_member(
        &self,
        door: &Door,
        caller: &LocalPart,
        convo: &ConvoId,
    ) -> Result<bool, Status> {
        if convo.pair_has(caller) == Some(false) {
            return Ok(false);
        }
        let permitted: Permitted = door.ask(Permit::new(door.rules(), convo.clone())).await?;
        Ok(permitted.has(caller))
    }

    pub(super) async fn states(
        &self,
        door: &Door,
        caller: &LocalPart,
        convos: Vec<ConvoId>,
    ) -> Result<BatchedGetConvoStateResponse, Status> {
        let mut seen = BTreeSet::new();
        let mut latest_states = Vec::new();
        for convo in convos.into_iter().filter(|convo| seen.insert(convo.clone())) {
            let nobody = || state::write(&convo, [], 0);
            if !self.is_member(door, caller, &convo).await? {
                latest_states.push(nobody());
                continue;
            }
            let request = GetConvoStateFromVcsRequest { convo_id: Some(convo.to_pb()) };
            let request = with_node(&self.remote, request, None);
            let answer = self.client().get_convo_state_from_vcs(request).await;
            let answer = answer.map_err(|status| unavailable(&status))?.into_inner();
            // NOT_FOUND may carry the time of the conversation.
            latest_states.push(answer.latest_state.map_or_else(nobody, sound));
        }
        Ok(BatchedGetConvoStateResponse { result: 0, latest_states })
    }

    pub(super) async fn join(
        &self,
        door: &Door,
        caller: &LocalPart,
        convo: &ConvoId,
        request_id: Option<XiRequestId>,
    ) -> Result<JoinConvoConferenceResponse, Status> {
        if !self.is_member(door, caller, convo).await? {
            let result = Joined::NotAllowed.into();
            return Ok(JoinConvoConferenceResponse { result, ..Default::default() });
        }
        let request = JoinConvoConferenceFromVcsRequest {
            convo_id: Some(convo.to_pb()),
            request_id,
            user: Some(caller.to_pb()),
            device_id: None,
        };
        let request = with_node(&self.remote, request, request_id);
        let answer = self.client().join_convo_conference_from_vcs(request).await;
        let answer = answer.map_err(|status| unavailable(&status))?.into_inner();
        let is_ok = answer.result == i32::from(Joined::Ok);
        // Where to connect goes only with OK (REQ-52); another number, known
        // or not, is passed on as it is (REQ-59).
        Ok(JoinConvoConferenceResponse {
            result: answer.result,
            latest_state: answer.latest_state.map(sound),
            connection_info: answer.connection_info.filter(|_| is_ok),
            connection_token: answer.connection_token.filter(|_| is_ok),
        })
    }

    /// Has a leave told; false if too many are being tried already.
    pub(super) fn leave(
        &self,
        caller: &LocalPart,
        convo: &ConvoId,
        request_id: Option<XiRequestId>,
        token: Option<MediaServerConnectionToken>,
    ) -> bool {
        let Ok(place) = Arc::clone(&self.leaves).try_acquire_owned() else { return false };
        let notice = LeaveConvoConferenceFromVcsNotification {
            convo_id: Some(convo.to_pb()),
            request_id,
            force: false,
            connection_token: token,
            user: Some(caller.to_pb()),
        };
        let (remote, mut client) = (self.remote.clone(), self.client());
        let (tries, pauses) = (self.tries, self.pauses);
        tokio::spawn(async move {
            let _place = place;
            for again in 1..=tries {
                let request = with_node(&remote, notice.clone(), request_id);
                match client.on_leave_convo_conference_from_vcs(request).await {
                    Err(status) if is_worth_trying_again(&status) => {
                        tokio::time::sleep(pauses.after(again)).await;
                    }
                    _ => return,
                }
            }
        });
        true
    }
}
