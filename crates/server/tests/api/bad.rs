//! Bad input: refused with a stable code, and nothing changed.

use crate::support::{Server, Wish};
use crate::world::World;
use serde_json::{Value, json};

#[test]
fn without_a_good_key_nothing_is_said() {
    let world = World::start();
    let (head, _) = world.key.rsplit_once('_').unwrap();
    let forged = format!("Bearer {head}_{}", "A".repeat(43));
    let cut = format!("Bearer {}", world.key.get(..world.key.len() - 1).unwrap());
    for value in
        [None, Some("Bearer"), Some("Basic eDp5"), Some("Bearer x"), Some(&*forged), Some(&*cut)]
    {
        let headers: Vec<_> = value.iter().map(|value| ("authorization", *value)).collect();
        let answer = world.raw("GET", "/rooms", None, &headers);
        assert_eq!((answer.status, answer.code()), (401, "unauthenticated"), "{value:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
}

#[test]
fn ids_that_are_not_canonical_or_foreign_are_refused_everywhere() {
    let world = World::start();
    let room = world.post("/rooms", &json!({})).id().to_owned();
    let user = world.post("/users", &json!({})).id().to_owned();
    for bad in ["ASNFZ4mrze9", "AAAAAAAAAAA", "__________8", "x", "ASNFZ4mrze8%3D", "..%2F..%2Fx"] {
        for path in [
            format!("/users/{bad}"),
            format!("/users/{bad}/contacts"),
            format!("/users/{user}/contacts/{bad}"),
            format!("/rooms/{bad}"),
            format!("/rooms/{bad}/names"),
            format!("/rooms/{bad}/grants"),
            format!("/rooms/{room}/grants/{bad}"),
            format!("/rooms/{bad}/call"),
            format!("/rooms/{bad}/call/members"),
        ] {
            let answer = world.get(&path);
            assert_eq!((answer.status, answer.code()), (400, "bad-id"), "{path}");
        }
    }
    // A room's id where a user's is due, and the other way round.
    assert_eq!(world.get(&format!("/users/{room}")).code(), "not-found");
    assert_eq!(world.get(&format!("/rooms/{user}")).code(), "not-found");
    assert_eq!(world.get(&format!("/keys/{room}")).code(), "not-found");
    assert_eq!(world.get("/tokens/x").code(), "not-found");
    let grant = json!({"permissions": []});
    let path = format!("/rooms/{room}/grants/{room}");
    assert_eq!(world.send("PUT", &path, Some(&grant), &[]).code(), "unknown-user");
    let lease = json!({"policy": {"doors": ["rooms"]}, "lease": {"owner": room, "owner_name": "x",
        "max_size": 2, "life_hours": 1}});
    assert_eq!(world.post("/rooms", &lease).code(), "unknown-user");
    assert_eq!(world.get("/rooms?limit=100").body["items"].as_array().unwrap().len(), 1);
}

#[test]
fn bodies_are_read_strictly() {
    let world = World::start();
    let long = "x".repeat(300);
    let deep = json!({"policy": {"capacity": [[[[[[1]]]]]]}});
    for (path, body, code) in [
        ("/users", json!({"id": "ASNFZ4mrze8"}), "unknown-field"),
        ("/rooms", json!({"id": "ASNFZ4mrze8"}), "unknown-field"),
        ("/users", json!({"login": "Ada"}), "bad-field"),
        ("/users", json!({"login": 1}), "bad-field"),
        ("/users", json!({"login": ""}), "bad-field"),
        ("/users", json!({"display_name": long}), "bad-field"),
        ("/users", json!({"display_name": "a\u{202e}b"}), "bad-field"),
        ("/users", json!({"accounts": ["nobody"]}), "bad-field"),
        ("/users", json!([]), "bad-json"),
        ("/rooms", json!({"names": [{"namespace": "Galene", "name": "x"}]}), "bad-field"),
        ("/rooms", json!({"names": [{"namespace": "galene", "name": "../x"}]}), "bad-field"),
        ("/rooms", json!({"names": [{"namespace": "kik", "name": "b:a"}]}), "bad-field"),
        ("/rooms", json!({"names": [{"namespace": "app", "name": ""}]}), "bad-field"),
        ("/rooms", json!({"names": [{"namespace": "app"}]}), "missing-field"),
        ("/rooms", json!({"policy": {"doors": ["back"]}}), "bad-field"),
        ("/rooms", json!({"policy": {"capacity": 0}}), "bad-field"),
        ("/rooms", json!({"policy": {"capacity": -1}}), "bad-field"),
        ("/rooms", json!({"policy": {"password": "x"}}), "bad-field"),
        ("/rooms", json!({"policy": {"doors": ["rooms"]}}), "missing-field"),
        ("/rooms", deep, "bad-json"),
        ("/keys", json!({"label": "x"}), "missing-field"),
        ("/keys", json!({"label": "x", "scopes": []}), "bad-field"),
        ("/keys", json!({"label": "x", "scopes": ["all"]}), "bad-field"),
        ("/keys", json!({"label": "x", "jwk": {"kty": "oct", "k": "AAAA"}}), "bad-field"),
    ] {
        let answer = world.post(path, &body);
        assert_eq!(answer.code(), code, "{path} {body} {answer:?}");
    }
    let bearer = format!("Bearer {}", world.key);
    let auth = ("authorization", bearer.as_str());
    let twice = br#"{"login":"a","login":"b"}"#.as_slice();
    assert_eq!(world.raw("POST", "/users", Some(twice), &[auth]).code(), "bad-json");
    assert_eq!(world.raw("POST", "/users", Some(b"\xff{}"), &[auth]).code(), "bad-json");
    let plain = [auth, ("content-type", "text/plain")];
    let plain = world.raw("POST", "/users", Some(b"{}"), &plain);
    assert_eq!((plain.status, plain.code()), (415, "unsupported-media-type"));
    assert_eq!(world.get("/users").body["items"], json!([]), "nothing was made");
    assert_eq!(world.get("/rooms").body["items"], json!([]));
}

#[test]
fn a_body_beyond_the_limit_is_refused_and_the_server_goes_on() {
    let world = World::start();
    let bearer = format!("Bearer {}", world.key);
    let huge = format!("{{\"login\":\"{}\"}}", "x".repeat(200 << 10));
    let answer = world.raw("POST", "/users", Some(huge.as_bytes()), &[("authorization", &bearer)]);
    assert!([413, 0].contains(&answer.status), "{}", answer.status);
    assert_eq!(world.get("/users").status, 200);
}

#[test]
fn paths_methods_queries_and_headers_are_checked() {
    let world = World::start();
    assert_eq!(world.get("/nothing").code(), "unknown-path");
    assert_eq!(world.get("/users/").code(), "unknown-path");
    assert_eq!(world.get("").code(), "unknown-path");
    let method = world.send("PUT", "/users", Some(&json!({})), &[]);
    assert_eq!((method.status, method.code()), (405, "method-not-allowed"));
    assert_eq!(method.header("allow"), Some("GET, POST"));
    for path in [
        "/users?limit=0",
        "/users?limit=101",
        "/users?cursor=!",
        "/users?x=1",
        "/users?limit=1&limit=1",
        "/rooms?name=x",
        "/rooms?cursor=AAAA",
    ] {
        assert_eq!(world.get(path).code(), "bad-query", "{path}");
    }
    for key in ["", "a/b", "a b", &"x".repeat(129)] {
        let answer = world.send("POST", "/users", Some(&json!({})), &[("idempotency-key", key)]);
        assert_eq!(answer.code(), "bad-header", "{key:?}");
    }
    let head = world.send("HEAD", "/users", None, &[]);
    assert_eq!((head.status, &head.body), (200, &Value::Null));
}

#[test]
fn the_document_is_that_of_the_table_and_needs_no_key() {
    let world = World::start();
    let answer = world.raw("GET", "/openapi.json", None, &[]);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, parlour_wire::api::document());
    for route in parlour_wire::api::ROUTES {
        let path = route.path.replace(['{', '}'], "");
        let there = world.raw(route.method.name(), &path, None, &[]);
        let expected = if route.scope.is_some() { 401 } else { 200 };
        assert_eq!(there.status, expected, "{} {}", route.method.name(), route.path);
    }
}

#[test]
fn an_api_that_is_turned_off_is_not_there() {
    let env = [("PARLOUR_API_ENABLED", "false")];
    let server = Server::with(Wish { env: &env, ..Wish::default() });
    assert_ne!(server.get("/api/v1/rooms").status, 401);
    assert!(!server.data().join("parlour.sock").exists());
}
