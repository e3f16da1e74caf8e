//! How connections begin, stay and end (docs/protocols/galene.md §§2.4, 3.1, 3.2).
mod common;
use common::*;
use parlour_node::port::{Frame, Input};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_first_message_must_be_a_handshake_and_nothing_precedes_the_close() {
    let mut w = World::new();
    let conn = w.open();
    w.say(conn, json!({"type": "ping"}));
    assert_eq!(w.is_closed(conn), Some((1002, "you must handshake first")));
    assert!(w.hears(conn).is_empty());
}

#[test]
fn a_handshake_is_answered_with_the_version_and_a_stranger_is_warned() {
    let mut w = World::new();
    let conn = w.open();
    w.say(conn, json!({"type": "handshake", "version": ["2"], "id": "a"}));
    assert_eq!(w.hears(conn), [json!({"type": "handshake", "version": ["2"]})]);
    let conn = w.open();
    w.say(conn, json!({"type": "handshake", "version": ["7"], "id": "b"}));
    assert_eq!(w.gist(conn), ["handshake", "usermessage warning"]);
    let conn = w.open();
    w.say(conn, json!({"type": "handshake", "id": "c"}));
    assert_eq!(w.gist(conn), ["handshake"], "a client of 2021 is not warned");
}

#[test]
fn each_breach_of_the_protocol_has_its_close_code() {
    for (message, code, reason) in [
        (json!({"type": "ping", "source": "x"}), 1002, "spoofed client id"),
        (json!({"type": "ping", "username": "x"}), 1002, "spoofed username"),
        (json!({"type": "nonsense"}), 1002, "unexpected message"),
        (json!({}), 1002, "unexpected message"),
        (json!({"type": "ice", "id": "s"}), 1002, "null candidate"),
        (json!({"type": "ice", "id": "s", "candidate": null}), 1002, "null candidate"),
        (json!({"type": "offer", "sdp": "v=0"}), 1002, "empty id"),
        (json!({"type": "join", "kind": "x"}), 1002, "unknown kind"),
        (
            json!({"type": "join", "kind": "join", "group": "lab"}),
            1002,
            "cannot join multiple groups",
        ),
        (json!({"type": "useraction", "kind": "x"}), 1000, "unknown user action"),
        (json!({"type": "groupaction", "kind": "x"}), 1000, "unknown group action"),
    ] {
        let mut w = World::new();
        let conn = w.member("bob");
        w.say(conn, message.clone());
        assert_eq!(w.is_closed(conn), Some((code, reason)), "{message}");
        assert_eq!(w.error(conn), reason, "told before the close");
        assert_eq!(w.figures().members, 0, "out of the room at once");
    }
}

#[test]
fn what_is_no_message_closes_without_a_word() {
    for text in ["", "{", "[]", "7", "{\"type\":7}", "{\"type\":\"chat\",\"noecho\":1}"] {
        let mut w = World::new();
        let conn = w.member("bob");
        w.say_text(conn, text);
        assert_eq!(w.is_closed(conn), Some((1011, "")), "{text}");
        assert!(w.hears(conn).is_empty());
    }
}

#[test]
fn binary_frames_end_the_connection() {
    let mut w = World::new();
    let conn = w.member("bob");
    w.input(Input::Frame { conn, frame: Frame::Binary });
    assert_eq!(w.is_closed(conn).map(|(code, _)| code), Some(1002));
}

#[test]
fn a_request_without_a_group_is_fatal() {
    let mut w = World::new();
    let conn = w.shaken("bob");
    w.say(conn, json!({"type": "request", "request": {"": ["audio"]}}));
    assert_eq!(w.is_closed(conn), Some((1011, "")));
}

#[test]
fn leaving_without_a_group_is_fatal() {
    let mut w = World::new();
    let conn = w.shaken("bob");
    w.say(conn, json!({"type": "join", "kind": "leave", "group": "lab"}));
    assert_eq!(w.is_closed(conn), Some((1000, "you are not joined")));
}

#[test]
fn a_ping_is_answered() {
    let mut w = World::new();
    let conn = w.shaken("bob");
    w.say(conn, json!({"type": "ping"}));
    assert_eq!(w.hears(conn), [json!({"type": "pong"})]);
}

#[test]
fn who_says_nothing_at_first_is_closed_after_fifteen_seconds() {
    let mut w = World::new();
    let conn = w.open();
    w.passes(SECOND * 14);
    assert_eq!(w.is_closed(conn), None);
    w.passes(SECOND);
    assert_eq!(w.is_closed(conn), Some((1011, "")));
}

#[test]
fn who_falls_silent_is_pinged_and_later_closed_and_the_others_see_it() {
    let mut w = World::new();
    let bob = w.member("bob");
    w.passes(SECOND * 21);
    assert_eq!(w.gist(bob), ["ping"]);
    w.say(bob, json!({"type": "pong"}));
    let ada = w.member("ada");
    for _ in 0..5 {
        w.passes(SECOND * 10);
        w.say(ada, json!({"type": "ping"}));
    }
    assert_eq!(w.is_closed(bob), Some((1011, "")));
    assert_eq!(w.is_closed(ada), None);
    assert!(w.gist(ada).contains(&"user delete".to_owned()));
}

#[test]
fn who_sends_too_much_is_told_so_and_closed_and_the_others_stay() {
    let mut config = config();
    config.galene.config.message_burst = 50;
    config.galene.config.messages_per_second = 10;
    let mut w = World::with(config, Mood::Works);
    let (ada, bob) = (w.member("ada"), w.member("bob"));
    for _ in 0..60 {
        w.say(bob, json!({"type": "ping"}));
    }
    assert_eq!(w.is_closed(bob), Some((1000, "too many messages")));
    assert_eq!(w.error(bob), "too many messages");
    for _ in 0..40 {
        w.passes(Duration::from_millis(100));
        w.say(ada, json!({"type": "ping"}));
    }
    assert_eq!(w.is_closed(ada), None);
}

#[test]
fn a_stopping_server_says_so_to_everybody() {
    let mut w = World::new();
    let (ada, bob) = (w.member("ada"), w.member("bob"));
    w.everybody_forgets();
    w.input(Input::Shutdown);
    for conn in [ada, bob] {
        assert_eq!(w.is_closed(conn).map(|(code, _)| code), Some(1000));
        assert!(w.gist(conn).contains(&"usermessage kicked".to_owned()));
    }
    assert!(w.drained);
}
