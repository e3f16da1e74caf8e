//! Pushes as HTTP requests.
//!
//! The body is the notice; the headers say for whom it is, what it is, and
//! carry a signature over the time and the body (docs/protocols/callctl.md
//! §6). Any 2xx counts as delivered.

use super::change::Change;
use super::json;
use crate::clock::Clock;
use crate::fetch::Fetcher;
use aws_lc_rs::hmac;
use parlour_base::Secret;
use parlour_node::call::{Fetch, Fetched};
use parlour_wire::callctl::Message as _;

/// Where pushes are posted.
#[derive(Debug)]
pub(super) struct Webhook {
    /// The URL.
    pub url: String,
    /// Signs what is posted.
    pub key: Option<hmac::Key>,
    /// As JSON instead of the serialised message.
    pub json: bool,
    /// Posts it.
    pub fetcher: Fetcher,
    /// Tells the time that is signed.
    pub clock: Clock,
}

/// The service and method that a phone would be called with.
const SERVICE: &str = "mobileremote.video.v1.MobileVideo";
const METHOD: &str = "OnConvoVideoStateChanged";

impl Webhook {
    /// Posts a change for one member; whether it was taken.
    pub(super) async fn post(&self, change: &Change, member: &str) -> bool {
        let (kind, body) = if self.json {
            ("application/json", json::notice(&change.notice).into_bytes())
        } else {
            ("application/x-protobuf", change.notice.encode_to_vec())
        };
        let time = self.clock.now().wall.0.div_euclid(1_000).to_string();
        let signature = self.key.as_ref().map(|key| sign(key, &time, &body));
        let headers = [
            ("content-type", Some(kind.to_owned())),
            ("parlour-recipient", Some(member.to_owned())),
            ("parlour-service", Some(SERVICE.to_owned())),
            ("parlour-method", Some(METHOD.to_owned())),
            ("parlour-notification", Some(change.notice.notification_id.clone())),
            ("parlour-time", Some(time)),
            ("parlour-signature", signature),
        ];
        let header = |(name, value): (&str, Option<String>)| {
            value.map(|value| (name.to_owned(), Secret::new(value)))
        };
        let fetch = Fetch {
            method: "POST",
            url: self.url.clone(),
            headers: headers.into_iter().filter_map(header).collect(),
            body: Secret::new(body),
            within: None,
        };
        matches!(self.fetcher.fetch(fetch).await, Fetched::Answer { status: 200..=299, .. })
    }
}

/// HMAC-SHA-256 over the time, a point and the body, in hexadecimal.
fn sign(key: &hmac::Key, time: &str, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(key);
    for part in [time.as_bytes(), b".", body] {
        context.update(part);
    }
    context.sign().as_ref().iter().fold(String::from("v1="), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_covers_the_time_and_the_body() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"key");
        let one = sign(&key, "1", b"body");
        // Reckoned with another program.
        assert_eq!(one, "v1=91b5374b153842ad05b2c4eab9349b8321b14703165bd3fb8b034dfb8be98ae5");
        assert_ne!(one, sign(&key, "2", b"body"));
        assert_ne!(one, sign(&key, "1", b"bodx"));
    }
}
