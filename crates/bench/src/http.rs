//! One kept connection to a server over HTTP that costs little itself: a
//! request is written at once, an answer looked at no further than it must be.

use crate::server::Server;
use anyhow::{Context as _, Result, ensure};
use parlour_base::Json;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// The connection.
#[derive(Debug)]
pub(crate) struct Http {
    stream: TcpStream,
    /// The other end.
    pub(crate) address: SocketAddr,
    /// The server's name, with its port.
    pub(crate) host: String,
    buffer: Vec<u8>,
}

/// An answer, until the next one is read.
#[derive(Debug)]
pub(crate) struct Answer<'b> {
    pub(crate) status: u16,
    pub(crate) body: &'b str,
    head: &'b str,
}

impl Answer<'_> {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(self.head, name)
    }
}

impl Http {
    pub(crate) async fn connect(server: &Server) -> Result<Self> {
        let stream = TcpStream::connect(server.http).await?;
        stream.set_nodelay(true)?;
        let (address, host) = (server.http, server.host.clone());
        Ok(Self { stream, address, host, buffer: Vec::with_capacity(4 << 10) })
    }

    /// The bytes of a request.
    pub(crate) fn request(&self, method: &str, path: &str, lines: &str, body: &str) -> Vec<u8> {
        let (host, length) = (&self.host, body.len());
        format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\n{lines}content-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    /// A request with its body, and the answer.
    pub(crate) async fn ask(
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
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let (head, end) = loop {
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the server hung up");
            ensure!(self.buffer.len() <= ANSWER_BYTES_MAX, "a giant answer");
            if let Some(ends) = ends(&self.buffer)? {
                break ends;
            }
        };
        let text = std::str::from_utf8(&self.buffer)?;
        let head_text = text.get(..head).context("a head that is no text")?;
        let status = head_text.split(' ').nth(1).and_then(|status| status.parse().ok());
        let body = text.get(head + 4..end).context("a body that is no text")?;
        Ok(Answer { status: status.context("no status")?, body, head: head_text })
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
pub(crate) fn text(body: &str, name: &str) -> Result<String> {
    let body: Json = serde_json::from_str(body)?;
    let text = body.get(name).and_then(Json::as_str);
    text.map(str::to_owned).with_context(|| format!("no {name} in the answer"))
}
