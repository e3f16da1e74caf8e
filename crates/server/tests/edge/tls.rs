//! HTTPS with the self-made certificate.

use crate::support::{PATIENCE, Server, Wish, read};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;

fn trusting(server: &Server, version: &'static rustls::SupportedProtocolVersion) -> TlsConnector {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let pem = std::fs::read(server.data().join("self-signed-cert.pem")).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
    let config = ClientConfig::builder_with_protocol_versions(&[version])
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn https_answers_with_tls_1_2_and_1_3() {
    let flags = ["--listen", "https://127.0.0.1:0"];
    let server = Server::with(Wish { flags: &flags, ..Wish::default() });
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let tcp = tokio::net::TcpStream::connect(server.https.unwrap()).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = trusting(&server, version).connect(name, tcp).await.unwrap();
        let request =
            b"GET /group/lobby/.status HTTP/1.1\r\nhost: x.example\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut bytes = Vec::new();
        let all = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap();
        drop(all);
        let reply = read(&String::from_utf8_lossy(&bytes));
        assert_eq!(reply.status, 200);
        assert!(reply.body.contains("\"wss://x.example/ws\""), "{}", reply.body);
    }
}

#[test]
fn the_private_key_is_readable_by_its_user_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let flags = ["--listen", "https://127.0.0.1:0"];
    let server = Server::with(Wish { flags: &flags, ..Wish::default() });
    let key = std::fs::metadata(server.data().join("self-signed-key.pem")).unwrap();
    assert_eq!(key.permissions().mode() & 0o077, 0);
}
