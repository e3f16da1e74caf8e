//! One connection to the integration API that is kept, with a key.

use crate::server::Server;
use anyhow::{Context as _, Result, bail, ensure};
use parlour_base::{Json, Secret};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// The connection.
#[derive(Debug)]
pub(super) struct Http {
    stream: TcpStream,
    address: SocketAddr,
    key: Secret<String>,
    buffer: Vec<u8>,
}

impl Http {
    pub(super) async fn connect(server: &Server, key: &Secret<String>) -> Result<Self> {
        let address = server.http;
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, address, key: key.clone(), buffer: Vec::new() })
    }

    /// Asks for something and waits until it is done; the body of the answer.
    pub(super) async fn ask(&mut self, method: &str, path: &str, body: &Json) -> Result<Json> {
        let body = body.to_string();
        let request = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            self.key.expose(),
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await?;
        let (status, body) = self.answer().await?;
        if !(200..300).contains(&status) {
            bail!("{method} {path} is answered {status}: {body}");
        }
        Ok(serde_json::from_str(&body)?)
    }

    async fn answer(&mut self) -> Result<(u16, String)> {
        self.buffer.clear();
        loop {
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the server hung up");
            ensure!(self.buffer.len() <= ANSWER_BYTES_MAX, "a giant answer");
            let all = std::str::from_utf8(&self.buffer)?;
            let Some((head, body)) = all.split_once("\r\n\r\n") else { continue };
            let fields = head.lines().filter_map(|line| line.split_once(':'));
            let length = fields
                .filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .find_map(|(_, value)| value.trim().parse().ok())
                .unwrap_or(0);
            if body.len() >= length {
                let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
                return Ok((status.context("no status")?, body.to_owned()));
            }
        }
    }
}
