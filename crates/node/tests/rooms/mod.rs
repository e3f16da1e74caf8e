//! The rooms door on a shard: a Hawk client of its own, requests by hand.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use crate::common::{Mood, World, config, json};
use parlour_base::{Json, Secret, Span};
use parlour_node::port::{CallId, Input};
use parlour_node::rooms::{Begun, Config, Door, Headers, OauthConfig, Request, Response};
use parlour_session::call::{Fetched, Notice};
use parlour_session::rooms::{Push, Told};
use parlour_wire::rooms::hawk::{Artifacts, HawkHeader, SessionToken, Target};
use parlour_wire::rooms::oauth::Params;
use std::sync::Arc;
use std::time::Duration;

/// How a request shows who makes it.
#[derive(Debug, Clone)]
pub enum As {
    /// Nobody.
    Nobody,
    /// A session token.
    Hawk(String),
    /// A participant's token.
    Basic(String),
    /// These bytes of the header.
    Raw(String),
}

/// The world with the door and a count of requests.
pub struct Rooms {
    pub world: World,
    pub door: Arc<Door>,
    next: u64,
}

/// An answer that can be looked at.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub body: Json,
    pub response: Response,
}

impl Answered {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.response.headers.iter().find(|(n, _)| *n == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Status and number of an error.
    pub fn error(&self) -> (u16, u64) {
        (self.status, self.body["errno"].as_u64().unwrap_or(0))
    }

    pub fn text(&self) -> &str {
        self.body["error"].as_str().unwrap_or_default()
    }
}

/// Settings with a service to log in at.
pub fn with_accounts() -> Config {
    let params = Params { oauth_uri: "http://login".to_owned(), ..Params::default() };
    let oauth = Some(OauthConfig { params, client_secret: Secret::new(String::new()) });
    Config { oauth, ..settings() }
}

pub fn settings() -> Config {
    Config { participant_life: Span::secs(300), ..Config::default() }
}

impl Rooms {
    pub fn new() -> Self {
        Self::with(settings())
    }

    pub fn with(settings: Config) -> Self {
        let door = Arc::new(Door::new(settings));
        let mut config = config();
        config.doors.rooms = Arc::clone(&door);
        Self { world: World::with(config, Mood::Works), door, next: 1 << 40 }
    }

    /// The same store, another process.
    pub fn restarted(self) -> Self {
        let mut config = config();
        config.doors.rooms = Arc::clone(&self.door);
        let now = self.world.now;
        let mut world = World::on(self.world.disk, config, Mood::Works);
        world.now = now;
        Self { world, door: self.door, next: self.next }
    }

    pub fn ask(&mut self, who: &As, method: &str, path: &str, body: Json) -> Answered {
        let request = self.request(who, method, path, &body);
        self.send(request)
    }

    pub fn get(&mut self, who: &As, path: &str) -> Answered {
        self.ask(who, "GET", path, Json::Null)
    }

    pub fn request(&mut self, who: &As, method: &str, path: &str, body: &Json) -> Request {
        let authorization = match who {
            As::Nobody => None,
            As::Hawk(token) => Some(self.signed(token, method, path)),
            As::Basic(token) => Some(format!("Basic {}", base64(&format!("{token}:")))),
            As::Raw(text) => Some(text.clone()),
        };
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (path, None),
        };
        let (content_type, body) = match body {
            Json::Null => (None, Vec::new()),
            body => (Some("application/json".to_owned()), body.to_string().into_bytes()),
        };
        Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query,
            host: "loop.example.com".to_owned(),
            port: 5000,
            is_secure: false,
            headers: Headers {
                authorization: authorization.map(Secret::new),
                content_type,
                ..Headers::default()
            },
            body: Secret::new(body),
            unread: None,
        }
    }

    pub fn send(&mut self, request: Request) -> Answered {
        self.try_send(request).expect("the call is done")
    }

    /// The answer, or the call that has not come to its end.
    pub fn try_send(&mut self, request: Request) -> Result<Answered, CallId> {
        let response = match self.begin(request) {
            Ok(response) => response,
            Err(id) => {
                let reply = self.world.replies.remove(&id).ok_or(id)?;
                reply.open().expect("an answer of the rooms door")
            }
        };
        let body = serde_json::from_str(&response.body).unwrap_or(Json::Null);
        Ok(Answered { status: response.status, body, response })
    }

    /// Begins a request; its answer, or the call that it became.
    pub fn begin(&mut self, request: Request) -> Result<Response, CallId> {
        match self.door.begin(self.world.now, request) {
            Begun::Answer(response) => Ok(response),
            Begun::Call(call) => {
                self.next += 1;
                let id = CallId::new(self.next);
                self.world.input(Input::Call(id, call));
                Err(id)
            }
        }
    }

    /// A call of the door's own.
    pub fn call(&mut self, call: Box<dyn parlour_node::Call>) {
        self.next += 1;
        self.world.input(Input::Call(CallId::new(self.next), call));
    }

    fn signed(&mut self, token: &str, method: &str, path: &str) -> String {
        self.next += 1;
        let credentials = session(token).credentials();
        let ts = (self.world.now.wall.0 / 1_000).to_string();
        let (id, nonce) = (credentials.id, self.next.to_string());
        let mut header = HawkHeader { id, ts, nonce, ..HawkHeader::default() };
        let target = Target { method, path, host: "loop.example.com", port: 5000 };
        let mac = Artifacts { target, header: &header }.request_mac(credentials.key.expose());
        header.mac = mac;
        let HawkHeader { id, ts, nonce, mac, .. } = header;
        format!("Hawk id=\"{id}\", ts=\"{ts}\", nonce=\"{nonce}\", mac=\"{mac}\"")
    }

    /// A device without account; told of rooms at this address.
    pub fn device(&mut self, url: &str) -> As {
        let body = json!({ "simplePushURLs": { "rooms": url } });
        let told = self.ask(&As::Nobody, "POST", "/registration", body);
        assert_eq!(told.status, 200);
        let token = told.header("hawk-session-token").expect("a new session");
        As::Hawk(token.to_owned())
    }

    /// A session of an account; the door must have a service to log in at.
    pub fn account(&mut self, email: &str) -> As {
        let told = self.ask(&As::Nobody, "POST", "/fxa-oauth/params", json!({}));
        assert_eq!(told.status, 200, "{told:?}");
        let who = As::Hawk(told.header("hawk-session-token").expect("a session").to_owned());
        let body = json!({ "state": told.body["state"], "code": "c" });
        let request = self.request(&who, "POST", "/fxa-oauth/token", &body);
        let call = self.begin(request).expect_err("the service is asked");
        let token = json!({ "access_token": "a", "token_type": "bearer", "scope": "profile" });
        for answer in [token, json!({ "email": email })] {
            self.world.fetches.pop().expect("a request to the service");
            let body = answer.to_string().into_bytes();
            self.world.input(Input::Fetched(call, Fetched::Answer { status: 200, body }));
        }
        let reply = self.world.replies.remove(&call).expect("the login is done");
        assert_eq!(reply.open::<Response>().map(|response| response.status), Some(200));
        who
    }

    /// A room of this size.
    pub fn room(&mut self, owner: &As, size: u32) -> String {
        let context = json!({ "value": "v", "alg": "AES-GCM", "wrappedKey": "k" });
        let body = json!({ "context": context, "roomOwner": "-", "maxSize": size });
        let told = self.ask(owner, "POST", "/rooms", body);
        assert_eq!(told.status, 201, "{told:?}");
        told.body["roomToken"].as_str().expect("a token").to_owned()
    }

    pub fn act(&mut self, who: &As, room: &str, body: Json) -> Answered {
        self.ask(who, "POST", &format!("/rooms/{room}"), body)
    }

    pub fn join(&mut self, who: &As, room: &str, limit: i64) -> Answered {
        let body = json!({ "action": "join", "displayName": "x", "clientMaxSize": limit });
        self.act(who, room, body)
    }

    /// Joins without credentials and shows the token from then on.
    pub fn guest(&mut self, room: &str) -> As {
        let told = self.join(&As::Nobody, room, 5);
        assert_eq!(told.status, 200, "{told:?}");
        As::Basic(told.body["sessionToken"].as_str().expect("a token").to_owned())
    }

    pub fn passes(&mut self, seconds: u64) {
        self.world.passes(Duration::from_secs(seconds));
    }

    pub fn seconds(&self) -> i64 {
        self.world.now.wall.0.div_euclid(1_000)
    }

    /// What was pushed since the last time: (address, version).
    pub fn pushes(&mut self) -> Vec<(String, i64)> {
        let notices = std::mem::take(&mut self.world.notices);
        let pushes = notices.into_iter().filter_map(|notice| match notice {
            Notice::Rooms(Told::Push(push)) => Some(push),
            _ => None,
        });
        pushes.flat_map(spread).collect()
    }
}

pub fn spread(push: Push) -> Vec<(String, i64)> {
    push.urls.into_iter().map(|url| (url, push.version)).collect()
}

pub fn session(token: &str) -> SessionToken {
    let bytes = (0..32).map(|at| {
        u8::from_str_radix(token.get(at * 2..at * 2 + 2).unwrap_or_default(), 16)
            .expect("two hexadecimal digits")
    });
    let bytes: Vec<u8> = bytes.collect();
    SessionToken::new(bytes.try_into().expect("32 bytes"))
}

pub fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
