//! A media server apart that stops in order, falls silent, or has no word about
//! the conference.

use crate::client::{GROUP, on};
use crate::parts::{Parts, until};
use crate::support::{Server, closed};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

fn send(server: &Server, signal: Signal) {
    let pid = Pid::from_raw(server.pid().try_into().unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

#[tokio::test]
async fn a_media_server_that_stops_in_order_reports_that_everybody_is_gone() {
    // Nobody waits for its silence.
    let mut parts = Parts::new(["1h", "1h"]);
    let [alice, bob] = parts.people().await;
    let (mut hers, _) = parts.connect(&parts.sent_there(&alice).await).await;
    let (mut his, _) = parts.connect(&parts.sent_there(&bob).await).await;
    until(&bob, &[on("alice_a1b"), on("bob.b_z9z")].concat()).await;
    let mut media = parts.plane.take().unwrap();
    let (status, _) = tokio::task::spawn_blocking(move || media.terminate()).await.unwrap();
    assert!(status.success(), "{status}");
    closed(&mut hers).await;
    closed(&mut his).await;
    until(&bob, &[]).await;
}

#[tokio::test]
async fn a_media_server_that_stops_does_not_wait_for_ever_for_a_keeper_that_is_away() {
    let mut parts = Parts::with(["1h", "1h"], |parts| parts.media.set("FAREWELL", "100ms"));
    let [alice, _] = parts.people().await;
    let (_hers, _) = parts.connect(&parts.sent_there(&alice).await).await;
    drop(parts.keeper.take());
    let mut media = parts.plane.take().unwrap();
    let (status, _) = tokio::task::spawn_blocking(move || media.terminate()).await.unwrap();
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn a_media_server_that_misses_its_heartbeats_loses_its_connections_for_good() {
    let parts = Parts::with(["200ms", "1h"], |parts| parts.vcs.set("PING", "200ms"));
    let [alice, bob] = parts.people().await;
    let (mut hers, _) = parts.connect(&parts.sent_there(&alice).await).await;
    until(&bob, &on("alice_a1b")).await;
    // It is there and says nothing.
    let media = parts.plane.as_ref().unwrap();
    send(media, Signal::STOP);
    until(&bob, &[]).await;
    // When it can be heard again, it hears that it was given up.
    send(media, Signal::CONT);
    closed(&mut hers).await;
    until(&bob, &[]).await;
    let (_hers, answer) = parts.connect(&parts.sent_there(&alice).await).await;
    assert_eq!(answer["kind"], "join", "{answer}");
    until(&bob, &on("alice_a1b")).await;
}

#[tokio::test]
async fn a_keeper_that_falls_silent_is_given_up_by_the_media_server() {
    let parts = Parts::with(["1h", "200ms"], |parts| parts.media.set("REMOTE_PING", "200ms"));
    let [alice, bob] = parts.people().await;
    let (mut hers, _) = parts.connect(&parts.sent_there(&alice).await).await;
    until(&bob, &on("alice_a1b")).await;
    let keeper = parts.keeper.as_ref().unwrap();
    send(keeper, Signal::STOP);
    closed(&mut hers).await;
    send(keeper, Signal::CONT);
    until(&bob, &[]).await;
}

#[tokio::test]
async fn the_token_alone_opens_the_media_connection_and_so_does_each_way_to_name_the_conference() {
    let parts = Parts::new(["10s", "10s"]);
    let [alice, bob] = parts.people().await;
    parts.sent_there(&alice).await;
    for way in ["", "ID", "HOST:PORT/ID"] {
        let joined = alice.join(GROUP).await.unwrap();
        let info = joined.connection_info.clone().unwrap();
        let group = way.replace("ID", &info.conference_id);
        let group = group.replace("HOST:PORT", &format!("{}:{}", info.host, info.port));
        let (_socket, answer) = parts.connect_to(&group, &joined).await;
        assert_eq!(answer["kind"], "join", "{group:?}: {answer}");
        until(&bob, &on("alice_a1b")).await;
    }
    until(&bob, &[]).await;
    let joined = alice.join(GROUP).await.unwrap();
    for group in ["lobby", "kik.AAAAAAAAAAAAAAAA.AAAA", "AAAAAAAAAAc"] {
        let (_socket, answer) = parts.connect_to(group, &joined).await;
        assert_eq!(answer["kind"], "fail", "{group:?}: {answer}");
    }
    for token in ["", "made.up", "parlour.AAAA.AAAA"] {
        let join = json!({"type": "join", "kind": "join", "group": "", "token": token});
        let (_socket, answer) = parts.enter(join).await;
        assert_eq!(answer["kind"], "fail", "{token:?}: {answer}");
    }
}
