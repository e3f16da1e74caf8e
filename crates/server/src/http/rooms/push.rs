//! Notifications of the rooms door: a bounded queue, and a few tasks that send
//! what is in it. Nothing is repeated; what fails is counted.

use super::figures::Tally;
use crate::config::rooms::Rooms as Settings;
use crate::fetch::Fetcher;
use axum::http::Uri;
use parlour_base::Secret;
use parlour_node::call::{Fetch, Fetched};
use parlour_node::rooms::{Push, Topic};
use parlour_wire::rooms::registration::{PUSH_TYPE, escaped, push_body};

/// One address to be told one number.
struct Letter {
    url: String,
    version: i64,
}

/// Sends notifications.
#[derive(Debug)]
pub(super) struct Pusher {
    queue: flume::Sender<Letter>,
    hosts: Vec<String>,
    tally: Tally,
}

impl Pusher {
    /// Starts the tasks that send; they end with the pusher.
    pub(super) fn start(settings: &Settings, fetcher: Fetcher, tally: Tally) -> Self {
        let length = usize::try_from(settings.push_pending).unwrap_or(usize::MAX);
        let (queue, letters) = flume::bounded::<Letter>(length);
        for _ in 0..settings.push_parallel {
            let (letters, fetcher, tally) = (letters.clone(), fetcher.clone(), tally.clone());
            tokio::spawn(async move {
                while let Ok(letter) = letters.recv_async().await {
                    send(&fetcher, &tally, letter).await;
                }
            });
        }
        Self { queue, hosts: settings.push_hosts.clone(), tally }
    }

    /// Queues a notification to each address; never waits.
    pub(super) fn push(&self, push: Push) {
        let Push { urls, version, topic } = push;
        for url in urls {
            let url = escaped(&url);
            if !self.may_go_to(&url) || self.queue.try_send(Letter { url, version }).is_err() {
                self.tally.pushes_dropped.inc();
                tracing::debug!(calls = topic == Topic::Calls, "a notification was not sent");
            }
        }
    }

    /// Whether the configuration lets notifications go there.
    fn may_go_to(&self, url: &str) -> bool {
        let Ok(url) = url.parse::<Uri>() else { return false };
        let authority = url.authority().map(|authority| authority.as_str().to_owned());
        self.hosts.is_empty() || authority.is_some_and(|host| self.hosts.contains(&host))
    }
}

async fn send(fetcher: &Fetcher, tally: &Tally, letter: Letter) {
    let fetch = Fetch {
        method: "PUT",
        url: letter.url,
        headers: vec![("content-type".to_owned(), Secret::new(PUSH_TYPE.to_owned()))],
        body: Secret::new(push_body(letter.version).into_bytes()),
        within: None,
    };
    match fetcher.fetch(fetch).await {
        Fetched::Answer { status: 200..=299, .. } => tally.pushes_sent.inc(),
        Fetched::Answer { .. } | Fetched::Nothing => tally.pushes_failed.inc(),
    };
}
