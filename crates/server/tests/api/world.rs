//! A server, a key to it, and requests with bodies.

use crate::support::{PATIENCE, Server, Wish, command, read};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// A server and a key that may do everything.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) key: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) headers: Vec<(String, String)>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The code of a problem.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn id(&self) -> &str {
        self.body["id"].as_str().unwrap_or_default()
    }
}

impl World {
    pub(crate) fn start() -> Self {
        Self::with(Wish::default())
    }

    pub(crate) fn with(wish: Wish<'_>) -> Self {
        let server = Server::with(wish);
        let key = make_key(&server, &["operator"]);
        Self { server, key }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None, &[])
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(body), &[])
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None, &[])
    }

    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let bearer = format!("Bearer {}", self.key);
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend(headers);
        let body = body.map(ToString::to_string);
        self.raw(method, path, body.as_deref().map(str::as_bytes), &all)
    }

    /// One request on a connection of its own, without a key of its own.
    pub(crate) fn raw(
        &self,
        method: &str,
        path: &str,
        body: Option<&[u8]>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut stream = TcpStream::connect(self.server.http).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let target =
            if path.starts_with("/api") { path.to_owned() } else { format!("/api/v1{path}") };
        let mut head = format!("{method} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
        if let Some(body) = body {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
            if !headers.iter().any(|(name, _)| *name == "content-type") {
                head.push_str("content-type: application/json\r\n");
            }
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        // A server that refuses early may not take it all.
        drop(stream.write_all(body.unwrap_or_default()));
        let mut bytes = Vec::new();
        drop(stream.read_to_end(&mut bytes));
        let reply = read(&String::from_utf8_lossy(&bytes));
        let body = serde_json::from_str(&reply.body).unwrap_or_default();
        Answer { status: reply.status, body, headers: reply.headers }
    }
}

/// Makes a key on the command line while the server runs.
pub(crate) fn make_key(server: &Server, scopes: &[&str]) -> String {
    let mut create = command(&[]);
    create.args(["key", "create", "--data"]).arg(server.data());
    for scope in scopes {
        create.args(["--scope", scope]);
    }
    let made = create.output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}
