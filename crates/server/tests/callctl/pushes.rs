//! The other ways of being told: webhook and callback; health and reflection.

use crate::client::{Client, NODE, Secrets, coming, people, server, start};
use crate::support::PATIENCE;
use parlour_wire::callctl::pb::common::{VoidResponse, XiBareUserJid, XiRequestId, XiUuid};
use parlour_wire::callctl::pb::mobile::video::v1::{
    JoinConvoConferenceRequest, JoinConvoConferenceResponse,
};
use parlour_wire::callctl::pb::mobileremote::video::v1::OnConvoVideoStateChangedNotification;
use parlour_wire::callctl::{ConvoId, Message as _, metadata};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tonic::codegen::http;
use tonic::server::NamedService;
use tonic::{Request, Response, Status};

/// Head and body of the next request to this listener, which is answered 204.
async fn posted(listener: &TcpListener) -> (String, Vec<u8>) {
    let receive = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = Vec::new();
        loop {
            let mut part = [0; 4_096];
            let count = stream.read(&mut part).await.unwrap();
            bytes.extend_from_slice(&part[..count]);
            let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
            let Some(end) = end else { continue };
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.unwrap().trim().parse().unwrap();
            if bytes.len() >= end + 4 + length {
                let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
                stream.write_all(answer).await.unwrap();
                return (head, bytes[end + 4..].to_vec());
            }
        }
    };
    tokio::time::timeout(PATIENCE, receive).await.expect("a request in time")
}

#[tokio::test]
async fn a_webhook_is_posted_for_each_member_and_signed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let secrets = Secrets::new();
    let secret = secrets.path("node").display().to_string();
    let env = [
        ("PARLOUR_CALLCTL_WEBHOOK_URL", url.as_str()),
        ("PARLOUR_CALLCTL_WEBHOOK_SECRET", secret.as_str()),
    ];
    let server = start(&secrets, &env);
    let alice = Client::user(server.http, "alice_a1b");
    alice.join("alice_a1b:bob.b_z9z").await.unwrap();
    let mut told = Vec::new();
    for _ in 0..2 {
        let (head, body) = posted(&listener).await;
        let header = |name: &str| {
            let prefix = format!("{name}: ");
            head.lines().find_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).unwrap()
        };
        let notice = OnConvoVideoStateChangedNotification::decode(body.as_slice()).unwrap();
        assert_eq!(people(&notice.convo_video_state.unwrap()), coming("alice_a1b"));
        assert_eq!(header("parlour-notification"), notice.notification_id);
        assert_eq!(header("content-type"), "application/x-protobuf");
        let time = header("parlour-time");
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, NODE.as_bytes());
        let signed = [time.as_bytes(), b".", &body].concat();
        let tag = aws_lc_rs::hmac::sign(&key, &signed);
        let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(header("parlour-signature"), format!("v1={hex}"));
        told.push(header("parlour-recipient"));
    }
    told.sort();
    assert_eq!(told, ["alice_a1b", "bob.b_z9z"]);
}

#[tokio::test]
async fn a_webhook_may_ask_for_json() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let env =
        [("PARLOUR_CALLCTL_WEBHOOK_URL", url.as_str()), ("PARLOUR_CALLCTL_WEBHOOK_JSON", "true")];
    let server = server(&env);
    Client::user(server.http, "alice_a1b").join("alice_a1b:bob.b_z9z").await.unwrap();
    let (head, body) = posted(&listener).await;
    assert!(head.contains("content-type: application/json"), "{head}");
    assert!(!head.contains("parlour-signature"), "no secret, no signature: {head}");
    let notice: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let list = &notice["convoVideoState"];
    assert_eq!(list["userStates"][0]["state"], "CONNECTING", "{notice}");
    assert_eq!(list["userStates"][0]["user"]["localPart"], "alice_a1b");
    assert_eq!(notice["notificationId"].as_str().unwrap().len(), 36);
}

/// The service of a phone: passes on who was called with what.
#[derive(Clone)]
struct Phone(mpsc::Sender<(String, String, Option<XiRequestId>)>);

impl NamedService for Phone {
    const NAME: &'static str = "mobileremote.video.v1.MobileVideo";
}

impl tonic::server::UnaryService<OnConvoVideoStateChangedNotification> for Phone {
    type Response = VoidResponse;
    type Future = Pin<Box<dyn Future<Output = Result<Response<VoidResponse>, Status>> + Send>>;

    fn call(&mut self, request: Request<OnConvoVideoStateChangedNotification>) -> Self::Future {
        let to = self.0.clone();
        Box::pin(async move {
            let user = request.metadata().get_bin(metadata::USER).unwrap().to_bytes().unwrap();
            let user = XiBareUserJid::decode(user).unwrap().local_part;
            let cause = request.metadata().get_bin(metadata::REQUEST);
            let cause = cause.map(|id| XiRequestId::decode(id.to_bytes().unwrap()).unwrap());
            to.send((user, request.into_inner().notification_id, cause)).await.unwrap();
            Ok(Response::new(VoidResponse {}))
        })
    }
}

impl tower::Service<http::Request<tonic::body::Body>> for Phone {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let phone = self.clone();
        Box::pin(async move {
            let codec = tonic_prost::ProstCodec::default();
            Ok(tonic::server::Grpc::new(codec).unary(phone, request).await)
        })
    }
}

#[tokio::test]
async fn a_callback_is_called_for_each_member() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, mut calls) = mpsc::channel(10);
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    let phone = tonic::transport::Server::builder().add_service(Phone(sender));
    tokio::spawn(phone.serve_with_incoming(incoming));
    let server = server(&[("PARLOUR_CALLCTL_CALLBACK_URL", url.as_str())]);
    let alice = Client::user(server.http, "alice_a1b");
    let id = XiRequestId { id: Some(XiUuid { msb: 0x11, lsb: -2 }) };
    let convo_id = Some(ConvoId::parse_key("alice_a1b:bob.b_z9z").unwrap().to_pb());
    let mut request = alice.request(JoinConvoConferenceRequest { convo_id });
    let key = tonic::metadata::BinaryMetadataKey::from_static(metadata::REQUEST);
    let value = tonic::metadata::MetadataValue::from_bytes(&id.encode_to_vec());
    request.metadata_mut().insert_bin(key, value);
    let joined: JoinConvoConferenceResponse =
        alice.send(crate::client::KIK, "JoinConvoConference", request).await.unwrap();
    let mut told = Vec::new();
    for _ in 0..2 {
        told.push(tokio::time::timeout(PATIENCE, calls.recv()).await.unwrap().unwrap());
    }
    assert_eq!(told[0].1, told[1].1, "REQ-73: one id for one change");
    assert!(told.iter().all(|(_, _, cause)| *cause == Some(id)), "the request that caused it");
    let mut names: Vec<_> = told.into_iter().map(|(name, ..)| name).collect();
    names.sort();
    assert_eq!(names, ["alice_a1b", "bob.b_z9z"]);
    // What no request caused has none.
    let _socket = crate::client::connect(&server, &joined).await;
    let (_, _, cause) = tokio::time::timeout(PATIENCE, calls.recv()).await.unwrap().unwrap();
    assert_eq!(cause, None);
}

#[tokio::test]
async fn req_77_a_receiver_that_does_not_answer_holds_up_no_call_and_is_not_told_what_is_old() {
    // Nobody answers on either way out, but both take the connection.
    let (hook, phone) = (
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
    );
    let url = |listener: &TcpListener| format!("http://{}/", listener.local_addr().unwrap());
    let (hook_url, phone_url) = (url(&hook), url(&phone));
    let server = server(&[
        ("PARLOUR_CALLCTL_WEBHOOK_URL", hook_url.as_str()),
        ("PARLOUR_CALLCTL_CALLBACK_URL", phone_url.as_str()),
        ("PARLOUR_CALLCTL_CALL_BURST", "1000"),
        ("PARLOUR_CALLCTL_PUSH_TRIES", "100"),
    ]);
    let alice = Client::user(server.http, "alice_a1b");
    let pair = "alice_a1b:bob.b_z9z";
    let (mut stream, _) = tokio::time::timeout(PATIENCE, async {
        alice.join(pair).await.unwrap();
        hook.accept().await.unwrap()
    })
    .await
    .expect("somebody is told");
    for _ in 0..50 {
        let joined = alice.join(pair).await.unwrap();
        alice.leave(pair, joined.connection_token.map(|token| token.payload)).await.unwrap();
    }
    let limit = |what: &str| {
        let text = crate::support::ask(server.ops, "GET", "/metrics", &[]).body;
        let line = text
            .lines()
            .find(|line| line.starts_with(what) && line.contains("callctl.push_pending"))
            .unwrap_or_else(|| panic!("no {what}"))
            .to_owned();
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(limit("parlour_limit_use"), 1, "of 101 changes the newest waits, no other");
    // The first try fails now; what is newer is told instead of the old list.
    let mut bytes = [0; 4_096];
    assert!(stream.read(&mut bytes).await.unwrap() > 0);
    drop(stream);
    let newest = async {
        loop {
            let (_, body) = posted(&hook).await;
            let notice = OnConvoVideoStateChangedNotification::decode(body.as_slice());
            if let Ok(notice) = notice
                && people(&notice.convo_video_state.unwrap()).is_empty()
            {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, newest).await.expect("the newest list comes");
}

#[tokio::test]
async fn health_and_reflection_answer_anybody() {
    use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
    let server = server(&[]);
    let nobody = Client::to(server.http);
    for service in ["", crate::client::KIK] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let health: HealthCheckResponse =
            nobody.call("grpc.health.v1.Health", "Check", request).await.unwrap();
        assert_eq!(health.status, 1, "serving");
    }
    let answer = nobody.reflect(MessageRequest::ListServices(String::new())).await;
    let MessageResponse::ListServicesResponse(list) = answer else { panic!("{answer:?}") };
    let names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    assert!(names.contains(&crate::client::KIK.to_owned()), "{names:?}");
    assert!(names.contains(&"selfhost.video.v1.MediaPlane".to_owned()));
}

#[tokio::test]
async fn a_stream_shows_that_it_is_alive_and_there_are_only_so_many() {
    let env = [("PARLOUR_CALLCTL_HEARTBEAT", "50ms"), ("PARLOUR_CALLCTL_WATCHES_PER_USER", "1")];
    let server = server(&env);
    let alice = Client::user(server.http, "alice_a1b");
    let mut watch = alice.watch().await;
    for _ in 0..3 {
        let event = watch.next().await;
        assert!(matches!(
            event,
            parlour_wire::callctl::pb::selfhost::video::v1::watch_event::Kind::Heartbeat(_)
        ));
    }
    let request = alice.request(Default::default());
    let second = alice
        .stream::<parlour_wire::callctl::pb::selfhost::video::v1::WatchRequest, VoidResponse>(
            "selfhost.video.v1.ConvoStateStream",
            "Watch",
            request,
        )
        .await;
    assert_eq!(second.err().map(|status| status.code()), Some(tonic::Code::ResourceExhausted));
}
