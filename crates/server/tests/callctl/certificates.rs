//! Bridges that show a certificate.

use crate::client::{Client, GROUP, Secrets};
use crate::support::{PATIENCE, Server, Wish, read};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic::Code;
use tonic::transport::Identity;

/// An authority with its certificate in a file.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    pub(crate) file: PathBuf,
    folder: tempfile::TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, issuer.pem()).unwrap();
        Self { issuer, file, folder }
    }

    /// Where files of the test may lie.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn issues(&self, name: &str) -> Shown {
        self.issues_for(name, [(2020, 1, 1), (4000, 1, 1)])
    }

    /// A certificate that is good from one day to another.
    fn issues_for(&self, name: &str, [from, to]: [(i32, u8, u8); 2]) -> Shown {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(from.0, from.1, from.2);
        params.not_after = date_time_ymd(to.0, to.1, to.2);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let der = certificate.der().to_vec();
        Shown { pem: certificate.pem(), key: key.serialize_pem(), der }
    }
}

/// A certificate and its key.
pub(crate) struct Shown {
    pub(crate) pem: String,
    pub(crate) key: String,
    der: Vec<u8>,
}

impl Shown {
    fn identity(&self) -> Identity {
        Identity::from_pem(&self.pem, &self.key)
    }

    /// Its SHA-256, as tools print it.
    fn fingerprint(&self) -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.der);
        let hex: Vec<String> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        hex.join(":")
    }
}

fn server(env: &[(&str, &str)]) -> Server {
    let secrets = Secrets::new();
    let all = secrets.env();
    let all = all.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let env: Vec<(&str, &str)> = all.chain(env.iter().copied()).collect();
    let flags = ["--listen", "https://127.0.0.1:0"];
    Server::with(Wish { env: &env, flags: &flags, ..Wish::default() })
}

async fn asks(client: &Client) -> Code {
    match client.query(&[GROUP]).await {
        Ok(_) => Code::Ok,
        Err(status) => status.code(),
    }
}

/// The handshake ends; how the client's library puts that is its own affair.
async fn is_not_spoken_to(client: &Client) {
    let code = asks(client).await;
    let lost = [Code::Unavailable, Code::Unknown, Code::Cancelled, Code::Internal];
    assert!(lost.contains(&code), "{code:?}");
}

#[tokio::test]
async fn a_bridge_with_a_certificate_of_the_authority_and_a_known_name_names_the_user() {
    let (ours, other) = (Authority::new(), Authority::new());
    let file = ours.file.display().to_string();
    let server = server(&[
        ("PARLOUR_CALLCTL_BRIDGE_CA", file.as_str()),
        ("PARLOUR_CALLCTL_BRIDGE_NAMES", "bridge.example"),
    ]);
    let bridge = Client::tls(&server, Some(ours.issues("bridge.example").identity()));
    assert_eq!(asks(&bridge.says("alice_a1b")).await, Code::Ok);
    assert_eq!(asks(&bridge).await, Code::Unauthenticated, "it names nobody");
    let denied = bridge.members(GROUP, &["alice_a1b"]).await;
    assert_eq!(denied.unwrap_err().code(), Code::PermissionDenied, "a bridge is no operator");
    let both = bridge.shows("Bridge a wrong secret").says("alice_a1b");
    assert_eq!(asks(&both).await, Code::Unauthenticated, "what is shown has to be right");

    // Others are not spoken to.
    for shown in [other.issues("bridge.example"), ours.issues("kitchen.example")] {
        let wrong = Client::tls(&server, Some(shown.identity())).says("alice_a1b");
        is_not_spoken_to(&wrong).await;
    }
    // Nobody has to show one; then the certificate is not there to be believed.
    let plain = Client::tls(&server, None);
    assert_eq!(asks(&plain.says("alice_a1b")).await, Code::Unauthenticated);
    let secret = format!("Bridge {}", crate::client::BRIDGE);
    assert_eq!(asks(&plain.shows(&secret).says("alice_a1b")).await, Code::Ok);
    let without_tls = Client::to(server.http).says("alice_a1b");
    assert_eq!(asks(&without_tls).await, Code::Unauthenticated);
}

#[tokio::test]
async fn a_bridge_may_be_known_by_the_fingerprint_of_its_certificate() {
    let authority = Authority::new();
    let shown = authority.issues("bridge.example");
    let server = server(&[("PARLOUR_CALLCTL_BRIDGE_FINGERPRINTS", &shown.fingerprint())]);
    let bridge = Client::tls(&server, Some(shown.identity()));
    assert_eq!(asks(&bridge.says("alice_a1b")).await, Code::Ok);
    let other = authority.issues("bridge.example");
    let wrong = Client::tls(&server, Some(other.identity())).says("alice_a1b");
    is_not_spoken_to(&wrong).await;
}

#[tokio::test]
async fn a_certificate_known_by_its_fingerprint_is_good_only_within_its_dates() {
    let authority = Authority::new();
    let day = |year| (year, 1, 1);
    let past = authority.issues_for("bridge.example", [day(2020), day(2021)]);
    let future = authority.issues_for("bridge.example", [day(3000), day(3001)]);
    let own = KeyPair::generate().unwrap();
    let alone = CertificateParams::new(vec!["bridge.example".to_owned()]).unwrap();
    let alone = alone.self_signed(&own).unwrap();
    let der = alone.der().to_vec();
    let alone = Shown { pem: alone.pem(), key: own.serialize_pem(), der };
    let known = [&past, &future, &alone].map(Shown::fingerprint).join(",");
    let server = server(&[("PARLOUR_CALLCTL_BRIDGE_FINGERPRINTS", &known)]);
    for shown in [past, future] {
        let wrong = Client::tls(&server, Some(shown.identity())).says("alice_a1b");
        is_not_spoken_to(&wrong).await;
    }
    let alone = Client::tls(&server, Some(alone.identity()));
    assert_eq!(asks(&alone.says("alice_a1b")).await, Code::Ok, "whoever issued it");
}

#[tokio::test]
async fn the_adapter_for_bridges_takes_the_certificate_too() {
    let authority = Authority::new();
    let file = authority.file.display().to_string();
    let server = server(&[("PARLOUR_CALLCTL_BRIDGE_CA", file.as_str())]);
    let shown = authority.issues("any.example");
    assert_eq!(posted(&server, Some(&shown)).await, 200);
    assert_eq!(posted(&server, None).await, 401);
}

/// The status of a bridged call over TLS.
async fn posted(server: &Server, shown: Option<&Shown>) -> u16 {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let pem = std::fs::read(server.data().join("self-signed-cert.pem")).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
    let builder = ClientConfig::builder().with_root_certificates(roots);
    let config = match shown {
        Some(shown) => {
            let chain = vec![CertificateDer::from(shown.der.clone())];
            let key = PrivateKeyDer::from_pem_slice(shown.key.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    let tcp = tokio::net::TcpStream::connect(server.https.unwrap()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, tcp).await.unwrap();
    let body = serde_json::json!({
        "service": crate::client::KIK,
        "method": "BatchedGetConvoState",
        "headers": {"common.xibareuserjid-bin": "CglhbGljZV9hMWI"},
        "body": "ChMSEQoPMTIzNDU2Nzg5MDEyM19n",
    })
    .to_string();
    let head = format!(
        "POST /callctl/v1/call HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    // The end of the connection need not be announced.
    drop(tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap());
    read(&String::from_utf8_lossy(&bytes)).status
}
