//! One DTLS association, from the first hello to the keys (RFC 5764).
//!
//! Owns the library's state machine and what it has shown so far. Keys leave
//! only through [`Association::release`], which compares the certificate that
//! was shown with the one that was promised. The library's state is three
//! quarters of what a connected peer would weigh, so it goes as soon as the
//! keys are out, and a [`Remainder`] of some hundred bytes stays. Refuses to
//! know addresses.

use crate::identity::{Identity, fingerprint_of};
use crate::plan::Fingerprint;
use crate::srtp::{Exported, Profile};
use dimpl::{Dtls, Output, SrtpProfile};
use parlour_base::Mono;
use std::time::Duration;

/// Most bytes of a last flight that are kept; it has 75 (RFC 5246 §7.4.9 after
/// RFC 6347 §4.1), and must fit into one datagram.
const LAST_FLIGHT_MAX: usize = 1_024;

/// A last flight is repeated no sooner than this after it was sent: the other
/// side's flight comes in pieces, and each of them would ask for it. Browsers
/// begin to repeat themselves after 45 ms.
const REPEAT_SPACING: Duration = Duration::from_millis(30);

/// Content types of records (RFC 5246 §6.2.1).
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

/// Largest record the library may want to hand out.
const RECORD_BYTES_MAX: usize = 18 << 10;

/// Outputs taken from the library per input; it has far fewer.
const OUTPUTS_MAX: usize = 64;

/// What happened inside an association.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Still under way, or nothing new.
    Open,
    /// The other side said goodbye.
    Closed,
    /// The library gave up.
    Failed,
}

/// The certificate shown is not the one promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mismatch;

/// One DTLS association, as server.
#[derive(Debug)]
pub(crate) struct Association {
    dtls: Dtls,
    shown: Option<Fingerprint>,
    keys: Option<Exported>,
    connected: bool,
    /// What was sent when the handshake ended, in one piece.
    last_flight: Vec<u8>,
    wake: Mono,
    bytes: usize,
}

impl Association {
    pub(crate) fn new(now: Mono, identity: &Identity) -> Self {
        Self {
            dtls: identity.endpoint(now),
            shown: None,
            keys: None,
            connected: false,
            last_flight: Vec::new(),
            wake: Mono(u64::MAX),
            bytes: 0,
        }
    }

    /// Takes a datagram; `send` is called with each one to send.
    pub(crate) fn feed(
        &mut self,
        now: Mono,
        identity: &Identity,
        bytes: &[u8],
        scratch: &mut Vec<u8>,
        mut send: impl FnMut(&[u8]),
    ) -> Outcome {
        self.bytes = self.bytes.saturating_add(bytes.len());
        if self.wake <= now {
            // A flight that is due again leaves by itself: the library would
            // put the next one into the same datagram, behind what the other
            // side drops as a duplicate.
            let outcome = self.tick(now, identity, scratch, &mut send);
            if outcome != Outcome::Open {
                return outcome;
            }
        }
        let fed = self.dtls.handle_timeout(identity.instant(now)).is_ok()
            && self.dtls.handle_packet(bytes).is_ok();
        self.drain(identity, scratch, send, fed)
    }

    /// Lets time pass.
    pub(crate) fn tick(
        &mut self,
        now: Mono,
        identity: &Identity,
        scratch: &mut Vec<u8>,
        send: impl FnMut(&[u8]),
    ) -> Outcome {
        let fed = self.dtls.handle_timeout(identity.instant(now)).is_ok();
        self.drain(identity, scratch, send, fed)
    }

    /// Ends the library's part: what is needed later is written now.
    pub(crate) fn retire(
        mut self,
        now: Mono,
        patience: Duration,
        identity: &Identity,
        scratch: &mut Vec<u8>,
    ) -> Remainder {
        let last_flight = std::mem::take(&mut self.last_flight);
        let mut goodbye = Vec::new();
        if self.dtls.close().is_ok() {
            self.drain(identity, scratch, |bytes| goodbye.extend_from_slice(bytes), true);
        }
        Remainder {
            last_flight: last_flight.into_boxed_slice(),
            goodbye: goodbye.into_boxed_slice(),
            until: now + patience,
            next: now + REPEAT_SPACING,
        }
    }

    fn drain(
        &mut self,
        identity: &Identity,
        scratch: &mut Vec<u8>,
        mut send: impl FnMut(&[u8]),
        fed: bool,
    ) -> Outcome {
        if !fed {
            return Outcome::Failed;
        }
        let mut outcome = Outcome::Open;
        let mut flight = Vec::new();
        let room = scratch.len().max(2_048);
        scratch.resize(room, 0);
        for _ in 0..OUTPUTS_MAX {
            match self.dtls.poll_output(scratch) {
                Output::Packet(bytes) => {
                    if self.last_flight.is_empty() {
                        flight.extend_from_slice(bytes);
                    }
                    send(bytes);
                }
                Output::PeerCert(der) => self.shown = Some(fingerprint_of(der)),
                Output::Connected => self.connected = true,
                Output::KeyingMaterial(material, profile) => {
                    let cut = |profile| Exported::cut(profile, &material);
                    self.keys = own_profile(profile).and_then(cut);
                }
                Output::CloseNotify => outcome = Outcome::Closed,
                Output::BufferTooSmall { needed } if needed <= RECORD_BYTES_MAX => {
                    scratch.resize(needed.max(scratch.len()), 0);
                }
                Output::BufferTooSmall { .. } => return Outcome::Failed,
                Output::Timeout(at) => {
                    self.wake = identity.mono(at);
                    let last = last_flight(&flight);
                    if self.connected && self.last_flight.is_empty() {
                        self.last_flight.extend_from_slice(last);
                    }
                    return outcome;
                }
                // Application data means data channels, which are not offered.
                _ => {}
            }
        }
        outcome
    }

    /// The keys, if the handshake is done, given the promised certificate.
    ///
    /// # Errors
    /// [`Mismatch`] if another certificate was shown; the keys are gone then.
    pub(crate) fn release(&mut self, promised: Fingerprint) -> Result<Option<Exported>, Mismatch> {
        match self.shown {
            Some(shown) if shown != promised => {
                self.keys = None;
                Err(Mismatch)
            }
            Some(_) if self.connected => Ok(self.keys.take()),
            _ => Ok(None),
        }
    }

    /// Whether the handshake is done on our side.
    pub(crate) fn connected(&self) -> bool {
        self.connected
    }

    /// When to call [`Association::tick`].
    pub(crate) fn wake(&self) -> Mono {
        self.wake
    }

    /// Bytes received so far.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// The records from the last change of cipher on; nothing if there is none, or
/// too much. The flight before may have been repeated in the same breath, and
/// a datagram that begins with it would be dropped as a duplicate.
fn last_flight(datagrams: &[u8]) -> &[u8] {
    let (mut rest, mut last) = (datagrams, &[][..]);
    while let &[kind, _, _, _, _, _, _, _, _, _, _, l0, l1, ref body @ ..] = rest {
        if kind == CHANGE_CIPHER_SPEC {
            last = rest;
        }
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        rest = body.get(length..).unwrap_or(&[]);
    }
    if last.len() <= LAST_FLIGHT_MAX { last } else { &[] }
}

/// What stays of an association whose keys are in use.
///
/// The last flight is ours, so we must repeat it while the other side may not
/// have it (RFC 6347 §4.2.4): very same bytes, which it takes once. Nothing
/// else is to come but a goodbye, which cannot be checked any more.
#[derive(Debug)]
pub(crate) struct Remainder {
    last_flight: Box<[u8]>,
    goodbye: Box<[u8]>,
    /// No repeats after this.
    until: Mono,
    /// No repeat before this.
    next: Mono,
}

/// What a datagram means that comes after the handshake.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Echo<'a> {
    /// The other side lacks the last flight: send it again.
    Repeat(&'a [u8]),
    /// It may have closed the association; anyone could have sent this.
    Goodbye,
    /// Nothing.
    Nothing,
}

impl Remainder {
    /// Takes a datagram of the other side.
    pub(crate) fn hear(&mut self, now: Mono, bytes: &[u8]) -> Echo<'_> {
        match bytes {
            [CHANGE_CIPHER_SPEC | HANDSHAKE, ..] => {
                let due = self.next <= now && now < self.until;
                if !due || self.last_flight.is_empty() {
                    return Echo::Nothing;
                }
                self.next = now + REPEAT_SPACING;
                Echo::Repeat(&self.last_flight)
            }
            // Encrypted, that is, of the first epoch.
            [ALERT, _, _, 0, 1, ..] => Echo::Goodbye,
            _ => Echo::Nothing,
        }
    }

    /// The other side has shown its keys, so it has the last flight.
    pub(crate) fn proven(&mut self) {
        if !self.last_flight.is_empty() {
            self.last_flight = Box::default();
        }
    }

    /// What to send when the transport is closed by us.
    pub(crate) fn goodbye(&self) -> &[u8] {
        &self.goodbye
    }
}

fn own_profile(profile: SrtpProfile) -> Option<Profile> {
    Some(match profile {
        SrtpProfile::AEAD_AES_128_GCM => Profile::AeadAes128Gcm,
        SrtpProfile::AEAD_AES_256_GCM => Profile::AeadAes256Gcm,
        SrtpProfile::AES128_CM_SHA1_80 => Profile::Aes128CmHmacSha1,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = [0, u8::try_from(body.len()).unwrap()];
        [&[kind, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0][..], &length, body].concat()
    }

    #[test]
    fn the_last_flight_is_what_follows_the_change_of_cipher() {
        let last = [record(CHANGE_CIPHER_SPEC, &[1]), record(HANDSHAKE, &[9; 48])].concat();
        let repeated = [record(HANDSHAKE, &[2; 200]), record(HANDSHAKE, &[14; 25])].concat();
        assert_eq!(last_flight(&last), last);
        assert_eq!(last_flight(&[repeated.clone(), last.clone()].concat()), last);
        assert_eq!(last_flight(&repeated), b"");
        assert_eq!(last_flight(&last[..20]), &last[..20]);
        assert_eq!(last_flight(b""), b"");
    }

    #[test]
    fn a_last_flight_is_repeated_once_per_spacing_until_the_keys_are_shown_or_time_is_up() {
        let mut kept = Remainder {
            last_flight: Box::new([20, 1]),
            goodbye: Box::new([21]),
            until: Mono(1_000_000),
            next: Mono(30_000),
        };
        let repeat = Echo::Repeat(&[20, 1]);
        let flight = record(HANDSHAKE, &[11; 9]);
        assert_eq!(kept.hear(Mono(29_999), &flight), Echo::Nothing);
        assert_eq!(kept.hear(Mono(30_000), &flight), repeat);
        assert_eq!(kept.hear(Mono(59_999), &flight), Echo::Nothing);
        assert_eq!(kept.hear(Mono(60_000), &record(CHANGE_CIPHER_SPEC, &[1])), repeat);
        assert_eq!(kept.hear(Mono(1_000_000), &flight), Echo::Nothing);
        kept.proven();
        assert_eq!(kept.hear(Mono(500_000), &flight), Echo::Nothing);
        assert_eq!(kept.goodbye(), [21]);
    }
}
