//! The texts beside the messages: connection lines, bridged calls, and what a
//! receiver keeps.

use parlour_wire::callctl::bridge::{BridgeCall, write_answer};
use parlour_wire::callctl::metadata::{read_base64, write_base64};
use parlour_wire::callctl::pb::common::video::v1::convo_video_state::user_state::State;
use parlour_wire::callctl::receiver::{Kept, Receiver};
use parlour_wire::callctl::{ConnectionText, ConvoId, LocalPart, state};

#[test]
fn req_31_old_clients_can_take_a_connection_line_apart() {
    let text = ConnectionText {
        host: "media.example.org".to_owned(),
        port: 8443,
        conference_id: "kik.ASNFZ4mrze8AAAAH.abcd".to_owned(),
    };
    let line = text.to_string();
    assert_eq!(line, "media.example.org:8443/kik.ASNFZ4mrze8AAAAH.abcd");
    assert_eq!(ConnectionText::parse(&line), Some(text));
    for bad in [
        "",
        "host",
        "host:/c",
        "host:1",
        "host:1/",
        ":1/c",
        "host:0/c",
        "host:65536/c",
        "host:+1/c",
        "host: 1/c",
        "2001:db8::1:1/c",
        "[::1]:1/c",
    ] {
        assert_eq!(ConnectionText::parse(bad), None, "{bad}");
    }
    assert_eq!(ConnectionText::parse(&format!("h:1/{}", "c".repeat(33))), None);
}

#[test]
fn a_bridged_call_reads_either_alphabet_with_and_without_padding() {
    let text = r#"{"service": "mobile.video.v1.KikVideo", "method": "JoinConvoConference",
        "headers": {"common.xirequestid-bin": "ChIJd2ZVRDMiEQAR_-7dzLuqmYg"},
        "body": "ChMSEQoPMTIzNDU2Nzg5MDEyM19n"}"#;
    let call = BridgeCall::parse(text.as_bytes()).expect("a call");
    assert_eq!(call.body.len(), 21);
    assert_eq!(call.header("common.xirequestid-bin"), Some("ChIJd2ZVRDMiEQAR_-7dzLuqmYg"));
    assert_eq!(BridgeCall::parse(call.to_text().as_bytes()), Ok(call));
    for text in ["_-7dzA", "/+7dzA", "_-7dzA==", "/+7dzA=="] {
        assert_eq!(read_base64(text, 4), Some(vec![0xff, 0xee, 0xdd, 0xcc]), "{text}");
    }
    assert_eq!(read_base64("_-7dzA", 3), None, "longer than allowed");
    assert_eq!(read_base64("_+7dzA", 4), None, "both alphabets at once");
    assert_eq!(write_base64(&[0xff, 0xee]), "_-4");
}

#[test]
fn a_bridged_call_that_is_none_is_refused_by_name() {
    let bad = |text: &str| BridgeCall::parse(text.as_bytes()).expect_err(text).to_string();
    assert_eq!(bad("[]"), "not a JSON object");
    assert_eq!(bad("{"), "not a JSON object");
    assert_eq!(bad("{}"), "bad service");
    assert_eq!(bad(r#"{"service":"a/b","method":"m"}"#), "bad service");
    assert_eq!(bad(r#"{"service":"s"}"#), "bad method");
    assert_eq!(bad(r#"{"service":"s","method":"m","body":5}"#), "bad body");
    assert_eq!(bad(r#"{"service":"s","method":"m","body":"*"}"#), "bad body");
    assert_eq!(bad(r#"{"service":"s","method":"m","headers":[]}"#), "bad headers");
    assert_eq!(bad(r#"{"service":"s","method":"m","headers":{"a":1}}"#), "bad headers");
    assert_eq!(bad(r#"{"service":"s","method":"m","headers":{"a":"1","A":"2"}}"#), "bad headers");
}

#[test]
fn an_answer_goes_back_with_the_names_of_its_call() {
    let text = write_answer("s", "m", &[0xff, 0xee]);
    assert_eq!(text, r#"{"body":"_-4","method":"m","service":"s"}"#);
}

#[test]
fn req_23_a_receiver_keeps_the_newest_list_of_each_conversation() {
    let convo = ConvoId::parse_key("1234567890123_g").expect("a key");
    let person = |name: &str| (LocalPart::parse(name).expect("a name"), State::Connected);
    let mut receiver = Receiver::default();
    assert_eq!(receiver.take(state::write(&convo, [person("aa")], 5)), Kept::Newest);
    assert_eq!(receiver.take(state::write(&convo, [], 4)), Kept::Old);
    assert_eq!(receiver.take(state::write(&convo, [], 5)), Kept::Old);
    assert_eq!(receiver.people(&convo).count(), 1);
    assert_eq!(receiver.take(state::write(&convo, [], 6)), Kept::Newest);
    assert_eq!(receiver.people(&convo).count(), 0);
    let mut timeless = state::write(&convo, [], 7);
    timeless.timestamp = None;
    assert_eq!(receiver.take(timeless), Kept::Broken);
}

#[test]
fn req_16_an_entry_without_a_state_is_left_out_by_a_receiver() {
    let convo = ConvoId::parse_key("1234567890123_g").expect("a key");
    let person = |name: &str, state| (LocalPart::parse(name).expect("a name"), state);
    let people = [person("aa", State::NotSet), person("bb", State::Connecting)];
    let mut list = state::write(&convo, people, 1);
    list.user_states[1].state = 5;
    let mut receiver = Receiver::default();
    assert_eq!(receiver.take(list), Kept::Newest);
    let people: Vec<_> = receiver.people(&convo).collect();
    assert_eq!(people, [("bb", State::Connecting)]);
}
