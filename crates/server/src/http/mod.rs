//! HTTP: which path is what, and what every answer carries.
//!
//! Owns the table of paths of docs/protocols/galene.md §2.1. Refuses to know
//! rooms: what it wants to know of one it asks the shard.

mod accept;
pub mod api;
mod asked;
mod assets;
mod gate;
mod linger;
mod origin;
mod pages;
mod paths;
mod range;
mod reply;
pub mod rooms;
mod websocket;

pub use accept::{Listening, bind, serve};
pub use asked::Connection;
pub use assets::Assets;
pub use gate::Gate;
pub use rooms::Rooms;

use crate::config::Config;
use crate::groups::GroupFolder;
use crate::grpc::Routes;
use crate::metrics::Counters;
use crate::shard::Mailbox;
use asked::Asked;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderName, Method, Request, StatusCode};
use axum::response::Response;
use std::sync::{Arc, OnceLock};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// What the handlers work with.
#[derive(Debug)]
pub struct Site {
    /// The configuration.
    pub config: Config,
    /// The web client's files.
    pub assets: Assets,
    /// The group files.
    pub groups: GroupFolder,
    /// The way to the shard.
    pub shard: Mailbox,
    /// Counters of the process.
    pub counters: Arc<Counters>,
    /// Who may still come in.
    pub gate: Gate,
    /// The gRPC services, once they are open.
    pub grpc: OnceLock<Routes>,
    /// The rooms door, once it is open.
    pub rooms: OnceLock<Arc<Rooms>>,
    /// The integration API, once it is open.
    pub api: OnceLock<Arc<api::Api>>,
    /// The tasks of WebSocket connections; waited for at the end.
    pub tasks: TaskTracker,
    /// Places for reading files.
    reads: Semaphore,
}

impl Site {
    /// Puts the handlers' things together.
    #[must_use]
    pub fn new(
        config: Config,
        groups: GroupFolder,
        shard: Mailbox,
        counters: Arc<Counters>,
    ) -> Self {
        let folder = &config.http.static_dir;
        let assets = if folder.as_os_str().is_empty() {
            Assets::BuiltIn
        } else {
            Assets::Tree(folder.clone())
        };
        let gate = Gate::new(&config.http, Arc::clone(&counters));
        let reads = Semaphore::new(assets::READS_MAX);
        let (grpc, rooms, tasks) = (OnceLock::new(), OnceLock::new(), TaskTracker::new());
        let api = OnceLock::new();
        Self { config, assets, groups, shard, counters, gate, grpc, rooms, api, tasks, reads }
    }
}

/// What the main listeners answer.
async fn answer(site: Arc<Site>, connection: Connection, request: Request<Body>) -> Response {
    site.counters.requests.inc();
    if let Some(grpc) = site.grpc.get().filter(|grpc| grpc.is_for(&request)) {
        // Only what is to be turned away comes here; see `accept`.
        return if connection.refused { reply::busy() } else { grpc.answer(request).await };
    }
    let api = site.api.get().filter(|_| api::Api::is_for(request.uri().path()));
    if let Some(api) = api.filter(|_| !connection.refused) {
        let response = api.answer(request, false).await;
        count(&site.counters, response.status());
        return response;
    }
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let rooms = site.rooms.get().filter(|it| it.is_for(&parts.method, &parts.headers, path));
    if let Some(rooms) = rooms.filter(|_| !connection.refused) {
        let response = rooms::answer(&site, rooms, connection, parts, body).await;
        count(&site.counters, response.status());
        return response;
    }
    // No other door of this listener takes a body.
    let asked = Asked::read(&parts, connection, &site.config.http.proxies);
    let unknown = site.rooms.get().and_then(|rooms| rooms.unknown(&parts));
    let mut response =
        if connection.refused { reply::busy() } else { route(&site, &asked, parts).await };
    let is_unknown = [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED];
    if let Some(unknown) = unknown.filter(|_| is_unknown.contains(&response.status())) {
        response = unknown.answer();
    }
    count(&site.counters, response.status());
    for (name, value) in [
        (HeaderName::from_static("referrer-policy"), "no-referrer"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
    ] {
        reply::set(&mut response, name, value);
    }
    response
}

fn count(counters: &Counters, status: StatusCode) {
    if status.is_client_error() {
        counters.client_errors.inc();
    } else if status.is_server_error() {
        counters.server_errors.inc();
    }
}

async fn route(site: &Arc<Site>, asked: &Asked, parts: Parts) -> Response {
    let Some(path) = paths::decode(parts.uri.path()) else {
        return reply::plain(StatusCode::BAD_REQUEST, "Bad request");
    };
    let cleaned = paths::clean(&path);
    if cleaned != path {
        return reply::redirect(&cleaned, parts.uri.query());
    }
    match path.as_str() {
        "/ws" => websocket::upgrade(site, asked, parts),
        "/public-groups.json" => gentle(&parts.method, pages::public_groups(site, asked)).await,
        path if path.starts_with("/r/") => pages::invited(site, asked, &parts, path).await,
        _ => match paths::group(&path) {
            Some(group) => pages::group(site, asked, &parts, &path, group).await,
            None if path.starts_with("/group/") || path == "/group" => pages::not_found(site).await,
            None => pages::asset(site, asked, &parts, &path).await,
        },
    }
}

/// The methods of everything that is only read.
const READING: &str = "OPTIONS, GET, HEAD";

/// Lets reading methods through to `answer`.
async fn gentle(method: &Method, answer: impl Future<Output = Response>) -> Response {
    match *method {
        Method::GET | Method::HEAD => answer.await,
        Method::OPTIONS => reply::options(READING),
        _ => reply::not_allowed(READING),
    }
}
