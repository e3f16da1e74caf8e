//! Rooms that an application made, entered with Galène's protocol: by their
//! policy, or with a token.

use crate::support::{Socket, hear, say};
use crate::world::World;
use serde_json::{Value, json};

async fn join(world: &World, rest: Value) -> (Socket, Value) {
    let mut socket = world.server.socket().await;
    say(&mut socket, json!({"type": "handshake", "version": ["2"], "id": "c"})).await;
    let mut join = json!({"type": "join", "kind": "join", "group": "x/lab"});
    join.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    say(&mut socket, join).await;
    let joined = hear(&mut socket, |message| message["type"] == "joined").await;
    (socket, joined)
}

fn make(world: &World, policy: Value) -> String {
    let names = json!([{"namespace": "galene", "name": "x/lab"}]);
    let made =
        world.post("/rooms", &json!({"names": names, "policy": policy, "display_name": "Lab"}));
    assert_eq!(made.status, 201, "{made:?}");
    made.id().to_owned()
}

#[tokio::test]
async fn a_room_with_a_password_opens_with_it_and_not_without() {
    let world = World::start();
    let policy =
        json!({"doors": ["galene"], "entry": "password", "guests": true, "password": "sesame"});
    let id = make(&world, policy);
    let status = world.server.get("/group/x/lab/.status");
    assert_eq!(status.status, 200, "{status:?}");
    assert!(status.body.contains("Lab"));
    for password in ["", "wrong"] {
        let (_socket, joined) =
            join(&world, json!({"username": "ada", "password": password})).await;
        assert_eq!(joined["kind"], "fail", "{password:?}");
    }
    let (_socket, joined) = join(&world, json!({"username": "ada", "password": "sesame"})).await;
    assert_eq!(joined["kind"], "join", "{joined}");
    let members = world.get(&format!("/rooms/{id}/call/members"));
    assert_eq!(members.body["items"][0]["name"], "ada");
    assert_eq!(members.body["items"][0]["guest"], true);
}

#[tokio::test]
async fn an_open_room_is_open_and_one_with_the_door_shut_is_not_there() {
    let world = World::start();
    let id = make(&world, json!({"doors": ["galene"], "entry": "open", "guests": true}));
    let (socket, joined) = join(&world, json!({"username": "ada"})).await;
    assert_eq!(joined["kind"], "join");
    drop(socket);
    let shut = json!({"policy": {"doors": ["callctl"]}});
    let path = format!("/rooms/{id}");
    assert_eq!(world.send("PATCH", &path, Some(&shut), &[]).status, 200);
    let (_socket, joined) = join(&world, json!({"username": "ada"})).await;
    assert_eq!(joined["kind"], "fail");
    assert_eq!(joined["value"], "group does not exist");
}

#[tokio::test]
async fn a_token_opens_its_room_with_its_rights_until_it_is_revoked() {
    let world = World::start();
    let id = make(&world, json!({"doors": ["galene"], "entry": "grant"}));
    let user = world.post("/users", &json!({"login": "ada", "display_name": "Ada L"}));
    let mint = |rooms: Value, doors: Value| {
        let body =
            json!({"sub": user.id(), "rooms": rooms, "doors": doors, "rights": ["op", "present"]});
        world.post("/tokens", &body)
    };
    let good = mint(json!([id]), json!(["galene"]));
    let with = |token: &Value| json!({"token": token, "username": "mallory"});
    let (socket, joined) = join(&world, with(&good.body["token"])).await;
    assert_eq!(joined["kind"], "join", "{joined}");
    assert!(joined["permissions"].as_array().unwrap().contains(&json!("op")));
    let members = world.get(&format!("/rooms/{id}/call/members"));
    assert_eq!(members.body["items"][0]["user"], user.id());
    assert_eq!(
        members.body["items"][0]["name"], "Ada L",
        "the name is the user's, not the client's"
    );
    drop(socket);
    let elsewhere = world.post("/rooms", &json!({})).id().to_owned();
    let text = good.body["token"].as_str().unwrap();
    let forged = json!(format!("{}A", text.get(..text.len() - 2).unwrap()));
    let others = [mint(json!([elsewhere]), json!(["galene"])), mint(json!([id]), json!(["chat"]))];
    let bad = others.iter().map(|minted| minted.body["token"].clone()).chain([forged]);
    for token in bad {
        let (_socket, joined) = join(&world, with(&token)).await;
        assert_eq!((&joined["kind"], &joined["value"]), (&json!("fail"), &json!("not authorised")));
    }
    assert_eq!(world.delete(&format!("/tokens/{}", good.id())).status, 204);
    let (_socket, joined) = join(&world, with(&good.body["token"])).await;
    assert_eq!(joined["kind"], "fail", "it was taken back");
}
