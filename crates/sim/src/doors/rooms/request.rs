//! How clients of the rooms door write requests and look at answers: Hawk and
//! Basic, as docs/protocols/rooms.md §2 says, and what every answer carries.

use super::book::Who;
use parlour_base::{Json, Secret, Wall};
use parlour_session::rooms::{Headers, Request, Response};
use parlour_wire::rooms::hawk::{Artifacts, HawkHeader, SessionToken, Target};

/// The public address.
const HOST: &str = "loop.example.com";
const PORT: u16 = 5000;

/// A device, and its session once it is registered.
#[derive(Debug)]
pub(super) struct Device {
    pub number: usize,
    pub credentials: Option<(String, String)>,
}

impl Device {
    pub(super) const fn new(number: usize) -> Self {
        Self { number, credentials: None }
    }

    /// The session's token has come: 64 hexadecimal digits.
    pub(super) fn registered(&mut self, token: &str) -> Result<(), String> {
        let digits: Option<Vec<u8>> =
            (0..32).map(|at| u8::from_str_radix(token.get(at * 2..at * 2 + 2)?, 16).ok()).collect();
        let bytes = digits.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let bytes = bytes.ok_or_else(|| format!("device {}: no session token", self.number))?;
        let credentials = SessionToken::new(bytes).credentials();
        // The answer to a registration that was sent twice: the first one counts.
        let mine = (credentials.id, credentials.key.expose().clone());
        self.credentials.get_or_insert(mine);
        Ok(())
    }
}

/// What a request was signed with.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    header: HawkHeader,
    key: String,
    method: String,
    path: String,
}

impl Signed {
    /// The answer to a request that passed is signed too.
    pub(super) fn is_answered(&self, response: &Response) -> Result<(), String> {
        let found = response.headers.iter().find(|(name, _)| *name == "server-authorization");
        match found {
            Some((_, text)) => {
                let (method, path) = (&self.method, &self.path);
                let target = Target { method, path, host: HOST, port: PORT };
                let artifacts = Artifacts { target, header: &self.header };
                match *text == artifacts.server_authorization(&self.key) {
                    true => Ok(()),
                    false => Err("an answer with a wrong signature".to_owned()),
                }
            }
            None if matches!(response.status, 200 | 201 | 204 | 207 | 403) => {
                Err("an answer without a signature".to_owned())
            }
            None => Ok(()),
        }
    }
}

/// Writes requests.
#[derive(Debug, Default)]
pub(super) struct Client {
    nonces: u64,
}

impl Client {
    pub(super) fn request(
        &mut self,
        devices: &[Device],
        who: &Who,
        (method, path): (&str, &str),
        body: &Json,
        now: Wall,
    ) -> (Request, Option<Signed>) {
        let mut signed = None;
        let authorization = match who {
            Who::Nobody => None,
            Who::Guest(token) => Some(basic(token)),
            Who::Device(n) => devices[*n].credentials.as_ref().map(|(id, key)| {
                let made = self.sign(id, key, method, path, now.0.div_euclid(1_000));
                let text = written(&made.header);
                signed = Some(made);
                text
            }),
        };
        (plain(method, path, authorization, body), signed)
    }

    pub(super) fn sign(
        &mut self,
        id: &str,
        key: &str,
        method: &str,
        path: &str,
        seconds: i64,
    ) -> Signed {
        self.nonces += 1;
        let mut header = HawkHeader {
            id: id.to_owned(),
            ts: seconds.to_string(),
            nonce: format!("n{}", self.nonces),
            ..HawkHeader::default()
        };
        let target = Target { method, path, host: HOST, port: PORT };
        header.mac = Artifacts { target, header: &header }.request_mac(key);
        let (method, path) = (method.to_owned(), path.to_owned());
        Signed { header, key: key.to_owned(), method, path }
    }
}

impl Signed {
    pub(super) fn text(&self) -> String {
        written(&self.header)
    }
}

fn written(header: &HawkHeader) -> String {
    let HawkHeader { id, ts, nonce, mac, .. } = header;
    format!("Hawk id=\"{id}\", ts=\"{ts}\", nonce=\"{nonce}\", mac=\"{mac}\"")
}

pub(super) fn basic(token: &str) -> String {
    format!("Basic {}", base64(format!("{token}:").as_bytes()))
}

/// A request with these headers and this body.
pub(super) fn plain(
    method: &str,
    path: &str,
    authorization: Option<String>,
    body: &Json,
) -> Request {
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (path, None),
    };
    let (content_type, body) = match body {
        Json::Null => (None, Vec::new()),
        body => (Some("application/json".to_owned()), body.to_string().into_bytes()),
    };
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query,
        host: HOST.to_owned(),
        port: PORT,
        is_secure: false,
        headers: Headers {
            authorization: authorization.map(Secret::new),
            content_type,
            ..Headers::default()
        },
        body: Secret::new(body),
        unread: None,
    }
}

/// What is true of every answer (docs/protocols/rooms.md §0).
pub(super) fn is_whole(response: &Response) -> Result<(), String> {
    let has = |name: &str| response.headers.iter().any(|(n, _)| *n == name);
    if matches!(response.status, 200 | 401) != has("timestamp") {
        return Err("a clock where none belongs, or none where one does".to_owned());
    }
    if response.status == 503 && !has("retry-after") {
        return Err("nobody says when to come back".to_owned());
    }
    if response.status >= 400 {
        let body: Json = serde_json::from_str(&response.body).map_err(|e| e.to_string())?;
        // Nothing of what was to be deleted was there.
        if response.status == 404 && body.get("responses").is_some() {
            return Ok(());
        }
        let code = body.get("code").and_then(Json::as_u64);
        let number = body.get("errno").and_then(Json::as_u64);
        if code != Some(response.status.into()) || number.is_none() || body.get("error").is_none() {
            return Err("an error without its three members".to_owned());
        }
    }
    Ok(())
}

/// RFC 4648 §4, for a header.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= three.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_is_as_the_specification_has_it() {
        let text = |bytes: &[u8]| super::base64(bytes);
        assert_eq!([text(b"f"), text(b"fo"), text(b"foo")], ["Zg==", "Zm8=", "Zm9v"]);
        assert_eq!(text(b"foobar"), "Zm9vYmFy");
    }
}
