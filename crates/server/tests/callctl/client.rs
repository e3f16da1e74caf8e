//! A client by gRPC, and a server with secrets to show.

use crate::support::{PATIENCE, Server, Socket, Wish, hear, say};
use parlour_wire::callctl::pb::common::video::v1::ConvoVideoState;
use parlour_wire::callctl::pb::common::video::v1::MediaServerConnectionToken;
use parlour_wire::callctl::pb::common::video::v1::convo_video_state::user_state::State;
use parlour_wire::callctl::pb::common::{VoidResponse, XiBareUserJid, XiGroupJid};
use parlour_wire::callctl::pb::mobile::video::v1::{
    BatchedGetConvoStateRequest, BatchedGetConvoStateResponse, JoinConvoConferenceRequest,
    JoinConvoConferenceResponse, LeaveConvoConferenceNotification,
};
use parlour_wire::callctl::pb::selfhost::video::v1::watch_event::Kind;
use parlour_wire::callctl::pb::selfhost::video::v1::{
    SetGroupMembersRequest, WatchEvent, WatchRequest,
};
use parlour_wire::callctl::{ConvoId, Message, metadata};
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;
use tempfile::TempDir;
use tokio::time::timeout;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::{BinaryMetadataKey, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

pub(crate) const GROUP: &str = "1234567890123_g";
pub(crate) const BRIDGE: &str = "a bridge of the tests";
pub(crate) const OPERATOR: &str = "an operator of the tests";
pub(crate) const NODE: &str = "a node of the tests";
pub(crate) const KIK: &str = "mobile.video.v1.KikVideo";

/// Files with secrets, as the variables that name them.
pub(crate) struct Secrets {
    folder: TempDir,
}

impl Secrets {
    pub(crate) fn new() -> Self {
        let this = Self { folder: tempfile::tempdir().unwrap() };
        for (name, text) in [("bridge", BRIDGE), ("operator", OPERATOR), ("node", NODE)] {
            std::fs::write(this.path(name), format!("{text}\n")).unwrap();
        }
        this
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn env(&self) -> Vec<(String, String)> {
        ["bridge", "operator", "node"]
            .map(|name| {
                let variable = format!("PARLOUR_CALLCTL_{}_SECRET", name.to_uppercase());
                (variable, self.path(name).display().to_string())
            })
            .to_vec()
    }
}

/// A server with the secrets of the tests.
pub(crate) fn server(more: &[(&str, &str)]) -> Server {
    let secrets = Secrets::new();
    start(&secrets, more)
}

pub(crate) fn start(secrets: &Secrets, more: &[(&str, &str)]) -> Server {
    let env = secrets.env();
    let env = env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let env: Vec<(&str, &str)> = env.chain(more.iter().copied()).collect();
    Server::with(Wish { env: &env, ..Wish::default() })
}

/// One HTTP/2 connection and what is shown on it.
#[derive(Clone)]
pub(crate) struct Client {
    channel: Channel,
    shown: Option<String>,
    user: Option<String>,
}

pub(crate) type Called<T> = Result<T, Status>;

impl Client {
    pub(crate) fn to(address: SocketAddr) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        Self { channel: endpoint.connect_lazy(), shown: None, user: None }
    }

    /// Over TLS, trusting the server's self-made certificate, as a bridge.
    pub(crate) fn secure(server: &Server, user: &str) -> Self {
        Self::tls(server, None).shows(&format!("Bridge {BRIDGE}")).says(user)
    }

    /// Over TLS, showing this certificate or none.
    pub(crate) fn tls(server: &Server, identity: Option<Identity>) -> Self {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let pem = std::fs::read(server.data().join("self-signed-cert.pem")).unwrap();
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(pem))
            .domain_name("localhost");
        let tls = match identity {
            Some(identity) => tls.identity(identity),
            None => tls,
        };
        let url = format!("https://{}", server.https.unwrap());
        let endpoint = Endpoint::from_shared(url).unwrap().tls_config(tls).unwrap();
        Self { channel: endpoint.connect_lazy(), shown: None, user: None }
    }

    /// Shows this as `authorization`.
    pub(crate) fn shows(&self, text: &str) -> Self {
        Self { shown: Some(text.to_owned()), ..self.clone() }
    }

    /// Names this user.
    pub(crate) fn says(&self, user: &str) -> Self {
        Self { user: Some(user.to_owned()), ..self.clone() }
    }

    /// A user behind the bridge.
    pub(crate) fn user(address: SocketAddr, user: &str) -> Self {
        Self::to(address).shows(&format!("Bridge {BRIDGE}")).says(user)
    }

    pub(crate) fn operator(address: SocketAddr) -> Self {
        Self::to(address).shows(&format!("Operator {OPERATOR}"))
    }

    pub(crate) fn node(address: SocketAddr) -> Self {
        Self::to(address).shows(&format!("Node {NODE}"))
    }

    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(text) = &self.shown {
            request.metadata_mut().insert("authorization", text.parse().unwrap());
        }
        if let Some(user) = &self.user {
            let user = XiBareUserJid { local_part: user.clone() };
            let value = MetadataValue::from_bytes(&user.encode_to_vec());
            let key = BinaryMetadataKey::from_static(metadata::USER);
            request.metadata_mut().insert_bin(key, value);
        }
        request
    }

    pub(crate) async fn call<Q, A>(&self, service: &str, method: &str, message: Q) -> Called<A>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        self.send(service, method, self.request(message)).await
    }

    pub(crate) async fn send<Q, A>(
        &self,
        service: &str,
        method: &str,
        request: Request<Q>,
    ) -> Called<A>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let mut grpc = tonic::client::Grpc::new(self.channel.clone());
        grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let path = PathAndQuery::try_from(format!("/{service}/{method}")).unwrap();
        let codec = ProstCodec::<Q, A>::default();
        grpc.unary(request, path, codec).await.map(tonic::Response::into_inner)
    }

    /// What reflection answers.
    pub(crate) async fn reflect(&self, asked: MessageRequest) -> MessageResponse {
        let (host, message_request) = (String::new(), Some(asked));
        let request = self.request(ServerReflectionRequest { host, message_request });
        let service = "grpc.reflection.v1.ServerReflection";
        let answers = self.stream(service, "ServerReflectionInfo", request).await;
        let mut answers: Streaming<ServerReflectionResponse> = answers.unwrap();
        answers.message().await.unwrap().unwrap().message_response.unwrap()
    }

    pub(crate) async fn stream<Q, A>(
        &self,
        service: &str,
        method: &str,
        request: Request<Q>,
    ) -> Called<Streaming<A>>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let mut grpc = tonic::client::Grpc::new(self.channel.clone());
        grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let path = PathAndQuery::try_from(format!("/{service}/{method}")).unwrap();
        let codec = ProstCodec::<Q, A>::default();
        grpc.server_streaming(request, path, codec).await.map(tonic::Response::into_inner)
    }

    pub(crate) async fn query(&self, keys: &[&str]) -> Called<Vec<ConvoVideoState>> {
        let convo_ids = keys.iter().map(|key| ConvoId::parse_key(key).unwrap().to_pb()).collect();
        let request = BatchedGetConvoStateRequest { convo_ids };
        let answer: BatchedGetConvoStateResponse =
            self.call(KIK, "BatchedGetConvoState", request).await?;
        Ok(answer.latest_states)
    }

    pub(crate) async fn join(&self, key: &str) -> Called<JoinConvoConferenceResponse> {
        let convo_id = Some(ConvoId::parse_key(key).unwrap().to_pb());
        self.call(KIK, "JoinConvoConference", JoinConvoConferenceRequest { convo_id }).await
    }

    pub(crate) async fn leave(&self, key: &str, token: Option<Vec<u8>>) -> Called<VoidResponse> {
        let notice = LeaveConvoConferenceNotification {
            convo_id: Some(ConvoId::parse_key(key).unwrap().to_pb()),
            connection_token: token.map(|payload| MediaServerConnectionToken { payload }),
        };
        self.call(KIK, "OnLeaveConvoConference", notice).await
    }

    pub(crate) async fn watch(&self) -> Watch {
        let request = self.request(WatchRequest::default());
        let events = self
            .stream::<_, WatchEvent>("selfhost.video.v1.ConvoStateStream", "Watch", request)
            .await
            .unwrap();
        let mut watch = Watch(events);
        assert!(matches!(watch.next().await, Kind::Ready(_)), "first of all it is ready");
        watch
    }

    /// Makes these the members of a group.
    pub(crate) async fn members(&self, group: &str, members: &[&str]) -> Called<VoidResponse> {
        let jid = |name: &&str| XiBareUserJid { local_part: (*name).to_owned() };
        let request = SetGroupMembersRequest {
            group: Some(XiGroupJid { local_part: group.to_owned() }),
            members: members.iter().map(jid).collect(),
        };
        self.call("selfhost.video.v1.ConvoDirectory", "SetGroupMembers", request).await
    }
}

/// A stream of changes.
pub(crate) struct Watch(pub(crate) Streaming<WatchEvent>);

impl Watch {
    pub(crate) async fn next(&mut self) -> Kind {
        let event = timeout(PATIENCE, self.0.message()).await.expect("an event in time");
        event.unwrap().expect("the stream goes on").kind.unwrap()
    }

    /// The next change: who is in the call.
    pub(crate) async fn change(&mut self) -> Vec<(String, State)> {
        loop {
            match self.next().await {
                Kind::Changed(notice) => return people(&notice.convo_video_state.unwrap()),
                Kind::Heartbeat(_) => {}
                other => panic!("{other:?} instead of a change"),
            }
        }
    }
}

pub(crate) fn people(list: &ConvoVideoState) -> Vec<(String, State)> {
    let name =
        |entry: &parlour_wire::callctl::pb::common::video::v1::convo_video_state::UserState| {
            let state = State::try_from(entry.state).unwrap();
            (entry.user.clone().unwrap().local_part, state)
        };
    list.user_states.iter().map(name).collect()
}

pub(crate) fn on(name: &str) -> Vec<(String, State)> {
    vec![(name.to_owned(), State::Connected)]
}

pub(crate) fn coming(name: &str) -> Vec<(String, State)> {
    vec![(name.to_owned(), State::Connecting)]
}

/// Goes to the media server with what a join gave.
pub(crate) async fn connect(server: &Server, joined: &JoinConvoConferenceResponse) -> Socket {
    let token = joined.connection_token.clone().unwrap().payload;
    let token = String::from_utf8(token).unwrap();
    let group = joined.connection_info.clone().unwrap().conference_id;
    let mut socket = server.socket().await;
    say(&mut socket, json!({"type": "handshake", "version": ["2"], "id": "media"})).await;
    let join = json!({"type": "join", "kind": "join", "group": group, "token": token});
    say(&mut socket, join).await;
    let joined = hear(&mut socket, |message| message["type"] == "joined").await;
    assert_eq!(joined["kind"], "join", "{joined}");
    socket
}
