//! gRPC: the call-control door's services on the listeners that everything
//! else uses too.
//!
//! Owns who may call what, deadlines, rates, and who is told of changes.
//! Refuses to know rooms: what a request means is for the door below
//! (`parlour_node::callctl`).
//!
//! Source: docs/protocols/callctl.md.

mod bridge;
mod caller;
mod change;
mod codec;
mod hub;
mod inner;
mod json;
mod keeper;
mod kik;
mod media;
mod outbox;
mod plane;
mod push;
mod rate;
mod remote;
mod retry;
mod routes;
mod seen;
mod servers;
mod setup;
mod stream;
mod stubs;
mod webhook;
mod written;

pub use caller::Credentials;
pub use routes::Routes;
pub use setup::{Parts, media_server, open};

use crate::clock::Clock;
use crate::config::callctl::{Callctl, Role};
use crate::http::Connection;
use crate::metrics::Counters;
use crate::port::CallId;
use crate::shard::Mailbox;
use caller::User;
use change::{Change, Ids};
use hub::Hub;
use keeper::Keeper;
use parlour_node::call::{Call, Notice};
use parlour_node::callctl::{Config as Rules, Identify, Known, Trouble};
use parlour_wire::callctl::ConvoId;
use parlour_wire::callctl::pb::mobile::video::v1::JoinConvoConferenceResponse;
use parlour_wire::callctl::pb::selfhost::video::v1::{ClientConnectedRequest, Eviction as Order};
use plane::Plane;
use push::Pushes;
use rate::Rate;
use seen::Seen;
use servers::MediaServers;
use std::any::Any;
use std::sync::Arc;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Status};

/// What the door holds that `/metrics` shows beside its limit: of streams,
/// users and the like all, of what each receiver or media server has the most.
pub const LIMITS: [&str; 10] = [
    "callctl.watches",
    "callctl.push_pending",
    "callctl.paced_users",
    "callctl.seen_convos",
    "callctl.leaves_pending",
    "callctl.media_servers",
    "callctl.media_connections",
    "callctl.evictions_pending",
    "callctl.media_places",
    "callctl.reports_pending",
];

/// Whether a request came with the certificate of a bridge.
fn is_bridge<T>(request: &Request<T>) -> bool {
    request.extensions().get::<Connection>().is_some_and(|connection| connection.bridge)
}

/// The door, as its services see it.
#[derive(Debug)]
pub struct Door {
    config: Callctl,
    rules: Arc<Rules>,
    shard: Mailbox,
    counters: Arc<Counters>,
    clock: Clock,
    credentials: Credentials,
    rate: Rate,
    hub: Arc<Hub>,
    pushes: Vec<Pushes>,
    media: MediaServers,
    seen: Seen,
    ids: Ids,
    keeper: Keeper,
    /// The way to the keeper, for a media server apart.
    plane: Option<Arc<Plane>>,
    /// Names this start of the process.
    start: String,
}

impl Door {
    fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules)
    }

    /// The user that calls, if it may call now.
    async fn user<T>(&self, request: &Request<T>) -> Result<Known, Status> {
        let (headers, bridge) = (request.metadata(), is_bridge(request));
        let user = self.name(headers, bridge).await.inspect_err(|status| {
            if status.code() == Code::Unauthenticated {
                self.counters.grpc_unauthenticated.inc();
            }
        })?;
        let now = self.clock.zero() + self.clock.elapsed();
        if self.rate.allows(user.name.as_str(), now) {
            return Ok(user);
        }
        self.counters.grpc_too_often.inc();
        Err(Status::resource_exhausted("too many calls"))
    }

    async fn name(&self, headers: &MetadataMap, bridge: bool) -> Result<Known, Status> {
        match self.credentials.user(headers, bridge, &self.clock)? {
            User::Named(name) => Ok(Known { name, scope: None }),
            User::Bearer(token) => {
                let known: Option<Known> = self.ask(Identify::new(&token)).await?;
                // A front knows no rooms: where the token is good it cannot say.
                let can_say =
                    |known: &Known| matches!(self.keeper, Keeper::Here) || known.scope.is_none();
                known.filter(can_say).ok_or_else(caller::nobody)
            }
        }
    }

    /// Lets an operator or another process of this server in.
    fn inner<T>(&self, request: &Request<T>) -> Result<(), Status> {
        let (headers, bridge) = (request.metadata(), is_bridge(request));
        self.credentials.inner(headers, bridge, &self.clock).inspect_err(|_| {
            self.counters.grpc_unauthenticated.inc();
        })
    }

    /// Has the shard carry out a call and answers what came of it.
    async fn ask<T: Any>(&self, call: impl Call + 'static) -> Result<T, Status> {
        let busy = || Status::unavailable("the server is too busy, or stops");
        let reply = self.shard.call(Box::new(call)).await.ok_or_else(busy)?;
        match reply.open::<Result<T, Trouble>>() {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(trouble @ Trouble::TooMany)) => {
                Err(Status::resource_exhausted(trouble.to_string()))
            }
            Some(Err(trouble)) => Err(Status::unavailable(trouble.to_string())),
            None => {
                tracing::error!("the reply of a call is of another type");
                Err(Status::internal("the server made a mistake"))
            }
        }
    }

    /// What a room of this process has to tell; never waits. A notice of
    /// another door is given back.
    ///
    /// # Errors
    /// The notice, if it is not this door's.
    pub fn tell(&self, notice: Notice) -> Result<(), Notice> {
        match notice {
            Notice::Roster(roster) => {
                if roster.state.user_states.is_empty() {
                    self.media.leave_place(&roster.convo.key());
                }
                let change = self.ids.of_roster(*roster);
                self.push(&change);
                Ok(())
            }
            Notice::Eviction(eviction) => {
                if !self.media.evict(&eviction) {
                    self.counters.evictions_overflowed.inc();
                }
                Ok(())
            }
            Notice::Departed(connection) => {
                if let Some(plane) = &self.plane {
                    plane.departed(connection);
                }
                Ok(())
            }
            other => Err(other),
        }
    }

    /// Asks the keeper of the calls whether a token may in; never waits.
    ///
    /// # Errors
    /// The call, if this is no media server apart.
    pub fn present(&self, call: CallId, request: ClientConnectedRequest) -> Result<(), CallId> {
        self.plane.as_ref().map(|plane| plane.present(call, request)).ok_or(call)
    }

    /// Sends whoever was let in to the media server that has the call, if it
    /// is one apart.
    fn direct(&self, convo: &ConvoId, answer: &mut JoinConvoConferenceResponse) {
        if let Some(info) = &mut answer.connection_info
            && let Some((host, port)) = self.media.place(&convo.key())
        {
            (info.host, info.port) = (host, port.into());
        }
    }

    /// Tells everybody who has to be told; never waits.
    fn push(&self, change: &Arc<Change>) {
        for pushes in &self.pushes {
            pushes.put(change);
        }
        if self.config.role != Role::Vcs {
            self.hub.tell(change);
        }
    }

    /// How much there is and may be of each of [`LIMITS`].
    fn fill(&self) -> [(u64, u64); LIMITS.len()] {
        let wide = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let config = &self.config;
        let waiting = self.pushes.iter().map(Pushes::waiting).max().unwrap_or(0);
        let leaving = match &self.keeper {
            Keeper::Here => 0,
            Keeper::There(there) => there.leaving(),
        };
        let reports = self.plane.as_ref().map_or(0, |plane| plane.waiting());
        let [servers, connections, evictions, places] =
            self.media.fill().map(|(used, max)| (wide(used), wide(max)));
        [
            (wide(self.hub.count()), wide(self.hub.limit())),
            (wide(waiting), config.push_pending.into()),
            (wide(self.rate.users()), config.paced_users.into()),
            (wide(self.seen.count()), config.seen_convos.into()),
            (wide(leaving), config.leaves_pending.into()),
            servers,
            connections,
            evictions,
            places,
            (wide(reports), config.reports_pending.into()),
        ]
    }

    /// Ends what is open.
    pub fn close(&self) {
        self.hub.close();
        self.media.close();
    }
}
