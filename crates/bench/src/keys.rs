//! A DTLS backend for our test peers that shares one configuration and lets
//! us see the keys.
//!
//! The configuration that the library builds by default for each connection
//! tests itself for a millisecond, which would make the generator the slower
//! side. The keys are for the limit, which sends to the same receivers.

use dimpl::certificate::generate_self_signed_certificate;
use parlour_sfu::srtp::{Exported, Profile};
use std::cell::RefCell;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use str0m::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, ProtocolVersion,
    SrtpProfile,
};
use str0m::crypto::{CryptoError, CryptoProvider};

thread_local! {
    /// Keys that a handshake on this thread brought and nobody has taken yet.
    static EXPORTED: RefCell<Option<Exported>> = const { RefCell::new(None) };
}

/// The keys of the handshake that ended last on this thread.
pub(crate) fn take() -> Option<Exported> {
    EXPORTED.with(RefCell::take)
}

/// The library's own provider with our DTLS in it.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    static DTLS: Dtls = Dtls;
    static SHARED: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let make = || {
        let own = str0m::crypto::from_feature_flags();
        Arc::new(CryptoProvider { dtls_provider: &DTLS, ..own })
    };
    Arc::clone(SHARED.get_or_init(make))
}

/// A certificate for all our peers: a browser has one for all of its own.
pub(crate) fn certificate() -> Result<DtlsCert, CryptoError> {
    generate_self_signed_certificate().map_err(|error| other(&error))
}

fn other(error: &dyn std::fmt::Display) -> CryptoError {
    CryptoError::Other(error.to_string())
}

#[derive(Debug)]
struct Dtls;

impl DtlsProvider for Dtls {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        certificate().ok()
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        _version: DtlsVersion,
        _mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        static SHARED: OnceLock<Arc<dimpl::Config>> = OnceLock::new();
        let config = match SHARED.get() {
            Some(config) => Arc::clone(config),
            None => {
                // Browsers repeat a flight after about 50 ms.
                let builder = dimpl::Config::builder()
                    .use_server_cookie(false)
                    .flight_start_rto(Duration::from_millis(50))
                    .flight_retries(8);
                let built = Arc::new(builder.build().map_err(|error| other(&error))?);
                Arc::clone(SHARED.get_or_init(|| built))
            }
        };
        let dtls = dimpl::Dtls::new_12(config, certificate.clone(), now);
        Ok(Box::new(Instance(dtls)))
    }
}

struct Instance(dimpl::Dtls);

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Instance")
    }
}

impl DtlsInstance for Instance {
    fn set_active(&mut self, active: bool) {
        self.0.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.0.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        let output = self.0.poll_output(buf);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output {
            let profile = match profile {
                SrtpProfile::AEAD_AES_128_GCM => Some(Profile::AeadAes128Gcm),
                SrtpProfile::AEAD_AES_256_GCM => Some(Profile::AeadAes256Gcm),
                _ => None,
            };
            let exported = profile.and_then(|profile| Exported::cut(profile, material));
            EXPORTED.with(|kept| kept.replace(exported));
        }
        output
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.0.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.0.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.0.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.0.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.0.close()
    }
}
