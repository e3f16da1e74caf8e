//! The services between the parts of the server: `RoundsVideoConference`
//! (arrow 3), `InternalKikVideo` (arrow 4) and `ConvoDirectory`. They are
//! closed to clients (REQ-81).

use super::Door;
use super::caller::request_id;
use super::change::named;
use super::hub::stamp_of;
use super::keeper::sound;
use super::kik::convo;
use super::stubs::internal::video::v1::internal_kik_video_server::InternalKikVideo;
use super::stubs::internal::video::v1::rounds_video_conference_server::RoundsVideoConference;
use super::stubs::selfhost::video::v1::convo_directory_server::ConvoDirectory;
use parlour_node::callctl::{
    Authority, Force, GroupMembers, Inner, Join, Leave, Permit, Permitted, SetMembers,
};
use parlour_wire::callctl::pb::common::{VoidResponse, XiBareUserJid, XiGroupJid};
use parlour_wire::callctl::pb::internal::video::v1::{
    ConvoVideoStateChangedFromVcsNotification, GetConvoStateFromVcsRequest,
    GetConvoStateFromVcsResponse, JoinConvoConferenceFromVcsRequest,
    JoinConvoConferenceFromVcsResponse, LeaveConvoConferenceFromVcsNotification,
};
use parlour_wire::callctl::pb::mobile::video::v1::JoinConvoConferenceResponse;
use parlour_wire::callctl::pb::selfhost::video::v1::{
    GetGroupMembersRequest, GetGroupMembersResponse, SetGroupMembersRequest,
};
use parlour_wire::callctl::{GroupName, LocalPart, Offence};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The services.
#[derive(Debug, Clone)]
pub(super) struct Services(pub(super) Arc<Door>);

fn wrong(offence: Offence) -> Status {
    Status::invalid_argument(offence.to_string())
}

fn user(jid: Option<XiBareUserJid>) -> Result<LocalPart, Status> {
    LocalPart::try_from(jid.unwrap_or_default()).map_err(wrong)
}

fn group(jid: Option<XiGroupJid>) -> Result<GroupName, Status> {
    GroupName::try_from(jid.unwrap_or_default()).map_err(wrong)
}

#[tonic::async_trait]
impl RoundsVideoConference for Services {
    async fn get_convo_state_from_vcs(
        &self,
        request: Request<GetConvoStateFromVcsRequest>,
    ) -> Result<Response<GetConvoStateFromVcsResponse>, Status> {
        self.0.inner(&request)?;
        let convo = convo(request.into_inner().convo_id)?;
        self.0.ask(Inner::new(convo)).await.map(Response::new)
    }

    async fn join_convo_conference_from_vcs(
        &self,
        request: Request<JoinConvoConferenceFromVcsRequest>,
    ) -> Result<Response<JoinConvoConferenceFromVcsResponse>, Status> {
        self.0.inner(&request)?;
        let asked = request_id(request.metadata())?;
        let request = request.into_inner();
        let asked = asked.or(request.request_id).as_ref().map(named);
        let (convo, user) = (convo(request.convo_id)?, user(request.user)?);
        let join = Join::new(self.0.rules(), user, convo.clone(), Authority::Front).asked_by(asked);
        let mut answer: JoinConvoConferenceResponse = self.0.ask(join).await?;
        self.0.direct(&convo, &mut answer);
        Ok(Response::new(JoinConvoConferenceFromVcsResponse {
            result: answer.result,
            latest_state: answer.latest_state,
            connection_info: answer.connection_info,
            connection_token: answer.connection_token,
        }))
    }

    async fn on_leave_convo_conference_from_vcs(
        &self,
        request: Request<LeaveConvoConferenceFromVcsNotification>,
    ) -> Result<Response<VoidResponse>, Status> {
        self.0.inner(&request)?;
        let asked = request_id(request.metadata())?;
        let notice = request.into_inner();
        let asked = asked.or(notice.request_id).as_ref().map(named);
        let (convo, user) = (convo(notice.convo_id)?, user(notice.user)?);
        if notice.force {
            let force = Force::new(user, convo).asked_by(asked);
            return self.0.ask(force).await.map(Response::new);
        }
        let token = notice.connection_token.map(|token| token.payload);
        let leave = Leave::new(user, convo, token).asked_by(asked);
        self.0.ask(leave).await.map(Response::new)
    }
}

#[tonic::async_trait]
impl InternalKikVideo for Services {
    async fn on_convo_video_state_changed_from_vcs(
        &self,
        request: Request<ConvoVideoStateChangedFromVcsNotification>,
    ) -> Result<Response<VoidResponse>, Status> {
        let door = &self.0;
        door.inner(&request)?;
        let asked = request_id(request.metadata())?;
        let state = sound(request.into_inner().convo_video_state.unwrap_or_default());
        let convo = convo(state.convo_id.clone())?;
        let (key, stamp) = (convo.key(), stamp_of(&state));
        // It is repeated and overtaken: only what is newer goes on. It is noted
        // when its members are known, so that a failure can be tried again.
        if door.seen.is_newer(&key, stamp) {
            let permitted: Permitted = door.ask(Permit::known(door.rules(), convo)).await?;
            if door.seen.note(&key, stamp) {
                let change = door.ids.of_state(&key, stamp, state, &permitted.members, asked);
                door.push(&change);
            }
        }
        Ok(Response::new(VoidResponse {}))
    }
}

#[tonic::async_trait]
impl ConvoDirectory for Services {
    async fn set_group_members(
        &self,
        request: Request<SetGroupMembersRequest>,
    ) -> Result<Response<VoidResponse>, Status> {
        self.0.inner(&request)?;
        let request = request.into_inner();
        let group = group(request.group)?;
        let members = request.members.into_iter().map(|jid| user(Some(jid)));
        let members = members.collect::<Result<Vec<_>, _>>()?;
        self.0.ask(SetMembers::new(group, members)).await.map(Response::new)
    }

    async fn get_group_members(
        &self,
        request: Request<GetGroupMembersRequest>,
    ) -> Result<Response<GetGroupMembersResponse>, Status> {
        self.0.inner(&request)?;
        let group = group(request.into_inner().group)?;
        self.0.ask(GroupMembers::new(group)).await.map(Response::new)
    }
}
