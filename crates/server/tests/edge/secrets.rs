//! Nothing that people keep to themselves reaches the log, however much is
//! logged.

use crate::support::{Server, Wish, closed, hear, say};
use serde_json::json;

/// Words that occur nowhere but in what people send.
const TABOO: [&str; 8] = [
    "taboo-password",
    "taboo-wrong",
    "taboo-token",
    "taboo-name",
    "taboo-chat",
    "taboo-attribute",
    "taboo-sdp",
    "taboo-query",
];

#[tokio::test]
async fn the_log_holds_no_passwords_tokens_names_or_words() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let group = r#"{"users": {"taboo-name": {"password": "taboo-password", "permissions": "op"}}}"#;
    let wish = Wish {
        env: &[("PARLOUR_LOG_LEVEL", "trace"), ("PARLOUR_GALENE_FAILURE_DELAY", "0ms")],
        groups: &[("secret.json", group)],
        log: Some(&log),
        ..Wish::default()
    };
    let mut server = Server::with(wish);
    server.get("/group/secret/?token=taboo-query");
    let mut socket = server.socket().await;
    say(&mut socket, json!({"type": "handshake", "version": ["2"], "id": "id"})).await;
    let join = |rest: serde_json::Value| {
        let mut all = json!({"type": "join", "kind": "join", "group": "secret"});
        all.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        all
    };
    let refused = |message: &serde_json::Value| message["kind"] == "fail";
    say(&mut socket, join(json!({"username": "taboo-name", "password": "taboo-wrong"}))).await;
    hear(&mut socket, refused).await;
    say(&mut socket, join(json!({"token": "taboo-token"}))).await;
    hear(&mut socket, refused).await;
    let data = json!({"taboo-attribute": "taboo-attribute"});
    let good = json!({"username": "taboo-name", "password": "taboo-password", "data": data});
    say(&mut socket, join(good)).await;
    hear(&mut socket, |message| message["kind"] == "join").await;
    say(&mut socket, json!({"type": "chat", "value": "taboo-chat"})).await;
    hear(&mut socket, |message| message["value"] == "taboo-chat").await;
    let offer = json!({"type": "offer", "id": "s", "label": "camera", "sdp": "v=0 taboo-sdp"});
    say(&mut socket, offer).await;
    hear(&mut socket, |message| message["type"] == "abort").await;
    say(&mut socket, json!({"type": "taboo-chat", "source": "taboo-name"})).await;
    closed(&mut socket).await;
    assert!(server.terminate().0.success());
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.contains("DEBUG"), "it was told to log much");
    for word in TABOO {
        assert!(!text.contains(word), "the log holds {word}:\n{text}");
    }
}
