//! Asking other services over HTTP: webhooks, and applications that know more
//! than the server.
//!
//! Owns how many requests are under way, how long they may take and how much
//! of an answer is kept. Redirects are not followed. Refuses to know what is
//! asked.

use crate::config::sections;
use crate::shard::{Mail, Mailbox};
use axum::body::Body;
use http_body_util::{BodyExt as _, Limited};
use hyper::Request;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use parlour_node::CallId;
use parlour_node::call::{Fetch, Fetched};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Asks other services.
#[derive(Debug, Clone)]
pub struct Fetcher {
    client: Client<HttpsConnector<HttpConnector>, Body>,
    places: Arc<Semaphore>,
    places_max: usize,
    patience: Duration,
    answer_max: usize,
    runtime: tokio::runtime::Handle,
}

impl Fetcher {
    /// A fetcher that trusts the certificates that this machine trusts and
    /// works on the present runtime.
    ///
    /// # Errors
    /// If they cannot be read.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub fn new(config: &sections::Fetch) -> std::io::Result<Self> {
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()?
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(config.idle.0)
            .pool_max_idle_per_host(usize::try_from(config.idle_max).unwrap_or(usize::MAX))
            .build(connector);
        let places_max = usize::try_from(config.places).unwrap_or(Semaphore::MAX_PERMITS);
        Ok(Self {
            client,
            places: Arc::new(Semaphore::new(places_max)),
            places_max,
            patience: config.patience.0,
            answer_max: config.answer_bytes_max.bytes(),
            runtime: tokio::runtime::Handle::current(),
        })
    }

    /// How many requests are under way, and may be.
    #[must_use]
    pub fn fill(&self) -> (usize, usize) {
        (self.places_max.saturating_sub(self.places.available_permits()), self.places_max)
    }

    /// Asks, once there is a place.
    pub async fn fetch(&self, fetch: Fetch) -> Fetched {
        let Ok(_place) = self.places.acquire().await else { return Fetched::Nothing };
        self.ask(fetch).await
    }

    async fn ask(&self, fetch: Fetch) -> Fetched {
        let patience = fetch.within.map_or(self.patience, |within| within.min(self.patience));
        match timeout(patience, self.exchange(fetch)).await {
            Ok(Some((status, body))) => Fetched::Answer { status, body },
            _ => Fetched::Nothing,
        }
    }

    async fn exchange(&self, fetch: Fetch) -> Option<(u16, Vec<u8>)> {
        let mut request = Request::builder().method(fetch.method).uri(&fetch.url);
        for (name, value) in &fetch.headers {
            request = request.header(name, value.expose());
        }
        let request = request.body(Body::from(fetch.body.expose().clone())).ok()?;
        let answer = match self.client.request(request).await {
            Ok(answer) => answer,
            Err(error) => {
                // The URL may hold a secret and is not written.
                tracing::debug!(connecting = error.is_connect(), "another service cannot be asked");
                return None;
            }
        };
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), self.answer_max).collect().await.ok()?;
        Some((status, body.to_bytes().to_vec()))
    }

    /// Asks for a call of the shard, which is told what came of it.
    ///
    /// # Errors
    /// The call, if there is no place; it was not asked.
    pub fn for_call(&self, shard: &Mailbox, call: CallId, fetch: Fetch) -> Result<(), CallId> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return Err(call) };
        let (this, shard) = (self.clone(), shard.clone());
        self.runtime.spawn(async move {
            let fetched = this.ask(fetch).await;
            drop(place);
            // A shard that is gone needs no answer.
            drop(shard.post(Mail::Fetched(call, fetched)).await);
        });
        Ok(())
    }
}
