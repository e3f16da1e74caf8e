//! SRTP with AES-GCM, sending only, into memory of the caller.
//!
//! Sources: RFC 3711 §4.3 (key derivation), RFC 7714 §8 (AEAD).

use anyhow::{Result, anyhow};
use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;

/// Length of the authentication tag.
pub(super) const TAG: usize = 16;

/// Labels of session key and session salt for RTP (RFC 3711 §4.3.2).
const LABEL_KEY: u8 = 0;
const LABEL_SALT: u8 = 2;

/// The session key of one receiver.
pub(super) struct Sealer {
    key: LessSafeKey,
    salt: [u8; 12],
}

impl Sealer {
    pub(super) fn new(wide: bool, key: &[u8], salt: &[u8]) -> Result<Self> {
        let session = derive(wide, key, salt, LABEL_KEY, key.len())?;
        let derived = derive(wide, key, salt, LABEL_SALT, 12)?;
        let algorithm = if wide { &AES_256_GCM } else { &AES_128_GCM };
        let unbound = UnboundKey::new(algorithm, &session).map_err(|_| anyhow!("a bad key"))?;
        let salt = derived.try_into().map_err(|_| anyhow!("a bad salt"))?;
        Ok(Self { key: LessSafeKey::new(unbound), salt })
    }

    /// Encrypts `body` and `tail` to where they go, with the tag behind.
    pub(super) fn seal(
        &self,
        (ssrc, index): (u32, u64),
        header: &[u8],
        body: &[u8],
        out: &mut [u8],
        tail: &[u8],
        tail_and_tag: &mut [u8],
    ) -> bool {
        let [s0, s1, s2, s3] = ssrc.to_be_bytes();
        let [_, _, i2, i3, i4, i5, i6, i7] = index.to_be_bytes();
        let mut nonce = [0, 0, s0, s1, s2, s3, i2, i3, i4, i5, i6, i7];
        for (byte, salt) in nonce.iter_mut().zip(&self.salt) {
            *byte ^= salt;
        }
        let nonce = Nonce::assume_unique_for_key(nonce);
        let aad = Aad::from(header);
        self.key.seal_out_of_place_scatter(nonce, aad, body, out, tail, tail_and_tag).is_ok()
    }
}

/// RFC 3711 §4.3.1 and §4.3.3: the key stream of AES in counter mode, begun at
/// the salt with the label in its seventh byte.
fn derive(wide: bool, key: &[u8], salt: &[u8], label: u8, bytes: usize) -> Result<Vec<u8>> {
    let mut block = [0; 16];
    for (to, from) in block.iter_mut().zip(salt) {
        *to = *from;
    }
    if let Some(byte) = block.get_mut(7) {
        *byte ^= label;
    }
    let algorithm = if wide { &AES_256 } else { &AES_128 };
    let failed = |_| anyhow!("key derivation failed");
    let key = UnboundCipherKey::new(algorithm, key).map_err(failed)?;
    let context = EncryptionContext::Iv128(FixedLength::from(block));
    let mut stream = vec![0; bytes];
    EncryptingKey::ctr(key)
        .and_then(|key| key.less_safe_encrypt(&mut stream, context))
        .map_err(failed)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlour_sfu::srtp::{Master, Open, Profile};

    #[test]
    fn the_server_s_own_srtp_opens_what_the_limit_sealed() {
        for (wide, profile) in [(false, Profile::AeadAes128Gcm), (true, Profile::AeadAes256Gcm)] {
            let master = Master { key: vec![3; profile.key_bytes()], salt: vec![5; 12] };
            let sealer = Sealer::new(wide, &master.key, &master.salt).expect("keys");
            let header = [0x80, 96, 0, 9, 0, 0, 0, 1, 0, 0, 0, 7];
            let mut packet = header.to_vec();
            packet.resize(12 + 100 + TAG, 0);
            let (_, rest) = packet.split_at_mut(12);
            let (out, tag) = rest.split_at_mut(100);
            assert!(sealer.seal((7, 9), &header, &[0x55; 100], out, &[], tag));
            let mut open = Open::new(profile, &master, 4).expect("keys");
            let mut plain = Vec::new();
            assert!(open.rtp(&packet, &mut plain).is_ok());
        }
    }
}
