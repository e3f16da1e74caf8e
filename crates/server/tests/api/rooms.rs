//! Rooms, their names, rights in them and their calls.

use crate::support::{Wish, closed, hear, say};
use crate::world::World;
use serde_json::{Value, json};

fn lab() -> Value {
    json!({"display_name": "The Lab", "names": [
        {"namespace": "galene", "name": "x/lab"}, {"namespace": "shop", "name": "order 7"}],
        "policy": {"doors": ["galene"], "entry": "password", "guests": true, "capacity": 5,
            "password": "open sesame"}})
}

fn name_path(id: &str, namespace: &str, name: &str) -> String {
    format!("/rooms/{id}/names/{namespace}/{}", name.replace('/', "%2F").replace(' ', "%20"))
}

#[test]
fn a_room_is_made_read_changed_found_and_deleted() {
    let world = World::start();
    let made = world.post("/rooms", &lab());
    assert_eq!(made.status, 201, "{made:?}");
    let path = format!("/rooms/{}", made.id());
    let read = world.get(&path);
    assert_eq!(read.body, made.body);
    assert_eq!(read.header("etag"), made.header("etag"));
    assert_eq!(read.body["policy"]["has_password"], true);
    assert!(!read.body.to_string().contains("sesame"));
    let found = world.get("/rooms?namespace=galene&name=x%2Flab");
    assert_eq!(found.body["items"][0]["id"], made.id());
    let tag = read.header("etag").unwrap().to_owned();
    let change = json!({"display_name": null, "policy": {"capacity": null, "entry": "open", "password": null}});
    let changed = world.send("PATCH", &path, Some(&change), &[("if-match", &tag)]);
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.body["policy"]["entry"], "open");
    assert_eq!(changed.body["display_name"], Value::Null);
    assert_eq!(changed.body, world.get(&path).body);
    let late = world.send("PATCH", &path, Some(&change), &[("if-match", &tag)]);
    assert_eq!(late.code(), "precondition-failed");
    assert_eq!(world.delete(&path).status, 204);
    assert_eq!(world.get(&path).code(), "not-found");
    assert_eq!(world.post("/rooms", &lab()).status, 201, "its names are free again");
}

#[test]
fn rooms_and_their_policies_outlive_a_kill_and_every_policy_can_be_made() {
    let world = World::start();
    let mut made = Vec::new();
    for doors in [json!(["galene", "whip", "whep"]), json!([]), json!(["galene"])] {
        for entry in ["open", "password", "grant"] {
            for guests in [true, false] {
                let policy = json!({"doors": doors, "entry": entry, "guests": guests});
                let name = json!({"namespace": "app", "name": format!("n{}", made.len())});
                let room = world.post("/rooms", &json!({"policy": policy, "names": [name]}));
                assert_eq!(room.status, 201, "{room:?}");
                made.push(room);
            }
        }
    }
    let World { server, key } = world;
    let world = World { server: server.restart(&Wish::default()), key };
    for room in made {
        assert_eq!(world.get(&format!("/rooms/{}", room.id())).body, room.body);
    }
    assert_eq!(world.get("/rooms?limit=100").body["items"].as_array().unwrap().len(), 18);
}

#[test]
fn a_taken_name_makes_no_room_and_is_not_given_to_another() {
    let world = World::start();
    let first = world.post("/rooms", &lab());
    let taken = world.post("/rooms", &lab());
    assert_eq!((taken.status, taken.code()), (409, "name-taken"));
    assert_eq!(world.get("/rooms").body["items"].as_array().unwrap().len(), 1);
    let other = world.post("/rooms", &json!({"names": [{"namespace": "shop", "name": "8"}]}));
    let names = format!("/rooms/{}/names", other.id());
    let bind = world.post(&names, &json!({"namespace": "galene", "name": "x/lab"}));
    assert_eq!((bind.status, bind.code()), (409, "name-taken"));
    let rename = json!({"name": "order 7"});
    let rename = world.send("PATCH", &name_path(other.id(), "shop", "8"), Some(&rename), &[]);
    assert_eq!((rename.status, rename.code()), (409, "name-taken"));
    let still = world.get(&names);
    assert_eq!(
        still.body["items"],
        json!([{"namespace": "shop", "name": "8"}]),
        "nothing was lost"
    );
    let theirs = world.delete(&name_path(other.id(), "galene", "x/lab"));
    assert_eq!(theirs.code(), "not-found", "a name is unbound only from its own room");
    assert_eq!(world.get(&format!("/rooms/{}", first.id())).body, first.body);
}

#[test]
fn rights_are_given_listed_and_taken() {
    let world = World::start();
    let room = world.post("/rooms", &json!({})).id().to_owned();
    let user = world.post("/users", &json!({"login": "ada"})).id().to_owned();
    let grants = format!("/rooms/{room}/grants");
    let put =
        |who: &str, body: Value| world.send("PUT", &format!("{grants}/{who}"), Some(&body), &[]);
    let given = put(&user, json!({"permissions": ["op", "present"]}));
    assert_eq!(given.status, 200, "{given:?}");
    assert_eq!(put("everyone", json!({"permissions": ["message"]})).status, 200);
    let outside = put("ext:shop:42", json!({"permissions": ["present"]}));
    assert_eq!(outside.status, 200);
    assert_eq!(put("ASNFZ4mrze8", json!({"permissions": []})).code(), "unknown-user");
    assert_eq!(put(&user, json!({"permissions": ["system"]})).code(), "bad-field");
    assert_eq!(put("ext:", json!({"permissions": []})).code(), "bad-id");
    let first = world.get(&format!("{grants}?limit=2"));
    assert_eq!(first.body["items"][0]["grantee"], "everyone");
    let cursor = first.body["cursor"].as_str().unwrap();
    let second = world.get(&format!("{grants}?limit=2&cursor={cursor}"));
    assert_eq!(second.body["items"].as_array().unwrap().len(), 1);
    assert_eq!(second.body["cursor"], Value::Null);
    assert_eq!(world.delete(&format!("{grants}/{user}")).status, 204);
    assert_eq!(world.get(&format!("{grants}/{user}")).code(), "not-found");
}

#[tokio::test]
async fn a_call_is_seen_renamed_around_and_ended() {
    let world = World::start();
    let mut ada = world.server.member("ada").await;
    let mut eve = world.server.member("eve").await;
    let found = world.get("/rooms?namespace=galene&name=lobby");
    let id = found.body["items"][0]["id"].as_str().unwrap().to_owned();
    let call = format!("/rooms/{id}/call");
    let now = world.get(&call);
    assert_eq!((&now.body["active"], &now.body["members"]), (&json!(true), &json!(2)), "{now:?}");
    let members = world.get(&format!("{call}/members"));
    assert_eq!(members.body["items"][0]["id"], "m:ada");
    assert_eq!(members.body["items"][0]["state"], "connected");
    assert_eq!(members.body["items"][0]["door"], "galene");
    // A name that comes and goes does not touch who is in.
    let rename = json!({"name": "hall"});
    assert_eq!(
        world.send("PATCH", &name_path(&id, "galene", "lobby"), Some(&rename), &[]).status,
        200
    );
    assert_eq!(world.get(&call).body["members"], 2);
    assert_eq!(world.delete(&name_path(&id, "galene", "hall")).status, 204);
    assert_eq!(world.get(&call).body["members"], 2);
    say(&mut ada, json!({"type": "chat", "value": "still here"})).await;
    hear(&mut eve, |message| message["value"] == "still here").await;
    assert_eq!(world.delete(&format!("{call}/members/m:ada")).status, 204);
    assert_eq!(closed(&mut ada).await.map(|(code, _)| code), Some(1000));
    hear(&mut eve, |message| message["type"] == "user" && message["kind"] == "delete").await;
    assert_eq!(world.delete(&format!("{call}/members/m:ada")).code(), "not-found");
    assert_eq!(world.delete(&call).status, 204);
    assert!(closed(&mut eve).await.is_some());
    assert_eq!(world.get(&call).body["active"], false);
}
