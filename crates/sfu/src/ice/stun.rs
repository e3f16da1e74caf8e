//! Binding requests in, binding responses out (RFC 8489, RFC 8445 §7).
//!
//! Only a request of one exact shape gets as far as the codec: attributes that
//! fill the message, one MESSAGE-INTEGRITY, then a FINGERPRINT, then nothing.

use parlour_base::Secret;
use std::net::SocketAddr;
use stun_types::attribute::{
    AttributeFromRaw as _, ErrorCode, MessageIntegrity, Username, XorMappedAddress,
};
use stun_types::message::{
    BINDING, IntegrityAlgorithm, IntegrityKey, Message, MessageClass, MessageWrite as _,
    MessageWriteExt as _, MessageWriteVec, ShortTermCredentials,
};

/// Length of a STUN header (RFC 8489 §5).
const HEADER: usize = 20;

/// Attribute types (RFC 8489 §18.3, RFC 8445 §21.2).
mod attribute {
    pub(super) const USERNAME: u16 = 0x0006;
    pub(super) const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub(super) const PRIORITY: u16 = 0x0024;
    pub(super) const USE_CANDIDATE: u16 = 0x0025;
    pub(super) const FINGERPRINT: u16 = 0x8028;
    pub(super) const ICE_CONTROLLED: u16 = 0x8029;
}

/// Types below this must be understood by whoever reads them.
const OPTIONAL: u16 = 0x8000;

/// Most attributes in a check.
const ATTRIBUTES_MAX: usize = 32;

/// ROLE CONFLICT (RFC 8445 §7.3.1.1).
const ROLE_CONFLICT: u16 = 487;

/// Room for a response.
const ANSWER_BYTES: usize = 128;

/// A well-formed binding request that has not been authenticated yet.
#[derive(Debug)]
pub(crate) struct Check<'a> {
    message: Message<'a>,
    bytes: &'a [u8],
    integrity_at: usize,
    integrity: [u8; 20],
    username: String,
    colon: usize,
    /// USE-CANDIDATE is there.
    pub(crate) nominates: bool,
    /// The sender believes that we are in control.
    pub(crate) conflicts: bool,
}

/// The password of one side, ready for use.
#[derive(Debug, Clone)]
pub(crate) struct Key(IntegrityKey);

impl Key {
    pub(crate) fn new(pwd: &Secret<String>) -> Self {
        Self(ShortTermCredentials::new(pwd.expose().clone()).make_key())
    }
}

/// What the walk over the attributes found.
#[derive(Default)]
struct Shape {
    integrity_at: Option<usize>,
    nominates: bool,
    conflicts: bool,
}

fn walk(bytes: &[u8]) -> Option<Shape> {
    let (header, mut rest) = bytes.split_first_chunk::<HEADER>()?;
    let &[0x00, 0x01, l0, l1, ..] = header else { return None };
    if usize::from(u16::from_be_bytes([l0, l1])) != rest.len() {
        return None;
    }
    let mut shape = Shape::default();
    for _ in 0..ATTRIBUTES_MAX {
        let at = bytes.len().checked_sub(rest.len())?;
        let (&[t0, t1, s0, s1], after) = rest.split_first_chunk()?;
        let size = usize::from(u16::from_be_bytes([s0, s1]));
        let kind = u16::from_be_bytes([t0, t1]);
        rest = after.get(size.next_multiple_of(4)..)?;
        match (kind, shape.integrity_at) {
            (attribute::FINGERPRINT, Some(_)) if size == 4 && rest.is_empty() => {
                return Some(shape);
            }
            (attribute::FINGERPRINT, _) | (_, Some(_)) => return None,
            (attribute::MESSAGE_INTEGRITY, None) if size == 20 => shape.integrity_at = Some(at),
            (attribute::MESSAGE_INTEGRITY, None) => return None,
            (attribute::USE_CANDIDATE, None) => shape.nominates = true,
            (attribute::ICE_CONTROLLED, None) => shape.conflicts = true,
            (attribute::USERNAME | attribute::PRIORITY, None) => {}
            (kind, None) if kind < OPTIONAL => return None,
            (_, None) => {}
        }
    }
    None
}

impl<'a> Check<'a> {
    /// Reads a binding request; `None` if it is anything else.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let shape = walk(bytes)?;
        let message = Message::from_bytes(bytes).ok()?;
        if message.class() != MessageClass::Request || message.method() != BINDING {
            return None;
        }
        let raw = message.raw_attribute(attribute::MESSAGE_INTEGRITY.into())?;
        let integrity = *MessageIntegrity::from_raw_ref(&raw).ok()?.hmac();
        let username = message.attribute::<Username>().ok()?.username().to_owned();
        let colon = username.find(':')?;
        Some(Self {
            message,
            bytes,
            integrity_at: shape.integrity_at?,
            integrity,
            username,
            colon,
            nominates: shape.nominates,
            conflicts: shape.conflicts,
        })
    }

    /// The receiver's user fragment: ours.
    pub(crate) fn local(&self) -> &str {
        self.username.get(..self.colon).unwrap_or("")
    }

    /// The sender's user fragment.
    pub(crate) fn remote(&self) -> &str {
        self.username.get(self.colon.saturating_add(1)..).unwrap_or("")
    }

    pub(crate) fn transaction(&self) -> u128 {
        self.message.transaction_id().into()
    }

    /// Whether MESSAGE-INTEGRITY was made with `key` (RFC 8489 §14.5): over the
    /// message before it, with a length that ends behind it.
    pub(crate) fn authentic(&self, key: &Key) -> bool {
        let Some((&[t0, t1, _, _], _)) = self.bytes.split_first_chunk::<4>() else { return false };
        let Some(signed) = self.bytes.get(4..self.integrity_at) else { return false };
        let length = (self.integrity_at + 24).checked_sub(HEADER);
        let Some(Ok(length)) = length.map(u16::try_from) else { return false };
        let [l0, l1] = length.to_be_bytes();
        MessageIntegrity::verify(&[&[t0, t1, l0, l1], signed], &key.0, &self.integrity)
    }

    /// Appends the success response (RFC 8489 §6.3.1).
    pub(crate) fn answer(&self, from: SocketAddr, key: &Key, out: &mut Vec<u8>) -> bool {
        let writer = MessageWriteVec::with_capacity(ANSWER_BYTES);
        let mut answer = Message::builder_success(&self.message, writer);
        // A socket for both families shows IPv4 peers as mapped addresses.
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        let mapped = XorMappedAddress::new(from, self.message.transaction_id());
        answer.add_attribute(&mapped).is_ok() && finish(answer, key, out)
    }

    /// Appends the answer to a sender that has its role wrong: an agent with
    /// ICE-lite is always the controlled one (RFC 8445 §6.1.1).
    pub(crate) fn refuse_role(&self, key: &Key, out: &mut Vec<u8>) -> bool {
        let writer = MessageWriteVec::with_capacity(ANSWER_BYTES);
        let mut answer = Message::builder_error(&self.message, writer);
        let Ok(code) = ErrorCode::new(ROLE_CONFLICT, "Role Conflict") else { return false };
        answer.add_attribute(&code).is_ok() && finish(answer, key, out)
    }
}

fn finish(mut answer: MessageWriteVec, key: &Key, out: &mut Vec<u8>) -> bool {
    let signed = answer.add_message_integrity_with_key(&key.0, IntegrityAlgorithm::Sha1).is_ok();
    if !signed || answer.add_fingerprint().is_err() {
        return false;
    }
    out.extend_from_slice(&answer.finish());
    true
}
