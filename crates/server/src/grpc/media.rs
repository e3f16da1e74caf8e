//! `MediaPlane`: what media servers apart ask and report (arrow 6).
//!
//! The open stream of evictions is a media server's sign of life. When it has
//! been gone for the time of grace, all its connections are over.

use super::Door;
use super::stubs::selfhost::video::v1::media_plane_server::MediaPlane;
use parlour_base::RoomId;
use parlour_node::callctl::{Eviction as Evicted, EvictionReason, MediaConnected};
use parlour_node::callctl::{MediaDisconnected, MediaLost, conference_text};
use parlour_wire::callctl::pb::common::VoidResponse;
use parlour_wire::callctl::pb::selfhost::video::v1::client_connected_response::Result as Connected;
use parlour_wire::callctl::pb::selfhost::video::v1::eviction::Reason;
use parlour_wire::callctl::pb::selfhost::video::v1::{
    ClientConnectedRequest, ClientConnectedResponse, ClientDisconnectedNotification, Eviction,
    EvictionsRequest,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;
use tonic::{Request, Response, Status};

/// Evictions that wait for one media server; when there are more, its stream
/// ends, and what it does not report again is over.
const EVICTIONS_MAX: usize = 4_096;

/// Media servers that are known at once.
const SERVERS_MAX: usize = 1_024;

/// Connections of one media server.
const CONNECTIONS_MAX: usize = 1 << 20;

/// The media servers that have asked.
#[derive(Debug, Default)]
pub(super) struct MediaServers(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    servers: HashMap<String, Server>,
    /// Numbers the streams, so that the end of an old one says nothing.
    streams: u64,
}

#[derive(Debug, Default)]
struct Server {
    /// The conference id by which each connection came in, and its room.
    connections: BTreeMap<String, (String, RoomId)>,
    evictions: Option<mpsc::Sender<Result<Eviction, Status>>>,
    /// The number of its newest stream.
    stream: u64,
}

fn lock(servers: &MediaServers) -> MutexGuard<'_, Known> {
    servers.0.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MediaServers {
    /// Tells a media server to close a connection.
    pub(super) fn evict(&self, evicted: &Evicted) {
        let servers = &mut lock(self).servers;
        let Some(server) = servers.get_mut(&evicted.media_server) else { return };
        let Some((conference_id, _)) = server.connections.remove(&evicted.connection) else {
            return;
        };
        let reason = match evicted.reason {
            EvictionReason::Left => Reason::Left,
            EvictionReason::Replaced => Reason::Replaced,
            EvictionReason::Forced => Reason::Forced,
        };
        let eviction = Eviction {
            conference_id,
            connection_id: evicted.connection.clone(),
            reason: reason.into(),
        };
        let sent = server.evictions.as_ref().map(|to| to.try_send(Ok(eviction)));
        if sent.is_some_and(|sent| sent.is_err()) {
            server.evictions = None;
        }
    }

    /// Notes a connection that is about to ask.
    fn note(&self, request: &ClientConnectedRequest, room: RoomId) -> Result<(), Status> {
        let servers = &mut lock(self).servers;
        let server = servers.get_mut(&request.media_server_id);
        let Some(server) = server else {
            return Err(Status::failed_precondition("open the stream of evictions first"));
        };
        if server.connections.len() >= CONNECTIONS_MAX {
            return Err(Status::resource_exhausted("too many media connections"));
        }
        let place = (request.conference_id.clone(), room);
        server.connections.insert(request.connection_id.clone(), place);
        Ok(())
    }

    fn forget(&self, server: &str, connection: &str) {
        if let Some(known) = lock(self).servers.get_mut(server) {
            known.connections.remove(connection);
        }
    }

    fn open(&self, server: &str) -> Option<(u64, mpsc::Receiver<Result<Eviction, Status>>)> {
        let mut known = lock(self);
        if known.servers.len() >= SERVERS_MAX && !known.servers.contains_key(server) {
            return None;
        }
        let (sender, receiver) = mpsc::channel(EVICTIONS_MAX);
        known.streams += 1;
        let stream = known.streams;
        let entry = known.servers.entry(server.to_owned()).or_default();
        entry.evictions = Some(sender);
        entry.stream = stream;
        Some((stream, receiver))
    }

    /// What is lost if the media server has opened no other stream since.
    fn lost(&self, server: &str, stream: u64) -> Vec<(String, RoomId)> {
        let servers = &mut lock(self).servers;
        if servers.get(server).is_none_or(|known| known.stream != stream) {
            return Vec::new();
        }
        let lost = servers.remove(server).unwrap_or_default();
        lost.connections.into_iter().map(|(connection, (_, room))| (connection, room)).collect()
    }

    /// Ends all streams.
    pub(super) fn close(&self) {
        for server in lock(self).servers.values_mut() {
            server.evictions = None;
        }
    }
}

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
        door.inner(request.metadata())?;
        let request = request.into_inner();
        let (server, connection) = (request.media_server_id.clone(), request.connection_id.clone());
        // Noted before it is in, so that an eviction right after finds it.
        if let Some(room) = conference_text(&request.conference_id) {
            door.media.note(&request, room)?;
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
        door.inner(request.metadata())?;
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
        door.inner(request.metadata())?;
        let server = request.into_inner().media_server_id;
        let (stream, receiver) = (door.media.open(&server))
            .ok_or_else(|| Status::resource_exhausted("too many media servers"))?;
        let life = Life { door: Arc::clone(door), server, stream };
        Ok(Response::new(Evictions { receiver, _life: life }))
    }
}

/// What a media server has to close, as it happens.
#[derive(Debug)]
pub(super) struct Evictions {
    receiver: mpsc::Receiver<Result<Eviction, Status>>,
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
