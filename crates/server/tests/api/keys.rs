//! Keys: made on the command line and by other keys, good for what they say.

use crate::support::{Server, Wish, command};
use crate::world::{World, make_key};
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn a_key_made_before_the_first_start_opens_the_api_and_the_lobby_is_there() {
    let data = tempfile::tempdir().unwrap();
    let mut create = command(&[]);
    create.args(["key", "create", "--scope", "rooms:read", "--data"]).arg(data.path());
    let made = create.output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let key = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let server = Server::at(data, &Wish::default());
    let world = World { server, key };
    assert_eq!(world.get("/rooms").status, 200);
    assert_eq!(world.server.get("/group/lobby/.status").status, 200);
}

#[test]
fn only_its_owner_may_open_the_operators_socket() {
    let world = World::start();
    let file = std::fs::metadata(world.server.data().join("parlour.sock")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_key_may_do_what_its_scopes_say_and_nothing_else() {
    let mut world = World::start();
    world.key = make_key(&world.server, &["rooms:read"]);
    assert_eq!(world.get("/rooms").status, 200);
    for (method, path) in
        [("GET", "/users"), ("POST", "/rooms"), ("GET", "/keys"), ("POST", "/tokens")]
    {
        let answer = world.send(method, path, Some(&json!({})), &[]);
        assert_eq!((answer.status, answer.code()), (403, "forbidden"), "{method} {path}");
    }
}

#[test]
fn a_key_cannot_make_a_key_that_may_do_more() {
    let mut world = World::start();
    world.key = make_key(&world.server, &["keys:write", "rooms:read"]);
    let less = world.post("/keys", &json!({"label": "x", "scopes": ["rooms:read"]}));
    assert_eq!(less.status, 201, "{less:?}");
    let text = less.body["key"].as_str().unwrap();
    assert!(text.starts_with(&format!("pk_{}_", less.id())));
    for scopes in [json!(["rooms:write"]), json!(["operator"])] {
        let more = world.post("/keys", &json!({"label": "x", "scopes": scopes}));
        assert_eq!((more.status, more.code()), (403, "forbidden"));
    }
    let listed = world.get("/keys");
    assert!(!listed.body.to_string().contains(text), "secrets are shown once");
}

#[test]
fn a_revoked_key_is_refused_at_once() {
    let world = World::start();
    let made = world.post("/keys", &json!({"label": "x", "scopes": ["rooms:read"]}));
    let other = World { key: made.body["key"].as_str().unwrap().to_owned(), ..world };
    assert_eq!(other.get("/rooms").status, 200);
    let mut revoke = command(&[]);
    revoke.args(["key", "revoke", made.id(), "--data"]).arg(other.server.data());
    assert!(revoke.output().unwrap().status.success());
    let answer = other.get("/rooms");
    assert_eq!((answer.status, answer.code()), (401, "unauthenticated"));
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
}

#[test]
fn keys_outlive_a_kill() {
    let world = World::start();
    let World { server, key } = world;
    let world = World { server: server.restart(&Wish::default()), key };
    assert_eq!(world.get("/keys").status, 200);
}
