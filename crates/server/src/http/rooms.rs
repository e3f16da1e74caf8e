//! The rooms door at the edge: HTTP in, typed requests to the shard, typed
//! answers out, and what follows from an answer.
//!
//! Owns bodies and their limits, the public host and port of a request, the
//! notifications, the reports of media sessions and the WebSocket of
//! one-to-one calls. Refuses to know what a request means.

mod calls;
mod figures;
mod outside;
mod push;
mod socket;

pub use figures::Tally;

use super::asked::Asked;
use super::{Connection, Site, reply};
use crate::clock::Clock;
use crate::config::rooms::Rooms as Settings;
use crate::fetch::Fetcher;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use calls::Calls;
use http_body_util::BodyExt as _;
use outside::Outside;
use parlour_base::Secret;
use parlour_node::call::Notice;
use parlour_node::rooms::{self, Begun, Headers, Reports, Request, Summary, Unread};
use parlour_wire::rooms::path::{PREFIX, Place, place};
use parlour_wire::rooms::{BODY_BYTES_MAX, accept, cors};
use push::Pusher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// Bytes of a body that are read, though not kept, before it is refused.
const DRAINED_MAX: usize = 1 << 20;

/// What the desktop add-on says of itself.
const ADDON_VERSION: HeaderName = HeaderName::from_static("x-loop-addon-ver");

/// How often what has ended is swept out.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);

/// The door and what it keeps at the edge.
#[derive(Debug)]
pub struct Rooms {
    /// The door itself.
    pub door: Arc<rooms::Door>,
    /// What it has counted.
    pub tally: Tally,
    settings: Settings,
    clock: Clock,
    pusher: Pusher,
    calls: Arc<Calls>,
    reports: Mutex<Reports>,
}

impl Rooms {
    /// Opens the door's edge on the present runtime.
    #[must_use]
    pub fn open(
        door: Arc<rooms::Door>,
        settings: Settings,
        clock: Clock,
        fetcher: Fetcher,
    ) -> Self {
        let tally = Tally::default();
        let pusher = Pusher::start(&settings, fetcher, tally.clone());
        let calls = Arc::new(Calls::new(&settings, clock));
        Self { door, tally, settings, clock, pusher, calls, reports: Mutex::default() }
    }

    fn reports(&self) -> MutexGuard<'_, Reports> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whom the door has to tell. Never waits.
    ///
    /// # Errors
    /// The notice, if it is another door's.
    pub fn tell(&self, notice: Notice) -> Result<(), Notice> {
        match notice {
            Notice::Rooms(rooms::Told::Push(push)) => self.pusher.push(push),
            Notice::Rooms(rooms::Told::Ended(ended)) => {
                self.tally.ended(&ended);
                self.reports().ended(&ended);
            }
            other => return Err(other),
        }
        Ok(())
    }

    /// What was reported of the media sessions in a room, as JSON.
    #[must_use]
    pub fn report(&self, token: &str) -> Option<String> {
        let room = token.parse().ok()?;
        self.reports().of_room(room).map(|report| report.to_string())
    }

    /// Whether a request is this door's. What nobody knows is looked at by
    /// `Rooms::unknown`.
    #[must_use]
    pub fn is_for(&self, method: &Method, headers: &HeaderMap, path: &str) -> bool {
        let below = path.get(..PREFIX.len()).is_some_and(|head| head.eq_ignore_ascii_case(PREFIX));
        let below = below && matches!(path.as_bytes().get(PREFIX.len()), None | Some(b'/'));
        match place(path) {
            _ if below => true,
            Some(Place::Root) => {
                let looks = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
                (looks && !is_browser(headers)) || self.is_preflight(method, headers)
            }
            Some(_) => true,
            None => {
                path == "/websocket" || (self.is_preflight(method, headers) && !is_galenes(path))
            }
        }
    }

    /// Whether a page of an allowed origin asks what it may ask.
    fn is_preflight(&self, method: &Method, headers: &HeaderMap) -> bool {
        let origin = text(headers, &header::ORIGIN).unwrap_or_default();
        *method == Method::OPTIONS && cors::is_allowed(&self.door.config.origins, &origin)
    }

    /// What this door says if nobody else knows the path: everybody but a
    /// browser that wants a page is told where the API is.
    pub(super) fn unknown(self: &Arc<Self>, parts: &Parts) -> Option<Unknown> {
        let path = parts.uri.path();
        if parts.method == Method::OPTIONS || is_galenes(path) || is_browser(&parts.headers) {
            return None;
        }
        let request = Request {
            method: parts.method.as_str().to_owned(),
            path: path.to_owned(),
            query: parts.uri.query().map(str::to_owned),
            headers: headers(&parts.headers),
            ..Request::default()
        };
        Some(Unknown { rooms: Arc::clone(self), request })
    }
}

/// A request that is this door's if it is nobody else's.
pub(super) struct Unknown {
    rooms: Arc<Rooms>,
    request: Request,
}

impl Unknown {
    /// Says so.
    pub(super) fn answer(self) -> Response {
        match self.rooms.door.begin(self.rooms.clock.now(), self.request) {
            Begun::Answer(answer) => respond(answer),
            // Known paths are answered before.
            Begun::Call(_) => reply::plain(StatusCode::NOT_FOUND, "Not found"),
        }
    }
}

/// What the web client's side has of its own.
fn is_galenes(path: &str) -> bool {
    let roots = ["/ws", "/group", "/public-groups.json", "/recordings", "/galene-api", "/stats"];
    let below = |root: &str| {
        path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
    };
    path.starts_with("/r/") || path.starts_with("/api/") || roots.into_iter().any(below)
}

fn is_browser(headers: &HeaderMap) -> bool {
    accept::names_html(text(headers, &header::ACCEPT).as_deref())
}

/// Answers a request of this door.
pub(super) async fn answer(
    site: &Arc<Site>,
    rooms: &Arc<Rooms>,
    connection: Connection,
    parts: Parts,
    body: Body,
) -> Response {
    let asked = Asked::read(&parts, connection, &site.config.http.proxies);
    if parts.uri.path() == "/websocket" {
        return socket::upgrade(site, rooms, &asked, parts);
    }
    rooms.tally.requests.inc();
    let Outside { secure, host, port } = Outside::of(&site.config.http, &asked, connection);
    let (body, unread) = match read_body(rooms, &parts.headers, body).await {
        Ok(body) => (body, None),
        Err(unread) => (Vec::new(), Some(unread)),
    };
    let request = Request {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        host,
        port,
        is_secure: secure,
        headers: headers(&parts.headers),
        body: Secret::new(body),
        unread,
    };
    let answer = match rooms.door.begin(rooms.clock.now(), request) {
        Begun::Answer(answer) => Some(answer),
        Begun::Call(call) => match site.shard.call(call).await {
            Some(reply) => reply.open::<rooms::Response>(),
            None => None,
        },
    };
    match answer {
        Some(answer) => finish(site, rooms, &asked, &parts, answer),
        None => busy(rooms, &parts),
    }
}

/// What follows from an answer, and the answer itself.
fn finish(
    site: &Arc<Site>,
    rooms: &Arc<Rooms>,
    asked: &Asked,
    parts: &Parts,
    mut answer: rooms::Response,
) -> Response {
    for push in std::mem::take(&mut answer.pushes) {
        rooms.pusher.push(push);
    }
    if let Some(effect) = answer.effect.take()
        && let Some(listed) = rooms.calls.take(site, rooms, effect)
    {
        answer.put(&listed, text(&parts.headers, &header::IF_NONE_MATCH).as_deref());
    }
    let summary = &answer.summary;
    rooms.tally.answered(answer.status, summary);
    if rooms.settings.hawk_nonces > 0 {
        rooms.tally.nonces.set(i64::try_from(rooms.door.nonces()).unwrap_or(i64::MAX));
    }
    if let Some(moved) = &summary.moved {
        rooms.tally.moved(moved);
        rooms.reports().moved(moved);
    }
    if rooms.settings.request_log {
        log(&rooms.settings, asked, parts, answer.status, summary);
    }
    respond(answer)
}

fn respond(answer: rooms::Response) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
    for (name, value) in answer.headers {
        // A value that no header can hold was somebody's own and is left out.
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().append(HeaderName::from_static(name), value);
        }
    }
    response
}

/// The shard has no place for one more.
fn busy(rooms: &Rooms, parts: &Parts) -> Response {
    let headers = headers(&parts.headers);
    let request = Request { headers, ..Request::default() };
    respond(rooms.door.busy(rooms.clock.now(), &request))
}

async fn read_body(rooms: &Rooms, headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Unread> {
    let said = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let said = said.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    if usize::try_from(said).map_or(true, |said| said > DRAINED_MAX) {
        return Err(Unread::TooLarge);
    }
    match timeout(rooms.settings.body_timeout.0, collect(body)).await {
        Ok(result) => result,
        Err(_) => Err(Unread::Broken),
    }
}

/// A body within the limit. One that is a little longer is read to its end all
/// the same: who still writes would not hear the answer.
async fn collect(mut body: Body) -> Result<Vec<u8>, Unread> {
    let (mut kept, mut length) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length > DRAINED_MAX {
            return Err(Unread::TooLarge);
        }
        if length <= BODY_BYTES_MAX {
            kept.extend_from_slice(&data);
        }
    }
    if length > BODY_BYTES_MAX { Err(Unread::TooLarge) } else { Ok(kept) }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let first = String::from_utf8_lossy(values.next()?).into_owned();
    Some(values.fold(first, |all, one| format!("{all}, {}", String::from_utf8_lossy(one))))
}

fn headers(from: &HeaderMap) -> Headers {
    Headers {
        authorization: text(from, &header::AUTHORIZATION).map(Secret::new),
        accept: text(from, &header::ACCEPT),
        accept_language: text(from, &header::ACCEPT_LANGUAGE),
        content_type: text(from, &header::CONTENT_TYPE),
        origin: text(from, &header::ORIGIN),
        if_none_match: text(from, &header::IF_NONE_MATCH),
        requested_headers: text(from, &header::ACCESS_CONTROL_REQUEST_HEADERS),
    }
}

/// Sweeps out what has ended, at the start and from time to time.
pub async fn sweep(site: Arc<Site>, rooms: Arc<Rooms>, mut stop: watch::Receiver<bool>) {
    loop {
        // A sweep that does not come about is made up for by the next.
        drop(site.shard.call(rooms.door.sweep()).await);
        // Neither branch holds anything.
        tokio::select! {
            () = tokio::time::sleep(SWEEP_EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// One line for each request and one for each site that was shared, in the
/// words of the protocol (docs/protocols/rooms.md §8), without secrets, queries
/// and what people keep to themselves.
fn log(settings: &Settings, asked: &Asked, parts: &Parts, code: u16, summary: &Summary) {
    let moved = summary.moved.as_ref();
    let said = |name: &HeaderName| text(&parts.headers, name);
    tracing::info!(
        kind = "request.summary",
        code,
        errno = summary.errno,
        method = %parts.method.as_str().to_ascii_lowercase(),
        path = parts.uri.path(),
        hostname = asked.host,
        v = env!("CARGO_PKG_VERSION"),
        agent = said(&header::USER_AGENT),
        lang = said(&header::ACCEPT_LANGUAGE),
        loopAddonVersion = said(&ADDON_VERSION),
        uid = summary.user,
        userType = summary.user_kind.text(),
        token = summary.room,
        roomToken = summary.made,
        action = summary.action,
        sessionId = summary.session,
        callId = summary.call,
        error = summary.refused,
        participants = summary.participants,
        roomConnectionId = summary.connection,
        event = moved.map(|moved| moved.event.as_str()),
        state = moved.map(|moved| moved.to.as_str()),
        connections = moved.map(|moved| moved.counters.connections),
        sendStreams = moved.map(|moved| moved.counters.send_streams),
        recvStreams = moved.map(|moved| moved.counters.recv_streams),
        "rooms request"
    );
    for (domain, count) in &summary.domains {
        let domain = settings.request_log_domains.then_some(domain.0.as_str());
        tracing::info!(kind = "domains.counters", domain, count, "a site was shared");
    }
}
