//! Requests and answers as the edge hands them over, and what every answer
//! carries besides its body.

use super::asks::{Port, Visit};
use super::config::Config;
use super::nonces::Nonces;
use super::{calls::Effect, push::Push, report::Move, route};
use crate::call::{Call, Reply};
use parlour_base::{Json, Now, Pii, Secret, Wall};
use parlour_wire::rooms::hawk::HawkHeader;
use parlour_wire::rooms::{ApiError, Body, cors, etag};
use std::sync::{Arc, Mutex, PoisonError};

/// A request, as its sender saw it: host and port are the public ones.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The method in capitals.
    pub method: String,
    /// The path as requested.
    pub path: String,
    /// What follows the question mark, as requested; `None` without one.
    pub query: Option<String>,
    /// The public host without port.
    pub host: String,
    /// The public port.
    pub port: u16,
    /// Whether it came by TLS, here or at a proxy.
    pub is_secure: bool,
    /// The headers that are looked at.
    pub headers: Headers,
    /// The body.
    pub body: Secret<Vec<u8>>,
    /// Why the body is not there, if it is not.
    pub unread: Option<Unread>,
}

/// Why a body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unread {
    /// It was longer than the limit.
    TooLarge,
    /// It broke off, or did not come in time.
    Broken,
}

/// The headers that are looked at.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    /// `Authorization`
    pub authorization: Option<Secret<String>>,
    /// `Accept`
    pub accept: Option<String>,
    /// `Accept-Language`
    pub accept_language: Option<String>,
    /// `Content-Type`
    pub content_type: Option<String>,
    /// `Origin`
    pub origin: Option<String>,
    /// `If-None-Match`
    pub if_none_match: Option<String>,
    /// `Access-Control-Request-Headers`
    pub requested_headers: Option<String>,
}

/// The body of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// None.
    Nothing,
    /// Of type JSON, and empty.
    EmptyJson,
    /// JSON.
    Json(Json),
    /// JSON that the edge has, and puts in by [`Response::put`].
    Later,
}

/// An answer.
#[derive(Debug)]
pub struct Response {
    /// The status of HTTP.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body; not sent for `HEAD`.
    pub body: String,
    /// What the request log says of it.
    pub summary: Box<Summary>,
    /// What the edge has to do with the calls of the older part.
    pub effect: Option<Effect>,
    /// Whom the edge has to tell.
    pub pushes: Vec<Push>,
}

impl Response {
    /// Puts in the body of a `GET` that only the edge has, and what depends on it.
    pub fn put(&mut self, body: &Json, if_none_match: Option<&str>) {
        let (status, body) = validated(body, if_none_match, &mut self.headers);
        if status == 304 {
            self.headers.retain(|(name, _)| *name != "timestamp");
        }
        (self.status, self.body) = (status, body);
    }
}

/// What kind of user asked; only for the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum UserKind {
    /// A session with account.
    Registered,
    /// A session without.
    Unregistered,
    /// Everybody else.
    #[default]
    LinkClicker,
}

impl UserKind {
    /// The word in the log.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Registered => "Registered",
            Self::Unregistered => "Unregistered",
            Self::LinkClicker => "Link-clicker",
        }
    }
}

/// What the request log says.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// The number of the error; 0 when all is fine.
    pub errno: u16,
    /// What kind of user.
    pub user_kind: UserKind,
    /// Which user, by a handle that says nothing about who it is.
    pub user: Option<String>,
    /// Why who one is was not taken, with a 401.
    pub refused: Option<String>,
    /// The room of the path.
    pub room: Option<String>,
    /// The room that was made.
    pub made: Option<String>,
    /// What the media server calls the room, where its token was handed out.
    pub session: Option<String>,
    /// The one-to-one call that was placed.
    pub call: Option<String>,
    /// The action of the body.
    pub action: Option<&'static str>,
    /// Who is present after it.
    pub participants: Option<usize>,
    /// The participant's connection.
    pub connection: Option<String>,
    /// What a status said.
    pub moved: Option<Move>,
    /// The sites that were shared, and how often.
    pub domains: Vec<(Pii<String>, i64)>,
    /// A session was made.
    pub activated: bool,
}

/// What happens along the way and belongs to every answer.
#[derive(Debug, Default)]
pub(super) struct Marks {
    pub(super) server_authorization: Option<String>,
    pub(super) session_token: Option<Secret<String>>,
    pub(super) alert: bool,
    pub(super) summary: Box<Summary>,
    pub(super) effect: Option<Effect>,
    pub(super) pushes: Vec<Push>,
}

/// The good end of a request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) payload: Payload,
    pub(super) location: Option<String>,
    pub(super) allow: Option<String>,
}

impl Answer {
    pub(super) const fn new(status: u16, payload: Payload) -> Self {
        Self { status, payload, location: None, allow: None }
    }

    pub(super) const fn json(body: Json) -> Self {
        Self::new(200, Payload::Json(body))
    }

    /// 204.
    pub(super) const fn nothing() -> Self {
        Self::new(204, Payload::Nothing)
    }
}

/// What comes of a request at once: its answer, or a call for the node.
#[derive(Debug)]
pub enum Begun {
    /// The answer; nothing has to be looked up.
    Answer(Response),
    /// Its reply is a [`Response`].
    Call(Box<dyn Call>),
}

/// The door.
#[derive(Debug, Default)]
pub struct Door {
    /// Its settings.
    pub config: Config,
    nonces: Mutex<Nonces>,
}

impl Door {
    /// The door with these settings.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, nonces: Mutex::default() }
    }

    /// Whether this request was not here before, as far as that is remembered.
    pub(super) fn is_new(&self, device: &str, header: &HawkHeader, now: Wall) -> bool {
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        nonces.add(self.config.nonces, device, header, now)
    }

    /// How many nonces are remembered.
    #[must_use]
    pub fn nonces(&self) -> usize {
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Takes a request in.
    #[must_use]
    pub fn begin(self: &Arc<Self>, now: Now, request: Request) -> Begun {
        if let Some(result) = route::at_once(self, &request) {
            return Begun::Answer(self.answer(now, &request, result, Marks::default()));
        }
        let content_type = request.headers.content_type.as_deref();
        match Body::read(content_type, request.body.expose()) {
            Err(error) => Begun::Answer(self.answer(now, &request, Err(error), Marks::default())),
            Ok(body) => {
                let door = Arc::clone(self);
                Begun::Call(Port::call(move |port| visit(door, request, body, port)))
            }
        }
    }

    /// The answer with all its headers.
    pub(super) fn answer(
        &self,
        now: Now,
        request: &Request,
        result: Result<Answer, ApiError>,
        marks: Marks,
    ) -> Response {
        let Marks { server_authorization, session_token, alert, mut summary, effect, pushes } =
            marks;
        let mut headers = self.cross_origin(request);
        let answer = result.unwrap_or_else(|error| {
            summary.errno = error.errno.number();
            summary.refused = (error.status == 401).then(|| error.text().to_owned());
            let challenge = error.challenge.as_ref().map(|one| one.0.clone().into_owned());
            headers.extend(challenge.map(|text| ("www-authenticate", text)));
            Answer::new(error.status, Payload::Json(error.body()))
        });
        headers.extend(server_authorization.map(|text| ("server-authorization", text)));
        if let Some(token) = session_token {
            headers.push(("hawk-session-token", token.expose().clone()));
            headers.push(("access-control-expose-headers", "Hawk-Session-Token".to_owned()));
        }
        if alert {
            headers.push(("alert", ALERT.to_owned()));
        }
        headers.extend(answer.location.map(|text| ("location", text)));
        headers.extend(answer.allow.map(|text| ("allow", text)));
        let (status, body) = written(&answer.payload, answer.status, request, &mut headers);
        if matches!(status, 200 | 401) {
            headers.push(("timestamp", now.wall.0.div_euclid(1_000).to_string()));
        }
        if status == 503 {
            headers.push(("retry-after", self.config.retry_after.to_string()));
        }
        Response { status, headers, body, summary, effect, pushes }
    }

    /// The answer while the node has no place for one more request.
    #[must_use]
    pub fn busy(&self, now: Now, request: &Request) -> Response {
        self.answer(now, request, Err(ApiError::unavailable()), Marks::default())
    }

    /// The headers for pages of other origins.
    fn cross_origin(&self, request: &Request) -> Vec<(&'static str, String)> {
        let origin = request.headers.origin.as_deref().unwrap_or("");
        if !cors::is_allowed(&self.config.origins, origin) {
            return Vec::new();
        }
        let mut headers = cors::headers(origin).to_vec();
        if request.method == "OPTIONS" {
            headers.extend(cors::preflight(request.headers.requested_headers.as_deref()));
        }
        headers
    }
}

const ALERT: &str = "roomName is deprecated: store the name, encrypted, inside the context.";

/// The text of a body, and the headers that describe it.
fn written(
    payload: &Payload,
    status: u16,
    request: &Request,
    headers: &mut Vec<(&'static str, String)>,
) -> (u16, String) {
    match payload {
        Payload::Nothing | Payload::Later => (status, String::new()),
        Payload::EmptyJson => {
            headers.push(("content-type", "application/json".to_owned()));
            (status, String::new())
        }
        Payload::Json(body) => {
            let is_get = matches!(request.method.as_str(), "GET" | "HEAD");
            let known = request.headers.if_none_match.as_deref();
            let known = known.filter(|_| is_get && status == 200);
            match validated(body, known, headers) {
                (200, text) => (status, text),
                unchanged => unchanged,
            }
        }
    }
}

/// 200 and the text of a body, or 304 if it is known; and its headers.
fn validated(
    body: &Json,
    known: Option<&str>,
    headers: &mut Vec<(&'static str, String)>,
) -> (u16, String) {
    let text = body.to_string();
    let tag = etag::weak(text.as_bytes());
    let is_known = known.is_some_and(|known| etag::matches(known, &tag));
    headers.push(("etag", tag));
    if is_known {
        return (304, String::new());
    }
    headers.push(("content-type", "application/json; charset=utf-8".to_owned()));
    (200, text)
}

async fn visit(door: Arc<Door>, request: Request, body: Body, port: Port) -> Reply {
    let marks = Marks::default();
    let mut visit = Visit { door, request, body, port, marks };
    let result = route::serve(&mut visit).await;
    let now = visit.port.now();
    let response = visit.door.answer(now, &visit.request, result, visit.marks);
    Reply::new(response)
}
