//! Every limit of the definitions, at its edge and one step beyond; and that
//! there is no limit which this file does not know.

use parlour_wire::callctl::pb::common::video::v1::{
    ConferenceConnectionInfo, ConvoId as ConvoIdPb, ConvoVideoState, MediaServerConnectionToken,
    OneToOneConvoId, convo_id::Kind, convo_video_state::UserState,
};
use parlour_wire::callctl::pb::common::{
    XiBareUserJid, XiClientVersion, XiDeviceId, XiGid, XiGroupJid, XiLocale, XiRequestId,
    XiRoutingToken, XiUid,
};
use parlour_wire::callctl::pb::internal::video::v1 as internal;
use parlour_wire::callctl::pb::mobile::video::v1::{
    BatchedGetConvoStateRequest, JoinConvoConferenceRequest, LeaveConvoConferenceNotification,
};
use parlour_wire::callctl::pb::mobileremote::video::v1::OnConvoVideoStateChangedNotification;
use parlour_wire::callctl::pb::selfhost::video::v1 as selfhost;
use parlour_wire::callctl::{Broken, Check, ConvoId, DESCRIPTORS, MessageError, read, state};
use prost::Message;

fn broken<M: Check>(message: &M) -> Option<Broken> {
    message.check().err().map(|offence| offence.broken)
}

fn user(name: &str) -> XiBareUserJid {
    XiBareUserJid { local_part: name.to_owned() }
}

fn pair(names: &[&str]) -> ConvoIdPb {
    let users = names.iter().map(|name| user(name)).collect();
    ConvoIdPb { kind: Some(Kind::OneToOne(OneToOneConvoId { users })) }
}

fn group() -> ConvoIdPb {
    let group = XiGroupJid { local_part: "1234567890123_g".to_owned() };
    ConvoIdPb { kind: Some(Kind::Group(group)) }
}

fn token(length: usize) -> MediaServerConnectionToken {
    MediaServerConnectionToken { payload: vec![b'x'; length] }
}

#[test]
fn req_1_a_conversation_without_a_kind_is_refused_wherever_it_stands() {
    let none = ConvoIdPb { kind: None };
    assert_eq!(broken(&none), Some(Broken::Missing));
    let join = JoinConvoConferenceRequest { convo_id: Some(none.clone()) };
    assert_eq!(broken(&join), Some(Broken::Missing));
    assert_eq!(broken(&JoinConvoConferenceRequest { convo_id: None }), Some(Broken::Missing));
    let query = BatchedGetConvoStateRequest { convo_ids: vec![group(), none] };
    assert_eq!(broken(&query), Some(Broken::Missing));
}

#[test]
fn req_2_a_pair_is_two_people_in_ascending_order() {
    assert_eq!(broken(&pair(&["alice_a1b", "bob.b_z9z"])), None);
    assert_eq!(broken(&pair(&["bob.b_z9z", "alice_a1b"])), Some(Broken::Order));
    assert_eq!(broken(&pair(&["a.", "a_"])), None, "by bytes, not by letters");
    assert_eq!(broken(&pair(&["a_", "a."])), Some(Broken::Order));
    assert_eq!(broken(&pair(&[])), Some(Broken::Missing));
    assert_eq!(broken(&pair(&["alice_a1b"])), Some(Broken::TooFew));
    assert_eq!(broken(&pair(&["aa", "bb", "cc"])), Some(Broken::TooMany));
}

#[test]
fn req_3_the_two_of_a_pair_differ() {
    assert_eq!(broken(&pair(&["alice_a1b", "alice_a1b"])), Some(Broken::Twice));
}

#[test]
fn req_4_names_match_as_a_whole_and_in_ascii() {
    let longest = format!("{}_abc", "a".repeat(30));
    for good in ["ab", "a_b.c9", "__", &longest] {
        assert_eq!(broken(&user(good)), None, "{good}");
    }
    let too_long = format!("{}_abcd", "a".repeat(30));
    for bad in ["a", "Ab", "a b", "ab\n", "\nab", "äb", "ab\u{661}", "a:b", "ab@talk", &too_long] {
        assert_eq!(broken(&user(bad)), Some(Broken::Pattern), "{bad:?}");
    }
    assert_eq!(broken(&user("")), Some(Broken::Missing));
    let group = |text: &str| broken(&XiGroupJid { local_part: text.to_owned() });
    assert_eq!(group("1234567890123_g"), None);
    for bad in [
        "123456789012_g",
        "12345678901234_g",
        "1234567890123_g\n",
        "1234567890123_G",
        "x1234567890123_g",
        "\u{661}\u{662}\u{663}4567890123_g",
    ] {
        assert_eq!(group(bad), Some(Broken::Pattern), "{bad:?}");
    }
}

#[test]
fn req_5_bytes_that_are_no_message_are_refused() {
    for bytes in
        [&b"\x0a\xff"[..], b"\x0a\x02\x0a", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"]
    {
        assert_eq!(read::<JoinConvoConferenceRequest>(bytes), Err(MessageError::Malformed));
    }
    let not_utf8 = b"\x0a\x13\x12\x11\x0a\x0f\xff234567890123_g";
    assert_eq!(read::<JoinConvoConferenceRequest>(not_utf8), Err(MessageError::Malformed));
    let long = vec![0; 65_537];
    assert_eq!(read::<JoinConvoConferenceRequest>(&long), Err(MessageError::TooLong));
}

#[test]
fn req_6_two_ids_are_the_same_conversation_exactly_when_their_keys_are() {
    for key in ["1234567890123_g", "alice_a1b:bob.b_z9z"] {
        let convo = ConvoId::parse_key(key).expect("a key");
        assert_eq!(convo.key(), key);
        assert_eq!(ConvoId::try_from(convo.to_pb()), Ok(convo));
    }
    for bad in ["", ":", "a:b", "bb:aa", "aa:aa", "aa:bb:cc"] {
        assert!(ConvoId::parse_key(bad).is_err(), "{bad}");
    }
}

#[test]
fn req_7_unknown_fields_and_the_old_request_id_are_ignored() {
    let mut bytes = JoinConvoConferenceRequest { convo_id: Some(group()) }.encode_to_vec();
    bytes.extend(b"\x12\x03old\xa2\x06\x03new\x98\x06\x01");
    let join = read::<JoinConvoConferenceRequest>(&bytes);
    assert_eq!(join, Ok(JoinConvoConferenceRequest { convo_id: Some(group()) }));
}

#[test]
fn req_13_a_list_with_more_than_a_hundred_people_is_refused() {
    let one = UserState { user: Some(user("aa")), state: 10 };
    let convo = ConvoId::parse_key("1234567890123_g").expect("a key");
    let mut list = state::write(&convo, [], 1);
    list.user_states = vec![one.clone(); 100];
    assert_eq!(broken(&list), None);
    list.user_states.push(one);
    assert_eq!(broken(&list), Some(Broken::TooMany));
}

#[test]
fn req_9_and_19_a_list_without_conversation_or_time_is_refused() {
    let convo = ConvoId::parse_key("1234567890123_g").expect("a key");
    let list = state::write(&convo, [], 1);
    assert_eq!(broken(&ConvoVideoState { convo_id: None, ..list.clone() }), Some(Broken::Missing));
    assert_eq!(broken(&ConvoVideoState { timestamp: None, ..list.clone() }), Some(Broken::Missing));
    let nameless = vec![UserState { user: None, state: 5 }];
    assert_eq!(broken(&ConvoVideoState { user_states: nameless, ..list }), Some(Broken::Missing));
}

#[test]
fn req_27_host_port_and_id_of_a_call_have_their_limits() {
    let info = |host: &str, port: i32, id: &str| {
        broken(&ConferenceConnectionInfo {
            host: host.to_owned(),
            port,
            conference_id: id.to_owned(),
        })
    };
    assert_eq!(info(&"h".repeat(1_024), 65_535, &"c".repeat(32)), None);
    assert_eq!(info("h", 1, "c"), None);
    assert_eq!(info("", 1, "c"), Some(Broken::Missing));
    assert_eq!(info(&"h".repeat(1_025), 1, "c"), Some(Broken::TooLong));
    assert_eq!(info("h", 1, ""), Some(Broken::Missing));
    assert_eq!(info("h", 1, &"c".repeat(33)), Some(Broken::TooLong));
    assert_eq!(info("h", 0, "c"), Some(Broken::TooSmall));
    assert_eq!(info("h", 65_536, "c"), Some(Broken::TooLarge));
    assert_eq!(info("2001:db8::1", 1, "c"), Some(Broken::Pattern));
}

#[test]
fn req_29_a_token_has_1_to_5120_bytes() {
    assert_eq!(broken(&token(0)), Some(Broken::Missing));
    assert_eq!(broken(&token(1)), None);
    assert_eq!(broken(&token(5_120)), None);
    assert_eq!(broken(&token(5_121)), Some(Broken::TooLong));
    let leave = |connection_token| {
        broken(&LeaveConvoConferenceNotification { convo_id: Some(group()), connection_token })
    };
    assert_eq!(leave(None), None, "it need not be there");
    assert_eq!(leave(Some(token(0))), Some(Broken::Missing), "if it is, it says something");
}

#[test]
fn req_35_a_query_asks_for_1_to_20_conversations() {
    let query = |n| broken(&BatchedGetConvoStateRequest { convo_ids: vec![group(); n] });
    assert_eq!(query(0), Some(Broken::Missing));
    assert_eq!(query(1), None);
    assert_eq!(query(20), None);
    assert_eq!(query(21), Some(Broken::TooMany));
}

#[test]
fn req_73_the_id_of_a_notice_has_36_bytes_at_most() {
    let notice = |n| {
        let notification_id = "x".repeat(n);
        broken(&OnConvoVideoStateChangedNotification { convo_video_state: None, notification_id })
    };
    assert_eq!(notice(36), None);
    assert_eq!(notice(37), Some(Broken::TooLong));
}

#[test]
fn headers_have_their_limits() {
    let device = |id: &str| broken(&XiDeviceId { prefix: 2, id: id.to_owned() });
    assert_eq!(device("0123abcd"), None);
    assert_eq!(device(&"a".repeat(64)), None);
    assert_eq!(device("0123abc"), Some(Broken::TooShort));
    assert_eq!(device(&"a".repeat(65)), Some(Broken::TooLong));
    assert_eq!(device("0123abcg"), Some(Broken::Pattern));
    assert_eq!(device(""), Some(Broken::Missing));
    let route = |n| broken(&XiRoutingToken { token: "t".repeat(n) });
    assert_eq!((route(0), route(1)), (Some(Broken::TooShort), None));
    assert_eq!((route(128), route(129)), (None, Some(Broken::TooLong)));
    assert_eq!(broken(&XiRequestId { id: None }), Some(Broken::Missing));
}

#[test]
fn numbers_versions_and_locales_have_their_limits() {
    let uid = |uid| broken(&XiUid { uid });
    assert_eq!((uid(0), uid(1)), (Some(Broken::TooSmall), None));
    assert_eq!((uid((1 << 40) - 1), uid(1 << 40)), (None, Some(Broken::TooLarge)));
    assert_eq!(uid(u64::MAX), Some(Broken::TooLarge));
    let gid = |gid| broken(&XiGid { gid });
    assert_eq!((gid((1 << 40) - 1), gid(1 << 40)), (Some(Broken::TooSmall), None));
    assert_eq!((gid((1 << 41) - 1), gid(1 << 41)), (None, Some(Broken::TooLarge)));
    let version = |major, build: &str, dev_build: &str| {
        let (build, dev_build) = (build.to_owned(), dev_build.to_owned());
        broken(&XiClientVersion { major, minor: 0, bugfix: 0, build, dev_build })
    };
    assert_eq!(version(1, "0123456789", "0123456789"), None);
    assert_eq!(version(0, "", ""), Some(Broken::TooSmall));
    assert_eq!(version(1, "0123456789a", ""), Some(Broken::TooLong));
    assert_eq!(version(1, "", "0123456789a"), Some(Broken::TooLong));
    let locale = |text: &str| broken(&XiLocale { locale: text.to_owned() });
    for good in ["en", "EN_us", "de_41", "es_419"] {
        assert_eq!(locale(good), None, "{good}");
    }
    for bad in ["e", "en-US", "en_", "en_usa", "en\n", "\u{17f}v_us"] {
        assert_eq!(locale(bad), Some(Broken::Pattern), "{bad}");
    }
}

#[test]
fn the_inner_services_have_their_limits() {
    let id = |n: usize| "i".repeat(n);
    let connected = |conference: usize, media: usize, connection: usize| {
        broken(&selfhost::ClientConnectedRequest {
            conference_id: id(conference),
            connection_token: Some(token(1)),
            media_server_id: id(media),
            connection_id: id(connection),
        })
    };
    assert_eq!(connected(32, 64, 64), None);
    assert_eq!(connected(33, 64, 64), Some(Broken::TooLong));
    assert_eq!(connected(32, 65, 64), Some(Broken::TooLong));
    assert_eq!(connected(32, 64, 65), Some(Broken::TooLong));
    for missing in [(0, 1, 1), (1, 0, 1), (1, 1, 0)] {
        let (conference, media, connection) = missing;
        assert_eq!(connected(conference, media, connection), Some(Broken::Missing));
    }
    let over = selfhost::ClientDisconnectedNotification {
        conference_id: id(1),
        media_server_id: id(1),
        connection_id: id(1),
        ..selfhost::ClientDisconnectedNotification::default()
    };
    assert_eq!(broken(&over), Some(Broken::Missing), "a token");
    assert_eq!(
        broken(&selfhost::EvictionsRequest { media_server_id: id(65) }),
        Some(Broken::TooLong)
    );
    let watch = |n| broken(&selfhost::WatchRequest { convo_ids: vec![group(); n] });
    assert_eq!((watch(0), watch(100), watch(101)), (None, None, Some(Broken::TooMany)));
    let members = |n| {
        let group = Some(XiGroupJid { local_part: "1234567890123_g".to_owned() });
        broken(&selfhost::SetGroupMembersRequest { group, members: vec![user("aa"); n] })
    };
    assert_eq!((members(0), members(1_000)), (None, None));
    assert_eq!(members(1_001), Some(Broken::TooMany));
    assert_eq!(broken(&selfhost::SetGroupMembersRequest::default()), Some(Broken::Missing));
    assert_eq!(broken(&selfhost::GetGroupMembersRequest::default()), Some(Broken::Missing));
    let join = internal::JoinConvoConferenceFromVcsRequest {
        convo_id: Some(group()),
        ..internal::JoinConvoConferenceFromVcsRequest::default()
    };
    assert_eq!(broken(&join), Some(Broken::Missing), "who?");
    let leave = internal::LeaveConvoConferenceFromVcsNotification {
        convo_id: Some(group()),
        ..internal::LeaveConvoConferenceFromVcsNotification::default()
    };
    assert_eq!(broken(&leave), Some(Broken::Missing), "who?");
    assert_eq!(broken(&internal::GetConvoStateFromVcsRequest::default()), Some(Broken::Missing));
    assert_eq!(
        broken(&internal::ConvoVideoStateChangedFromVcsNotification::default()),
        Some(Broken::Missing)
    );
}

#[test]
fn the_descriptor_set_carries_the_options_and_every_service() {
    let has = |text: &str| DESCRIPTORS.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(has(r"^\d{13}_g$"), "options are kept");
    for service in [
        "KikVideo",
        "MobileVideo",
        "RoundsVideoConference",
        "InternalKikVideo",
        "ConvoStateStream",
        "MediaPlane",
        "ConvoDirectory",
    ] {
        assert!(has(service), "{service}");
    }
}
