//! Users, their names elsewhere and their contacts.

use crate::support::Wish;
use crate::world::World;
use serde_json::{Value, json};

fn ada() -> Value {
    json!({"login": "ada", "display_name": "Ada", "kik": "ada_abc", "accounts": ["Ada@Example.org"],
        "galene": [{"group": "lab", "name": "ada"}]})
}

#[test]
fn a_user_is_made_read_changed_found_and_deleted() {
    let world = World::start();
    let made = world.post("/users", &ada());
    assert_eq!(made.status, 201, "{made:?}");
    let path = format!("/users/{}", made.id());
    assert_eq!(made.header("location"), Some(format!("/api/v1{path}").as_str()));
    let read = world.get(&path);
    assert_eq!(read.body, made.body);
    assert_eq!(read.body["accounts"], json!(["ada@example.org"]));
    let tag = read.header("etag").unwrap().to_owned();
    assert_eq!(world.send("GET", &path, None, &[("if-none-match", &tag)]).status, 304);
    let found = world.get("/users?login=ada");
    assert_eq!(found.body["items"][0]["id"], made.id());
    let change = json!({"display_name": null, "kik": "ada_abd"});
    let changed = world.send("PATCH", &path, Some(&change), &[("if-match", &tag)]);
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(
        (&changed.body["display_name"], &changed.body["login"]),
        (&Value::Null, &json!("ada"))
    );
    let late = world.send("PATCH", &path, Some(&change), &[("if-match", &tag)]);
    assert_eq!((late.status, late.code()), (412, "precondition-failed"));
    assert_eq!(world.delete(&path).status, 204);
    assert_eq!(world.get(&path).code(), "not-found");
    assert_eq!(world.post("/users", &ada()).status, 201, "its names are free again");
}

#[test]
fn a_name_is_one_users_and_a_refused_change_frees_and_takes_nothing() {
    let world = World::start();
    let first = world.post("/users", &ada());
    for (field, body) in [
        ("login", json!({"login": "ada"})),
        ("kik", json!({"kik": "ada_abc"})),
        ("accounts", json!({"login": "eve", "accounts": ["ADA@example.ORG"]})),
        ("galene", json!({"login": "eve", "galene": [{"group": "lab", "name": "ada"}]})),
    ] {
        let taken = world.post("/users", &body);
        assert_eq!((taken.status, taken.code()), (409, "name-taken"), "{body}");
        assert_eq!(taken.body["field"], field);
    }
    let eve = world.post("/users", &json!({"login": "eve"}));
    assert_eq!(eve.status, 201, "no refused request took the login");
    let path = format!("/users/{}", eve.id());
    let change = json!({"login": "eva", "kik": "ada_abc"});
    assert_eq!(world.send("PATCH", &path, Some(&change), &[]).code(), "name-taken");
    assert_eq!(world.get("/users?login=eva").body["items"], json!([]));
    assert_eq!(world.get("/users?login=eve").body["items"][0]["id"], eve.id());
    assert_eq!(world.get("/users?kik=ada_abc").body["items"][0]["id"], first.id());
}

#[test]
fn lists_come_in_pages_that_meet() {
    let world = World::start();
    let mut made: Vec<String> = (0..7)
        .map(|n| world.post("/users", &json!({"login": format!("u{n}")})).id().to_owned())
        .collect();
    made.sort();
    let (mut seen, mut query) = (Vec::new(), "?limit=3".to_owned());
    loop {
        let page = world.get(&format!("/users{query}"));
        let items = page.body["items"].as_array().unwrap();
        assert!(items.len() <= 3);
        seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page.body["cursor"].as_str() else { break };
        query = format!("?limit=3&cursor={cursor}");
    }
    assert_eq!(seen, made);
}

#[test]
fn contacts_are_of_stored_users_and_go_with_either() {
    let world = World::start();
    let id = |login: &str| world.post("/users", &json!({"login": login})).id().to_owned();
    let (ada, eve, joe) = (id("ada"), id("eve"), id("joe"));
    let put = |of: &str, who: &str| {
        world.send("PUT", &format!("/users/{of}/contacts/{who}"), Some(&json!({"name": "x"})), &[])
    };
    assert_eq!(put(&ada, &eve).status, 200);
    assert_eq!(put(&ada, &joe).status, 200);
    assert_eq!(put(&eve, &ada).status, 200);
    assert_eq!(put(&ada, "ASNFZ4mrze8").code(), "unknown-user");
    assert_eq!(put("ASNFZ4mrze8", &ada).code(), "not-found");
    assert_eq!(put(&ada, &ada).code(), "bad-id");
    assert_eq!(world.delete(&format!("/users/{eve}")).status, 204);
    let left = world.get(&format!("/users/{ada}/contacts"));
    assert_eq!(left.body["items"].as_array().unwrap().len(), 1, "{left:?}");
    assert_eq!(left.body["items"][0]["id"], joe.as_str());
}

#[test]
fn a_request_sent_twice_is_done_once_also_after_a_kill() {
    let world = World::start();
    let send = |world: &World, body: &Value| {
        world.send("POST", "/users", Some(body), &[("idempotency-key", "one")])
    };
    let first = send(&world, &ada());
    assert_eq!(first.status, 201);
    let again = send(&world, &ada());
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.header("location"), first.header("location"));
    let other = send(&world, &json!({"login": "eve"}));
    assert_eq!((other.status, other.code()), (422, "idempotency-mismatch"));
    let World { server, key } = world;
    let world = World { server: server.restart(&Wish::default()), key };
    assert_eq!(send(&world, &ada()).body, first.body);
    assert_eq!(world.get("/users").body["items"].as_array().unwrap().len(), 1);
}

#[test]
fn of_many_that_want_one_name_at_once_one_gets_it() {
    let world = World::start();
    let tries: Vec<u16> = std::thread::scope(|scope| {
        let send = || world.post("/users", &json!({"login": "ada"})).status;
        let all: Vec<_> = (0..8).map(|_| scope.spawn(send)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(tries.iter().filter(|status| **status == 201).count(), 1, "{tries:?}");
    assert_eq!(tries.iter().filter(|status| **status == 409).count(), 7, "{tries:?}");
}
