//! Media tokens: what lets the holder of a seat in at the media door.
//!
//! A token is text: a mark, the claims in base64url, a point, and a MAC over
//! both (HMAC-SHA-256, cut to 16 bytes, RFC 2104 §5). It names one room, one
//! seat and its number. A good MAC proves where it comes from, not that it is
//! the current one: that is for the room to say. There is no colon in it, so
//! it can be the user name of HTTP's basic scheme, and no end but a letter or
//! digit.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlour_base::{Entropy, RoomId, Secret, UserId, Wall};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What every token begins with: the format's version.
const MARK: &str = "pmt1_";
/// Longest token, in bytes (docs/design/architecture.md: at most 1 KiB).
pub const TOKEN_BYTES_MAX: usize = 1_024;
/// Longest slot name in a token, in bytes.
pub const SLOT_BYTES_MAX: usize = 255;
/// Bytes of the MAC that are sent.
const MAC_BYTES: usize = 16;

/// The claims of a media token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaToken {
    /// The room it opens.
    pub room: RoomId,
    /// The holder of the seat.
    pub user: UserId,
    /// Which of the holder's seats; `None`: the only one.
    pub slot: Option<String>,
    /// Its number within the seat.
    pub number: u64,
    /// When it ends.
    pub expires: Wall,
}

/// The keys of this server for media tokens and for handles of outside names.
/// Clones share them.
#[derive(Debug, Clone)]
pub struct MediaKeys(Arc<Keys>);

#[derive(Debug)]
struct Keys {
    current: TokenKey,
    /// Still good for tokens made before the last change.
    previous: Option<TokenKey>,
    outside: Secret<Vec<u8>>,
}

/// A key for tokens, as it is kept and ready to sign.
#[derive(Debug, Clone)]
struct TokenKey {
    bytes: Secret<Vec<u8>>,
    mac: hmac::Key,
}

impl TokenKey {
    fn new(bytes: Secret<Vec<u8>>) -> Self {
        let mac = hmac::Key::new(hmac::HMAC_SHA256, bytes.expose());
        Self { bytes, mac }
    }
}

/// How the keys are stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    current: String,
    #[serde(default)]
    previous: Option<String>,
    outside: String,
}

impl MediaKeys {
    /// New keys.
    #[must_use]
    pub fn generate(entropy: &mut Entropy) -> Self {
        let mut key = || {
            let mut bytes = [0; 32];
            entropy.fill(&mut bytes);
            Secret::new(bytes.to_vec())
        };
        let current = TokenKey::new(key());
        Self(Arc::new(Keys { current, previous: None, outside: key() }))
    }

    /// New keys for tokens; the present ones stay good for what they made.
    #[must_use]
    pub fn rotate(&self, entropy: &mut Entropy) -> Self {
        let new = Self::generate(entropy);
        Self(Arc::new(Keys {
            current: new.0.current.clone(),
            previous: Some(self.0.current.clone()),
            outside: self.0.outside.clone(),
        }))
    }

    /// Reads what [`MediaKeys::to_json`] wrote.
    #[must_use]
    pub fn from_json(body: parlour_base::Json) -> Option<Self> {
        let Stored { current, previous, outside } = serde_json::from_value(body).ok()?;
        let key = |text: String| {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() >= 16)?;
            Some(Secret::new(bytes))
        };
        let previous = match previous {
            Some(text) => Some(TokenKey::new(key(text)?)),
            None => None,
        };
        let (current, outside) = (TokenKey::new(key(current)?), key(outside)?);
        Some(Self(Arc::new(Keys { current, previous, outside })))
    }

    /// The stored form, which is secret.
    #[must_use]
    pub fn to_json(&self) -> parlour_base::Json {
        let text = |key: &Secret<Vec<u8>>| URL_SAFE_NO_PAD.encode(key.expose());
        let stored = Stored {
            current: text(&self.0.current.bytes),
            previous: self.0.previous.as_ref().map(|key| text(&key.bytes)),
            outside: text(&self.0.outside),
        };
        serde_json::to_value(stored).expect("three texts have a JSON form")
    }

    /// What handles of outside names are made with.
    #[must_use]
    pub fn outside(&self) -> &Secret<Vec<u8>> {
        &self.0.outside
    }

    /// Writes a token; `None` if its slot's name is too long for one.
    #[must_use]
    pub fn mint(&self, token: &MediaToken) -> Option<Secret<String>> {
        let claims = claims(token)?;
        let mac = hmac::sign(&self.0.current.mac, &claims);
        let mac = mac.as_ref().get(..MAC_BYTES)?;
        let text = [URL_SAFE_NO_PAD.encode(&claims), URL_SAFE_NO_PAD.encode(mac)].join(".");
        Some(Secret::new(format!("{MARK}{text}")))
    }

    /// Reads a token of ours that has not ended; everything else is `None`
    /// alike.
    #[must_use]
    pub fn check(&self, now: Wall, text: &str) -> Option<MediaToken> {
        let text = text.strip_prefix(MARK).filter(|text| text.len() <= TOKEN_BYTES_MAX)?;
        let (claims, mac) = text.split_once('.')?;
        let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        let fits = |key: &TokenKey| {
            let tag = hmac::sign(&key.mac, &claims);
            let tag = tag.as_ref().get(..MAC_BYTES).unwrap_or_default();
            aws_lc_rs::constant_time::verify_slices_are_equal(tag, &mac).is_ok()
        };
        let good = fits(&self.0.current) || self.0.previous.as_ref().is_some_and(fits);
        let token = good.then(|| read_claims(&claims)).flatten()?;
        (now < token.expires).then_some(token)
    }
}

/// Whether a text is meant as a media token, good or not.
#[must_use]
pub fn is_media_token(text: &str) -> bool {
    text.starts_with(MARK)
}

/// The room that a text names, if it has the form of a media token; whether it
/// is one can say only who has the keys.
#[must_use]
pub fn room_named(text: &str) -> Option<RoomId> {
    let text = text.strip_prefix(MARK).filter(|text| text.len() <= TOKEN_BYTES_MAX)?;
    let (claims, _) = text.split_once('.')?;
    read_claims(&URL_SAFE_NO_PAD.decode(claims).ok()?).map(|token| token.room)
}

/// Room, user, number and end in eight bytes each, then the slot's name behind
/// a byte that says whether there is one.
fn claims(token: &MediaToken) -> Option<Vec<u8>> {
    let slot = token.slot.as_deref().unwrap_or_default();
    if slot.len() > SLOT_BYTES_MAX {
        return None;
    }
    let mut bytes = Vec::with_capacity(33 + slot.len());
    bytes.extend(token.room.bits().to_be_bytes());
    bytes.extend(token.user.bits().to_be_bytes());
    bytes.extend(token.number.to_be_bytes());
    bytes.extend(token.expires.0.to_be_bytes());
    bytes.push(u8::from(token.slot.is_some()));
    bytes.extend(slot.as_bytes());
    Some(bytes)
}

fn read_claims(bytes: &[u8]) -> Option<MediaToken> {
    let (room, rest) = bytes.split_first_chunk::<8>()?;
    let (user, rest) = rest.split_first_chunk::<8>()?;
    let (number, rest) = rest.split_first_chunk::<8>()?;
    let (expires, rest) = rest.split_first_chunk::<8>()?;
    let (has_slot, slot) = rest.split_first()?;
    let slot = match has_slot {
        0 if slot.is_empty() => None,
        1 => Some(String::from_utf8(slot.to_vec()).ok()?),
        _ => return None,
    };
    Some(MediaToken {
        room: RoomId::new(u64::from_be_bytes(*room))?,
        user: UserId::new(u64::from_be_bytes(*user))?,
        slot,
        number: u64::from_be_bytes(*number),
        expires: Wall(i64::from_be_bytes(*expires)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(slot: Option<&str>) -> MediaToken {
        MediaToken {
            room: one_room(),
            user: UserId::new(8).expect("fine"),
            slot: slot.map(str::to_owned),
            number: 1_800_000_000_000_000_001,
            expires: Wall(2_000),
        }
    }

    fn one_room() -> RoomId {
        RoomId::new(7).expect("fine")
    }

    fn keys(seed: u8) -> MediaKeys {
        MediaKeys::generate(&mut Entropy::from_seed([seed; 32]))
    }

    #[test]
    fn a_token_reads_back_until_it_ends() {
        for one in [token(None), token(Some("")), token(Some("a.b:c"))] {
            let text = keys(1).mint(&one).expect("short");
            assert!(is_media_token(text.expose()) && text.expose().is_ascii());
            assert!(!text.expose().contains(':') && text.expose().len() <= TOKEN_BYTES_MAX);
            assert_eq!(keys(1).check(Wall(1_999), text.expose()), Some(one));
            assert_eq!(keys(1).check(Wall(2_000), text.expose()), None);
            assert_eq!(room_named(text.expose()), Some(one_room()));
        }
        assert!(keys(1).mint(&token(Some(&"x".repeat(256)))).is_none());
    }

    #[test]
    fn a_token_that_was_touched_is_nobodys() {
        let text = keys(1).mint(&token(Some("one"))).expect("short");
        let text = text.expose();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            let byte = bytes.get_mut(at).expect("in range");
            *byte = if *byte == b'A' { b'B' } else { b'A' };
            let touched = String::from_utf8(bytes).expect("ascii");
            assert_eq!(keys(1).check(Wall(0), &touched), None, "{at}");
            assert_eq!(keys(1).check(Wall(0), text.get(..at).expect("ascii")), None, "{at}");
        }
        assert_eq!(keys(2).check(Wall(0), text), None, "another server's");
        assert_eq!(keys(1).check(Wall(0), ""), None);
    }

    #[test]
    fn keys_that_were_changed_once_are_still_good_and_then_no_more() {
        let mut entropy = Entropy::from_seed([9; 32]);
        let first = keys(1);
        let text = first.mint(&token(None)).expect("short");
        let second = first.rotate(&mut entropy);
        assert!(second.check(Wall(0), text.expose()).is_some());
        let stored = MediaKeys::from_json(second.to_json()).expect("its own form");
        assert!(stored.check(Wall(0), text.expose()).is_some());
        assert!(stored.rotate(&mut entropy).check(Wall(0), text.expose()).is_none());
    }
}
