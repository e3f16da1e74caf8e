//! What the definitions as a whole say: which services there are, that none of
//! them carries media, and that a receiver needs nothing but the newest list.

use parlour_wire::callctl::pb::common::video::v1::convo_video_state::user_state::State;
use parlour_wire::callctl::receiver::{Kept, Receiver};
use parlour_wire::callctl::{ConvoId, DESCRIPTORS, LocalPart, state};
use prost::Message;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet};

fn files() -> FileDescriptorSet {
    FileDescriptorSet::decode(DESCRIPTORS).expect("a descriptor set")
}

fn group() -> ConvoId {
    ConvoId::parse_key("1234567890123_g").expect("a key")
}

fn person(name: &str, state: State) -> (LocalPart, State) {
    (LocalPart::parse(name).expect("a name"), state)
}

/// `package.Message` and all messages within.
fn nested<'m>(
    package: &str,
    message: &'m DescriptorProto,
    into: &mut Vec<(String, &'m DescriptorProto)>,
) {
    let name = format!("{package}.{}", message.name());
    for inner in &message.nested_type {
        nested(&name, inner, into);
    }
    into.push((name, message));
}

#[test]
fn req_18_a_receiver_depends_on_no_step_before() {
    let mut receiver = Receiver::default();
    let now = |receiver: &Receiver| -> Vec<State> {
        receiver.people(&group()).map(|(_, state)| state).collect()
    };
    // On the media server without ever having been on the way, and back.
    let lists = [Some(State::Connected), Some(State::Connecting), Some(State::Connected), None];
    for (at, is) in (1..).zip(lists) {
        let people = is.map(|state| person("aa", state));
        assert_eq!(receiver.take(state::write(&group(), people, at)), Kept::Newest);
        assert_eq!(now(&receiver), is.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn req_22_times_are_compared_with_one_another_and_with_no_clock() {
    let mut receiver = Receiver::default();
    // The first year of the epoch, and the last that a time can name here.
    for at in [1, 2, 31_536_000_000_000_000, u64::MAX / 2] {
        let list = || state::write(&group(), [person("aa", State::Connected)], at);
        assert_eq!((receiver.take(list()), receiver.take(list())), (Kept::Newest, Kept::Old));
    }
    // Another conversation has times of its own.
    let pair = ConvoId::parse_key("aa:bb").expect("a key");
    assert_eq!(receiver.take(state::write(&pair, [], 1)), Kept::Newest);
}

#[test]
fn req_78_the_control_plane_has_no_place_for_media() {
    let files = files();
    let mut messages = Vec::new();
    for file in &files.file {
        for message in &file.message_type {
            nested(file.package(), message, &mut messages);
        }
    }
    let bytes = messages.iter().flat_map(|(name, message)| {
        let is_bytes = |field: &&prost_types::FieldDescriptorProto| field.r#type() == Type::Bytes;
        message.field.iter().filter(is_bytes).map(move |field| format!("{name}.{}", field.name()))
    });
    let ours = |name: &String| !name.starts_with("google.");
    let mut bytes: Vec<String> = bytes.filter(ours).collect();
    bytes.sort();
    let known = [
        "common.SelfDescribingMessage.message_data",
        "common.video.v1.MediaServerConnectionToken.payload",
    ];
    assert_eq!(bytes, known, "a token, and a message that no service uses");
    let uses = |message: &DescriptorProto| {
        message.field.iter().any(|field| field.type_name().ends_with("SelfDescribingMessage"))
    };
    assert!(!messages.iter().any(|(_, message)| uses(message)));
}

#[test]
fn req_79_the_arrows_are_the_described_services_and_no_more() {
    let files = files();
    let mut all = Vec::new();
    for file in &files.file {
        for service in &file.service {
            for method in &service.method {
                let input = method.input_type().rsplit('.').next().unwrap_or_default();
                let output = method.output_type().rsplit('.').next().unwrap_or_default();
                let stream = if method.server_streaming() { "stream " } else { "" };
                assert!(!method.client_streaming());
                let (package, service, name) = (file.package(), service.name(), method.name());
                all.push(format!("{package}.{service}/{name} {input} {stream}{output}"));
            }
        }
    }
    all.sort();
    let sheet = [
        "internal.video.v1.InternalKikVideo/OnConvoVideoStateChangedFromVcs ConvoVideoStateChangedFromVcsNotification VoidResponse",
        "internal.video.v1.RoundsVideoConference/GetConvoStateFromVcs GetConvoStateFromVcsRequest GetConvoStateFromVcsResponse",
        "internal.video.v1.RoundsVideoConference/JoinConvoConferenceFromVcs JoinConvoConferenceFromVcsRequest JoinConvoConferenceFromVcsResponse",
        "internal.video.v1.RoundsVideoConference/OnLeaveConvoConferenceFromVcs LeaveConvoConferenceFromVcsNotification VoidResponse",
        "mobile.video.v1.KikVideo/BatchedGetConvoState BatchedGetConvoStateRequest BatchedGetConvoStateResponse",
        "mobile.video.v1.KikVideo/JoinConvoConference JoinConvoConferenceRequest JoinConvoConferenceResponse",
        "mobile.video.v1.KikVideo/OnLeaveConvoConference LeaveConvoConferenceNotification VoidResponse",
        "mobileremote.video.v1.MobileVideo/OnConvoVideoStateChanged OnConvoVideoStateChangedNotification VoidResponse",
        "selfhost.video.v1.ConvoDirectory/GetGroupMembers GetGroupMembersRequest GetGroupMembersResponse",
        "selfhost.video.v1.ConvoDirectory/SetGroupMembers SetGroupMembersRequest VoidResponse",
        "selfhost.video.v1.ConvoStateStream/Watch WatchRequest stream WatchEvent",
        "selfhost.video.v1.MediaPlane/ClientConnected ClientConnectedRequest ClientConnectedResponse",
        "selfhost.video.v1.MediaPlane/ClientDisconnected ClientDisconnectedNotification VoidResponse",
        "selfhost.video.v1.MediaPlane/Evictions EvictionsRequest stream Eviction",
    ];
    assert_eq!(all, sheet);
}
