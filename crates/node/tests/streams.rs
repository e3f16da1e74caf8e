//! Streams from a publisher to receivers (docs/protocols/galene.md §§3.6 to
//! 3.8, 3.14), with the descriptions of a real browser.
mod common;
use common::*;
use parlour_base::{ConnId, Json};
use parlour_sfu::plan::{Command, Loss, Notice};
use std::time::Duration;

const CAMERA: &str = include_str!("../../../testdata/sdp/chromium-camera.sdp");
const AUDIO: &str = include_str!("../../../testdata/sdp/chromium-audio-only.sdp");
const DATA: &str = include_str!("../../../testdata/sdp/chromium-datachannel.sdp");
/// The publisher's payload types for Opus and VP8.
const SOUND: (&str, u8) = ("0", 111);
const PICTURE: (&str, u8) = ("1", 96);

fn offer(id: &str, replace: &str, sdp: &str) -> Json {
    json!({"type": "offer", "id": id, "label": "camera", "replace": replace, "sdp": sdp})
}

/// A publisher and a receiver that wants everything.
fn two() -> (World, ConnId, ConnId) {
    let mut w = World::new();
    let (ada, bob) = (w.member("ada"), w.member("bob"));
    w.say(bob, json!({"type": "request", "request": {"": ["audio", "video"]}}));
    w.everybody_forgets();
    (w, ada, bob)
}

/// Publishes a camera until the receiver has answered.
fn published(w: &mut World, ada: ConnId, bob: ConnId) -> Json {
    w.say(ada, offer("x", "", CAMERA));
    assert_eq!(w.gist(ada), ["answer"]);
    let peer = w.up();
    w.live(peer, &[SOUND, PICTURE]);
    let heard = w.hears(bob).remove(0);
    w.say(bob, json!({"type": "answer", "id": "x", "sdp": answer(&heard)}));
    heard
}

#[test]
fn a_stream_is_offered_once_its_media_has_arrived() {
    let (mut w, ada, bob) = two();
    w.say(ada, offer("x", "", CAMERA));
    let heard = w.hears(ada);
    assert_eq!((gist(&heard[0]), &heard[0]["id"]), ("answer".into(), &json!("x")));
    assert!(heard[0]["sdp"].as_str().unwrap().contains("a=recvonly"));
    assert!(w.hears(bob).is_empty(), "not before media");
    let peer = w.up();
    w.live(peer, &[SOUND, PICTURE]);
    let told = w.hears(bob).remove(0);
    assert_eq!((&told["id"], &told["label"]), (&json!("x"), &json!("camera")));
    assert_eq!((&told["source"], &told["username"]), (&json!("ada"), &json!("ada")));
    assert!(w.hears(ada).is_empty(), "nobody gets an own stream back");
    w.say(bob, json!({"type": "answer", "id": "x", "sdp": answer(&told)}));
    assert!(
        matches!(w.orders.last(), Some(Command::Answered { accepted, .. }) if accepted.len() == 2)
    );
    w.say(ada, json!({"type": "close", "id": "x"}));
    assert_eq!(w.hears(bob), [json!({"type": "close", "id": "x"})]);
    assert!(w.hears(ada).is_empty());
    let open = |w: &World| w.orders.iter().filter(|c| matches!(c, Command::Close(_))).count();
    assert_eq!(open(&w), 2, "both transports end");
}

#[test]
fn who_comes_later_is_offered_what_is_there_on_request() {
    let (mut w, ada, bob) = two();
    published(&mut w, ada, bob);
    let carol = w.member("carol");
    assert!(w.hears(carol).is_empty(), "nothing is wanted at first");
    w.say(carol, json!({"type": "request", "request": {"camera": ["audio"]}}));
    let told = w.hears(carol).remove(0);
    assert!(!told["sdp"].as_str().unwrap().contains("m=video"));
    w.say(carol, json!({"type": "request", "request": {}}));
    assert_eq!(w.gist(carol), ["close"]);
}

#[test]
fn a_client_of_2021_is_told_what_each_track_carries() {
    let (mut w, ada, _) = two();
    let old = w.open();
    w.say(old, json!({"type": "handshake", "id": "old"}));
    w.ask_in(old, "lab", "old", "");
    w.say(old, json!({"type": "request", "request": {"audio": true, "video": true}}));
    w.hears(old);
    w.say(
        ada,
        json!({"type": "offer", "id": "x", "labels": {"0": "audio", "1": "video"}, "sdp": CAMERA}),
    );
    let peer = w.up();
    w.live(peer, &[SOUND, PICTURE]);
    assert_eq!(w.hears(old)[0]["labels"], json!({"0": "audio", "1": "video"}));
}

#[test]
fn who_may_not_publish_is_told_to_stop_and_loses_what_was_to_be_replaced() {
    let (mut w, ada, bob) = two();
    let eve = w.member("eve");
    w.say(eve, offer("e", "", CAMERA));
    let heard = w.hears(eve);
    assert_eq!((gist(&heard[0]), &heard[1]["value"]), ("abort".into(), &json!("not authorised")));
    w.say(bob, offer("b", "", CAMERA));
    w.say(ada, json!({"type": "request", "request": {"": ["audio"]}}));
    let peer = w.up();
    w.live(peer, &[SOUND]);
    w.everybody_forgets();
    w.say(ada, json!({"type": "useraction", "kind": "unpresent", "dest": "bob"}));
    assert_eq!(w.gist(bob), ["joined change", "user change", "abort", "usermessage error"]);
    assert_eq!(w.gist(ada), ["user change", "close"]);
}

#[test]
fn a_replacement_that_is_refused_still_ends_what_it_replaces() {
    let (mut w, ada, bob) = two();
    published(&mut w, ada, bob);
    w.say(ada, offer("y", "x", "nonsense"));
    assert_eq!(w.gist(ada), ["abort", "usermessage error"]);
    assert_eq!(w.hears(bob), [json!({"type": "close", "id": "x"})]);
    assert_eq!(w.figures().streams, 0);
}

#[test]
fn descriptions_that_cannot_be_used_are_refused_with_a_reason() {
    let (mut w, ada, _) = two();
    for (sdp, words) in [(DATA, "data channels are not supported"), ("", "the description")] {
        w.say(ada, offer("x", "", sdp));
        let heard = w.hears(ada);
        assert_eq!((gist(&heard[0]), &heard[0]["id"]), ("abort".into(), &json!("x")));
        assert!(heard[1]["value"].as_str().unwrap().contains(words), "{heard:?}");
    }
    assert_eq!(w.figures().streams, 0);
}

#[test]
fn the_id_of_somebody_elses_stream_cannot_be_taken() {
    let (mut w, ada, bob) = two();
    published(&mut w, ada, bob);
    w.say(bob, offer("x", "", CAMERA));
    assert_eq!(w.gist(bob), ["abort", "usermessage error"]);
    w.say(bob, json!({"type": "close", "id": "x"}));
    assert!(w.hears(bob).is_empty());
    assert_eq!(w.figures().streams, 1);
}

#[test]
fn a_replacement_takes_the_place_of_the_last_stream_that_was_shown() {
    let (mut w, ada, bob) = two();
    published(&mut w, ada, bob);
    w.say(ada, offer("y", "x", CAMERA));
    w.say(ada, offer("z", "y", CAMERA));
    assert!(w.hears(bob).is_empty(), "receivers keep the old one until then");
    assert_eq!(w.gist(ada), ["answer", "answer"]);
    let peer = w.up();
    w.live(peer, &[SOUND, PICTURE]);
    let told = w.hears(bob).remove(0);
    assert_eq!((&told["id"], &told["replace"]), (&json!("z"), &json!("x")));
    assert_eq!(w.figures().legs, 1);
}

#[test]
fn a_replacement_that_is_not_wanted_closes_the_old_one() {
    let (mut w, ada, bob) = two();
    published(&mut w, ada, bob);
    w.say(
        ada,
        json!({"type": "offer", "id": "y", "label": "screenshare", "replace": "x", "sdp": CAMERA}),
    );
    w.say(bob, json!({"type": "request", "request": {"camera": ["audio"]}}));
    let peer = w.up();
    w.live(peer, &[SOUND, PICTURE]);
    assert_eq!(w.hears(bob), [json!({"type": "close", "id": "x"})]);
}

#[test]
fn never_are_two_offers_out_and_an_answer_belongs_to_the_one_that_was() {
    let (mut w, ada, bob) = two();
    w.say(ada, offer("x", "", CAMERA));
    let peer = w.up();
    w.live(peer, &[SOUND]);
    let first = w.hears(bob).remove(0);
    w.live(peer, &[SOUND, PICTURE]);
    w.say(bob, json!({"type": "renegotiate", "id": "x"}));
    assert!(w.hears(bob).is_empty(), "not before the answer");
    w.say(bob, json!({"type": "answer", "id": "x", "sdp": answer(&first)}));
    let heard = w.hears(bob);
    assert_eq!(heard.len(), 1);
    assert_eq!((gist(&heard[0]), &heard[0]["id"]), ("offer".into(), &json!("x")));
    assert!(heard[0]["sdp"].as_str().unwrap().contains("m=video"));
    let ufrag = |m: &Json| {
        let sdp = m["sdp"].as_str().unwrap().to_owned();
        sdp.lines().find(|l| l.starts_with("a=ice-ufrag")).unwrap().to_owned()
    };
    assert_ne!(ufrag(&first), ufrag(&heard[0]), "with the ICE restart that was asked for");
}

#[test]
fn an_answer_to_an_ended_offer_does_not_end_the_next_one() {
    let (mut w, ada, bob) = two();
    w.say(ada, offer("x", "", CAMERA));
    let peer = w.up();
    w.live(peer, &[SOUND]);
    let first = w.hears(bob).remove(0);
    w.say(bob, json!({"type": "request", "request": {}}));
    w.live(peer, &[SOUND, PICTURE]);
    w.say(bob, json!({"type": "request", "request": {"": ["audio", "video"]}}));
    let second = w.hears(bob).remove(1);
    w.say(bob, json!({"type": "answer", "id": "x", "sdp": answer(&first)}));
    assert!(w.hears(bob).is_empty());
    w.say(bob, json!({"type": "answer", "id": "x", "sdp": answer(&second)}));
    assert!(matches!(w.orders.last(), Some(Command::Answered { .. })));
}

#[test]
fn answers_and_refusals_of_unknown_streams_do_no_harm() {
    let (mut w, _, bob) = two();
    w.say(bob, json!({"type": "answer", "id": "gone", "sdp": ""}));
    assert_eq!(w.hears(bob), [json!({"type": "close", "id": "gone"})]);
    for kind in ["abort", "close", "renegotiate", "requestStream"] {
        w.say(bob, json!({"type": kind, "id": "gone"}));
    }
    assert!(w.hears(bob).is_empty());
    assert_eq!(w.is_closed(bob), None);
}

#[test]
fn a_stream_that_is_refused_is_closed_and_offered_again_on_request() {
    let (mut w, ada, bob) = two();
    published(&mut w, ada, bob);
    w.say(bob, json!({"type": "abort", "id": "x"}));
    assert_eq!(w.gist(bob), ["close"]);
    w.say(bob, json!({"type": "request", "request": {"": ["video"]}}));
    assert_eq!(w.gist(bob), ["offer"]);
}

#[test]
fn an_answer_that_does_not_fit_ends_the_stream_with_a_reason() {
    let (mut w, ada, bob) = two();
    w.say(ada, offer("x", "", AUDIO));
    let peer = w.up();
    w.live(peer, &[SOUND]);
    w.hears(bob);
    w.say(bob, json!({"type": "answer", "id": "x", "sdp": "nonsense"}));
    assert_eq!(w.gist(bob), ["close", "usermessage error"]);
}

#[test]
fn a_single_stream_may_be_wanted_otherwise() {
    let (mut w, ada, bob) = two();
    published(&mut w, ada, bob);
    w.say(bob, json!({"type": "requestStream", "id": "x", "request": ["audio"]}));
    assert_eq!(w.gist(bob), ["offer"]);
    w.say(bob, json!({"type": "requestStream", "id": "x", "request": []}));
    assert_eq!(w.gist(bob), ["close"]);
    w.say(bob, json!({"type": "requestStream", "id": "x"}));
    assert_eq!(w.gist(bob), ["offer"]);
}

#[test]
fn a_lost_publisher_is_asked_to_restart_and_its_stream_ends_in_the_end() {
    let (mut w, ada, bob) = two();
    published(&mut w, ada, bob);
    let peer = w.up();
    w.notice(Notice::Lost(peer, Loss::Consent));
    assert_eq!(w.hears(ada), [json!({"type": "renegotiate", "id": "x"})]);
    w.passes(Duration::from_secs(9));
    assert!(w.hears(bob).is_empty());
    w.passes(Duration::from_secs(2));
    assert_eq!(w.gist(bob), ["close"]);
    assert_eq!(w.gist(ada), ["abort", "usermessage error"], "the publisher learns of it");
    assert_eq!(w.figures().streams, 0);
}

#[test]
fn who_finds_no_room_at_the_media_worker_is_told() {
    let (mut w, ada, bob) = two();
    w.say(ada, offer("x", "", CAMERA));
    w.hears(ada);
    let peer = w.up();
    w.notice(Notice::Lost(peer, Loss::Full));
    let heard = w.hears(ada);
    let room = |said: &serde_json::Value| said.to_string().contains("no room for another media");
    assert!(heard.iter().any(room), "{heard:?}");
    assert!(heard.iter().any(|said| said["type"] == "abort"), "{heard:?}");
    assert_eq!((w.figures().streams, w.gist(bob).len()), (0, 0));
}

#[test]
fn a_publisher_that_came_back_in_time_keeps_its_stream() {
    let (mut w, ada, bob) = two();
    published(&mut w, ada, bob);
    let peer = w.up();
    w.notice(Notice::Lost(peer, Loss::Consent));
    let mut again = offer("x", "", &CAMERA.replace("a=ice-ufrag:", "a=ice-ufrag:new"));
    again["kind"] = json!("renegotiate");
    w.say(ada, again);
    assert_eq!(w.gist(ada), ["renegotiate", "answer"]);
    w.notice(Notice::Connected(peer));
    w.passes(Duration::from_secs(15));
    assert_eq!(w.figures().streams, 1);
}

#[test]
fn everything_of_somebody_who_leaves_ends_before_it_is_gone() {
    let (mut w, ada, bob) = two();
    published(&mut w, ada, bob);
    w.say(ada, json!({"type": "join", "kind": "leave", "group": "lab"}));
    assert_eq!(w.gist(bob), ["close", "user delete"]);
    assert_eq!(w.gist(ada), ["joined leave"]);
    assert_eq!(w.figures().legs, 0);
}
