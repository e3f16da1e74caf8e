//! `ConvoStateStream`: pushes for clients that speak gRPC.

use super::Door;
use super::hub::{Told, Watching};
use super::stubs::selfhost::video::v1::convo_state_stream_server::ConvoStateStream;
use super::written::Written;
use crate::metrics::Counters;
use parlour_node::callctl::Known;
use parlour_wire::callctl::ConvoId;
use parlour_wire::callctl::pb::selfhost::video::v1::watch_event::{Heartbeat, Kind, Lagged, Ready};
use parlour_wire::callctl::pb::selfhost::video::v1::{WatchEvent, WatchRequest};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};
use tonic::{Request, Response, Status};

/// The service.
#[derive(Debug, Clone)]
pub(super) struct Stream(pub(super) Arc<Door>);

/// When the caller stops waiting, as its call says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Until(pub(super) Instant);

#[tonic::async_trait]
impl ConvoStateStream for Stream {
    type WatchStream = Events;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Events>, Status> {
        let door = &self.0;
        let Known { name: user, scope } = door.user(&request).await?;
        let until = request.extensions().get::<Until>().map(|until| until.0);
        let convos = request.into_inner().convo_ids;
        let keys = convos.into_iter().map(|id| ConvoId::try_from(id).map(|convo| convo.key()));
        let keys = keys.collect::<Result<_, _>>();
        let keys: std::collections::BTreeSet<String> =
            keys.map_err(|offence| Status::invalid_argument(offence.to_string()))?;
        let only = (!keys.is_empty()).then_some(keys);
        let watching = door.hub.watch(user.as_str(), only, scope);
        let Some(watching) = watching else {
            door.counters.watches_refused.inc();
            return Err(Status::resource_exhausted("too many streams"));
        };
        Ok(Response::new(Events {
            watching,
            counters: Arc::clone(&door.counters),
            is_ready: false,
            every: door.config.heartbeat.0,
            heart: Box::pin(sleep(door.config.heartbeat.0)),
            until: until.map(|until| Box::pin(tokio::time::sleep_until(until))),
            over: false,
        }))
    }
}

/// The events of one stream.
#[derive(Debug)]
pub(super) struct Events {
    watching: Watching,
    counters: Arc<Counters>,
    is_ready: bool,
    every: Duration,
    heart: Pin<Box<Sleep>>,
    until: Option<Pin<Box<Sleep>>>,
    over: bool,
}

impl Events {
    fn event(&mut self, kind: Kind) -> Poll<Option<Result<Written, Status>>> {
        self.written(Written::of(&WatchEvent { kind: Some(kind) }).ok())
    }

    /// An event; the next heartbeat counts from it.
    fn written(&mut self, event: Option<Written>) -> Poll<Option<Result<Written, Status>>> {
        let next = Instant::now() + self.every;
        self.heart.as_mut().reset(next);
        match event {
            Some(event) => Poll::Ready(Some(Ok(event))),
            None => self.end(Status::internal("the event would break a limit")),
        }
    }

    fn end(&mut self, status: Status) -> Poll<Option<Result<Written, Status>>> {
        self.over = true;
        Poll::Ready(Some(Err(status)))
    }
}

impl futures_util::Stream for Events {
    type Item = Result<Written, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.over {
            return Poll::Ready(None);
        }
        if !this.is_ready {
            this.is_ready = true;
            return this.event(Kind::Ready(Ready {}));
        }
        if this.until.as_mut().is_some_and(|until| until.as_mut().poll(cx).is_ready()) {
            return this.end(Status::deadline_exceeded("the stream lasted as long as asked"));
        }
        match this.watching.poll(cx.waker()) {
            Poll::Ready(Told::Changed(change)) => this.written(change.event()),
            Poll::Ready(Told::Lagged) => {
                this.counters.watches_lagged.inc();
                this.event(Kind::Lagged(Lagged {}))
            }
            Poll::Ready(Told::Closed) => this.end(Status::unavailable("the server stops")),
            Poll::Pending => {
                ready!(this.heart.as_mut().poll(cx));
                this.event(Kind::Heartbeat(Heartbeat {}))
            }
        }
    }
}
