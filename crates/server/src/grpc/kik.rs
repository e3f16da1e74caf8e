//! `KikVideo`: what clients ask.

use super::Door;
use super::change::named;
use super::keeper::Keeper;
use super::stubs::mobile::video::v1::kik_video_server::KikVideo;
use parlour_node::callctl::{Authority, Join, Known, Leave, Query};
use parlour_wire::callctl::pb::common::VoidResponse;
use parlour_wire::callctl::pb::common::video::v1::ConvoId as ConvoIdPb;
use parlour_wire::callctl::pb::mobile::video::v1::{
    BatchedGetConvoStateRequest, BatchedGetConvoStateResponse, JoinConvoConferenceRequest,
    JoinConvoConferenceResponse, LeaveConvoConferenceNotification,
};
use parlour_wire::callctl::{ConvoId, Offence};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The service.
#[derive(Debug, Clone)]
pub(super) struct Kik(pub(super) Arc<Door>);

/// The conversation in a request.
pub(super) fn convo(id: Option<ConvoIdPb>) -> Result<ConvoId, Status> {
    let wrong = |offence: Offence| Status::invalid_argument(offence.to_string());
    ConvoId::try_from(id.unwrap_or_default()).map_err(wrong)
}

#[tonic::async_trait]
impl KikVideo for Kik {
    async fn batched_get_convo_state(
        &self,
        request: Request<BatchedGetConvoStateRequest>,
    ) -> Result<Response<BatchedGetConvoStateResponse>, Status> {
        let door = &self.0;
        let Known { name: caller, scope } = door.user(&request).await?;
        let convos = request.into_inner().convo_ids.into_iter();
        let convos = convos.map(|id| convo(Some(id))).collect::<Result<Vec<_>, _>>()?;
        let answer = match &door.keeper {
            Keeper::Here => {
                door.ask(Query::new(door.rules(), caller, convos).within(scope)).await?
            }
            Keeper::There(there) => there.states(door, &caller, convos).await?,
        };
        Ok(Response::new(answer))
    }

    async fn join_convo_conference(
        &self,
        request: Request<JoinConvoConferenceRequest>,
    ) -> Result<Response<JoinConvoConferenceResponse>, Status> {
        let door = &self.0;
        let Known { name: caller, scope } = door.user(&request).await?;
        let request_id = super::caller::request_id(request.metadata())?;
        let convo = convo(request.into_inner().convo_id)?;
        let answer = match &door.keeper {
            Keeper::Here => {
                let join = Join::new(door.rules(), caller, convo.clone(), Authority::Here);
                let mut answer =
                    door.ask(join.within(scope).asked_by(request_id.as_ref().map(named))).await?;
                door.direct(&convo, &mut answer);
                answer
            }
            Keeper::There(there) => there.join(door, &caller, &convo, request_id).await?,
        };
        Ok(Response::new(answer))
    }

    async fn on_leave_convo_conference(
        &self,
        request: Request<LeaveConvoConferenceNotification>,
    ) -> Result<Response<VoidResponse>, Status> {
        let door = &self.0;
        let Known { name: caller, .. } = door.user(&request).await?;
        let request_id = super::caller::request_id(request.metadata())?;
        let leave = request.into_inner();
        let convo = convo(leave.convo_id)?;
        let token = leave.connection_token;
        match &door.keeper {
            Keeper::Here => {
                let token = token.map(|token| token.payload);
                let leave = Leave::new(caller, convo, token);
                door.ask(leave.asked_by(request_id.as_ref().map(named))).await
            }
            Keeper::There(there) => {
                if !there.leave(&caller, &convo, request_id, token) {
                    door.counters.leaves_dropped.inc();
                }
                Ok(VoidResponse {})
            }
        }
        .map(Response::new)
    }
}
