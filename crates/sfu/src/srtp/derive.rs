//! Session keys from master keys (RFC 3711 §4.3, RFC 7714 §11).

use super::Master;
use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;

/// What a derived key is for (RFC 3711 §4.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    RtpKey = 0,
    RtpAuth = 1,
    RtpSalt = 2,
    RtcpKey = 3,
    RtcpAuth = 4,
    RtcpSalt = 5,
}

/// Fills `out` with the key stream of AES in counter mode under `iv`, XORed
/// onto what it holds.
pub(super) fn counter_mode(key: &EncryptingKey, iv: [u8; 16], in_out: &mut [u8]) -> Option<()> {
    let context = EncryptionContext::Iv128(FixedLength::from(iv));
    key.less_safe_encrypt(in_out, context).ok().map(|_| ())
}

/// A key for AES in counter mode, 16 or 32 bytes.
pub(super) fn counter_key(key: &[u8]) -> Option<EncryptingKey> {
    let algorithm = if key.len() == 32 { &AES_256 } else { &AES_128 };
    let unbound = UnboundCipherKey::new(algorithm, key).ok()?;
    EncryptingKey::ctr(unbound).ok()
}

/// The key derivation function of one master.
pub(super) struct Derivation<'a> {
    key: EncryptingKey,
    salt: &'a [u8],
}

impl<'a> Derivation<'a> {
    /// `None` if the library refuses the master's key.
    pub(super) fn new(master: &'a Master) -> Option<Self> {
        Some(Self { key: counter_key(&master.key)?, salt: &master.salt })
    }

    /// Derives `N` bytes; the key derivation rate is zero, so the index plays
    /// no part. A salt of 12 bytes counts as padded with zeros on the right.
    pub(super) fn derive<const N: usize>(&self, label: Label) -> Option<[u8; N]> {
        let mut iv = [0; 16];
        for (to, from) in iv.iter_mut().zip(self.salt.iter().take(14)) {
            *to = *from;
        }
        // x = (label * 2^48) XOR salt, and the counter block is x * 2^16.
        if let Some(byte) = iv.get_mut(7) {
            *byte ^= label as u8;
        }
        let mut out = [0; N];
        counter_mode(&self.key, iv, &mut out)?;
        Some(out)
    }
}
