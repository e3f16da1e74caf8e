//! The integration API over time: what ends, what is counted by the day, what
//! a store that fails leaves behind.

mod common;

use common::{Mood, World, config, json};
use parlour_base::storage::{StoreOp, StoreReply, Write};
use parlour_base::{Entropy, Json, Secret, Span};
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
    if_match: Option<String>,
}

impl App {
    fn new(config_of: Config) -> Self {
        Self::on(World::with(config(), Mood::Works), config_of)
    }

    fn on(mut world: World, config_of: Config) -> Self {
        let mut entropy = Entropy::from_seed([8; 32]);
        let (key, write) = first_key(&mut entropy, world.now.wall, "test", Scopes::OPERATOR, None);
        let Write::Record { kind, key: id, body: Some(body) } = write else { panic!("a record") };
        world.disk.records.insert((kind, id), body);
        let api = Arc::new(Api::new(config_of));
        Self { world, api, key: key.expose().clone(), calls: 1_000_000, if_match: None }
    }

    fn send(&mut self, method: &str, path: &str, body: &Json, repeat: Option<&str>) -> (u16, Json) {
        let id = self.begin(method, path, body, repeat);
        self.answer(id).expect("it is done")
    }

    /// Sends a request; its answer may be a while.
    fn begin(&mut self, method: &str, path: &str, body: &Json, repeat: Option<&str>) -> CallId {
        let request = Request {
            method: method.to_owned(),
            path: format!("/api/v1{path}"),
            headers: Headers {
                authorization: Some(Secret::new(format!("Bearer {}", self.key))),
                content_type: Some("application/json".to_owned()),
                idempotency_key: repeat.map(str::to_owned),
                if_match: self.if_match.clone(),
                ..Headers::default()
            },
            body: Secret::new(body.to_string().into_bytes()),
            ..Request::default()
        };
        self.calls += 1;
        let id = CallId::new(self.calls);
        self.world.input(Input::Call(id, self.api.begin(request)));
        id
    }

    fn answer(&mut self, id: CallId) -> Option<(u16, Json)> {
        let response: Response = self.world.replies.remove(&id)?.open().expect("the door's");
        Some((response.status, serde_json::from_str(response.body.expose()).unwrap_or_default()))
    }

    /// A new room; its path.
    fn room(&mut self, body: &Json) -> String {
        let (status, room) = self.post("/rooms", body, None);
        assert_eq!(status, 201, "{room}");
        format!("/rooms/{}", room["id"].as_str().expect("an id"))
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

#[test]
fn changes_of_one_room_at_the_same_time_are_made_one_after_the_other() {
    let mut app = App::new(Config::default());
    let path = app.room(&json!({}));
    let grant = format!("{path}/grants/everyone");
    app.world.turn(Mood::Holds);
    let renamed = app.begin("PATCH", &path, &json!({"display_name": "a"}), None);
    let closed = app.begin("PATCH", &path, &json!({"policy": {"capacity": 7}}), None);
    let granted = app.begin("PUT", &grant, &json!({"permissions": ["present"]}), None);
    assert_eq!(app.world.figures().calls_in_line, 2);
    assert!([renamed, closed, granted].iter().all(|id| !app.world.replies.contains_key(id)));
    app.world.turn(Mood::Works);
    let (status, room) = app.answer(renamed).expect("it is done");
    assert_eq!((status, &room["display_name"]), (200, &json!("a")));
    let (status, room) = app.answer(closed).expect("it is done");
    let seen = (&room["display_name"], &room["policy"]["capacity"]);
    assert_eq!((status, seen), (200, (&json!("a"), &json!(7))), "it saw what was before it");
    assert_eq!(app.answer(granted).expect("it is done").0, 200);
    assert_eq!(app.world.figures().calls_in_line, 0);
}

#[test]
fn a_request_sent_again_meanwhile_is_told_what_came_of_the_first() {
    let mut app = App::new(Config::default());
    app.world.turn(Mood::Holds);
    let twins = [(); 3].map(|()| app.begin("POST", "/users", &json!({"login": "ada"}), Some("k")));
    app.world.turn(Mood::Works);
    let [first, second, third] = twins.map(|id| app.answer(id).expect("it is done"));
    assert_eq!((first.0, &first, &first), (201, &second, &third));
    assert_eq!(app.kept("user"), 1);
}

#[test]
fn a_line_that_is_too_long_is_busy_and_harms_nobody_before() {
    let mut limits = config();
    limits.limits.line_calls = 1;
    let mut app = App::on(World::with(limits, Mood::Works), Config::default());
    let path = app.room(&json!({}));
    app.world.turn(Mood::Holds);
    let of = |n: u8| json!({"display_name": n.to_string()});
    let calls = [1, 2, 3].map(|n| app.begin("PATCH", &path, &of(n), None));
    assert_eq!(app.answer(calls[2]).map(|(status, _)| status), Some(503));
    app.world.turn(Mood::Works);
    let done = [calls[0], calls[1]].map(|id| app.answer(id).map(|(status, _)| status));
    assert_eq!(done, [Some(200), Some(200)]);
}

#[test]
fn all_of_a_change_is_made_or_nothing() {
    let mut app = App::new(Config::default());
    let (_, ada) = app.post("/users", &json!({"login": "ada"}), None);
    let path = app.room(&json!({"display_name": "before"}));
    let before = app.send("GET", &path, &Json::Null, None).1;
    let lease = json!({"owner": ada["id"], "owner_name": "Ada", "max_size": 3, "life_hours": 5});
    let policy = json!({"doors": ["galene", "rooms"], "capacity": 4});
    let change = json!({"display_name": "after", "policy": policy, "lease": lease});
    app.world.turn(Mood::Fails);
    assert_eq!(app.send("PATCH", &path, &change, None).0, 503);
    app.world.turn(Mood::Works);
    assert_eq!(app.send("GET", &path, &Json::Null, None).1, before);
    assert_eq!(app.kept("owned"), 0);
    app.world.turn(Mood::Holds);
    let id = app.begin("PATCH", &path, &change, None);
    let mut commits = 0;
    while let Some(request) = app.world.held.pop_front() {
        commits += u32::from(matches!(request.op, StoreOp::Commit(_)));
        let result = app.world.disk.execute(request.op);
        app.world.input(Input::Stored(StoreReply { id: request.id, result }));
    }
    assert_eq!(commits, 1, "in one write");
    let (status, after) = app.answer(id).expect("it is done");
    assert_eq!((status, &after["display_name"]), (200, &json!("after")));
    assert_eq!((&after["policy"]["capacity"], &after["lease"]["max_size"]), (&json!(4), &json!(3)));
    app.world.turn(Mood::Works);
    assert_eq!(app.kept("owned"), 1);
}

#[test]
fn a_room_that_changes_hands_is_in_one_list_only() {
    let mut app = App::new(Config::default());
    let [ada, bob] = ["ada", "bob"].map(|login| {
        let (_, user) = app.post("/users", &json!({"login": login}), None);
        user["id"].clone()
    });
    let of = |owner: &Json| {
        let lease = json!({"owner": owner, "owner_name": "x", "max_size": 3, "life_hours": 5});
        json!({"policy": {"doors": ["rooms"]}, "lease": lease})
    };
    let path = app.room(&of(&ada));
    assert_eq!(app.kept("owned"), 1);
    assert_eq!(app.send("PATCH", &path, &of(&bob), None).0, 200);
    let keys: Vec<String> = app.world.disk.records.keys().map(|(_, key)| key.clone()).collect();
    let owned = |user: &Json| {
        let prefix = format!("{}/", user.as_str().expect("an id"));
        app.world.disk.records.keys().any(|(kind, key)| kind == "owned" && key.starts_with(&prefix))
    };
    assert!(!owned(&ada) && owned(&bob), "{keys:?}");
}

#[test]
fn a_precondition_about_what_is_not_there_fails() {
    let mut app = App::new(Config::default());
    let path = app.room(&json!({}));
    app.if_match = Some("*".to_owned());
    let grant = format!("{path}/grants/everyone");
    let body = json!({"permissions": ["present"]});
    assert_eq!(app.send("PUT", &grant, &body, None).0, 412);
    app.if_match = None;
    assert_eq!(app.send("PUT", &grant, &body, None).0, 200);
    app.if_match = Some("*".to_owned());
    assert_eq!(app.send("PUT", &grant, &json!({"permissions": []}), None).0, 200);
}

#[test]
fn a_room_that_leaves_memory_as_it_is_changed_is_shown_as_it_is_then() {
    let mut config = config();
    config.limits.idle_room = Span::millis(1);
    let mut app = App::on(World::with(config, Mood::Works), Config::default());
    let path = app.room(&json!({}));
    app.world.turn(Mood::Holds);
    let id = app.begin("PATCH", &path, &json!({"display_name": "new"}), None);
    let mut answers = 0;
    while let Some(request) = app.world.held.pop_front() {
        app.world.passes(Duration::from_millis(50));
        let result = app.world.disk.execute(request.op);
        app.world.input(Input::Stored(StoreReply { id: request.id, result }));
        answers += 1;
    }
    assert!(answers > 1, "it was opened once more");
    let (status, room) = app.answer(id).expect("it is done");
    assert_eq!((status, &room["display_name"]), (200, &json!("new")));
}
