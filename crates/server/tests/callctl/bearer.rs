//! Clients with tokens that the integration API has minted.

use crate::client::{Client, GROUP, Secrets, coming, people};
use crate::support::Wish;
use crate::world::World;
use serde_json::{Value, json};
use tonic::Code;

fn world(secrets: &Secrets) -> World {
    let env = secrets.env();
    let env: Vec<(&str, &str)> =
        env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    World::with(Wish { env: &env, ..Wish::default() })
}

fn mint(world: &World, body: &Value) -> Client {
    let minted = world.post("/tokens", body);
    assert_eq!(minted.status, 201, "{minted:?}");
    let token = minted.body["token"].as_str().unwrap().to_owned();
    Client::to(world.server.http).shows(&format!("Bearer {token}"))
}

async fn joins(client: &Client, key: &str) -> Result<i32, Code> {
    client.join(key).await.map(|joined| joined.result).map_err(|status| status.code())
}

#[tokio::test]
async fn a_token_of_the_api_names_its_bearer_by_kik_name_or_by_handle() {
    let secrets = Secrets::new();
    let world = world(&secrets);
    let operator = Client::operator(world.server.http);
    operator.members(GROUP, &["alice_a1b", "bob.b_z9z"]).await.unwrap();
    let alice = mint(&world, &json!({"sub": "ext:kik:alice_a1b"}));
    assert_eq!(joins(&alice, GROUP).await, Ok(0));
    let user = world.post("/users", &json!({"kik": "bob.b_z9z"}));
    assert_eq!(user.status, 201, "{user:?}");
    let bob = mint(&world, &json!({"sub": user.id(), "doors": ["callctl"]}));
    assert_eq!(people(&bob.query(&[GROUP]).await.unwrap()[0]), coming("alice_a1b"));
    let mallory = mint(&world, &json!({"sub": "ext:kik:mallory_1"}));
    assert_eq!(joins(&mallory, GROUP).await, Ok(2), "believed, and not a member");

    let elsewhere = mint(&world, &json!({"sub": "ext:kik:alice_a1b", "doors": ["galene"]}));
    assert_eq!(joins(&elsewhere, GROUP).await, Err(Code::Unauthenticated));
    let shop = mint(&world, &json!({"sub": "ext:shop:42"}));
    assert_eq!(joins(&shop, GROUP).await, Err(Code::Unauthenticated), "no name here");
    let named = alice.says("bob.b_z9z");
    assert_eq!(joins(&named, GROUP).await, Err(Code::Unauthenticated), "not a bridge");
}

#[tokio::test]
async fn a_revoked_token_names_nobody() {
    let secrets = Secrets::new();
    let world = world(&secrets);
    let minted = world.post("/tokens", &json!({"sub": "ext:kik:alice_a1b"}));
    let token = minted.body["token"].as_str().unwrap().to_owned();
    let alice = Client::to(world.server.http).shows(&format!("Bearer {token}"));
    assert_eq!(joins(&alice, "alice_a1b:bob.b_z9z").await, Ok(0));
    assert_eq!(world.delete(&format!("/tokens/{}", minted.id())).status, 204);
    assert_eq!(joins(&alice, "alice_a1b:bob.b_z9z").await, Err(Code::Unauthenticated));
}

#[tokio::test]
async fn a_token_for_one_room_shows_and_opens_no_other() {
    let secrets = Secrets::new();
    let world = world(&secrets);
    let room = world.post("/rooms", &json!({})).id().to_owned();
    let grant = json!({"permissions": ["present"], "kik": "alice_a1b"});
    let path = format!("/rooms/{room}/grants/ext:kik:alice_a1b");
    assert_eq!(world.send("PUT", &path, Some(&grant), &[]).status, 200);
    let operator = Client::operator(world.server.http);
    operator.members(GROUP, &["alice_a1b"]).await.unwrap();
    let all = mint(&world, &json!({"sub": "ext:kik:alice_a1b"}));
    assert_eq!(joins(&all, GROUP).await, Ok(0));
    let one = mint(&world, &json!({"sub": "ext:kik:alice_a1b", "rooms": [room]}));
    assert_eq!(joins(&one, GROUP).await, Ok(2), "another room");
    assert_eq!(people(&one.query(&[GROUP]).await.unwrap()[0]), []);
}

#[tokio::test]
async fn the_directory_of_groups_does_not_take_what_the_api_gave() {
    let secrets = Secrets::new();
    let world = world(&secrets);
    let operator = Client::operator(world.server.http);
    operator.members(GROUP, &["bob.b_z9z"]).await.unwrap();
    let rooms = world.get("/rooms");
    let room = rooms.body["items"].as_array().unwrap().iter().find_map(|room| {
        let is = room.to_string().contains(GROUP);
        is.then(|| room["id"].as_str().unwrap().to_owned())
    });
    let path = format!("/rooms/{}/grants/ext:kik:alice_a1b", room.expect("the group's room"));
    let grant = json!({"permissions": ["op"], "kik": "alice_a1b"});
    let put = world.send("PUT", &path, Some(&grant), &[]);
    assert!(matches!(put.status, 200 | 201), "{put:?}");
    let alice = Client::user(world.server.http, "alice_a1b");
    assert_eq!(joins(&alice, GROUP).await, Ok(0));
    for members in [&["alice_a1b", "bob.b_z9z"][..], &["bob.b_z9z"]] {
        operator.members(GROUP, members).await.unwrap();
        let kept = world.get(&path);
        assert_eq!(kept.body["permissions"], json!(["op"]), "{kept:?}");
        assert_eq!(joins(&alice, GROUP).await, Ok(0));
    }
    assert_eq!(world.delete(&path).status, 204);
    assert_eq!(joins(&alice, GROUP).await, Ok(2), "now nobody says that she belongs");
}
