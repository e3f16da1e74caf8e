//! The parts as processes of their own, and each of them killed.

use crate::client::{Client, GROUP, coming, on, people, server};
use crate::parts::{Parts, at};
use crate::support::PATIENCE;
use parlour_wire::callctl::pb::common::VoidResponse;
use parlour_wire::callctl::pb::common::video::v1::convo_video_state::user_state::State;
use parlour_wire::callctl::pb::common::video::v1::{
    ConferenceConnectionInfo, MediaServerConnectionToken,
};
use parlour_wire::callctl::pb::internal::video::v1::{
    ConvoVideoStateChangedFromVcsNotification, GetConvoStateFromVcsRequest,
    GetConvoStateFromVcsResponse, JoinConvoConferenceFromVcsRequest,
    JoinConvoConferenceFromVcsResponse,
};
use parlour_wire::callctl::pb::selfhost::video::v1::watch_event::Kind;
use parlour_wire::callctl::pb::selfhost::video::v1::{
    ClientConnectedRequest, ClientConnectedResponse, ClientDisconnectedNotification, Eviction,
    EvictionsRequest,
};
use parlour_wire::callctl::{ConvoId, LocalPart, state};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};
use tonic::body::Body;
use tonic::codegen::http;
use tonic::server::{NamedService, UnaryService};
use tonic::{Code, Request, Response, Streaming};

#[tokio::test]
async fn front_and_keeper_apart_make_one_door() {
    let parts = Parts::two();
    let [alice, bob] = parts.people().await;
    let mut his = bob.watch().await;
    let joined = alice.join(GROUP).await.unwrap();
    assert_eq!(joined.result, 0);
    assert_eq!(his.change().await, coming("alice_a1b"));
    assert_eq!(people(&bob.query(&[GROUP]).await.unwrap()[0]), coming("alice_a1b"));
    let mallory = Client::user(at(parts.kik.port), "mallory_1");
    assert_eq!(mallory.join(GROUP).await.unwrap().result, 2);
    assert_eq!(people(&mallory.query(&[GROUP]).await.unwrap()[0]), []);
    alice.leave(GROUP, joined.connection_token.map(|token| token.payload)).await.unwrap();
    assert_eq!(his.change().await, []);
    let there = Client::user(at(parts.vcs.port), "alice_a1b");
    assert_eq!(there.join(GROUP).await.unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test]
async fn req_20_only_the_keeper_gives_times_and_the_front_copies_them() {
    let parts = Parts::two();
    let [alice, bob] = parts.people().await;
    let mut his = bob.watch().await;
    let joined = alice.join(GROUP).await.unwrap().latest_state.unwrap();
    let Kind::Changed(told) = his.next().await else { panic!("a change comes first") };
    let told = told.convo_video_state.unwrap();
    let asked = bob.query(&[GROUP]).await.unwrap().remove(0);
    let node = Client::node(at(parts.vcs.port));
    let request = GetConvoStateFromVcsRequest { convo_id: joined.convo_id.clone() };
    let service = "internal.video.v1.RoundsVideoConference";
    let kept: GetConvoStateFromVcsResponse =
        node.call(service, "GetConvoStateFromVcs", request).await.unwrap();
    assert_eq!(kept.latest_state.as_ref(), Some(&joined));
    assert_eq!((&told, &asked), (&joined, &joined), "to the nanosecond");
}

/// A keeper that answers every join with this.
#[derive(Clone)]
struct Stranger(JoinConvoConferenceFromVcsResponse);

impl NamedService for Stranger {
    const NAME: &'static str = "internal.video.v1.RoundsVideoConference";
}

impl UnaryService<JoinConvoConferenceFromVcsRequest> for Stranger {
    type Response = JoinConvoConferenceFromVcsResponse;
    type Future = Ready<Result<Response<Self::Response>, tonic::Status>>;

    fn call(&mut self, _: Request<JoinConvoConferenceFromVcsRequest>) -> Self::Future {
        ready(Ok(Response::new(self.0.clone())))
    }
}

impl tower::Service<http::Request<Body>> for Stranger {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let codec = tonic_prost::ProstCodec::default();
            Ok(tonic::server::Grpc::new(codec).unary(this, request).await)
        })
    }
}

#[tokio::test]
async fn req_59_a_result_that_the_front_does_not_know_is_passed_on_without_a_way_in() {
    let list = state::write(&ConvoId::parse_key(GROUP).unwrap(), [], 7);
    for result in [1, 2, 77] {
        let stranger = Stranger(JoinConvoConferenceFromVcsResponse {
            result,
            latest_state: Some(list.clone()),
            connection_info: Some(ConferenceConnectionInfo {
                host: "media.example".to_owned(),
                port: 1,
                conference_id: "kik.b.c".to_owned(),
            }),
            connection_token: Some(MediaServerConnectionToken { payload: b"t".to_vec() }),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        let keeper = tonic::transport::Server::builder().add_service(stranger);
        tokio::spawn(keeper.serve_with_incoming(incoming));
        let front =
            server(&[("PARLOUR_CALLCTL_ROLE", "kik"), ("PARLOUR_CALLCTL_VCS_URL", url.as_str())]);
        Client::operator(front.http).members(GROUP, &["alice_a1b"]).await.unwrap();
        let answer = Client::user(front.http, "alice_a1b").join(GROUP).await.unwrap();
        assert_eq!(answer.result, result);
        assert_eq!(answer.latest_state.as_ref(), Some(&list));
        assert_eq!((answer.connection_info, answer.connection_token), (None, None));
    }
}

#[tokio::test]
async fn without_the_keeper_queries_and_joins_fail_and_leaves_do_not() {
    let mut parts = Parts::two();
    let [alice, bob] = parts.people().await;
    let mut his = bob.watch().await;
    let joined = alice.join(GROUP).await.unwrap();
    assert_eq!(his.change().await, coming("alice_a1b"));
    drop(parts.keeper.take());
    let code = |called: tonic::Status| called.code();
    assert_eq!(bob.query(&[GROUP]).await.map_err(code), Err(Code::Unavailable));
    assert_eq!(alice.join(GROUP).await.map_err(code), Err(Code::Unavailable));
    assert!(alice.leave(GROUP, joined.connection_token.map(|t| t.payload)).await.is_ok());
    // Back again on an empty store: its clock goes on from the time of day.
    parts.keeper = Some(parts.vcs.start(None));
    let again = async {
        while alice.join(GROUP).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("it is found again");
    assert_eq!(his.change().await, coming("alice_a1b"));
}

#[tokio::test]
async fn what_the_front_missed_it_is_told_when_it_is_back() {
    let mut parts = Parts::two();
    let [alice, _] = parts.people().await;
    let joined = alice.join(GROUP).await.unwrap();
    // The front dies; meanwhile she reaches the media server.
    parts.restart_front();
    let bob = Client::user(at(parts.kik.port), "bob.b_z9z");
    let mut his = bob.watch().await;
    let _socket = crate::client::connect(parts.keeper.as_ref().unwrap(), &joined).await;
    // What had not left when the front died may come first.
    let mut seen = his.change().await;
    if seen == coming("alice_a1b") {
        seen = his.change().await;
    }
    assert_eq!(seen, on("alice_a1b"));
}

#[tokio::test]
async fn a_front_drops_what_is_repeated_or_overtaken() {
    let parts = Parts::two();
    let [_, bob] = parts.people().await;
    let mut his = bob.watch().await;
    let node = Client::node(at(parts.kik.port));
    let convo = ConvoId::parse_key(GROUP).unwrap();
    let tell = |name: &'static str, stamp: u64| {
        let people = [(LocalPart::parse(name).unwrap(), State::Connecting)];
        let list = state::write(&convo, people, stamp);
        let message = ConvoVideoStateChangedFromVcsNotification { convo_video_state: Some(list) };
        let node = node.clone();
        async move {
            let service = "internal.video.v1.InternalKikVideo";
            let told: Result<VoidResponse, _> =
                node.call(service, "OnConvoVideoStateChangedFromVcs", message).await;
            told.unwrap();
        }
    };
    for (name, stamp) in [("first", 5), ("first", 5), ("old", 4), ("second", 6)] {
        tell(name, stamp).await;
    }
    assert_eq!(his.change().await, coming("first"));
    assert_eq!(his.change().await, coming("second"));
}

#[tokio::test]
async fn req_16_a_front_hands_on_nobody_without_a_state() {
    let parts = Parts::two();
    let [_, bob] = parts.people().await;
    let mut his = bob.watch().await;
    let convo = ConvoId::parse_key(GROUP).unwrap();
    let people = [("broken", State::NotSet), ("carol", State::Connected)];
    let people = people.map(|(name, state)| (LocalPart::parse(name).unwrap(), state));
    let list = state::write(&convo, people, 5);
    let message = ConvoVideoStateChangedFromVcsNotification { convo_video_state: Some(list) };
    let service = "internal.video.v1.InternalKikVideo";
    let told: Result<VoidResponse, _> = Client::node(at(parts.kik.port))
        .call(service, "OnConvoVideoStateChangedFromVcs", message)
        .await;
    told.unwrap();
    assert_eq!(his.change().await, on("carol"));
}

const PLANE: &str = "selfhost.video.v1.MediaPlane";

async fn evictions(node: &Client) -> Streaming<Eviction> {
    let request = EvictionsRequest { media_server_id: "m1".to_owned() };
    node.stream(PLANE, "Evictions", node.request(request)).await.unwrap()
}

#[tokio::test]
async fn a_media_server_apart_admits_by_token_and_its_silence_ends_its_connections() {
    let parts = Parts::two();
    let [alice, bob] = parts.people().await;
    let node = Client::node(at(parts.vcs.port));
    let mut his = bob.watch().await;
    let joined = alice.join(GROUP).await.unwrap();
    assert_eq!(his.change().await, coming("alice_a1b"));
    let present = |connection: &str, joined: &parlour_wire::callctl::pb::mobile::video::v1::JoinConvoConferenceResponse| ClientConnectedRequest {
        conference_id: joined.connection_info.clone().unwrap().conference_id,
        connection_token: joined.connection_token.clone(),
        media_server_id: "m1".to_owned(),
        connection_id: connection.to_owned(),
    };
    let refused: Result<ClientConnectedResponse, _> =
        node.call(PLANE, "ClientConnected", present("1", &joined)).await;
    assert_eq!(refused.unwrap_err().code(), Code::FailedPrecondition, "no sign of life yet");

    let mut stream = evictions(&node).await;
    let answer: ClientConnectedResponse =
        node.call(PLANE, "ClientConnected", present("1", &joined)).await.unwrap();
    assert_eq!((answer.result, answer.user.unwrap().local_part.as_str()), (0, "alice_a1b"));
    assert_eq!(his.change().await, on("alice_a1b"));

    let again = alice.join(GROUP).await.unwrap();
    let answer: ClientConnectedResponse =
        node.call(PLANE, "ClientConnected", present("2", &again)).await.unwrap();
    assert_eq!(answer.result, 0);
    let evicted = tokio::time::timeout(PATIENCE, stream.message()).await.unwrap().unwrap().unwrap();
    assert_eq!((evicted.connection_id.as_str(), evicted.reason), ("1", 2));

    // It is restarted within the time of grace: nobody is lost.
    let newer = evictions(&node).await;
    drop(stream);
    assert_eq!(people(&bob.query(&[GROUP]).await.unwrap()[0]), on("alice_a1b"));
    let over = ClientDisconnectedNotification {
        conference_id: again.connection_info.clone().unwrap().conference_id,
        connection_token: again.connection_token.clone(),
        media_server_id: "m1".to_owned(),
        connection_id: "1".to_owned(),
        reason: 3,
    };
    let _: VoidResponse = node.call(PLANE, "ClientDisconnected", over).await.unwrap();
    assert_eq!(people(&bob.query(&[GROUP]).await.unwrap()[0]), on("alice_a1b"));
    // It dies.
    drop(newer);
    assert_eq!(his.change().await, []);
}
