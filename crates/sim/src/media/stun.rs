//! Checks of a client and what comes back (RFC 8445 §7, RFC 8489).

use stun_types::attribute::{RawAttribute, Username};
use stun_types::message::{
    BINDING, IntegrityAlgorithm, IntegrityKey, Message, MessageClass, MessageType,
    MessageWrite as _, MessageWriteExt as _, MessageWriteVec, ShortTermCredentials, TransactionId,
};

/// Attribute types (RFC 8445 §21.2).
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const ICE_CONTROLLING: u16 = 0x802A;

/// User fragment and the key made of the password.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    pub ufrag: String,
    pub key: IntegrityKey,
}

impl Side {
    pub(crate) fn new(ufrag: &str, pwd: &str) -> Self {
        let key = ShortTermCredentials::new(pwd.to_owned()).make_key();
        Self { ufrag: ufrag.to_owned(), key }
    }
}

/// A check with this transaction id, sent by `ours` to `theirs`.
pub(crate) fn check(id: u128, ours: &str, theirs: &Side, nominate: bool) -> Vec<u8> {
    let class = MessageType::from_class_method(MessageClass::Request, BINDING);
    let id = TransactionId::from(id);
    let mut message = Message::builder(class, id, MessageWriteVec::with_capacity(128));
    let name = format!("{}:{ours}", theirs.ufrag);
    let name = Username::new(&name).expect("fragments are short");
    let extra = if nominate { USE_CANDIDATE } else { 0xC057 };
    let written = message.add_attribute(&name).is_ok()
        && message.add_attribute(&RawAttribute::new(PRIORITY.into(), &[1, 2, 3, 4])).is_ok()
        && message.add_attribute(&RawAttribute::new(ICE_CONTROLLING.into(), &[1; 8])).is_ok()
        && message.add_attribute(&RawAttribute::new(extra.into(), &[])).is_ok()
        && message.add_message_integrity_with_key(&theirs.key, IntegrityAlgorithm::Sha1).is_ok()
        && message.add_fingerprint().is_ok();
    assert!(written, "a check has few attributes");
    message.finish()
}

/// The transaction id of a success response that this side made.
pub(crate) fn answered(bytes: &[u8], theirs: &Side) -> Option<u128> {
    let message = Message::from_bytes(bytes).ok()?;
    let fine = message.class() == MessageClass::Success && message.method() == BINDING;
    let signed = message.validate_integrity_with_key(&theirs.key).is_ok();
    (fine && signed).then(|| message.transaction_id().into())
}
