//! A media server apart, as a process of its own beside front and keeper: who
//! it lets in, and what becomes of everybody when one of them dies.

use crate::client::{Client, GROUP, coming, on, people};
use crate::parts::{Parts, id_of, until};
use crate::support::{closed, hear, say};
use serde_json::json;

#[tokio::test]
async fn a_media_server_apart_lets_in_by_token_and_closes_what_the_keeper_closes() {
    let parts = Parts::new(["10s", "10s"]);
    let [alice, bob] = parts.people().await;
    let mut his = bob.watch().await;
    let joined = parts.sent_there(&alice).await;
    assert_eq!(his.change().await, coming("alice_a1b"));
    let (mut socket, answer) = parts.connect(&joined).await;
    assert_eq!(answer["kind"], "join", "{answer}");
    assert_eq!(answer["username"], "alice_a1b", "the keeper says who it is");
    assert_eq!(his.change().await, on("alice_a1b"));

    // Talk goes by the media server alone.
    let id = id_of(&socket);
    say(
        &mut socket,
        json!({"type": "chat", "kind": "", "dest": "", "value": "hello",
        "source": id, "username": "alice_a1b"}),
    )
    .await;
    let line = hear(&mut socket, |message| message["type"] == "chat").await;
    assert_eq!(line["value"], "hello");

    // A second connection takes the place of the first.
    let again = alice.join(GROUP).await.unwrap();
    let (mut second, answer) = parts.connect(&again).await;
    assert_eq!(answer["kind"], "join", "{answer}");
    closed(&mut socket).await;
    assert_eq!(people(&bob.query(&[GROUP]).await.unwrap()[0]), on("alice_a1b"));
    // The token of the first is dead.
    let (_socket, answer) = parts.connect(&joined).await;
    assert_eq!(answer["kind"], "fail", "{answer}");

    alice.leave(GROUP, again.connection_token.map(|token| token.payload)).await.unwrap();
    closed(&mut second).await;
    assert_eq!(his.change().await, []);
    // The end of a connection is reported.
    let joined = parts.sent_there(&alice).await;
    assert_eq!(his.change().await, coming("alice_a1b"));
    let (socket, _) = parts.connect(&joined).await;
    assert_eq!(his.change().await, on("alice_a1b"));
    drop(socket);
    assert_eq!(his.change().await, []);
}

#[tokio::test]
async fn nobody_enters_a_media_server_apart_without_a_token_of_the_keeper() {
    let parts = Parts::new(["10s", "10s"]);
    let groups = parts.plane.as_ref().unwrap().data().join("groups");
    std::fs::write(
        groups.join("open.json"),
        r#"{"wildcard-user": {"password": {"type": "wildcard"}, "permissions": "present"}}"#,
    )
    .unwrap();
    let [alice, _] = parts.people().await;
    let joined = parts.sent_there(&alice).await;
    let conference = joined.connection_info.clone().unwrap().conference_id;
    for join in [
        json!({"type": "join", "kind": "join", "group": "lobby", "username": "eve"}),
        json!({"type": "join", "kind": "join", "group": "open", "username": "eve", "password": ""}),
        json!({"type": "join", "kind": "join", "group": conference, "username": "eve"}),
        json!({"type": "join", "kind": "join", "group": "open", "token": "made.up"}),
        json!({"type": "join", "kind": "join", "group": conference, "token": "made.up"}),
    ] {
        let (_socket, answer) = parts.enter(join.clone()).await;
        assert_eq!(answer["kind"], "fail", "{join} {answer}");
    }
    // Nothing else of the server is there either.
    let media = parts.plane.as_ref().unwrap();
    assert_eq!(media.get("/api/v1/openapi.json").status, 404);
    let direct = Client::user(media.http, "alice_a1b");
    assert_eq!(direct.join(GROUP).await.unwrap_err().code(), tonic::Code::Unimplemented);
    let (_socket, answer) = parts.connect(&joined).await;
    assert_eq!(answer["kind"], "join", "{answer}");
}

#[tokio::test]
async fn a_media_server_that_dies_takes_its_connections_along_and_another_takes_over() {
    let mut parts = Parts::new(["300ms", "10s"]);
    let [alice, bob] = parts.people().await;
    let joined = parts.sent_there(&alice).await;
    let (_socket, _) = parts.connect(&joined).await;
    until(&bob, &on("alice_a1b")).await;
    // Killed, not asked to stop.
    drop(parts.plane.take());
    until(&bob, &[]).await;
    parts.plane = Some(parts.media.start(None));
    let joined = parts.sent_there(&alice).await;
    let (_socket, answer) = parts.connect(&joined).await;
    assert_eq!(answer["kind"], "join", "{answer}");
    until(&bob, &on("alice_a1b")).await;
}

#[tokio::test]
async fn a_media_server_whose_keeper_dies_lets_everybody_go_and_serves_the_next_one() {
    let mut parts = Parts::new(["10s", "300ms"]);
    let [alice, bob] = parts.people().await;
    let joined = parts.sent_there(&alice).await;
    let (mut socket, _) = parts.connect(&joined).await;
    until(&bob, &on("alice_a1b")).await;
    // Killed, and started again on its own data.
    parts.restart_keeper();
    closed(&mut socket).await;
    until(&bob, &[]).await;
    let joined = parts.sent_there(&alice).await;
    let (_socket, answer) = parts.connect(&joined).await;
    assert_eq!(answer["kind"], "join", "{answer}");
    until(&bob, &on("alice_a1b")).await;
}

#[tokio::test]
async fn a_media_server_goes_on_while_the_front_is_away() {
    let mut parts = Parts::new(["10s", "10s"]);
    let [alice, bob] = parts.people().await;
    let joined = parts.sent_there(&alice).await;
    let (mut socket, _) = parts.connect(&joined).await;
    until(&bob, &on("alice_a1b")).await;
    parts.restart_front();
    until(&bob, &on("alice_a1b")).await;
    say(&mut socket, json!({"type": "ping"})).await;
    hear(&mut socket, |message| message["type"] == "pong").await;
}
