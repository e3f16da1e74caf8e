//! The serialised messages that every implementation must agree on, byte for
//! byte (docs/protocols/callctl.md §7).

use parlour_wire::callctl::pb::common::video::v1::convo_video_state::user_state::State;
use parlour_wire::callctl::pb::common::video::v1::{ConvoVideoState, MediaServerConnectionToken};
use parlour_wire::callctl::pb::common::{XiBareUserJid, XiRequestId};
use parlour_wire::callctl::pb::mobile::video::v1::{
    JoinConvoConferenceRequest, JoinConvoConferenceResponse, LeaveConvoConferenceNotification,
    join_convo_conference_response::Result as Joined,
};
use parlour_wire::callctl::{Check, ConvoId, LocalPart, metadata, read, state};
use prost::Message;
use std::fmt::Write as _;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(|at| digit(at).expect("hex")).collect()
}

/// Written like this, and the same when read.
fn is<M: Message + Default + Check + PartialEq + std::fmt::Debug>(message: &M, golden: &str) {
    assert_eq!(hex(&message.encode_to_vec()), golden);
    assert_eq!(read::<M>(&unhex(golden)).as_ref(), Ok(message));
}

fn group() -> ConvoId {
    ConvoId::parse_key("1234567890123_g").expect("a group")
}

fn name(text: &str) -> LocalPart {
    LocalPart::parse(text).expect("a name")
}

fn nobody() -> ConvoVideoState {
    state::write(&group(), [], 0)
}

#[test]
fn the_id_of_a_group() {
    is(&group().to_pb(), "12110a0f313233343536373839303132335f67");
}

#[test]
fn the_id_of_a_pair() {
    let pair = ConvoId::parse_key("alice_a1b:bob.b_z9z").expect("a pair");
    is(&pair.to_pb(), "0a1a0a0b0a09616c6963655f6131620a0b0a09626f622e625f7a397a");
}

#[test]
fn a_list_with_two_people() {
    let people = [(name("alice_a1b"), State::Connected), (name("bob.b_z9z"), State::Connecting)];
    is(
        &state::write(&group(), people, 1_700_000_000_000_000_001),
        "0a1312110a0f313233343536373839303132335f67120f0a0b0a09616c6963655f613162100a120f0a0b0a09\
         626f622e625f7a397a10051a080880e2cfaa061001",
    );
}

#[test]
fn an_empty_list_whose_time_is_zero_and_present() {
    is(&nobody(), "0a1312110a0f313233343536373839303132335f671a00");
}

#[test]
fn a_join() {
    let join = JoinConvoConferenceRequest { convo_id: Some(group().to_pb()) };
    is(&join, "0a1312110a0f313233343536373839303132335f67");
}

#[test]
fn an_answer_that_says_full() {
    let full = JoinConvoConferenceResponse {
        result: Joined::Full.into(),
        latest_state: Some(nobody()),
        ..JoinConvoConferenceResponse::default()
    };
    is(&full, "080112170a1312110a0f313233343536373839303132335f671a00");
}

#[test]
fn an_answer_that_says_not_allowed() {
    let answer = JoinConvoConferenceResponse {
        result: Joined::NotAllowed.into(),
        ..JoinConvoConferenceResponse::default()
    };
    is(&answer, "0802");
}

#[test]
fn a_leave() {
    let leave = LeaveConvoConferenceNotification {
        convo_id: Some(group().to_pb()),
        connection_token: Some(MediaServerConnectionToken { payload: b"tok-1".to_vec() }),
    };
    is(&leave, "0a1312110a0f313233343536373839303132335f6722070a05746f6b2d31");
}

#[test]
fn a_user_as_a_header() {
    let user = name("alice_a1b").to_pb();
    is(&user, "0a09616c6963655f613162");
    let value = metadata::write_header(&user);
    assert_eq!(metadata::read_header::<XiBareUserJid>(&value), Ok(user));
}

#[test]
fn a_request_id_as_a_header() {
    let bits = 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff;
    let id = metadata::request_id(bits);
    is(&id, "0a1209776655443322110011ffeeddccbbaa9988");
    assert_eq!(metadata::request_bits(&id), Some(bits));
    // As clients send it, in the URL-safe alphabet; the other one and padding
    // say the same.
    let value = "ChIJd2ZVRDMiEQAR_-7dzLuqmYg";
    assert_eq!(metadata::write_header(&id), value);
    for spelling in [value, "ChIJd2ZVRDMiEQAR/+7dzLuqmYg", "ChIJd2ZVRDMiEQAR/+7dzLuqmYg="] {
        assert_eq!(metadata::read_header::<XiRequestId>(spelling), Ok(id));
    }
}
