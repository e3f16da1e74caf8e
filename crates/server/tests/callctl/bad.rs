//! Bad input: each offence has its status, and nobody else notices.

use crate::client::{BRIDGE, Client, GROUP, KIK, NODE, OPERATOR, server};
use crate::support::PATIENCE;
use parlour_wire::callctl::Message;
use parlour_wire::callctl::metadata;
use parlour_wire::callctl::pb::common::VoidResponse;
use parlour_wire::callctl::pb::common::video::v1::MediaServerConnectionToken;
use parlour_wire::callctl::pb::common::video::v1::{ConvoId, OneToOneConvoId, convo_id::Kind};
use parlour_wire::callctl::pb::common::{XiBareUserJid, XiGroupJid};
use parlour_wire::callctl::pb::internal::video::v1::{
    GetConvoStateFromVcsRequest, GetConvoStateFromVcsResponse,
};
use parlour_wire::callctl::pb::mobile::video::v1::{
    BatchedGetConvoStateRequest, BatchedGetConvoStateResponse, JoinConvoConferenceRequest,
    JoinConvoConferenceResponse, LeaveConvoConferenceNotification,
};
use parlour_wire::callctl::pb::selfhost::video::v1::WatchRequest;
use std::time::Duration;
use tonic::Code;

fn pair(names: &[&str]) -> ConvoId {
    let users = names.iter().map(|name| XiBareUserJid { local_part: (*name).to_owned() });
    ConvoId { kind: Some(Kind::OneToOne(OneToOneConvoId { users: users.collect() })) }
}

fn named(group: &str) -> ConvoId {
    ConvoId { kind: Some(Kind::Group(XiGroupJid { local_part: group.to_owned() })) }
}

async fn joins(client: &Client, convo_id: Option<ConvoId>) -> Code {
    let request = JoinConvoConferenceRequest { convo_id };
    let answer: Result<JoinConvoConferenceResponse, _> =
        client.call(KIK, "JoinConvoConference", request).await;
    answer.map_or_else(|status| status.code(), |_| Code::Ok)
}

#[tokio::test]
async fn req_5_what_breaks_a_limit_is_an_invalid_argument_and_changes_nothing() {
    let server = server(&[]);
    let alice = Client::user(server.http, "alice_a1b");
    for convo in [
        None,
        Some(ConvoId { kind: None }),
        Some(pair(&["alice_a1b"])),
        Some(pair(&["bob.b_z9z", "alice_a1b"])),
        Some(pair(&["alice_a1b", "alice_a1b"])),
        Some(pair(&["alice_a1b", "bob.b_z9z", "carol"])),
        Some(pair(&["alice_a1b", "B"])),
        Some(named("123_g")),
        Some(named("1234567890123_g\n")),
        Some(named("")),
    ] {
        assert_eq!(joins(&alice, convo.clone()).await, Code::InvalidArgument, "{convo:?}");
    }
    for count in [0, 21] {
        let request = BatchedGetConvoStateRequest { convo_ids: vec![named(GROUP); count] };
        let answer: Result<BatchedGetConvoStateResponse, _> =
            alice.call(KIK, "BatchedGetConvoState", request).await;
        assert_eq!(answer.unwrap_err().code(), Code::InvalidArgument, "{count}");
    }
    for length in [0, 5_121] {
        let notice = LeaveConvoConferenceNotification {
            convo_id: Some(named(GROUP)),
            connection_token: Some(MediaServerConnectionToken { payload: vec![b'x'; length] }),
        };
        let answer: Result<VoidResponse, _> =
            alice.call(KIK, "OnLeaveConvoConference", notice).await;
        assert_eq!(answer.unwrap_err().code(), Code::InvalidArgument, "{length}");
    }
}

/// Any bytes as a message.
#[derive(Clone, PartialEq, prost::Message)]
struct Raw {
    #[prost(bytes = "vec", tag = "1")]
    bytes: Vec<u8>,
}

#[tokio::test]
async fn what_is_no_message_or_too_long_is_an_invalid_argument() {
    let server = server(&[]);
    let alice = Client::user(server.http, "alice_a1b");
    for length in [1, 65_600, 200_000] {
        // The bytes stand where a conversation should.
        let raw = Raw { bytes: vec![0xff; length] };
        let answer: Result<JoinConvoConferenceResponse, _> =
            alice.call(KIK, "JoinConvoConference", raw).await;
        assert_eq!(answer.unwrap_err().code(), Code::InvalidArgument, "{length}");
    }
    let raw = Raw { bytes: vec![0xff; 300_000] };
    let answer: Result<JoinConvoConferenceResponse, _> =
        alice.call(KIK, "JoinConvoConference", raw).await;
    let code = answer.unwrap_err().code();
    assert!(matches!(code, Code::OutOfRange | Code::InvalidArgument), "{code:?}");
    let answer: Result<VoidResponse, _> = alice.call(KIK, "NoSuchMethod", VoidResponse {}).await;
    assert_eq!(answer.unwrap_err().code(), Code::Unimplemented);
    let answer: Result<VoidResponse, _> = alice.call("no.Service", "X", VoidResponse {}).await;
    assert_eq!(answer.unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test]
async fn req_80_nobody_calls_without_a_proof_and_only_a_bridge_names_the_user() {
    let server = server(&[]);
    let nobody = Client::to(server.http);
    let ok = Some(named(GROUP));
    for client in [
        nobody.clone(),
        nobody.says("alice_a1b"),
        nobody.shows("Bridge wrong").says("alice_a1b"),
        nobody.shows(BRIDGE).says("alice_a1b"),
        nobody.shows(&format!("Bridge {BRIDGE}")),
        nobody.shows(&format!("Node {NODE}")).says("alice_a1b"),
        nobody.shows(&format!("Operator {OPERATOR}")).says("alice_a1b"),
        nobody.shows(&format!("Operator {OPERATOR}")),
        nobody.shows("Bearer no.such.token"),
        nobody.shows("Bearer eyJhbGciOiJub25lIn0.e30."),
    ] {
        assert_eq!(joins(&client, ok.clone()).await, Code::Unauthenticated);
    }
    let alice = Client::user(server.http, "alice_a1b");
    assert_eq!(joins(&alice, ok).await, Code::Ok);
    let bad = Client::user(server.http, "NOT A NAME");
    assert_eq!(joins(&bad, Some(named(GROUP))).await, Code::InvalidArgument);
    let mut request = alice.request(JoinConvoConferenceRequest { convo_id: Some(named(GROUP)) });
    let key = tonic::metadata::BinaryMetadataKey::from_static(metadata::USER);
    let eve = XiBareUserJid { local_part: "eve".to_owned() }.encode_to_vec();
    request.metadata_mut().append_bin(key, tonic::metadata::MetadataValue::from_bytes(&eve));
    let answer: Result<JoinConvoConferenceResponse, _> =
        alice.send(KIK, "JoinConvoConference", request).await;
    assert_eq!(answer.unwrap_err().code(), Code::InvalidArgument, "two users at once");
}

#[tokio::test]
async fn req_81_the_inner_services_are_closed_to_clients() {
    let server = server(&[]);
    let alice = Client::user(server.http, "alice_a1b");
    let request = || GetConvoStateFromVcsRequest { convo_id: Some(named(GROUP)) };
    let service = "internal.video.v1.RoundsVideoConference";
    let inner = |client: Client| async move {
        let answer: Result<GetConvoStateFromVcsResponse, _> =
            client.call(service, "GetConvoStateFromVcs", request()).await;
        answer.map_or_else(|status| status.code(), |_| Code::Ok)
    };
    assert_eq!(inner(alice.clone()).await, Code::PermissionDenied);
    assert_eq!(inner(Client::to(server.http)).await, Code::Unauthenticated);
    let bearer = Client::to(server.http).shows("Bearer whatever.it.is");
    assert_eq!(inner(bearer).await, Code::PermissionDenied);
    assert_eq!(inner(Client::node(server.http)).await, Code::Ok);
    assert_eq!(inner(Client::operator(server.http)).await, Code::Ok);
    let denied = alice.members(GROUP, &["alice_a1b"]).await;
    assert_eq!(denied.unwrap_err().code(), Code::PermissionDenied);
    for (service, method) in [
        ("selfhost.video.v1.MediaPlane", "ClientDisconnected"),
        ("internal.video.v1.InternalKikVideo", "OnConvoVideoStateChangedFromVcs"),
    ] {
        let answer: Result<VoidResponse, _> = alice.call(service, method, VoidResponse {}).await;
        let code = answer.unwrap_err().code();
        assert_eq!(code, Code::PermissionDenied, "whatever the message is");
        let nobody: Result<VoidResponse, _> =
            Client::to(server.http).call(service, method, VoidResponse {}).await;
        assert_eq!(nobody.unwrap_err().code(), Code::Unauthenticated);
    }
}

#[tokio::test]
async fn a_stream_ends_at_its_deadline() {
    let server = server(&[]);
    let alice = Client::user(server.http, "alice_a1b");
    let mut request = alice.request(WatchRequest::default());
    request.metadata_mut().insert("grpc-timeout", "100m".parse().unwrap());
    let mut stream: tonic::Streaming<parlour_wire::callctl::pb::selfhost::video::v1::WatchEvent> =
        alice.stream("selfhost.video.v1.ConvoStateStream", "Watch", request).await.unwrap();
    let ends = async {
        loop {
            match stream.message().await {
                Ok(Some(_)) => {}
                Ok(None) => return Code::Ok,
                Err(status) => return status.code(),
            }
        }
    };
    let code = tokio::time::timeout(PATIENCE, ends).await.unwrap();
    assert_eq!(code, Code::DeadlineExceeded);
}

#[tokio::test]
async fn who_calls_too_often_is_slowed_down_and_nobody_else() {
    let env = [("PARLOUR_CALLCTL_CALL_BURST", "3"), ("PARLOUR_CALLCTL_CALLS_PER_SECOND", "1")];
    let server = server(&env);
    let [alice, bob] = ["alice_a1b", "bob.b_z9z"].map(|name| Client::user(server.http, name));
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(alice.query(&[GROUP]).await.err().map(|status| status.code()));
    }
    assert_eq!(codes, [None, None, None, Some(Code::ResourceExhausted)]);
    assert!(bob.query(&[GROUP]).await.is_ok());
}

#[tokio::test]
async fn a_flood_of_cancelled_streams_ends_its_connection_and_no_other() {
    let server = server(&[]);
    let bob = Client::user(server.http, "bob.b_z9z");
    bob.query(&[GROUP]).await.unwrap();
    let tcp = tokio::net::TcpStream::connect(server.http).await.unwrap();
    let (mut sender, connection) = h2::client::handshake(tcp).await.unwrap();
    let connection = tokio::spawn(connection);
    let flood = async {
        for _ in 0..50_000 {
            let request = tonic::codegen::http::Request::builder()
                .method("POST")
                .uri(format!("http://{}/{KIK}/JoinConvoConference", server.http))
                .header("content-type", "application/grpc")
                .body(())
                .unwrap();
            let Ok(ready) = sender.ready().await else { return };
            sender = ready;
            let Ok((_, mut stream)) = sender.send_request(request, false) else { return };
            // It is cancelled once the server has it.
            tokio::task::yield_now().await;
            stream.send_reset(h2::Reason::CANCEL);
            tokio::task::yield_now().await;
        }
        panic!("nobody minded");
    };
    tokio::time::timeout(PATIENCE, flood).await.expect("the connection ends");
    drop(tokio::time::timeout(Duration::from_secs(1), connection).await);
    assert!(bob.query(&[GROUP]).await.is_ok(), "nobody else notices");
}
