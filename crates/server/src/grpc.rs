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
mod push;
mod rate;
mod remote;
mod routes;
mod seen;
mod setup;
mod stream;
mod stubs;
mod webhook;

pub use caller::Credentials;
pub use routes::Routes;
pub use setup::{Parts, open};

use crate::clock::Clock;
use crate::config::callctl::{Callctl, Role};
use crate::metrics::Counters;
use crate::shard::Mailbox;
use caller::User;
use change::{Change, Ids};
use hub::Hub;
use keeper::Keeper;
use media::MediaServers;
use parlour_node::call::{Call, Notice};
use parlour_node::callctl::{Config as Rules, Identify, Trouble};
use parlour_wire::callctl::LocalPart;
use push::Pushes;
use rate::Rate;
use seen::Seen;
use std::any::Any;
use std::sync::Arc;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

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
}

impl Door {
    fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules)
    }

    /// The user that calls, if it may call now.
    async fn user(&self, headers: &MetadataMap) -> Result<LocalPart, Status> {
        let user = self.name(headers).await.inspect_err(|status| {
            if status.code() == Code::Unauthenticated {
                self.counters.grpc_unauthenticated.inc();
            }
        })?;
        let now = self.clock.zero() + self.clock.elapsed();
        if self.rate.allows(user.as_str(), now) {
            return Ok(user);
        }
        self.counters.grpc_too_often.inc();
        Err(Status::resource_exhausted("too many calls"))
    }

    async fn name(&self, headers: &MetadataMap) -> Result<LocalPart, Status> {
        match self.credentials.user(headers, &self.clock)? {
            User::Named(name) => Ok(name),
            User::Bearer(token) => {
                let name: Option<LocalPart> = self.ask(Identify::new(&token)).await?;
                name.ok_or_else(caller::nobody)
            }
        }
    }

    /// Lets an operator or another process of this server in.
    fn inner(&self, headers: &MetadataMap) -> Result<(), Status> {
        self.credentials.inner(headers, &self.clock).inspect_err(|_| {
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
                let change = self.ids.of_roster(*roster);
                self.push(&change);
                Ok(())
            }
            Notice::Eviction(eviction) => {
                self.media.evict(&eviction);
                Ok(())
            }
            other => Err(other),
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

    /// Streams of changes, and the most conversations that wait to be pushed to
    /// one receiver: how many there are, and how many there may be.
    fn fill(&self) -> [(u64, u64); 2] {
        let wide = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let waiting = self.pushes.iter().map(Pushes::waiting).max().unwrap_or(0);
        [
            (wide(self.hub.count()), self.config.watches.into()),
            (wide(waiting), self.config.push_pending.into()),
        ]
    }

    /// Ends what is open.
    pub fn close(&self) {
        self.hub.close();
        self.media.close();
    }
}
