//! Tokens: minted for somebody who exists, listed without their texts, and
//! taken back.

use crate::world::World;
use serde_json::json;

#[test]
fn a_token_is_minted_listed_and_revoked() {
    let world = World::start();
    let room = world.post("/rooms", &json!({})).id().to_owned();
    let body = json!({"sub": "ext:shop:42", "rooms": [room], "doors": ["galene"],
        "rights": ["op"], "name": "Ada", "expires_in": 60});
    let minted = world.post("/tokens", &body);
    assert_eq!(minted.status, 201, "{minted:?}");
    let text = minted.body["token"].as_str().unwrap();
    assert_eq!(text.split('.').count(), 3);
    let listed = world.get("/tokens");
    assert_eq!(listed.body["items"][0]["id"], minted.id());
    assert!(!listed.body.to_string().contains(text));
    let path = format!("/tokens/{}", minted.id());
    assert_eq!(world.get(&path).body["sub"], "ext:shop:42");
    assert_eq!(world.delete(&path).status, 204);
    assert_eq!(world.delete(&path).code(), "not-found");
    assert_eq!(world.get("/tokens").body["items"], json!([]));
}

#[test]
fn tokens_are_only_for_those_who_exist_and_only_so_long() {
    let world = World::start();
    for (body, code) in [
        (json!({"sub": "ASNFZ4mrze8"}), "unknown-user"),
        (json!({"sub": "ada"}), "bad-field"),
        (json!({"sub": "ext:shop:1", "rooms": ["ASNFZ4mrze8"]}), "unknown-room"),
        (json!({"sub": "ext:shop:1", "rooms": ["x"]}), "bad-field"),
        (json!({"sub": "ext:shop:1", "doors": ["back"]}), "bad-field"),
        (json!({"sub": "ext:shop:1", "rights": ["system"]}), "bad-field"),
        (json!({"sub": "ext:shop:1", "expires_in": 300_000_000}), "bad-field"),
        (json!({"sub": "ext:shop:1", "expires_in": 5, "begins_in": 5}), "bad-field"),
        (json!({}), "missing-field"),
    ] {
        assert_eq!(world.post("/tokens", &body).code(), code, "{body}");
    }
    assert_eq!(world.get("/tokens").body["items"], json!([]));
}

#[test]
fn a_repeated_mint_gives_the_same_token() {
    let world = World::start();
    let mint = || {
        let body = json!({"sub": "ext:shop:1"});
        world.send("POST", "/tokens", Some(&body), &[("idempotency-key", "t1")])
    };
    let (first, again) = (mint(), mint());
    assert_eq!(first.status, 201);
    assert_eq!(first.body, again.body);
}
