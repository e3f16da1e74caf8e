//! A caller by gRPC, as small as it can be.

use crate::server::Server;
use anyhow::{Context as _, Result, bail};
use parlour_wire::callctl::pb::common::video::v1::{
    ConvoId as ConvoIdPb, MediaServerConnectionToken,
};
use parlour_wire::callctl::pb::common::{VoidResponse, XiBareUserJid, XiGroupJid};
use parlour_wire::callctl::pb::mobile::video::v1::{
    JoinConvoConferenceRequest, JoinConvoConferenceResponse, LeaveConvoConferenceNotification,
};
use parlour_wire::callctl::pb::selfhost::video::v1::watch_event::Kind;
use parlour_wire::callctl::pb::selfhost::video::v1::{
    SetGroupMembersRequest, WatchEvent, WatchRequest,
};
use parlour_wire::callctl::{ConvoId, Message, metadata};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::{AsciiMetadataValue, BinaryMetadataKey, BinaryMetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Streaming};
use tonic_prost::ProstCodec;

/// The secrets of a server that the bench starts; they open nothing else.
pub(crate) const BRIDGE: &str = "bridge-of-the-bench";
/// Of its operator.
pub(crate) const OPERATOR: &str = "operator-of-the-bench";

const JOIN: &str = "/mobile.video.v1.KikVideo/JoinConvoConference";
const LEAVE: &str = "/mobile.video.v1.KikVideo/OnLeaveConvoConference";
const WATCH: &str = "/selfhost.video.v1.ConvoStateStream/Watch";
const MEMBERS: &str = "/selfhost.video.v1.ConvoDirectory/SetGroupMembers";

/// One HTTP/2 connection, made when it is first used.
pub(super) fn connect(server: &Server) -> Result<Channel> {
    Ok(Endpoint::from_shared(format!("http://{}", server.http))?.connect_lazy())
}

/// The name of a member who watches.
pub(super) fn watcher(index: usize) -> String {
    format!("watcher_{index}")
}

/// Who calls.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    channel: Channel,
    shown: AsciiMetadataValue,
    user: Option<BinaryMetadataValue>,
    convo: ConvoIdPb,
    token: Option<MediaServerConnectionToken>,
}

/// The operator of the server.
pub(super) fn operator(server: &Server) -> Result<Caller> {
    let shown = format!("Operator {OPERATOR}").parse()?;
    let (channel, convo) = (connect(server)?, ConvoIdPb::default());
    Ok(Caller { channel, shown, user: None, convo, token: None })
}

impl Caller {
    pub(super) fn new(channel: Channel, name: &str, key: &str) -> Self {
        let user = XiBareUserJid { local_part: name.to_owned() }.encode_to_vec();
        Self {
            channel,
            shown: AsciiMetadataValue::from_static("Bridge bridge-of-the-bench"),
            user: Some(BinaryMetadataValue::from_bytes(&user)),
            convo: ConvoId::parse_key(key).map(|convo| convo.to_pb()).unwrap_or_default(),
            token: None,
        }
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.shown.clone());
        if let Some(user) = &self.user {
            let key = BinaryMetadataKey::from_static(metadata::USER);
            request.metadata_mut().insert_bin(key, user.clone());
        }
        request
    }

    async fn call<Q, A>(&self, path: &'static str, message: Q) -> Result<A>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await?;
        let (path, codec) = (PathAndQuery::from_static(path), ProstCodec::<Q, A>::default());
        Ok(grpc.unary(self.request(message), path, codec).await?.into_inner())
    }

    pub(super) async fn join(&mut self) -> Result<()> {
        let request = JoinConvoConferenceRequest { convo_id: Some(self.convo.clone()) };
        let answer: JoinConvoConferenceResponse = self.call(JOIN, request).await?;
        if answer.result != 0 {
            bail!("a join was answered {}", answer.result);
        }
        self.token = answer.connection_token;
        Ok(())
    }

    pub(super) async fn leave(&mut self) -> Result<()> {
        let notice = LeaveConvoConferenceNotification {
            convo_id: Some(self.convo.clone()),
            connection_token: self.token.take(),
        };
        let VoidResponse {} = self.call(LEAVE, notice).await?;
        Ok(())
    }

    /// Makes these the members of a group.
    pub(super) async fn members(&self, group: &str, names: &[String]) -> Result<()> {
        let jid = |name: &String| XiBareUserJid { local_part: name.clone() };
        let group = Some(XiGroupJid { local_part: group.to_owned() });
        let members = names.iter().map(jid).collect();
        let request = SetGroupMembersRequest { group, members };
        let VoidResponse {} = self.call(MEMBERS, request).await?;
        Ok(())
    }

    /// A stream that is ready.
    pub(super) async fn watch(&self) -> Result<Watch> {
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await?;
        let codec = ProstCodec::<WatchRequest, WatchEvent>::default();
        let request = self.request(WatchRequest::default());
        let path = PathAndQuery::from_static(WATCH);
        let stream = grpc.server_streaming(request, path, codec).await?.into_inner();
        let mut watch = Watch(stream);
        match watch.next().await? {
            Kind::Ready(_) => Ok(watch),
            other => bail!("instead of ready came {other:?}"),
        }
    }
}

/// A stream of changes.
#[derive(Debug)]
pub(super) struct Watch(Streaming<WatchEvent>);

impl Watch {
    async fn next(&mut self) -> Result<Kind> {
        let event = self.0.message().await?.context("the stream has ended")?;
        event.kind.context("an event that says nothing")
    }

    /// Waits for the next change.
    pub(super) async fn change(&mut self) -> Result<()> {
        while !matches!(self.next().await?, Kind::Changed(_)) {}
        Ok(())
    }
}
