//! The integration API over time: what ends, what is counted by the day, what
//! a store that fails leaves behind.

mod common;

use common::{Mood, World, config, json};
use parlour_base::storage::Write;
use parlour_base::{Entropy, Json, Secret};
use parlour_node::{CallId, Input};
use parlour_session::api::{Api, Config, Headers, Request, Response, first_key};
use parlour_wire::api::Scopes;
use std::sync::Arc;
use std::time::Duration;

struct App {
    world: World,
    api: Arc<Api>,
    key: String,
    calls: u64,
}

impl App {
    fn new(config_of: Config) -> Self {
        let mut world = World::with(config(), Mood::Works);
        let mut entropy = Entropy::from_seed([8; 32]);
        let (key, write) = first_key(&mut entropy, world.now.wall, "test", Scopes::OPERATOR, None);
        let Write::Record { kind, key: id, body: Some(body) } = write else { panic!("a record") };
        world.disk.records.insert((kind, id), body);
        let api = Arc::new(Api::new(config_of));
        Self { world, api, key: key.expose().clone(), calls: 1_000_000 }
    }

    fn send(&mut self, method: &str, path: &str, body: &Json, repeat: Option<&str>) -> (u16, Json) {
        let request = Request {
            method: method.to_owned(),
            path: format!("/api/v1{path}"),
            headers: Headers {
                authorization: Some(Secret::new(format!("Bearer {}", self.key))),
                content_type: Some("application/json".to_owned()),
                idempotency_key: repeat.map(str::to_owned),
                ..Headers::default()
            },
            body: Secret::new(body.to_string().into_bytes()),
            ..Request::default()
        };
        self.calls += 1;
        let id = CallId::new(self.calls);
        self.world.input(Input::Call(id, self.api.begin(request)));
        let reply = self.world.replies.remove(&id).expect("it is done");
        let response: Response = reply.open().expect("the door's");
        (response.status, serde_json::from_str(response.body.expose()).unwrap_or_default())
    }

    fn post(&mut self, path: &str, body: &Json, repeat: Option<&str>) -> (u16, Json) {
        self.send("POST", path, body, repeat)
    }

    fn kept(&self, kind: &str) -> usize {
        self.world.disk.records.keys().filter(|(k, _)| k == kind).count()
    }
}

#[test]
fn what_is_kept_for_a_repetition_ends_and_is_removed_by_later_requests() {
    let mut app = App::new(Config::default());
    let first = app.post("/users", &json!({}), Some("one"));
    assert_eq!(app.post("/users", &json!({}), Some("one")), first);
    app.world.passes(Duration::from_secs(86_400));
    let again = app.post("/users", &json!({}), Some("one"));
    assert_eq!(again.0, 201);
    assert_ne!(again.1["id"], first.1["id"], "a day later it is a new request");
    for n in 0..20 {
        assert_eq!(app.post("/users", &json!({}), Some(&format!("n{n}"))).0, 201);
    }
    assert_eq!(app.kept("idempotency"), 21);
    app.world.passes(Duration::from_secs(86_400));
    for n in 0..6 {
        app.post("/users", &json!({}), Some(&format!("m{n}")));
    }
    assert_eq!((app.kept("idempotency"), app.kept("expiry")), (6, 6), "nothing piles up");
}

#[test]
fn tokens_that_are_over_go_and_keys_have_their_quota() {
    let mut app = App::new(Config { tokens_per_day: 3, ..Config::default() });
    let body = json!({"sub": "ext:shop:1", "expires_in": 60});
    for _ in 0..3 {
        assert_eq!(app.post("/tokens", &body, None).0, 201);
    }
    let (status, problem) = app.post("/tokens", &body, None);
    assert_eq!((status, &problem["code"]), (429, &json!("quota-reached")));
    app.world.passes(Duration::from_secs(86_400));
    assert_eq!(app.post("/tokens", &body, None).0, 201);
    assert_eq!(app.kept("token"), 1);
}

#[test]
fn a_store_that_fails_is_said_so_and_leaves_no_trace() {
    let mut app = App::new(Config::default());
    let before = app.world.disk.records.len();
    app.world.mood = Mood::Fails;
    for (path, body) in [("/users", json!({"login": "a"})), ("/rooms", json!({}))] {
        let (status, problem) = app.post(path, &body, Some("x"));
        assert_eq!((status, &problem["code"]), (503, &json!("store-unavailable")), "{path}");
    }
    app.world.mood = Mood::Works;
    assert_eq!(app.world.disk.records.len(), before);
    assert_eq!(app.post("/users", &json!({"login": "a"}), Some("x")).0, 201);
}

#[test]
fn a_room_out_of_memory_is_changed_all_the_same_and_leaves_memory_again() {
    let mut app = App::new(Config::default());
    let (_, room) = app.post("/rooms", &json!({}), None);
    let path = format!("/rooms/{}", room["id"].as_str().expect("an id"));
    app.world.passes(Duration::from_secs(600));
    assert_eq!(app.world.figures().rooms, 0);
    let (status, changed) = app.send("PATCH", &path, &json!({"display_name": "x"}), None);
    assert_eq!((status, &changed["display_name"]), (200, &json!("x")));
    app.world.passes(Duration::from_secs(600));
    assert_eq!(app.world.figures().rooms, 0);
    assert_eq!(app.send("GET", &path, &Json::Null, None).1, changed);
}
