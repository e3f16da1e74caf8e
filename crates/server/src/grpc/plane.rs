//! A media server apart: what it asks the keeper of the calls, reports to it,
//! and is told by it (arrow 6, seen from the other side).
//!
//! The open stream of evictions is the sign of life of both. When it could not
//! be had for the time of grace, or the keeper is another one than before,
//! everybody who was let in is let go.

use super::media::{ADDRESS, KEEPER};
use super::remote::{Remote, with_node};
use super::stubs::selfhost::video::v1::media_plane_client::MediaPlaneClient;
use crate::port::CallId;
use crate::shard::{Mail, Mailbox};
use parlour_wire::callctl::pb::common::video::v1::MediaServerConnectionToken;
use parlour_wire::callctl::pb::selfhost::video::v1::client_connected_response::Result as Connected;
use parlour_wire::callctl::pb::selfhost::video::v1::client_disconnected_notification::Reason;
use parlour_wire::callctl::pb::selfhost::video::v1::{
    ClientConnectedRequest, ClientDisconnectedNotification, EvictionsRequest,
};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;
use tonic::{Code, Status, Streaming};

/// How long after a try that failed the next one is made; at most.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// How long a try may take when nobody is left to be let go.
const TRY_MAX: Duration = Duration::from_secs(5);

/// Ends that wait to be reported; the oldest is dropped for one more. The
/// keeper has had no answer for so long that it has let all of them go.
const REPORTS_MAX: usize = 65_536;

/// The way to the keeper.
#[derive(Debug)]
pub(super) struct Plane {
    remote: Remote,
    /// What the keeper calls this server: new at each start.
    name: String,
    /// Where clients reach it.
    address: String,
    grace: Duration,
    shard: Mailbox,
    state: Mutex<State>,
    some: Notify,
    /// Where questions go on: the shard, which asks them, has no tasks.
    runtime: Handle,
}

#[derive(Debug, Default)]
struct State {
    connections: HashMap<u64, Connection>,
    /// Ends to be reported.
    over: VecDeque<ClientDisconnectedNotification>,
}

/// A client whose token was presented.
#[derive(Debug)]
struct Connection {
    conference_id: String,
    token: Option<MediaServerConnectionToken>,
    /// The keeper has let it in.
    is_in: bool,
    /// The keeper has it closed.
    evicted: bool,
    /// It was over before the keeper had answered.
    gone: bool,
}

/// What a media server is made of.
#[derive(Debug)]
pub(super) struct Parts {
    pub remote: Remote,
    pub name: String,
    pub address: String,
    pub grace: Duration,
    pub shard: Mailbox,
}

impl Plane {
    /// Must be called from a task.
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { remote, name, address, grace, shard } = parts;
        let (state, some) = (Mutex::default(), Notify::new());
        let runtime = Handle::current();
        Self { remote, name, address, grace, shard, state, some, runtime }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn client(&self) -> MediaPlaneClient<tonic::transport::Channel> {
        MediaPlaneClient::new(self.remote.channel())
    }

    /// Starts what goes on beside, until `stop` becomes true.
    pub(super) fn start(self: &Arc<Self>, tasks: &TaskTracker, stop: &watch::Receiver<bool>) {
        let (heart, mut stop_heart) = (Arc::clone(self), stop.clone());
        tasks.spawn(async move {
            // Whatever is under way when the server stops need not be ended:
            // the keeper sees the stream end.
            tokio::select! {
                _ = stop_heart.wait_for(|stop| *stop) => {}
                () = heart.live() => {}
            }
        });
        let (reports, mut stop) = (Arc::clone(self), stop.clone());
        tasks.spawn(async move {
            // The keeper lets go of what was not reported.
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => {}
                () = reports.report() => {}
            }
        });
    }

    /// Asks whether a token may in; the shard is told what comes of it.
    pub(super) fn present(self: &Arc<Self>, call: CallId, request: ClientConnectedRequest) {
        let Ok(number) = request.connection_id.parse::<u64>() else { return };
        let connection = Connection {
            conference_id: request.conference_id.clone(),
            token: request.connection_token.clone(),
            is_in: false,
            evicted: false,
            gone: false,
        };
        self.state().connections.insert(number, connection);
        let this = Arc::clone(self);
        self.runtime.spawn(async move {
            let request = with_node(&this.remote, request, None);
            let answer = this.client().client_connected(request).await;
            let answer = answer.map(tonic::Response::into_inner);
            this.answered(number, answer.as_ref().map(|answer| answer.result));
            // A shard that is gone needs no answer.
            drop(this.shard.post(Mail::Presented(call, answer.ok())).await);
        });
    }

    fn answered(&self, number: u64, result: Result<i32, &Status>) {
        let mut state = self.state();
        let Some(connection) = state.connections.get_mut(&number) else { return };
        match result {
            Ok(result) if result == i32::from(Connected::Ok) && !connection.gone => {
                connection.is_in = true;
            }
            // The keeper may have let it in without our knowing.
            Ok(0) | Err(_) => {
                let reason = Reason::NetworkLoss;
                self.end(&mut state, number, reason);
            }
            Ok(_) => drop(state.connections.remove(&number)),
        }
    }

    /// A connection of this server is over.
    pub(super) fn departed(&self, number: u64) {
        let mut state = self.state();
        let Some(connection) = state.connections.get_mut(&number) else { return };
        if !connection.is_in {
            connection.gone = true;
            return;
        }
        let reason = if connection.evicted { Reason::Evicted } else { Reason::ClientClosed };
        self.end(&mut state, number, reason);
    }

    /// Has an end reported.
    fn end(&self, state: &mut State, number: u64, reason: Reason) {
        let Some(connection) = state.connections.remove(&number) else { return };
        if state.over.len() >= REPORTS_MAX {
            state.over.pop_front();
        }
        state.over.push_back(ClientDisconnectedNotification {
            conference_id: connection.conference_id,
            connection_token: connection.token,
            media_server_id: self.name.clone(),
            connection_id: number.to_string(),
            reason: reason.into(),
        });
        self.some.notify_one();
    }

    /// Reports ends, each until it is heard.
    async fn report(&self) {
        loop {
            // The permit of a notification that came before is kept.
            let Some(notice) = self.state().over.pop_front() else {
                self.some.notified().await;
                continue;
            };
            let mut pause = PAUSE;
            loop {
                let request = with_node(&self.remote, notice.clone(), None);
                match self.client().client_disconnected(request).await {
                    Ok(_) => break,
                    Err(status) if status.code() == Code::InvalidArgument => break,
                    Err(status) => {
                        tracing::debug!(code = ?status.code(), "the keeper was not told")
                    }
                }
                sleep(pause).await;
                pause = pause.saturating_mul(2).min(PAUSE_MAX);
            }
        }
    }

    /// Keeps the stream of evictions open.
    async fn live(&self) {
        let (mut keeper, mut pause) = (None, PAUSE);
        let mut silent_since = Instant::now();
        loop {
            let left = self.grace.saturating_sub(silent_since.elapsed());
            // While somebody is to be let go at the end of the grace, no try
            // takes longer than that.
            let wait = if left.is_zero() { TRY_MAX } else { left };
            match timeout(wait, self.open()).await {
                Ok(Ok((start, orders))) => {
                    if keeper.is_some() && keeper != start {
                        tracing::warn!("another keeper of the calls: everybody is let go");
                        self.let_go().await;
                    }
                    (keeper, pause) = (start.or(keeper), PAUSE);
                    self.obey(orders).await;
                    silent_since = Instant::now();
                }
                Ok(Err(status)) => {
                    tracing::debug!(code = ?status.code(), "the keeper does not answer");
                }
                Err(_) => tracing::debug!("the keeper does not answer in time"),
            }
            if silent_since.elapsed() >= self.grace && self.let_go().await {
                tracing::warn!("the keeper of the calls is away: everybody was let go");
            }
            sleep(pause.min(self.grace)).await;
            pause = pause.saturating_mul(2).min(PAUSE_MAX);
        }
    }

    async fn open(&self) -> Result<(Option<String>, Streaming<super::Order>), Status> {
        let request = EvictionsRequest { media_server_id: self.name.clone() };
        let mut request = with_node(&self.remote, request, None);
        if let Ok(address) = self.address.parse() {
            request.metadata_mut().insert(ADDRESS, address);
        }
        let response = self.client().evictions(request).await?;
        let start = response.metadata().get(KEEPER).and_then(|start| start.to_str().ok());
        Ok((start.map(str::to_owned), response.into_inner()))
    }

    /// Closes what the keeper has closed, until the stream ends.
    async fn obey(&self, mut orders: Streaming<super::Order>) {
        while let Ok(Some(order)) = orders.message().await {
            let Ok(number) = order.connection_id.parse::<u64>() else { continue };
            let known = match self.state().connections.get_mut(&number) {
                Some(connection) => {
                    connection.evicted = true;
                    true
                }
                None => false,
            };
            if known && self.shard.post(Mail::Evict(number)).await.is_err() {
                return;
            }
        }
    }

    /// Lets everybody go; false if nobody was there.
    async fn let_go(&self) -> bool {
        let numbers: Vec<u64> = self.state().connections.keys().copied().collect();
        for number in &numbers {
            if self.shard.post(Mail::Evict(*number)).await.is_err() {
                break;
            }
        }
        !numbers.is_empty()
    }
}
