//! Pushes to somebody outside: a gRPC callback, a webhook, and what a keeper
//! of calls tells its front (arrow 4).
//!
//! Each receiver has an outbox and a task for each of its lanes. A push that
//! fails is tried again only while nothing newer of its conversation waits
//! (REQ-77), and never holds up the call that caused it.

use super::change::Change;
use super::outbox::Outbox;
use super::remote::{Remote, with_node};
use super::retry::Pauses;
use super::stubs::internal::video::v1::internal_kik_video_client::InternalKikVideoClient;
use super::stubs::mobileremote::video::v1::mobile_video_client::MobileVideoClient;
use super::webhook::Webhook;
use crate::config::callctl::Callctl;
use crate::metrics::Counters;
use futures_util::StreamExt as _;
use parlour_wire::callctl::Message as _;
use parlour_wire::callctl::metadata::Header as _;
use parlour_wire::callctl::pb::common::XiBareUserJid;
use parlour_wire::callctl::pb::internal::video::v1::ConvoVideoStateChangedFromVcsNotification;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tonic::metadata::{BinaryMetadataKey, MetadataValue};

/// Somebody outside who is told.
#[derive(Debug, Clone)]
pub(super) enum Receiver {
    /// A service of the kind that phones have: one call for each member.
    Callback(Remote),
    /// An HTTP endpoint: one request for each member.
    Webhook(Arc<Webhook>),
    /// The front of the calls that are kept here: one call for each change,
    /// tried until it is heard or outdated.
    Front(Remote),
}

/// A receiver with what waits for it.
#[derive(Debug)]
pub(super) struct Pushes {
    receiver: Receiver,
    outbox: Arc<Outbox>,
    counters: Arc<Counters>,
    pace: Pace,
}

/// How much is told at once, and how often it is tried.
#[derive(Debug, Clone, Copy)]
struct Pace {
    lanes: u16,
    at_once: usize,
    tries: u32,
    pauses: Pauses,
}

impl Pushes {
    pub(super) fn new(receiver: Receiver, config: &Callctl, counters: Arc<Counters>) -> Self {
        let convos_max = usize::try_from(config.push_pending).unwrap_or(usize::MAX);
        let outbox = Arc::new(Outbox::new(convos_max, config.push_lanes));
        let pace = Pace {
            lanes: config.push_lanes,
            at_once: config.push_at_once.into(),
            tries: config.push_tries.into(),
            pauses: Pauses::of(config),
        };
        Self { receiver, outbox, counters, pace }
    }

    /// Has a change told; never waits.
    pub(super) fn put(&self, change: &Arc<Change>) {
        if !self.outbox.put(change) {
            self.counters.pushes_dropped.inc();
        }
    }

    /// How many conversations wait.
    pub(super) fn waiting(&self) -> usize {
        self.outbox.waiting()
    }

    /// Starts the tasks, which end when `stop` becomes true.
    pub(super) fn start(&self, tasks: &TaskTracker, stop: &watch::Receiver<bool>) {
        for lane in 0..self.pace.lanes {
            let mut stop = stop.clone();
            let job = Job {
                receiver: self.receiver.clone(),
                outbox: Arc::clone(&self.outbox),
                counters: Arc::clone(&self.counters),
                pace: self.pace,
            };
            tasks.spawn(async move {
                // What is under way when the server stops is given up: pushes
                // are not kept (REQ-72).
                tokio::select! {
                    _ = stop.wait_for(|stop| *stop) => {}
                    () = job.run(lane) => {}
                }
            });
        }
    }
}

struct Job {
    receiver: Receiver,
    outbox: Arc<Outbox>,
    counters: Arc<Counters>,
    pace: Pace,
}

impl Job {
    async fn run(&self, lane: u16) {
        loop {
            let change = self.outbox.take(lane).await;
            match &self.receiver {
                Receiver::Front(remote) => self.tell_front(remote, &change).await,
                Receiver::Callback(_) | Receiver::Webhook(_) => {
                    let members =
                        futures_util::stream::iter(change.members.iter().map(String::as_str));
                    let tell = |member| self.tell_member(&change, member);
                    members.for_each_concurrent(self.pace.at_once, tell).await;
                }
            }
        }
    }

    async fn tell_member(&self, change: &Change, member: &str) {
        for failures in 0..self.pace.tries {
            if failures > 0 {
                tokio::time::sleep(self.pace.pauses.after(failures)).await;
                if self.outbox.has_newer(change) {
                    break;
                }
            }
            let told = match &self.receiver {
                Receiver::Callback(remote) => call(remote, change, member).await,
                Receiver::Webhook(webhook) => webhook.post(change, member).await,
                Receiver::Front(_) => return,
            };
            if told {
                self.counters.pushes_sent.inc();
                return;
            }
        }
        self.counters.pushes_failed.inc();
    }

    async fn tell_front(&self, remote: &Remote, change: &Change) {
        let mut client = InternalKikVideoClient::new(remote.channel());
        let mut failures = 0_u32;
        loop {
            let convo_video_state = change.notice.convo_video_state.clone();
            let message = ConvoVideoStateChangedFromVcsNotification { convo_video_state };
            let request = with_node(remote, message, change.request);
            match client.on_convo_video_state_changed_from_vcs(request).await {
                Ok(_) => {
                    self.counters.pushes_sent.inc();
                    return;
                }
                Err(error) => tracing::debug!(code = ?error.code(), "the front was not told"),
            }
            failures = failures.saturating_add(1);
            tokio::time::sleep(self.pace.pauses.after(failures)).await;
            if self.outbox.has_newer(change) {
                return;
            }
        }
    }
}

/// Calls the service that stands for a member's phone.
async fn call(remote: &Remote, change: &Change, member: &str) -> bool {
    let mut request = with_node(remote, change.notice.clone(), change.request);
    let user = XiBareUserJid { local_part: member.to_owned() };
    let key = BinaryMetadataKey::from_static(XiBareUserJid::KEY);
    request.metadata_mut().insert_bin(key, MetadataValue::from_bytes(&user.encode_to_vec()));
    MobileVideoClient::new(remote.channel()).on_convo_video_state_changed(request).await.is_ok()
}
