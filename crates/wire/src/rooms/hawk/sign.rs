//! The text that is signed, and the signatures.

use super::header::HawkHeader;
use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Where a request went, as its sender saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// The method in capitals.
    pub method: &'a str,
    /// Path and query exactly as requested.
    pub path: &'a str,
    /// The host without port.
    pub host: &'a str,
    /// The port, even where the address does not show it.
    pub port: u16,
}

/// What is signed in a request: its target and the attributes of its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Artifacts<'a> {
    /// Where it went.
    pub target: Target<'a>,
    /// What its header says.
    pub header: &'a HawkHeader,
}

impl Artifacts<'_> {
    /// The signature the request should have.
    #[must_use]
    pub fn request_mac(&self, key: &str) -> String {
        let header = self.header;
        let (hash, ext) = (header.hash.as_deref(), header.ext.as_deref());
        sign(key, &self.text("hawk.1.header", hash.unwrap_or(""), ext.unwrap_or("")))
    }

    /// The signature of the answer, which covers neither body nor extension.
    #[must_use]
    pub fn response_mac(&self, key: &str) -> String {
        sign(key, &self.text("hawk.1.response", "", ""))
    }

    /// Whether the request is signed with this key; takes as long whatever the
    /// difference is.
    #[must_use]
    pub fn is_signed_with(&self, key: &str) -> bool {
        let (given, wanted) = (self.header.mac.as_bytes(), self.request_mac(key));
        constant_time::verify_slices_are_equal(given, wanted.as_bytes()).is_ok()
    }

    /// The value of `Server-Authorization`.
    #[must_use]
    pub fn server_authorization(&self, key: &str) -> String {
        format!("Hawk mac=\"{}\"", self.response_mac(key))
    }

    /// The lines that are signed.
    #[must_use]
    pub fn text(&self, kind: &str, hash: &str, ext: &str) -> String {
        let (target, header) = (&self.target, self.header);
        let (host, port) = (target.host.to_ascii_lowercase(), target.port);
        let method = target.method.to_ascii_uppercase();
        let mut text = format!(
            "{kind}\n{}\n{}\n{method}\n{}\n{host}\n{port}\n{hash}\n{ext}\n",
            header.ts, header.nonce, target.path,
        );
        if let Some(app) = &header.app {
            let dlg = header.dlg.as_deref().unwrap_or("");
            text.push_str(app);
            text.push('\n');
            text.push_str(dlg);
            text.push('\n');
        }
        text
    }
}

/// The signature of the server's clock.
pub(super) fn clock_mac(key: &str, seconds: i64) -> String {
    sign(key, &format!("hawk.1.ts\n{seconds}\n"))
}

/// The hash of a body, which clients put into `hash`.
#[must_use]
pub fn payload_hash(content_type: &str, body: &[u8]) -> String {
    let media = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"hawk.1.payload\n");
    context.update(media.as_bytes());
    context.update(b"\n");
    context.update(body);
    context.update(b"\n");
    STANDARD.encode(context.finish())
}

fn sign(key: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}
