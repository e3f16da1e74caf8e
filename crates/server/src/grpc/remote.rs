//! Other processes that are called over gRPC, with TLS and without.

use crate::config::callctl::Callctl;
use anyhow::{Context as _, Result, bail};
use parlour_base::Secret;
use parlour_wire::callctl::Message as _;
use parlour_wire::callctl::metadata::Header as _;
use parlour_wire::callctl::pb::common::XiRequestId;
use std::sync::Arc;
use std::time::Duration;
use tonic::Request;
use tonic::metadata::{BinaryMetadataKey, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

/// How other processes are reached, and what they are shown.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    connect: Duration,
    answer: Duration,
    ping: Duration,
    /// The authorities that must have issued their certificates; without, those
    /// that this machine trusts.
    authorities: Option<Certificate>,
    secret: Option<Arc<Secret<String>>>,
}

impl Reach {
    /// As the configuration says it.
    ///
    /// # Errors
    /// If the authorities it names cannot be read.
    pub(super) fn new(config: &Callctl, secret: Option<Secret<String>>) -> Result<Self> {
        let named = !config.remote_ca.as_os_str().is_empty();
        let authorities = named.then(|| crate::tls::authorities(&config.remote_ca));
        let authorities = authorities.transpose().context("cannot read `callctl.remote_ca`")?;
        Ok(Self {
            connect: config.remote_connect.0,
            answer: config.remote_answer.0,
            ping: config.remote_ping.0,
            authorities: authorities.map(|(pem, _)| Certificate::from_pem(pem)),
            secret: secret.map(Arc::new),
        })
    }

    /// The process at the URL that a key of the configuration gives.
    ///
    /// # Errors
    /// What is wrong with the URL.
    pub(super) fn to(&self, url: &str, key: &str) -> Result<Remote> {
        let wrong = || format!("`{key}` is not a URL of a gRPC server");
        let endpoint = Endpoint::from_shared(url.to_owned()).with_context(wrong)?;
        let endpoint = match endpoint.uri().scheme_str() {
            Some("http") => endpoint,
            Some("https") => endpoint.tls_config(self.tls()).with_context(wrong)?,
            _ => bail!(wrong()),
        };
        let endpoint = endpoint
            .connect_timeout(self.connect)
            .timeout(self.answer)
            .http2_keep_alive_interval(self.ping)
            .keep_alive_timeout(self.ping);
        let (secret, answer) = (self.secret.clone(), self.answer);
        Ok(Remote { channel: endpoint.connect_lazy(), secret, answer })
    }

    fn tls(&self) -> ClientTlsConfig {
        match &self.authorities {
            Some(authorities) => ClientTlsConfig::new().ca_certificate(authorities.clone()),
            None => ClientTlsConfig::new().with_native_roots(),
        }
    }
}

/// Another process, which is connected to when it is first needed and again
/// whenever it has gone.
#[derive(Debug, Clone)]
pub(super) struct Remote {
    channel: Channel,
    secret: Option<Arc<Secret<String>>>,
    /// How long it may take to answer.
    pub(super) answer: Duration,
}

impl Remote {
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
