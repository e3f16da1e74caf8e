//! Sound through a media server apart: front, keeper and media server are
//! processes of their own, and two peers speak to the media server alone.

use crate::client::{Client, GROUP, coming, on};
use crate::parts::{Parts, id_of, until};
use crate::peer::Peer;
use crate::support::{Socket, closed, hear, say};
use parlour_wire::callctl::pb::common::video::v1::convo_video_state::user_state::State;
use parlour_wire::callctl::pb::mobile::video::v1::JoinConvoConferenceResponse;
use serde_json::json;

/// Alice speaks and bob listens.
struct Call {
    hers: Socket,
    speaker: Peer,
    his: Socket,
    listener: Peer,
    joined: JoinConvoConferenceResponse,
}

/// Both are on the media server, whose sound bob hears.
async fn talking(parts: &Parts, [alice, bob]: &[Client; 2]) -> Call {
    let joined = parts.sent_there(alice).await;
    let (mut hers, answer) = parts.connect(&joined).await;
    assert_eq!(answer["kind"], "join", "{answer}");
    let (mut his, answer) = parts.connect(&parts.sent_there(bob).await).await;
    assert_eq!(answer["kind"], "join", "{answer}");
    let (speaker, listener) = speak(&mut hers, &mut his).await;
    Call { hers, speaker, his, listener, joined }
}

/// One offers a stream, the other takes it, until the sound arrives.
async fn speak(hers: &mut Socket, his: &mut Socket) -> (Peer, Peer) {
    say(his, json!({"type": "request", "request": {"": ["audio", "video"]}})).await;
    let (mut speaker, offer) = Peer::speaker().await;
    let id = id_of(hers);
    let offer = json!({"type": "offer", "id": "stream", "label": "camera", "source": id,
        "username": "alice_a1b", "sdp": offer});
    say(hers, offer).await;
    let answer = hear(hers, |message| message["type"] == "answer").await;
    assert_eq!(answer["id"], "stream");
    speaker.accept(answer["sdp"].as_str().unwrap());
    // It is offered once sound comes in.
    let offer = tokio::select! {
        () = speaker.live() => unreachable!("it goes on for ever"),
        offer = hear(his, |message| message["type"] == "offer") => offer,
    };
    assert_eq!(offer["username"], "alice_a1b", "the keeper says whose it is");
    let (mut listener, answer) = Peer::listener(offer["sdp"].as_str().unwrap()).await;
    say(his, json!({"type": "answer", "id": offer["id"], "sdp": answer})).await;
    heard(&mut speaker, &mut listener, 10).await;
    (speaker, listener)
}

/// Until the listener has heard so many packets more.
async fn heard(speaker: &mut Peer, listener: &mut Peer, more: usize) {
    let count = listener.heard.len() + more;
    // Whatever the speaker was about to do it does the next time.
    tokio::select! {
        () = speaker.live() => {}
        () = listener.hears(count) => {}
    }
}

fn both() -> Vec<(String, State)> {
    [on("alice_a1b"), on("bob.b_z9z")].concat()
}

#[tokio::test]
async fn req_14_15_and_49_sound_goes_by_the_media_server_alone_and_its_session_is_the_state() {
    let parts = Parts::new(["10s", "10s"]);
    let people = parts.people().await;
    let [alice, bob] = &people;
    let mut watch = bob.watch().await;
    let joined = parts.sent_there(alice).await;
    assert_eq!(watch.change().await, coming("alice_a1b"), "REQ-14: agreed, not there yet");
    let (mut hers, _) = parts.connect(&joined).await;
    assert_eq!(watch.change().await, on("alice_a1b"), "REQ-15: accepted, before any packet");
    let (mut his, _) = parts.connect(&parts.sent_there(bob).await).await;
    until(alice, &both()).await;
    let (mut speaker, mut listener) = speak(&mut hers, &mut his).await;
    let numbers = &listener.heard;
    assert!(numbers.is_sorted() && numbers.len() >= 10, "decrypted, in order: {numbers:?}");
    heard(&mut speaker, &mut listener, 20).await;
    // The real end of the session is the end of the state.
    drop(hers);
    hear(&mut his, |message| message["type"] == "close").await;
    until(bob, &on("bob.b_z9z")).await;
}

#[tokio::test]
async fn an_evicted_connection_is_closed_and_its_sound_ends_while_the_next_one_speaks() {
    let parts = Parts::new(["10s", "10s"]);
    let people = parts.people().await;
    let mut call = talking(&parts, &people).await;
    let [alice, bob] = &people;
    // A second device of hers.
    let again = alice.join(GROUP).await.unwrap();
    let (mut second, answer) = parts.connect(&again).await;
    assert_eq!(answer["kind"], "join", "{answer}");
    closed(&mut call.hers).await;
    hear(&mut call.his, |message| message["type"] == "close").await;
    assert_eq!(crate::client::people(&bob.query(&[GROUP]).await.unwrap()[0]).len(), 2);
    let (mut speaker, mut listener) = speak(&mut second, &mut call.his).await;
    heard(&mut speaker, &mut listener, 5).await;
    let before = call.listener.heard.len();
    tokio::select! {
        () = call.speaker.live() => {}
        () = call.listener.live() => {}
        () = heard(&mut speaker, &mut listener, 5) => {}
    }
    let late = call.listener.heard.len() - before;
    assert_eq!(late, 0, "nobody hears the first one any more");
    // Her leave is the keeper's word, and the media server's deed.
    alice.leave(GROUP, again.connection_token.map(|token| token.payload)).await.unwrap();
    closed(&mut second).await;
    hear(&mut call.his, |message| message["type"] == "close").await;
    until(bob, &on("bob.b_z9z")).await;
}

#[tokio::test]
async fn a_media_server_killed_in_the_middle_of_a_call_empties_it_and_the_next_one_carries_sound() {
    let mut parts = Parts::new(["300ms", "10s"]);
    let people = parts.people().await;
    let mut call = talking(&parts, &people).await;
    until(&people[1], &both()).await;
    drop(parts.plane.take());
    closed(&mut call.hers).await;
    until(&people[1], &[]).await;
    parts.plane = Some(parts.media.start(None));
    let call = talking(&parts, &people).await;
    assert!(!call.listener.heard.is_empty());
    until(&people[1], &both()).await;
}

#[tokio::test]
async fn a_keeper_killed_in_the_middle_of_a_call_ends_it_and_its_tokens_stay_old() {
    let mut parts = Parts::new(["10s", "300ms"]);
    let people = parts.people().await;
    let mut call = talking(&parts, &people).await;
    parts.restart_keeper();
    for socket in [&mut call.hers, &mut call.his] {
        closed(socket).await;
    }
    until(&people[1], &[]).await;
    let (_socket, answer) = parts.connect(&call.joined).await;
    assert_eq!(answer["kind"], "fail", "REQ-70: {answer}");
    let again = talking(&parts, &people).await;
    assert!(!again.listener.heard.is_empty());
    until(&people[1], &both()).await;
}
