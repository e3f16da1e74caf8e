//! The listener for probes and metrics: `/live`, `/ready`, `/metrics`.
//!
//! Plain HTTP/1.1 on loopback unless told otherwise. Refuses to know anything
//! about clients.

use crate::config::{Listen, OPS_DEFAULT};
use crate::fetch::Fetcher;
use crate::grpc::{self, Routes};
use crate::http::Site;
use crate::media::{WORDS_MAX, WorkerPort};
use crate::metrics::Metrics;
use crate::metrics::figures::{Limit, Moment, StoreFigures, figures};
use crate::pool::Jobs;
use crate::port::{Gauges, Query, Reply};
use crate::shard::{CheckJob, MAIL_BYTES_MAX, MAIL_MAX, ReadJob};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

/// Connections at once; further ones are closed.
const CONNECTIONS_MAX: usize = 32;

/// Time for a request head, and for a connection to stay.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);

/// How long to wait after the system failed to accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The limits whose use is shown, without those of call control.
const LIMITS: &[&str] = &[
    "http.connections_max",
    "http.connections_per_address",
    "shard_mail",
    "shard_mail_bytes",
    "passwords.queue",
    "group_reads",
    "store_queue",
    "worker_words",
    "fetch.places",
    "control.rooms",
    "control.entries",
    "control.calls",
];

/// All of them, those of call control at the end.
pub fn limit_names() -> impl Iterator<Item = &'static str> {
    LIMITS.iter().chain(&grpc::LIMITS).copied()
}

/// What the store shows of itself, read at each scrape.
pub type StoreProbe = Box<dyn Fn() -> StoreView + Send + Sync>;

/// The store at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct StoreView {
    /// Whether its thread lives and its last work did not fail.
    pub ready: bool,
    /// What it has counted.
    pub figures: StoreFigures,
    /// Requests that wait, and that may wait.
    pub queue: (u64, u64),
}

/// What the answers are made from.
pub struct Ops {
    /// The main listeners' things.
    pub site: Arc<Site>,
    /// The media workers.
    pub workers: Vec<WorkerPort>,
    /// The password pool.
    pub passwords: Jobs<CheckJob>,
    /// The readers of group files.
    pub groups: Jobs<ReadJob>,
    /// What asks other services.
    pub fetcher: Fetcher,
    /// The store.
    pub store: StoreProbe,
    /// The registry.
    pub metrics: Metrics,
    /// True once the process stops.
    pub stop: watch::Receiver<bool>,
}

impl std::fmt::Debug for Ops {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ops").finish_non_exhaustive()
    }
}

/// Binds the listener. A taken default port is replaced by a free one, because
/// a second server on one machine is common in trying things out.
///
/// # Errors
/// The system's.
pub async fn bind(listen: &Listen) -> io::Result<TcpListener> {
    let addresses = listen.resolve()?;
    match TcpListener::bind(addresses.as_slice()).await {
        Err(error)
            if error.kind() == io::ErrorKind::AddrInUse
                && OPS_DEFAULT == format!("{}:{}", listen.host, listen.port) =>
        {
            let free: Vec<SocketAddr> =
                addresses.iter().map(|address| SocketAddr::new(address.ip(), 0)).collect();
            TcpListener::bind(free.as_slice()).await
        }
        bound => bound,
    }
}

/// Answers until the process stops.
pub async fn serve(ops: Arc<Ops>, listener: TcpListener) {
    let mut stop = ops.stop.clone();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let router = Router::new()
        .route("/live", get(async || "alive\n"))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/rooms/{token}", get(rooms_report))
        .with_state(Arc::clone(&ops));
    loop {
        // Accept is safe to cancel, and the flag stays set.
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let router = router.clone();
        let mut stop = stop.clone();
        ops.site.tasks.spawn(async move {
            let _place = place;
            let service = TowerToHyperService::new(router);
            let mut builder = hyper::server::conn::http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
            let serving = builder.serve_connection(TokioIo::new(stream), service);
            // A probe that is cut off asks again.
            tokio::select! {
                _ = serving => {}
                () = tokio::time::sleep(CONNECTION_TIMEOUT) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        });
    }
}

async fn ready(State(ops): State<Arc<Ops>>) -> Response {
    if *ops.stop.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    if !(ops.store)().ready {
        return (StatusCode::SERVICE_UNAVAILABLE, "the store fails\n").into_response();
    }
    match ops.site.shard.ask(Query::Gauges).await {
        Some(_) => "ready\n".into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "the shard does not answer\n").into_response(),
    }
}

async fn metrics(State(ops): State<Arc<Ops>>) -> Response {
    let shard = match ops.site.shard.ask(Query::Gauges).await {
        Some(Reply::Gauges(gauges)) => Some(gauges),
        _ => None,
    };
    let store = (ops.store)();
    let moment = Moment {
        shard,
        workers: ops.workers.iter().map(WorkerPort::stats).collect(),
        store: store.figures,
        limits: limits(&ops, store.queue, &shard.unwrap_or_default()),
    };
    let mut all = figures(&moment);
    all.extend(ops.site.rooms.get().map(|rooms| rooms.tally.figures()).unwrap_or_default());
    let text = ops.metrics.print(all);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// What the clients of the rooms door reported of one room.
async fn rooms_report(State(ops): State<Arc<Ops>>, Path(token): Path<String>) -> Response {
    match ops.site.rooms.get().and_then(|rooms| rooms.report(&token)) {
        Some(report) => ([(header::CONTENT_TYPE, "application/json")], report).into_response(),
        None => (StatusCode::NOT_FOUND, "nothing was reported\n").into_response(),
    }
}

/// Use and size of each limit, in the order of [`limit_names`].
fn limits(ops: &Ops, (store_used, store_max): (u64, u64), held: &Gauges) -> Vec<Limit> {
    let wide = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let (inside, inside_max) = ops.site.gate.fill();
    let (fullest, address_max) = ops.site.gate.fill_of_fullest();
    let words = ops.workers.iter().map(WorkerPort::waiting).max().unwrap_or(0);
    let (fetches, fetches_max) = ops.fetcher.fill();
    let (shard, control) = (&ops.site.shard, &ops.site.config.control);
    let callctl = ops.site.grpc.get().map_or([(0, 0); grpc::LIMITS.len()], Routes::fill);
    let uses = [
        (inside.into(), inside_max.into()),
        (fullest.into(), address_max.into()),
        (wide(shard.waiting()), wide(MAIL_MAX)),
        (wide(shard.waiting_bytes()), wide(MAIL_BYTES_MAX)),
        (wide(ops.passwords.waiting()), wide(ops.passwords.room())),
        (wide(ops.groups.waiting()), wide(ops.groups.room())),
        (store_used, store_max),
        (wide(words), wide(WORDS_MAX)),
        (wide(fetches), wide(fetches_max)),
        (held.rooms + held.openings, control.rooms.into()),
        (held.entries, control.entries.into()),
        (held.calls, control.calls.into()),
    ];
    let uses = uses.into_iter().chain(callctl);
    limit_names().zip(uses).map(|(name, (used, max))| Limit { name, used, max }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_about_limits_marks_those_whose_use_is_shown() {
        let page = include_str!("../../../docs/reference/limits.md");
        let marked: Vec<&str> = page.lines().filter(|line| line.contains(" ● |")).collect();
        assert_eq!(marked.len(), limit_names().count(), "{marked:#?}");
        for name in limit_names().filter(|name| name.contains('.')) {
            assert!(marked.iter().any(|line| line.contains(name)), "{name} is not marked");
        }
    }
}
