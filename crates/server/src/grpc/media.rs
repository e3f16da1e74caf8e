//! `MediaPlane`: what media servers apart ask and report (arrow 6).
//!
//! The open stream of evictions is a media server's sign of life. When it has
//! been gone for the time of grace, all its connections are over.

use super::Door;
use super::servers::{Open, Orders, address};
use super::stubs::selfhost::video::v1::media_plane_server::MediaPlane;
use parlour_node::callctl::{MediaConnected, MediaDisconnected, MediaLost, conference_text};
use parlour_wire::callctl::pb::common::VoidResponse;
use parlour_wire::callctl::pb::selfhost::video::v1::client_connected_response::Result as Connected;
use parlour_wire::callctl::pb::selfhost::video::v1::{
    ClientConnectedRequest, ClientConnectedResponse, ClientDisconnectedNotification, Eviction,
    EvictionsRequest,
};
use std::sync::Arc;
use tonic::{Code, Request, Response, Status};

/// Where a media server says, when it begins, how clients reach it:
/// `HOST:PORT`.
pub(super) const ADDRESS: &str = "parlour-media-address";

/// Where the keeper says which start of it this is, and since when it has not
/// given up the media server: connections from before are over.
pub(super) const KEEPER: &str = "parlour-keeper";

/// The service.
#[derive(Debug, Clone)]
pub(super) struct Media(pub(super) Arc<Door>);

#[tonic::async_trait]
impl MediaPlane for Media {
    async fn client_connected(
        &self,
        request: Request<ClientConnectedRequest>,
    ) -> Result<Response<ClientConnectedResponse>, Status> {
        let door = &self.0;
        door.inner(&request)?;
        let request = request.into_inner();
        let (server, connection) = (request.media_server_id.clone(), request.connection_id.clone());
        // Noted before it is in, so that an eviction right after finds it.
        if let Some(room) = conference_text(&request.conference_id) {
            door.media.note(&request, room).inspect_err(|status| {
                if status.code() == Code::ResourceExhausted {
                    door.counters.media_refused.inc();
                }
            })?;
        }
        let answer: Result<ClientConnectedResponse, Status> =
            door.ask(MediaConnected::new(door.rules(), request)).await;
        if !answer.as_ref().is_ok_and(|answer| answer.result == i32::from(Connected::Ok)) {
            door.media.forget(&server, &connection);
        }
        answer.map(Response::new)
    }

    async fn client_disconnected(
        &self,
        request: Request<ClientDisconnectedNotification>,
    ) -> Result<Response<VoidResponse>, Status> {
        let door = &self.0;
        door.inner(&request)?;
        let notice = request.into_inner();
        door.media.forget(&notice.media_server_id, &notice.connection_id);
        door.ask(MediaDisconnected::new(door.rules(), notice)).await.map(Response::new)
    }

    type EvictionsStream = Evictions;

    async fn evictions(
        &self,
        request: Request<EvictionsRequest>,
    ) -> Result<Response<Evictions>, Status> {
        let door = &self.0;
        door.inner(&request)?;
        let said = request.metadata().get(ADDRESS).map(|text| text.to_str().map(address));
        let address = match said {
            None => None,
            Some(Ok(Some(address))) => Some(address),
            Some(_) => return Err(Status::invalid_argument("that is no address")),
        };
        let server = request.into_inner().media_server_id;
        let Some(Open { stream, since, orders }) = door.media.open(&server, address) else {
            door.counters.media_refused.inc();
            return Err(Status::resource_exhausted("too many media servers"));
        };
        let life = Life { door: Arc::clone(door), server, stream };
        let mut response = Response::new(Evictions { receiver: orders, _life: life });
        if let Ok(start) = format!("{}.{since}", door.start).parse() {
            response.metadata_mut().insert(KEEPER, start);
        }
        Ok(response)
    }
}

/// What a media server has to close, as it happens.
#[derive(Debug)]
pub(super) struct Evictions {
    receiver: Orders,
    _life: Life,
}

impl futures_util::Stream for Evictions {
    type Item = Result<Eviction, Status>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.receiver.poll_recv(cx)
    }
}

/// The sign of life; when it goes, the time of grace begins.
#[derive(Debug)]
struct Life {
    door: Arc<Door>,
    server: String,
    stream: u64,
}

impl Drop for Life {
    fn drop(&mut self) {
        let (door, server, stream) = (Arc::clone(&self.door), self.server.clone(), self.stream);
        let grace = door.config.media_grace.0;
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            tokio::time::sleep(grace).await;
            for (connection, room) in door.media.lost(&server, stream) {
                let lost = MediaLost::new(room, &server, &connection);
                drop(door.ask::<VoidResponse>(lost).await);
            }
        });
    }
}
