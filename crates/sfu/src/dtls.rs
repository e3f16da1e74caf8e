//! One DTLS association, from the first hello to the keys (RFC 5764).
//!
//! Owns the library's state machine and what it has shown so far. Keys leave
//! only through [`Association::release`], which compares the certificate that
//! was shown with the one that was promised. Refuses to know addresses.

use crate::identity::{Identity, fingerprint_of};
use crate::plan::Fingerprint;
use crate::srtp::{Exported, Profile};
use dimpl::{Dtls, Output, SrtpProfile};
use parlour_base::Mono;

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
        send: impl FnMut(&[u8]),
    ) -> Outcome {
        self.bytes = self.bytes.saturating_add(bytes.len());
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

    /// Says goodbye.
    pub(crate) fn close(
        &mut self,
        identity: &Identity,
        scratch: &mut Vec<u8>,
        send: impl FnMut(&[u8]),
    ) {
        let closed = self.dtls.close().is_ok();
        self.drain(identity, scratch, send, closed);
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
        let room = scratch.len().max(2_048);
        scratch.resize(room, 0);
        for _ in 0..OUTPUTS_MAX {
            match self.dtls.poll_output(scratch) {
                Output::Packet(bytes) => send(bytes),
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

fn own_profile(profile: SrtpProfile) -> Option<Profile> {
    Some(match profile {
        SrtpProfile::AEAD_AES_128_GCM => Profile::AeadAes128Gcm,
        SrtpProfile::AEAD_AES_256_GCM => Profile::AeadAes256Gcm,
        SrtpProfile::AES128_CM_SHA1_80 => Profile::Aes128CmHmacSha1,
        _ => return None,
    })
}
