//! A client of the call-control door in Rust: watches, joins the call of a
//! conversation, says where to connect, and leaves when there is a line on
//! standard input.
//!
//! ```sh
//! BRIDGE=secret cargo run --example callctl -- http://localhost:8080 alice_a1b 1234567890123_g
//! ```
//!
//! The conversation is a group, or two names with a colon between them. The
//! messages are those of `parlour-wire`; see docs/protocols/callctl.md.

use anyhow::{Context as _, Result, bail};
use parlour_wire::callctl::pb::common::VoidResponse;
use parlour_wire::callctl::pb::mobile::video::v1::{
    BatchedGetConvoStateRequest, BatchedGetConvoStateResponse, JoinConvoConferenceRequest,
    JoinConvoConferenceResponse, LeaveConvoConferenceNotification,
};
use parlour_wire::callctl::pb::selfhost::video::v1::watch_event::Kind;
use parlour_wire::callctl::pb::selfhost::video::v1::{WatchEvent, WatchRequest};
use parlour_wire::callctl::receiver::{Kept, Receiver};
use parlour_wire::callctl::{ConvoId, LocalPart, Message, metadata};
use tokio::io::AsyncBufReadExt as _;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::{BinaryMetadataKey, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Streaming};
use tonic_prost::ProstCodec;

/// One user behind a trusted bridge.
struct Client {
    channel: Channel,
    secret: String,
    user: LocalPart,
}

impl Client {
    fn request<T>(&self, message: T) -> Result<Request<T>> {
        let mut request = Request::new(message);
        let headers = request.metadata_mut();
        headers.insert("authorization", format!("Bridge {}", self.secret).parse()?);
        let user = MetadataValue::from_bytes(&self.user.to_pb().encode_to_vec());
        headers.insert_bin(BinaryMetadataKey::from_static(metadata::USER), user);
        Ok(request)
    }

    async fn call<Q, A>(&self, method: &str, message: Q) -> Result<A>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await?;
        let path = PathAndQuery::try_from(format!("/mobile.video.v1.KikVideo/{method}"))?;
        let codec = ProstCodec::<Q, A>::default();
        Ok(grpc.unary(self.request(message)?, path, codec).await?.into_inner())
    }

    /// A stream that is ready: no change is missed from here on.
    async fn watch(&self) -> Result<Streaming<WatchEvent>> {
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await?;
        let path = PathAndQuery::from_static("/selfhost.video.v1.ConvoStateStream/Watch");
        let codec = ProstCodec::<WatchRequest, WatchEvent>::default();
        let request = self.request(WatchRequest::default())?;
        let mut events = grpc.server_streaming(request, path, codec).await?.into_inner();
        match events.message().await?.and_then(|event| event.kind) {
            Some(Kind::Ready(_)) => Ok(events),
            other => bail!("instead of ready came {other:?}"),
        }
    }
}

fn show(receiver: &Receiver, convo: &ConvoId) {
    let people: Vec<String> =
        receiver.people(convo).map(|(name, state)| format!("{name} ({state:?})")).collect();
    let nobody = || "nobody".to_owned();
    println!(
        "in the call: {}",
        Some(people.join(", ")).filter(|text| !text.is_empty()).unwrap_or_else(nobody)
    );
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, name, key] = arguments.as_slice() else { bail!("URL NAME CONVERSATION") };
    let convo = ConvoId::parse_key(key)?;
    let client = Client {
        channel: Endpoint::from_shared(url.clone())?.connect().await?,
        secret: std::env::var("BRIDGE").context("BRIDGE holds the bridge's secret")?,
        user: LocalPart::parse(name)?,
    };

    let mut events = client.watch().await?;
    let mut receiver = Receiver::default();
    let request = BatchedGetConvoStateRequest { convo_ids: vec![convo.to_pb()] };
    let now: BatchedGetConvoStateResponse = client.call("BatchedGetConvoState", request).await?;
    now.latest_states.into_iter().for_each(|state| _ = receiver.take(state));
    show(&receiver, &convo);

    let request = JoinConvoConferenceRequest { convo_id: Some(convo.to_pb()) };
    let joined: JoinConvoConferenceResponse = client.call("JoinConvoConference", request).await?;
    let Some(info) = joined.connection_info else { bail!("the answer is {}", joined.result) };
    println!("connect to {}:{}/{}", info.host, info.port, info.conference_id);
    if let Some(token) = &joined.connection_token {
        println!("with the token {}", String::from_utf8_lossy(&token.payload));
    }
    println!("a line leaves");

    let mut lines = tokio::io::BufReader::new(tokio::io::stdin()).lines();
    loop {
        // Both are safe to drop: a line and an event are kept where they are.
        tokio::select! {
            line = lines.next_line() => {
                line?;
                break;
            }
            event = events.message() => {
                let event = event?.context("the stream has ended")?;
                let Some(Kind::Changed(notice)) = event.kind else { continue };
                let Some(state) = notice.convo_video_state else { continue };
                if receiver.take(state) == Kept::Newest {
                    show(&receiver, &convo);
                }
            }
        }
    }
    let convo_id = Some(convo.to_pb());
    let connection_token = joined.connection_token;
    let notice = LeaveConvoConferenceNotification { convo_id, connection_token };
    let VoidResponse {} = client.call("OnLeaveConvoConference", notice).await?;
    Ok(())
}
