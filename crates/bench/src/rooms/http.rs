//! A client of the rooms API that costs little itself: one kept connection, a
//! request written at once, an answer looked at no further than it must be.

use crate::server::Server;
use anyhow::{Context as _, Result, ensure};
use parlour_base::Json;
use parlour_wire::rooms::hawk::{Artifacts, Credentials, HawkHeader, SessionToken, Target};
use serde_json::json;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longest answer that is read.
const ANSWER_MAX: usize = 64 << 10;

/// What stays in.
pub(super) const REFRESH: &str = r#"{"action":"refresh"}"#;

/// One connection that is kept.
pub(super) struct Http {
    stream: TcpStream,
    address: SocketAddr,
    host: String,
    nonce: u64,
    buffer: Vec<u8>,
}

/// An answer, until the next one is read.
pub(super) struct Answer<'b> {
    pub(super) status: u16,
    head: &'b str,
    pub(super) body: &'b str,
}

impl Http {
    pub(super) async fn connect(server: &Server) -> Result<Self> {
        let stream = TcpStream::connect(server.http).await?;
        stream.set_nodelay(true)?;
        let (address, host) = (server.http, server.host.clone());
        Ok(Self { stream, address, host, nonce: 0, buffer: Vec::with_capacity(4 << 10) })
    }

    /// The bytes of a request.
    pub(super) fn request(&self, method: &str, path: &str, lines: &str, body: &str) -> Vec<u8> {
        let (host, length) = (&self.host, body.len());
        format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\n{lines}content-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    /// A request with its body, and the answer.
    pub(super) async fn ask(
        &mut self,
        method: &str,
        path: &str,
        lines: &str,
        body: &str,
    ) -> Result<Answer<'_>> {
        let request = self.request(method, path, lines, body);
        self.send(&request).await
    }

    /// Sends the bytes of a request and reads the answer.
    pub(super) async fn send(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let (head, end) = loop {
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the server hung up");
            ensure!(self.buffer.len() <= ANSWER_MAX, "a giant answer");
            if let Some(ends) = ends(&self.buffer)? {
                break ends;
            }
        };
        let text = std::str::from_utf8(&self.buffer)?;
        let head_text = text.get(..head).context("a head that is no text")?;
        let status = head_text.split(' ').nth(1).and_then(|status| status.parse().ok());
        let body = text.get(head + 4..end).context("a body that is no text")?;
        Ok(Answer { status: status.context("no status")?, head: head_text, body })
    }

    /// A new session.
    pub(super) async fn register(&mut self) -> Result<Credentials> {
        let answer = self.ask("POST", "/v0/registration", "", "{}").await?;
        ensure!(answer.status == 200, "no session: {}", answer.status);
        let token = header(answer.head, "hawk-session-token").context("no session token")?;
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
        let answer = self.ask("POST", &path, &line, &body.to_string()).await?;
        ensure!(answer.status == 200, "a session was refused: {}", answer.body);
        Ok(())
    }

    /// The header line that shows a session.
    pub(super) fn hawk(&mut self, who: &Credentials, method: &str, path: &str) -> String {
        self.nonce += 1;
        let (id, nonce) = (who.id.clone(), self.nonce.to_string());
        let mut header =
            HawkHeader { id, ts: now_seconds().to_string(), nonce, ..HawkHeader::default() };
        let host = self.host.rsplit_once(':').map_or(self.host.as_str(), |(host, _)| host);
        let target = Target { method, path, host, port: self.address.port() };
        header.mac = Artifacts { target, header: &header }.request_mac(who.key.expose());
        let HawkHeader { id, ts, nonce, mac, .. } = header;
        format!(
            "authorization: Hawk id=\"{id}\", ts=\"{ts}\", nonce=\"{nonce}\", mac=\"{mac}\"\r\n"
        )
    }
}

/// Where the head of an answer ends, and where its body does, once all of it
/// is there.
fn ends(bytes: &[u8]) -> Result<Option<(usize, usize)>> {
    let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(bytes.get(..head).unwrap_or_default())?;
    let length = header(text, "content-length").and_then(|length| length.parse().ok());
    let end = head.saturating_add(4).saturating_add(length.unwrap_or(0));
    Ok((bytes.len() >= end).then_some((head, end)))
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let lines = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    let mut values = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
    values.next().map(|(_, value)| value.trim())
}

/// A member of a JSON body.
pub(super) fn text(body: &str, name: &str) -> Result<String> {
    let body: Json = serde_json::from_str(body)?;
    let text = body.get(name).and_then(Json::as_str);
    text.map(str::to_owned).with_context(|| format!("no {name} in the answer"))
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
