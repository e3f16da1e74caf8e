//! Keys, tokens and passwords of rooms reach neither the log nor the store.

use crate::support::Wish;
use crate::world::World;
use serde_json::json;

#[test]
fn neither_the_log_nor_the_store_holds_a_key_a_token_or_a_password() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let env = [("PARLOUR_LOG_LEVEL", "trace")];
    let mut world = World::with(Wish { env: &env, log: Some(&log), ..Wish::default() });
    let once = |path: &str, body: serde_json::Value| {
        let answer = world.send("POST", path, Some(&body), &[("idempotency-key", "one")]);
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body
    };
    let policy = json!({"entry": "password", "password": "taboo-password"});
    let room = world.post("/rooms", &json!({"policy": policy}));
    assert_eq!(room.status, 201);
    let token = once("/tokens", json!({"sub": "ext:shop:1"}))["token"].as_str().unwrap().to_owned();
    let body = json!({"label": "x", "scopes": ["rooms:read"]});
    let made = world.send("POST", "/keys", Some(&body), &[("idempotency-key", "two")]);
    let key = made.body["key"].as_str().unwrap().to_owned();
    world.get("/users?login=taboo-query");
    world.raw("POST", "/users", Some(b"taboo-body"), &[("authorization", "Bearer taboo-bearer")]);
    let signature = token.rsplit('.').next().unwrap().to_owned();
    let secret = |key: &str| key.splitn(3, '_').nth(2).unwrap().to_owned();
    let mut taboo = vec![token.clone(), signature, secret(&key), secret(&world.key)];
    taboo
        .extend(["taboo-password", "taboo-query", "taboo-body", "taboo-bearer"].map(str::to_owned));
    assert!(world.server.terminate().0.success());
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.contains("DEBUG"), "it was told to log much");
    let stored: Vec<u8> = std::fs::read_dir(world.server.data())
        .unwrap()
        .filter_map(|file| std::fs::read(file.unwrap().path()).ok())
        .flatten()
        .collect();
    for word in taboo {
        assert!(!text.contains(&word), "the log holds {word}");
        let found = stored.windows(word.len()).any(|piece| piece == word.as_bytes());
        assert!(!found, "the store holds {word}");
    }
}
