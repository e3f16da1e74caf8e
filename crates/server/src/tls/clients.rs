//! Certificates that clients show: those of trusted bridges.
//!
//! Nobody has to show one, and browsers are not asked for one of theirs where
//! authorities are named. Whoever shows one that is not trusted is not spoken
//! to.

use super::{TlsError, authorities};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
};
use std::path::Path;
use std::sync::Arc;

/// Whose certificates are trusted, as the operator says it.
#[derive(Debug, Clone, Copy)]
pub struct Trust<'t> {
    /// A file with the certificates of authorities, or no path.
    pub authorities: &'t Path,
    /// Of which names a certificate of theirs must bear one; none: any will do.
    pub names: &'t [String],
    /// SHA-256 of certificates that are trusted whoever issued them, in
    /// hexadecimal.
    pub fingerprints: &'t [String],
}

/// Says which certificates are trusted.
#[derive(Debug)]
pub struct Bridges {
    issued: Option<Arc<dyn ClientCertVerifier>>,
    names: Vec<ServerName<'static>>,
    fingerprints: Vec<[u8; 32]>,
    provider: Arc<CryptoProvider>,
}

impl Bridges {
    /// Reads what the operator trusts; `None` if that is nobody.
    ///
    /// # Errors
    /// [`TlsError`] if something of it makes no sense.
    pub fn open(trust: Trust<'_>) -> Result<Option<Arc<Self>>, TlsError> {
        let named = !trust.authorities.as_os_str().is_empty();
        if !named && trust.fingerprints.is_empty() {
            return Ok(None);
        }
        let issued = named.then(|| issuers(trust.authorities)).transpose()?;
        let name = |name: &String| {
            ServerName::try_from(name.clone()).map_err(|_| TlsError::Name(name.clone()))
        };
        let fingerprint =
            |text: &String| fingerprint(text).ok_or_else(|| TlsError::Fingerprint(text.clone()));
        Ok(Some(Arc::new(Self {
            issued,
            names: trust.names.iter().map(name).collect::<Result<_, _>>()?,
            fingerprints: trust.fingerprints.iter().map(fingerprint).collect::<Result<_, _>>()?,
            provider: Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
        })))
    }

    fn is_pinned(&self, shown: &CertificateDer<'_>) -> bool {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, shown);
        self.fingerprints.iter().any(|known| known == digest.as_ref())
    }

    fn bears_a_name(&self, shown: &CertificateDer<'_>) -> Result<bool, Error> {
        let certificate = ParsedCertificate::try_from(shown)?;
        let borne = |name| verify_server_name(&certificate, name).is_ok();
        Ok(self.names.is_empty() || self.names.iter().any(borne))
    }
}

fn issuers(path: &Path) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let (_, roots) = authorities(path)?;
    let wrong = |_| TlsError::Pem { path: path.to_owned(), what: "certificate" };
    WebPkiClientVerifier::builder(Arc::new(roots)).build().map_err(wrong)
}

/// Whether it is out of date. Who issued it is not asked: it is its own
/// authority here, and whatever else is then wrong with it does not matter.
fn is_out_of_date(shown: &CertificateDer<'_>, now: UnixTime) -> Result<bool, Error> {
    let mut own = RootCertStore::empty();
    own.add(shown.clone().into_owned())?;
    let verifier = WebPkiClientVerifier::builder(Arc::new(own)).build();
    let verifier = verifier.map_err(|error| Error::General(error.to_string()))?;
    use CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
    Ok(matches!(
        verifier.verify_client_cert(shown, &[], now),
        Err(Error::InvalidCertificate(
            Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. }
        ))
    ))
}

/// Reads 64 hexadecimal digits, with colons between or without.
fn fingerprint(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
    let mut bytes = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

impl ClientCertVerifier for Bridges {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.issued.as_ref().map_or(&[], |issued| issued.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.is_pinned(shown) {
            return match is_out_of_date(shown, now)? {
                true => Err(CertificateError::Expired.into()),
                false => Ok(ClientCertVerified::assertion()),
            };
        }
        let Some(issued) = &self.issued else {
            return Err(CertificateError::UnknownIssuer.into());
        };
        let verified = issued.verify_client_cert(shown, between, now)?;
        if self.bears_a_name(shown)? {
            Ok(verified)
        } else {
            Err(CertificateError::NotValidForName.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, shown, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, shown, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
