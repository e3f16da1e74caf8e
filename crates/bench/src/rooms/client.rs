//! A client of the rooms API.

use crate::http::Http;
use crate::server::Server;
use anyhow::{Context as _, Result, ensure};
use parlour_wire::rooms::hawk::{Artifacts, Credentials, HawkHeader, SessionToken, Target};
use serde_json::json;

/// What stays in.
pub(super) const REFRESH: &str = r#"{"action":"refresh"}"#;

/// One connection, and the signatures made on it.
pub(super) struct Client {
    pub(super) http: Http,
    nonce: u64,
}

impl Client {
    pub(super) async fn connect(server: &Server) -> Result<Self> {
        Ok(Self { http: Http::connect(server).await?, nonce: 0 })
    }

    /// A new session.
    pub(super) async fn register(&mut self) -> Result<Credentials> {
        let answer = self.http.ask("POST", "/v0/registration", "", "{}").await?;
        ensure!(answer.status == 200, "no session: {}", answer.status);
        let token = answer.header("hawk-session-token").context("no session token")?;
        let byte = |at: usize| {
            let digits = token.get(at * 2..at * 2 + 2);
            digits.and_then(|digits| u8::from_str_radix(digits, 16).ok())
        };
        let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
        let bytes: Option<[u8; 32]> = bytes.and_then(|bytes| bytes.try_into().ok());
        Ok(SessionToken::new(bytes.context("an odd session token")?).credentials())
    }

    /// Comes into a room with a session.
    pub(super) async fn join_as(&mut self, who: &Credentials, room: &str) -> Result<()> {
        let path = format!("/v0/rooms/{room}");
        let line = self.hawk(who, "POST", &path);
        let body = json!({ "action": "join", "displayName": "Owner", "clientMaxSize": 5 });
        let answer = self.http.ask("POST", &path, &line, &body.to_string()).await?;
        ensure!(answer.status == 200, "a session was refused: {}", answer.body);
        Ok(())
    }

    /// The header line that shows a session.
    pub(super) fn hawk(&mut self, who: &Credentials, method: &str, path: &str) -> String {
        self.nonce += 1;
        let (id, nonce) = (who.id.clone(), self.nonce.to_string());
        let mut header =
            HawkHeader { id, ts: now_seconds().to_string(), nonce, ..HawkHeader::default() };
        let host =
            self.http.host.rsplit_once(':').map_or(self.http.host.as_str(), |(host, _)| host);
        let target = Target { method, path, host, port: self.http.address.port() };
        header.mac = Artifacts { target, header: &header }.request_mac(who.key.expose());
        let HawkHeader { id, ts, nonce, mac, .. } = header;
        format!(
            "authorization: Hawk id=\"{id}\", ts=\"{ts}\", nonce=\"{nonce}\", mac=\"{mac}\"\r\n"
        )
    }
}

/// The header line that shows a guest.
pub(super) fn basic(token: &str) -> String {
    use base64::Engine as _;
    let token = base64::engine::general_purpose::STANDARD.encode(token);
    format!("authorization: Basic {token}\r\n")
}

#[allow(clippy::disallowed_methods, reason = "a signature tells the time")]
fn now_seconds() -> u64 {
    use std::time::{SystemTime, UNIX_EPOCH};
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
