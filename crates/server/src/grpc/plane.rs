//! A media server apart: what it asks the keeper of the calls, reports to it,
//! and is told by it (arrow 6, seen from the other side).
//!
//! The open stream of evictions is the sign of life of both. When it could not
//! be had for the time of grace, or the keeper is another one than before,
//! everybody who was let in is let go.

use super::media::{ADDRESS, KEEPER};
use super::remote::{Remote, with_node};
use super::retry::Pauses;
use super::stubs::selfhost::video::v1::media_plane_client::MediaPlaneClient;
use crate::config::callctl::Callctl;
use crate::metrics::Counters;
use crate::port::CallId;
use crate::shard::{Mail, Mailbox};
use futures_util::StreamExt as _;
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

/// The way to the keeper.
#[derive(Debug)]
pub(super) struct Plane {
    remote: Remote,
    /// What the keeper calls this server: new at each start.
    name: String,
    /// Where clients reach it.
    address: String,
    limits: Limits,
    shard: Mailbox,
    counters: Arc<Counters>,
    state: Mutex<State>,
    some: Notify,
    /// Becomes true when the server stops.
    stop: watch::Receiver<bool>,
    /// How many connections the keeper has not heard the end of.
    open: watch::Sender<usize>,
    /// Where questions go on: the shard, which asks them, has no tasks.
    runtime: Handle,
}

/// Its times, and how much it holds.
#[derive(Debug, Clone, Copy)]
struct Limits {
    grace: Duration,
    farewell: Duration,
    pauses: Pauses,
    /// Ends that wait to be reported; the oldest is dropped for one more. The
    /// keeper has had no answer for so long that it has let all of them go.
    reports: usize,
    at_once: usize,
}

impl Limits {
    fn of(config: &Callctl) -> Self {
        Self {
            grace: config.media_grace.0,
            farewell: config.farewell.0,
            pauses: Pauses::of(config),
            reports: usize::try_from(config.reports_pending).unwrap_or(usize::MAX),
            at_once: config.reports_at_once.into(),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    connections: HashMap<u64, Connection>,
    /// Ends to be reported.
    over: VecDeque<ClientDisconnectedNotification>,
    /// Ends that are being reported.
    telling: usize,
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
pub(super) struct Parts<'p> {
    pub remote: Remote,
    pub name: String,
    pub address: String,
    pub config: &'p Callctl,
    pub shard: Mailbox,
    pub counters: Arc<Counters>,
    pub stop: watch::Receiver<bool>,
}

impl Plane {
    /// Must be called from a task.
    pub(super) fn new(parts: Parts<'_>) -> Self {
        let Parts { remote, name, address, config, shard, counters, stop } = parts;
        Self {
            remote,
            name,
            address,
            limits: Limits::of(config),
            shard,
            counters,
            state: Mutex::default(),
            some: Notify::new(),
            stop,
            open: watch::Sender::new(0),
            runtime: Handle::current(),
        }
    }

    /// How many ends wait to be reported.
    pub(super) fn waiting(&self) -> usize {
        self.state().over.len()
    }

    /// Says how much the keeper has still to hear.
    fn count(&self, state: &State) {
        self.open.send_replace(state.connections.len() + state.over.len() + state.telling);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn client(&self) -> MediaPlaneClient<tonic::transport::Channel> {
        MediaPlaneClient::new(self.remote.channel())
    }

    /// Starts what goes on beside, until the server stops and the keeper has
    /// heard of everybody's end.
    pub(super) fn start(self: &Arc<Self>, tasks: &TaskTracker) {
        let this = Arc::clone(self);
        tasks.spawn(async move {
            // What is under way then need not be ended: the keeper sees the
            // stream end, and lets go of what was not reported.
            tokio::select! {
                () = this.farewell() => {}
                () = this.live() => {}
                () = this.report() => {}
            }
        });
    }

    /// Ends when the server stops and there is nothing left to report, or it
    /// takes too long.
    async fn farewell(&self) {
        // An error means that nobody can stop the server any more.
        drop(self.stop.clone().wait_for(|stop| *stop).await);
        let mut open = self.open.subscribe();
        let heard = open.wait_for(|open| *open == 0);
        if timeout(self.limits.farewell, heard).await.is_err() {
            let left = *self.open.borrow();
            tracing::warn!(left, "the keeper of the calls was not told of every end");
        }
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
        {
            let mut state = self.state();
            state.connections.insert(number, connection);
            self.count(&state);
        }
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
        match result.map(|result| result == i32::from(Connected::Ok)) {
            Ok(true) if !connection.gone => connection.is_in = true,
            Ok(false) => {
                state.connections.remove(&number);
                self.count(&state);
            }
            // It has gone meanwhile, or the keeper may have let it in without
            // our knowing.
            Ok(true) | Err(_) => self.end(&mut state, number, Reason::NetworkLoss),
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
        let reason = match connection.evicted {
            true => Reason::Evicted,
            false if *self.stop.borrow() => Reason::ServerShutdown,
            false => Reason::ClientClosed,
        };
        self.end(&mut state, number, reason);
    }

    /// Has an end reported.
    fn end(&self, state: &mut State, number: u64, reason: Reason) {
        let Some(connection) = state.connections.remove(&number) else { return };
        if state.over.len() >= self.limits.reports {
            state.over.pop_front();
            self.counters.reports_dropped.inc();
        }
        state.over.push_back(ClientDisconnectedNotification {
            conference_id: connection.conference_id,
            connection_token: connection.token,
            media_server_id: self.name.clone(),
            connection_id: number.to_string(),
            reason: reason.into(),
        });
        self.count(state);
        self.some.notify_one();
    }

    /// The next end to report.
    async fn next(&self) -> ClientDisconnectedNotification {
        loop {
            {
                let mut state = self.state();
                if let Some(notice) = state.over.pop_front() {
                    state.telling += 1;
                    return notice;
                }
            }
            // The permit of a notification that came before is kept.
            self.some.notified().await;
        }
    }

    /// Reports ends, a few at once.
    async fn report(&self) {
        let ends = futures_util::stream::unfold((), |()| async { Some((self.next().await, ())) });
        ends.for_each_concurrent(self.limits.at_once, |notice| self.tell(notice)).await;
    }

    /// Reports one end until it is heard.
    async fn tell(&self, notice: ClientDisconnectedNotification) {
        let mut failures = 0_u32;
        loop {
            let request = with_node(&self.remote, notice.clone(), None);
            match self.client().client_disconnected(request).await {
                Ok(_) => break,
                Err(status) if status.code() == Code::InvalidArgument => break,
                Err(status) => tracing::debug!(code = ?status.code(), "the keeper was not told"),
            }
            failures = failures.saturating_add(1);
            sleep(self.limits.pauses.after(failures)).await;
        }
        let mut state = self.state();
        state.telling = state.telling.saturating_sub(1);
        self.count(&state);
    }

    /// Keeps the stream of evictions open.
    async fn live(&self) {
        let (mut keeper, mut failures) = (None, 0_u32);
        let grace = self.limits.grace;
        let mut silent_since = Instant::now();
        loop {
            let left = grace.saturating_sub(silent_since.elapsed());
            // While somebody is to be let go at the end of the grace, no try
            // takes longer than that.
            let wait = if left.is_zero() { self.remote.answer } else { left };
            match timeout(wait, self.open()).await {
                Ok(Ok((start, orders))) => {
                    if keeper.is_some() && keeper != start {
                        tracing::warn!("another keeper of the calls: everybody is let go");
                        self.let_go().await;
                    }
                    (keeper, failures) = (start.or(keeper), 0);
                    self.obey(orders).await;
                    silent_since = Instant::now();
                }
                Ok(Err(status)) => {
                    tracing::debug!(code = ?status.code(), "the keeper does not answer");
                }
                Err(_) => tracing::debug!("the keeper does not answer in time"),
            }
            if silent_since.elapsed() >= grace && self.let_go().await {
                tracing::warn!("the keeper of the calls is away: everybody was let go");
            }
            failures = failures.saturating_add(1);
            sleep(self.limits.pauses.after(failures).min(grace)).await;
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
