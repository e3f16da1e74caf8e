//! Other processes that are called over gRPC.

use parlour_base::Secret;
use parlour_wire::callctl::Message as _;
use parlour_wire::callctl::metadata::Header as _;
use parlour_wire::callctl::pb::common::XiRequestId;
use std::time::Duration;
use tonic::Request;
use tonic::metadata::{BinaryMetadataKey, MetadataValue};
use tonic::transport::{Channel, Endpoint};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(3);

/// How long another process may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// How often a connection in use is asked whether it is alive, and how long
/// that may take.
const ALIVE: Duration = Duration::from_secs(10);

/// Another process, which is connected to when it is first needed and again
/// whenever it has gone.
#[derive(Debug, Clone)]
pub(super) struct Remote {
    channel: Channel,
    secret: Option<std::sync::Arc<Secret<String>>>,
}

impl Remote {
    /// The process at this URL, which is shown the secret.
    ///
    /// # Errors
    /// What is wrong with the URL.
    pub(super) fn new(
        url: &str,
        secret: Option<Secret<String>>,
    ) -> Result<Self, tonic::transport::Error> {
        let endpoint = Endpoint::from_shared(url.to_owned())?
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .http2_keep_alive_interval(ALIVE)
            .keep_alive_timeout(ALIVE);
        Ok(Self { channel: endpoint.connect_lazy(), secret: secret.map(std::sync::Arc::new) })
    }

    pub(super) fn channel(&self) -> Channel {
        self.channel.clone()
    }
}

/// A request in the name of this server.
pub(super) fn with_node<T>(remote: &Remote, message: T, id: Option<XiRequestId>) -> Request<T> {
    let mut request = Request::new(message);
    let shown = remote.secret.as_ref().map(|secret| format!("Node {}", secret.expose()));
    if let Some(mut value) = shown.and_then(|text| text.parse::<MetadataValue<_>>().ok()) {
        value.set_sensitive(true);
        request.metadata_mut().insert("authorization", value);
    }
    if let Some(id) = id {
        let key = BinaryMetadataKey::from_static(XiRequestId::KEY);
        let value = MetadataValue::from_bytes(&id.encode_to_vec());
        request.metadata_mut().insert_bin(key, value);
    }
    request
}
