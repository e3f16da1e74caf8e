//! The three protection profiles behind one pair of operations.

use super::Master;
use super::derive::{Derivation, Label, counter_key, counter_mode};
use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::EncryptingKey;
use aws_lc_rs::hmac;
use std::fmt;

/// Length of an AEAD tag (RFC 7714 §12).
const GCM_TAG: usize = 16;

/// Length of a truncated HMAC-SHA1 tag (RFC 3711 §5.2).
const HMAC_TAG: usize = 10;

/// A DTLS-SRTP protection profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// AES-128 in GCM (RFC 7714).
    AeadAes128Gcm,
    /// AES-256 in GCM (RFC 7714).
    AeadAes256Gcm,
    /// AES-128 in counter mode, HMAC-SHA1 of 80 bits (RFC 3711).
    Aes128CmHmacSha1,
}

impl Profile {
    /// Length of a master key.
    #[must_use]
    pub const fn key_bytes(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::Aes128CmHmacSha1 => 16,
            Self::AeadAes256Gcm => 32,
        }
    }

    /// Length of a master salt.
    #[must_use]
    pub const fn salt_bytes(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
            Self::Aes128CmHmacSha1 => 14,
        }
    }

    /// Length of an authentication tag.
    #[must_use]
    pub const fn tag_bytes(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => GCM_TAG,
            Self::Aes128CmHmacSha1 => HMAC_TAG,
        }
    }
}

/// RTP or RTCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Rtp,
    Rtcp,
}

/// Where a packet stands: its source, and its index (48 bits for RTP, 31 for
/// RTCP).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) ssrc: u32,
    pub(super) index: u64,
}

/// The session keys of one direction, for RTP or for RTCP.
pub(super) enum Cipher {
    Gcm { key: LessSafeKey, salt: [u8; 12], kind: Use },
    Counter { key: Box<EncryptingKey>, auth: Box<hmac::Key>, salt: [u8; 14], kind: Use },
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher(<secret>)")
    }
}

/// The parts of one protected packet, in memory of the caller.
pub(super) struct Parts<'a> {
    /// Clear and authenticated: the RTP header, or the first 8 bytes of RTCP.
    pub(super) clear: &'a [u8],
    /// The E flag and index of SRTCP; empty for RTP.
    pub(super) trailer: &'a [u8],
}

impl Cipher {
    /// Derives the session keys; `None` if the master has the wrong size.
    pub(super) fn new(profile: Profile, master: &Master, kind: Use) -> Option<Self> {
        if master.key.len() != profile.key_bytes() || master.salt.len() != profile.salt_bytes() {
            return None;
        }
        let [key, auth, salt] = match kind {
            Use::Rtp => [Label::RtpKey, Label::RtpAuth, Label::RtpSalt],
            Use::Rtcp => [Label::RtcpKey, Label::RtcpAuth, Label::RtcpSalt],
        };
        let keys = Derivation::new(master)?;
        let gcm = |unbound: UnboundKey| {
            let salt = keys.derive::<12>(salt)?;
            Some(Self::Gcm { key: LessSafeKey::new(unbound), salt, kind })
        };
        match profile {
            Profile::AeadAes128Gcm => {
                gcm(UnboundKey::new(&AES_128_GCM, &keys.derive::<16>(key)?).ok()?)
            }
            Profile::AeadAes256Gcm => {
                gcm(UnboundKey::new(&AES_256_GCM, &keys.derive::<32>(key)?).ok()?)
            }
            Profile::Aes128CmHmacSha1 => {
                let auth = keys.derive::<20>(auth)?;
                Some(Self::Counter {
                    key: Box::new(counter_key(&keys.derive::<16>(key)?)?),
                    auth: Box::new(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &auth)),
                    salt: keys.derive::<14>(salt)?,
                    kind,
                })
            }
        }
    }

    pub(super) const fn tag_bytes(&self) -> usize {
        match self {
            Self::Gcm { .. } => GCM_TAG,
            Self::Counter { .. } => HMAC_TAG,
        }
    }

    /// Encrypts `body` followed by `tail` behind what `out` holds, and appends
    /// trailer and tag in the order of the profile. `out` must already end
    /// with `parts.clear`, which is `clear_at..` of it.
    ///
    /// Returns false, with `out` in an unspecified state, if the library
    /// refuses; that does not happen for packets below its 2^36 byte limit.
    pub(super) fn seal(
        &self,
        place: Place,
        clear_at: usize,
        trailer: &[u8],
        body: &[u8],
        tail: &[u8],
        out: &mut Vec<u8>,
    ) -> bool {
        let body_at = out.len();
        let tail_at = body_at.saturating_add(body.len());
        let end = tail_at.saturating_add(tail.len());
        match self {
            Self::Gcm { key, salt, kind } => {
                out.resize(end.saturating_add(GCM_TAG), 0);
                let Some((before, after)) = out.split_at_mut_checked(body_at) else {
                    return false;
                };
                let Some((cipher, tail_and_tag)) = after.split_at_mut_checked(body.len()) else {
                    return false;
                };
                let clear = before.get(clear_at..).unwrap_or(&[]);
                let nonce = Nonce::assume_unique_for_key(gcm_nonce(salt, *kind, place));
                let sealed = with_aad(clear, trailer, |aad| {
                    key.seal_out_of_place_scatter(
                        nonce,
                        Aad::from(aad),
                        body,
                        cipher,
                        tail,
                        tail_and_tag,
                    )
                });
                out.extend_from_slice(trailer);
                sealed.is_ok()
            }
            Self::Counter { key, auth, salt, kind } => {
                out.extend_from_slice(body);
                out.extend_from_slice(tail);
                let iv = counter_iv(salt, place);
                let Some(plain) = out.get_mut(body_at..) else { return false };
                if counter_mode(key, iv, plain).is_none() {
                    return false;
                }
                out.extend_from_slice(trailer);
                let signed = out.get(clear_at..).unwrap_or(&[]);
                let tag = sign(auth, signed, *kind, place);
                out.extend_from_slice(tag.as_ref().get(..HMAC_TAG).unwrap_or(&[]));
                true
            }
        }
    }

    /// Checks and decrypts `body` (without tag) behind what `out` holds.
    pub(super) fn open(
        &self,
        place: Place,
        parts: &Parts<'_>,
        body: &[u8],
        tag: &[u8],
        out: &mut Vec<u8>,
    ) -> bool {
        let at = out.len();
        match self {
            Self::Gcm { key, salt, kind } => {
                out.resize(at.saturating_add(body.len()), 0);
                let Some(plain) = out.get_mut(at..) else { return false };
                let nonce = Nonce::assume_unique_for_key(gcm_nonce(salt, *kind, place));
                with_aad(parts.clear, parts.trailer, |aad| {
                    key.open_separate_gather(nonce, Aad::from(aad), body, tag, plain)
                })
                .is_ok()
            }
            Self::Counter { key, auth, salt, kind } => {
                let mut context = hmac::Context::with_key(auth);
                context.update(parts.clear);
                context.update(body);
                context.update(parts.trailer);
                if *kind == Use::Rtp {
                    context.update(&roll_over(place).to_be_bytes());
                }
                let expected = context.sign();
                let expected = expected.as_ref().get(..HMAC_TAG).unwrap_or(&[]);
                if aws_lc_rs::constant_time::verify_slices_are_equal(expected, tag).is_err() {
                    return false;
                }
                out.extend_from_slice(body);
                let Some(cipher) = out.get_mut(at..) else { return false };
                counter_mode(key, counter_iv(salt, place), cipher).is_some()
            }
        }
    }
}

/// Longest header of an SRTCP packet with its trailer.
const RTCP_AAD: usize = 12;

/// Calls `with` with the authenticated data in one piece: the header alone for
/// RTP, header and trailer for RTCP (RFC 7714 §9.2).
fn with_aad<T>(clear: &[u8], trailer: &[u8], with: impl FnOnce(&[u8]) -> T) -> T {
    if trailer.is_empty() {
        return with(clear);
    }
    let mut joined = [0; RTCP_AAD];
    for (to, from) in joined.iter_mut().zip(clear.iter().chain(trailer)) {
        *to = *from;
    }
    with(&joined)
}

const fn roll_over(place: Place) -> u32 {
    let [_, _, a, b, c, d, ..] = place.index.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

fn sign(auth: &hmac::Key, signed: &[u8], kind: Use, place: Place) -> hmac::Tag {
    let mut context = hmac::Context::with_key(auth);
    context.update(signed);
    if kind == Use::Rtp {
        context.update(&roll_over(place).to_be_bytes());
    }
    context.sign()
}

/// RFC 7714 §8.1 (RTP) and §9.1 (RTCP): both put two zero bytes and the SSRC
/// in front; then six bytes of RTP index, or two zero bytes and four of index.
fn gcm_nonce(salt: &[u8; 12], kind: Use, place: Place) -> [u8; 12] {
    let [s0, s1, s2, s3] = place.ssrc.to_be_bytes();
    let [_, _, i2, i3, i4, i5, i6, i7] = place.index.to_be_bytes();
    let (high0, high1) = match kind {
        Use::Rtp => (i2, i3),
        Use::Rtcp => (0, 0),
    };
    let mut nonce = [0, 0, s0, s1, s2, s3, high0, high1, i4, i5, i6, i7];
    for (byte, salt) in nonce.iter_mut().zip(salt) {
        *byte ^= salt;
    }
    nonce
}

/// RFC 3711 §4.1.1: salt, SSRC and index at their places in the block.
fn counter_iv(salt: &[u8; 14], place: Place) -> [u8; 16] {
    let [s0, s1, s2, s3] = place.ssrc.to_be_bytes();
    let [_, _, i2, i3, i4, i5, i6, i7] = place.index.to_be_bytes();
    let mut iv = [0, 0, 0, 0, s0, s1, s2, s3, i2, i3, i4, i5, i6, i7, 0, 0];
    for (byte, salt) in iv.iter_mut().zip(salt) {
        *byte ^= salt;
    }
    iv
}
