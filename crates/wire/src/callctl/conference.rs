//! Conference ids: `app.B.C`.
//!
//! B says which room and which of its calls, C is a check value, so nonsense
//! is refused without looking anything up.
//!
//! Source: docs/protocols/callctl.md §5 (REQ-26, REQ-27).

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlour_base::RoomId;
use std::fmt;

/// Longest application name: what is left of the 32 bytes of an id.
pub const APP_BYTES_MAX: usize = 10;

/// Bytes of the identity: a room id and the number of its call.
const IDENTITY_BYTES: usize = 12;

/// Bytes of the check value.
const CHECK_BYTES: usize = 3;

/// What conference ids of this server are checked with, and the application
/// name they begin with.
pub struct ConferenceKey {
    app: String,
    key: hmac::Key,
}

impl fmt::Debug for ConferenceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConferenceKey({})", self.app)
    }
}

/// Why a text is not a conference id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConferenceError {
    /// Not three parts of the right form.
    #[error("not a conference id")]
    Malformed,
    /// Of another application.
    #[error("conference id of another application")]
    Foreign,
    /// The check value does not fit.
    #[error("conference id with a wrong check value")]
    BadCheck,
}

impl ConferenceKey {
    /// A key for ids that begin with `app`; `None` if that is not 1 to 10
    /// small letters, digits or dashes.
    #[must_use]
    pub fn new(app: &str, secret: &[u8]) -> Option<Self> {
        let fits = (1..=APP_BYTES_MAX).contains(&app.len());
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        (fits && app.bytes().all(plain))
            .then(|| Self { app: app.to_owned(), key: hmac::Key::new(hmac::HMAC_SHA256, secret) })
    }

    /// The text of an id.
    #[must_use]
    pub fn write(&self, id: ConferenceId) -> String {
        let mut identity = [0; IDENTITY_BYTES];
        let (room, call) = identity.split_at_mut(8);
        room.copy_from_slice(&id.room.bits().to_be_bytes());
        call.copy_from_slice(&id.incarnation.to_be_bytes());
        let body = format!("{}.{}", self.app, URL_SAFE_NO_PAD.encode(identity));
        let check = URL_SAFE_NO_PAD.encode(self.check(&body));
        format!("{body}.{check}")
    }

    /// Reads an id that this key wrote.
    ///
    /// # Errors
    /// [`ConferenceError`] if it is none.
    pub fn parse(&self, text: &str) -> Result<ConferenceId, ConferenceError> {
        let (body, check) = text.rsplit_once('.').ok_or(ConferenceError::Malformed)?;
        let (app, identity) = body.split_once('.').ok_or(ConferenceError::Malformed)?;
        if app != self.app {
            return Err(ConferenceError::Foreign);
        }
        let check: [u8; CHECK_BYTES] = decode(check)?;
        let identity: [u8; IDENTITY_BYTES] = decode(identity)?;
        constant_time::verify_slices_are_equal(&check, &self.check(body))
            .map_err(|_| ConferenceError::BadCheck)?;
        let [r0, r1, r2, r3, r4, r5, r6, r7, c0, c1, c2, c3] = identity;
        let room = RoomId::new(u64::from_be_bytes([r0, r1, r2, r3, r4, r5, r6, r7]))
            .ok_or(ConferenceError::Malformed)?;
        Ok(ConferenceId { room, incarnation: u32::from_be_bytes([c0, c1, c2, c3]) })
    }

    fn check(&self, body: &str) -> [u8; CHECK_BYTES] {
        let tag = hmac::sign(&self.key, body.as_bytes());
        tag.as_ref().first_chunk().copied().unwrap_or_default()
    }
}

/// The room in an id, whoever wrote it and whether or not its check value
/// fits; for whoever keeps books about ids that somebody else checks.
#[must_use]
pub fn room_in(text: &str) -> Option<RoomId> {
    let (_, rest) = text.split_once('.')?;
    let (identity, _) = rest.split_once('.')?;
    let identity: [u8; IDENTITY_BYTES] = decode(identity).ok()?;
    identity.first_chunk::<8>().and_then(|room| RoomId::new(u64::from_be_bytes(*room)))
}

fn decode<const N: usize>(text: &str) -> Result<[u8; N], ConferenceError> {
    // Longer text than N bytes need is not decoded at all.
    if text.len() > N.div_ceil(3) * 4 {
        return Err(ConferenceError::Malformed);
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| ConferenceError::Malformed)?;
    <[u8; N]>::try_from(bytes).map_err(|_| ConferenceError::Malformed)
}

/// One call of one room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConferenceId {
    /// The room.
    pub room: RoomId,
    /// Which of its calls.
    pub incarnation: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ConferenceKey {
        ConferenceKey::new("kik", b"a secret of this test").expect("a plain name")
    }

    fn id() -> ConferenceId {
        let room = RoomId::new(0x0123_4567_89ab_cdef).expect("not reserved");
        ConferenceId { room, incarnation: 7 }
    }

    #[test]
    fn req_26_an_id_has_three_parts_of_which_the_second_is_16_and_the_third_4_characters() {
        let text = key().write(id());
        let parts: Vec<&str> = text.split('.').collect();
        assert_eq!(parts[0], "kik");
        assert_eq!((parts[1].len(), parts[2].len()), (16, 4));
        assert_eq!(key().parse(&text), Ok(id()));
        assert_eq!(room_in(&text), Some(id().room));
    }

    #[test]
    fn req_26_an_id_with_any_character_changed_is_refused() {
        let text = key().write(id());
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).expect("still ASCII");
            assert!(key().parse(&changed).is_err(), "{changed}");
        }
        for bad in ["", "kik", "kik.", "kik..", "kik.AAAA.AAAA", &format!("{text}A")] {
            assert!(key().parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn req_27_the_longest_id_fits_into_32_bytes() {
        let key = ConferenceKey::new("abcdefghij", b"x").expect("ten letters");
        assert_eq!(key.write(id()).len(), 32);
        assert!(ConferenceKey::new("abcdefghijk", b"x").is_none());
        assert!(ConferenceKey::new("", b"x").is_none());
        assert!(ConferenceKey::new("a.b", b"x").is_none());
    }

    #[test]
    fn an_id_of_another_server_is_refused() {
        let other = ConferenceKey::new("kik", b"another secret").expect("a plain name");
        assert_eq!(key().parse(&other.write(id())), Err(ConferenceError::BadCheck));
        let other = ConferenceKey::new("app", b"a secret of this test").expect("a plain name");
        assert_eq!(key().parse(&other.write(id())), Err(ConferenceError::Foreign));
    }
}
