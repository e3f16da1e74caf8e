//! The private key of the server, ready for every handshake.
//!
//! The DTLS library asks for the key anew with each association, and reading
//! it means checking it: point multiplications for a key that has not changed.
//! Here it is read once and shared. Refuses to know certificates.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use dimpl::crypto::aws_lc_rs::default_provider;
use dimpl::crypto::{
    Buf, CryptoProvider, HashAlgorithm, KeyProvider, SignatureAlgorithm, SigningKey,
};
use dimpl::{CryptoError, CryptoOperation};
use parlour_base::Secret;
use std::sync::Arc;

/// The library's own cryptography, with one key that is already read; `None`
/// if it is not a P-256 key in PKCS #8.
///
/// The library wants it for ever, so it is never freed: a process has one.
pub(super) fn provider(private_key: &[u8]) -> Option<CryptoProvider> {
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, private_key).ok()?;
    let library = default_provider();
    let keyring: &'static Keyring = Box::leak(Box::new(Keyring {
        der: Secret::new(private_key.to_vec()),
        pair: Arc::new(pair),
        others: library.key_provider,
    }));
    Some(CryptoProvider { key_provider: keyring, ..library })
}

#[derive(Debug)]
struct Keyring {
    der: Secret<Vec<u8>>,
    pair: Arc<EcdsaKeyPair>,
    /// For keys that are not ours.
    others: &'static dyn KeyProvider,
}

impl KeyProvider for Keyring {
    fn load_private_key(&self, key_der: &[u8]) -> Result<Box<dyn SigningKey>, CryptoError> {
        if key_der == self.der.expose().as_slice() {
            return Ok(Box::new(SharedKey(Arc::clone(&self.pair))));
        }
        self.others.load_private_key(key_der)
    }
}

#[derive(Debug)]
struct SharedKey(Arc<EcdsaKeyPair>);

impl SigningKey for SharedKey {
    fn sign(
        &mut self,
        data: &[u8],
        hash_alg: HashAlgorithm,
        out: &mut Buf,
    ) -> Result<(), CryptoError> {
        let key_hash = self.hash_algorithm();
        if hash_alg != key_hash {
            return Err(CryptoError::SigningKeyHashMismatch { key_hash, requested: hash_alg });
        }
        let signature = self
            .0
            .sign(&SystemRandom::new(), data)
            .map_err(|_| CryptoError::OperationFailed(CryptoOperation::Sign))?;
        out.clear();
        out.extend_from_slice(signature.as_ref());
        Ok(())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }

    fn supported_hash_algorithms(&self) -> &[HashAlgorithm] {
        &[HashAlgorithm::SHA256]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, KeyPair as _, UnparsedPublicKey};

    #[test]
    fn our_key_is_shared_and_others_are_still_read() {
        let generate = || dimpl::certificate::generate_self_signed_certificate().expect("made");
        let (ours, other) = (generate().private_key, generate().private_key);
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &ours).expect("read");
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, pair.public_key().as_ref());
        let keys = provider(&ours).expect("a key").key_provider;
        for (der, is_ours) in [(&ours, true), (&other, false)] {
            let mut key = keys.load_private_key(der).expect("read");
            let mut signature = Buf::new();
            key.sign(b"data", HashAlgorithm::SHA256, &mut signature).expect("signed");
            assert_eq!(public.verify(b"data", &signature).is_ok(), is_ours);
            assert!(key.sign(b"data", HashAlgorithm::SHA384, &mut signature).is_err());
        }
        assert!(provider(b"no key").is_none());
    }
}
