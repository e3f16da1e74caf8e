//! The certificate a server shows in every DTLS handshake.
//!
//! Owns the shared configuration of the DTLS library: building one runs a
//! self-test of about a millisecond, so there is one per process, with the
//! private key parsed and checked once. Refuses to know where the certificate
//! is kept; the edge stores the bytes.

mod keyring;

use crate::plan::Fingerprint;
use aws_lc_rs::digest;
use dimpl::DtlsCertificate;
use parlour_base::{Mono, Secret};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// First retransmission of a DTLS flight; browsers repeat after 45 to 70 ms,
/// and a longer start makes the library ignore their repeats.
const FLIGHT_START: Duration = Duration::from_millis(50);

/// Retransmissions per flight: 50 ms doubled nine times spans 25 s.
const FLIGHT_RETRIES: usize = 9;

/// Largest datagram of a handshake.
const MTU: usize = 1_200;

/// The longest the library itself waits; the worker's own limit is shorter.
const HANDSHAKE_LONGEST: Duration = Duration::from_secs(120);

/// Why there is no certificate to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The crypto library could not make a certificate.
    #[error("a certificate could not be made")]
    Generation,
    /// The DTLS library refused its configuration.
    #[error("the DTLS configuration was refused")]
    Configuration,
    /// The stored private key does not load.
    #[error("the stored private key is not a P-256 key in PKCS #8")]
    PrivateKey,
    /// The stored certificate is empty or too large.
    #[error("the stored certificate has an impossible size")]
    Certificate,
}

/// Certificate, key and shared DTLS configuration; cheap to clone, one for all
/// workers of a process.
#[derive(Clone)]
pub struct Identity {
    shared: Arc<dimpl::Config>,
    certificate: DtlsCertificate,
    fingerprint: Fingerprint,
    base: Instant,
}

/// Largest certificate that is loaded.
const CERTIFICATE_BYTES_MAX: usize = 8 << 10;

impl Identity {
    /// A new self-signed certificate. `base` is the instant at which the
    /// [`Mono`] clock handed to the workers showed zero.
    ///
    /// # Errors
    /// [`IdentityError`] if the crypto library fails.
    pub fn generate(base: Instant) -> Result<Self, IdentityError> {
        let certificate = dimpl::certificate::generate_self_signed_certificate()
            .map_err(|_| IdentityError::Generation)?;
        Self::with(certificate, base)
    }

    /// A certificate kept from an earlier run: X.509 and PKCS #8, both in DER.
    ///
    /// # Errors
    /// [`IdentityError`] if the bytes cannot be a certificate and its key.
    pub fn from_der(
        certificate: Vec<u8>,
        private_key: Vec<u8>,
        base: Instant,
    ) -> Result<Self, IdentityError> {
        if certificate.is_empty() || certificate.len() > CERTIFICATE_BYTES_MAX {
            return Err(IdentityError::Certificate);
        }
        Self::with(DtlsCertificate { certificate, private_key }, base)
    }

    fn with(certificate: DtlsCertificate, base: Instant) -> Result<Self, IdentityError> {
        let provider =
            keyring::provider(&certificate.private_key).ok_or(IdentityError::PrivateKey)?;
        let shared = dimpl::Config::builder()
            .with_crypto_provider(provider)
            .use_server_cookie(false)
            .mtu(MTU)
            .flight_start_rto(FLIGHT_START)
            .flight_retries(FLIGHT_RETRIES)
            .handshake_timeout(HANDSHAKE_LONGEST)
            .build()
            .map_err(|_| IdentityError::Configuration)?;
        let fingerprint = fingerprint_of(&certificate.certificate);
        Ok(Self { shared: Arc::new(shared), certificate, fingerprint, base })
    }

    /// What descriptions promise about our certificate.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The certificate in DER, to be stored.
    #[must_use]
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate.certificate
    }

    /// The private key as PKCS #8 in DER, to be stored where only we read.
    #[must_use]
    pub fn private_key_der(&self) -> Secret<Vec<u8>> {
        Secret::new(self.certificate.private_key.clone())
    }

    /// The library's idea of `now`.
    pub(crate) fn instant(&self, now: Mono) -> Instant {
        let offset = Duration::from_micros(now.0);
        self.base.checked_add(offset).unwrap_or(self.base)
    }

    /// Our idea of the library's `at`.
    pub(crate) fn mono(&self, at: Instant) -> Mono {
        Mono::default() + at.saturating_duration_since(self.base)
    }

    /// A DTLS 1.2 endpoint in the server role.
    pub(crate) fn endpoint(&self, now: Mono) -> dimpl::Dtls {
        dimpl::Dtls::new_12(Arc::clone(&self.shared), self.certificate.clone(), self.instant(now))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

/// SHA-256 over a certificate in DER (RFC 8122 §5).
pub(crate) fn fingerprint_of(certificate: &[u8]) -> Fingerprint {
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(digest::digest(&digest::SHA256, certificate).as_ref()) {
        *to = *from;
    }
    Fingerprint(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "the library counts from a real instant")]
    fn base() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_stored_identity_keeps_its_fingerprint() {
        let base = base();
        let first = Identity::generate(base).expect("a certificate");
        let again = Identity::from_der(
            first.certificate_der().to_vec(),
            first.private_key_der().expose().clone(),
            base,
        )
        .expect("what was stored loads");
        assert_eq!(first.fingerprint(), again.fingerprint());
    }

    #[test]
    fn rubbish_is_not_an_identity() {
        let base = base();
        let load = |cert: &[u8], key: &[u8]| Identity::from_der(cert.to_vec(), key.to_vec(), base);
        assert_eq!(load(b"", b"").err(), Some(IdentityError::Certificate));
        assert_eq!(load(b"x", b"y").err(), Some(IdentityError::PrivateKey));
    }

    #[test]
    fn both_clocks_convert_back_and_forth() {
        let identity = Identity::generate(base()).expect("a certificate");
        assert_eq!(identity.mono(identity.instant(Mono(1_234_567))), Mono(1_234_567));
    }
}
