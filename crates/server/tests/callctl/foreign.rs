//! Tokens that are forged or of another server, and fields that clients must
//! not have a say in.

use crate::client::{Client, GROUP, KIK, coming, people, server};
use crate::support::{Server, hear, say};
use parlour_wire::callctl::pb::common::VoidResponse;
use parlour_wire::callctl::pb::common::video::v1::{ConvoId, MediaServerConnectionToken};
use parlour_wire::callctl::pb::common::{XiBareUserJid, XiGroupJid};
use parlour_wire::callctl::pb::internal::video::v1 as internal;
use parlour_wire::callctl::pb::mobileremote::video::v1::OnConvoVideoStateChangedNotification;
use parlour_wire::callctl::pb::selfhost::video::v1 as selfhost;
use parlour_wire::callctl::{ConvoId as Convo, state};
use serde_json::json;
use tonic::Code;

async fn members(server: &Server) -> [Client; 2] {
    let operator = Client::operator(server.http);
    operator.members(GROUP, &["alice_a1b", "bob.b_z9z"]).await.unwrap();
    ["alice_a1b", "bob.b_z9z"].map(|name| Client::user(server.http, name))
}

/// What the media side says to this token.
async fn shown(server: &Server, group: &str, token: &str) -> String {
    let mut socket = server.socket().await;
    say(&mut socket, json!({"type": "handshake", "version": ["2"], "id": "c"})).await;
    let join = json!({"type": "join", "kind": "join", "group": group, "token": token});
    say(&mut socket, join).await;
    let answer = hear(&mut socket, |message| message["type"] == "joined").await;
    answer["kind"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn req_54_and_65_a_forged_or_foreign_token_opens_nothing_and_removes_nobody() {
    let (here, there) = (server(&[]), server(&[]));
    let ([alice, bob], [her, _]) = (members(&here).await, members(&there).await);
    let joined = alice.join(GROUP).await.unwrap();
    let own = String::from_utf8(joined.connection_token.unwrap().payload).unwrap();
    let conference = joined.connection_info.unwrap().conference_id;
    // The same user in the same conversation, with a token of another server.
    let foreign = her.join(GROUP).await.unwrap().connection_token.unwrap().payload;
    let foreign = String::from_utf8(foreign).unwrap();
    let mut tokens = vec![foreign, own.replace('.', ".A"), format!("{own}A"), "x".repeat(5_000)];
    for at in (0..own.len()).step_by(7) {
        let mut bytes = own.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        tokens.push(String::from_utf8(bytes).unwrap());
    }
    for token in &tokens {
        let VoidResponse {} = alice.leave(GROUP, Some(token.clone().into())).await.unwrap();
        assert_eq!(shown(&here, &conference, token).await, "fail", "{token}");
    }
    assert_eq!(people(&bob.query(&[GROUP]).await.unwrap()[0]), coming("alice_a1b"));
    assert_eq!(shown(&here, &conference, &own).await, "join", "her own is still good");
}

/// A leave as an old or hostile client writes it: with the fields of the
/// message between the servers.
#[derive(Clone, PartialEq, prost::Message)]
struct Forcing {
    #[prost(message, optional, tag = "1")]
    convo_id: Option<ConvoId>,
    #[prost(bool, tag = "3")]
    force: bool,
    #[prost(message, optional, tag = "4")]
    connection_token: Option<MediaServerConnectionToken>,
    #[prost(message, optional, tag = "5")]
    user: Option<XiBareUserJid>,
}

#[tokio::test]
async fn req_68_and_80_no_field_of_a_client_forces_anybody_out_or_says_who_is_calling() {
    let server = server(&[]);
    let [alice, bob] = members(&server).await;
    let old = alice.join(GROUP).await.unwrap().connection_token;
    alice.join(GROUP).await.unwrap();
    let bobs = bob.join(GROUP).await.unwrap().connection_token;
    let user = |name: &str| Some(XiBareUserJid { local_part: name.to_owned() });
    let convo_id = || Some(Convo::parse_key(GROUP).unwrap().to_pb());
    for (token, user) in
        [(None, None), (old, None), (None, user("bob.b_z9z")), (bobs, user("bob.b_z9z"))]
    {
        let leave = Forcing { convo_id: convo_id(), force: true, connection_token: token, user };
        let answer: Result<VoidResponse, _> =
            alice.call(KIK, "OnLeaveConvoConference", leave).await;
        assert!(answer.is_ok(), "REQ-61");
    }
    let list = bob.query(&[GROUP]).await.unwrap().remove(0);
    assert_eq!(people(&list), [coming("alice_a1b"), coming("bob.b_z9z")].concat());
}

#[tokio::test]
async fn req_5_the_inner_services_refuse_what_breaks_a_limit_too() {
    let server = server(&[]);
    let [alice, bob] = members(&server).await;
    let node = Client::node(server.http);
    let group = || Some(XiGroupJid { local_part: GROUP.to_owned() });
    let user = |name: &str| XiBareUserJid { local_part: name.to_owned() };
    let token = |bytes: usize| Some(MediaServerConnectionToken { payload: vec![b'x'; bytes] });
    let list = state::write(&Convo::parse_key(GROUP).unwrap(), [], 1);
    let refused = |answer: Result<VoidResponse, tonic::Status>| answer.unwrap_err().code();
    let directory = "selfhost.video.v1.ConvoDirectory";
    let plane = "selfhost.video.v1.MediaPlane";
    let vcs = "internal.video.v1.RoundsVideoConference";

    let members = |members| selfhost::SetGroupMembersRequest { group: group(), members };
    for bad in [members(vec![user("aa"); 1_001]), members(vec![user("NO")]), Default::default()] {
        let answer = node.call(directory, "SetGroupMembers", bad).await;
        assert_eq!(refused(answer), Code::InvalidArgument);
    }
    let over = |id: usize, bytes: usize| selfhost::ClientDisconnectedNotification {
        conference_id: "c".repeat(id),
        connection_token: token(bytes),
        media_server_id: "m".to_owned(),
        connection_id: "1".to_owned(),
        reason: 1,
    };
    for bad in [over(33, 1), over(0, 1), over(1, 0), over(1, 5_121)] {
        let answer = node.call(plane, "ClientDisconnected", bad).await;
        assert_eq!(refused(answer), Code::InvalidArgument);
    }
    let leave = internal::LeaveConvoConferenceFromVcsNotification::default();
    let answer = node.call(vcs, "OnLeaveConvoConferenceFromVcs", leave).await;
    assert_eq!(refused(answer), Code::InvalidArgument);
    let told = "internal.video.v1.InternalKikVideo";
    for bad in [
        None,
        Some(parlour_wire::callctl::pb::common::video::v1::ConvoVideoState {
            timestamp: None,
            ..list.clone()
        }),
    ] {
        let bad = internal::ConvoVideoStateChangedFromVcsNotification { convo_video_state: bad };
        let answer = node.call(told, "OnConvoVideoStateChangedFromVcs", bad).await;
        assert_eq!(refused(answer), Code::InvalidArgument);
    }
    let watch = selfhost::WatchRequest { convo_ids: vec![list.convo_id.clone().unwrap(); 101] };
    let request = alice.request(watch);
    let answer = alice
        .stream::<_, OnConvoVideoStateChangedNotification>(
            "selfhost.video.v1.ConvoStateStream",
            "Watch",
            request,
        )
        .await;
    assert_eq!(answer.err().map(|status| status.code()), Some(Code::InvalidArgument));
    assert_eq!(alice.join(GROUP).await.unwrap().result, 0, "nothing has changed");
    assert_eq!(people(&bob.query(&[GROUP]).await.unwrap()[0]), coming("alice_a1b"));
}
