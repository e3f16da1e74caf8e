//! The certificate of the HTTPS listeners.
//!
//! Read from PEM files and again when they change; without files, a self-made
//! one is kept in the data folder. Refuses to know who connects.

mod clients;

pub use clients::{Bridges, Trust};

use crate::clock::Clock;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig};
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// How often the files are looked at, at most.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Largest PEM file that is read, in bytes.
const PEM_BYTES_MAX: u64 = 1 << 20;

/// Names of the self-made pair in the data folder; not those of the
/// operator's, so that removing one does not bring the other back.
const SELF_MADE: [&str; 2] = ["self-signed-cert.pem", "self-signed-key.pem"];

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A file is no PEM of the right kind.
    #[error("{} holds no usable {what}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// Certificate and key do not go together, or are refused.
    #[error("the certificate is refused: {0}")]
    Refused(#[from] rustls::Error),
    /// No certificate can bear this name.
    #[error("{0} is no DNS name")]
    Name(String),
    /// That is no SHA-256 of a certificate.
    #[error("{0} is not 64 hexadecimal digits")]
    Fingerprint(String),
    /// No certificate could be made.
    #[error("no certificate can be made: {0}")]
    Making(#[from] rcgen::Error),
}

/// Where a certificate comes from.
#[derive(Debug, Clone)]
struct Pair {
    certificate: PathBuf,
    key: PathBuf,
}

#[derive(Debug)]
struct State {
    config: Arc<ServerConfig>,
    stamp: Stamp,
    looked: Option<Clock>,
}

/// What a change of the files changes.
type Stamp = [Option<(SystemTime, u64)>; 2];

/// Hands out the configuration of the moment.
#[derive(Debug)]
pub struct Certificates {
    pair: Pair,
    self_made: bool,
    /// The operator's pair in the data folder, which may come later.
    awaited: Option<Pair>,
    /// Whose certificates are trusted, if any are asked for.
    bridges: Option<Arc<Bridges>>,
    state: Mutex<State>,
}

impl Certificates {
    /// Loads the pair that the operator named, or the one in the data folder,
    /// or makes one for these addresses.
    ///
    /// # Errors
    /// [`TlsError`] if there is a pair but it cannot be used.
    pub fn open(
        data: &Path,
        named: (&Path, &Path),
        addresses: &[IpAddr],
        bridges: Option<Arc<Bridges>>,
    ) -> Result<Self, TlsError> {
        let (pair, self_made) = choose(data, named, addresses)?;
        let awaited = self_made.then(|| Pair::kept(data));
        let stamp = pair.stamp();
        let config = pair.load(bridges.as_ref())?;
        let state = Mutex::new(State { config, stamp, looked: Some(Clock::start()) });
        Ok(Self { pair, self_made, awaited, bridges, state })
    }

    /// Whether browsers will warn, because we made it ourselves.
    #[must_use]
    pub const fn is_self_made(&self) -> bool {
        self.self_made
    }

    /// The configuration for a new connection. A changed pair that cannot be
    /// used is logged, and the last good one stays.
    #[must_use]
    pub fn current(&self) -> Arc<ServerConfig> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.is_none_or(|looked| looked.elapsed() >= LOOK_EVERY) {
            state.looked = Some(Clock::start());
            let pair = self.awaited.as_ref().filter(|pair| pair.is_whole()).unwrap_or(&self.pair);
            let stamp = pair.stamp();
            if stamp != state.stamp {
                match pair.load(self.bridges.as_ref()) {
                    Ok(config) => {
                        tracing::info!("certificate read again");
                        state.config = config;
                        state.stamp = stamp;
                    }
                    Err(error) => tracing::warn!(%error, "the changed certificate is not used"),
                }
            }
        }
        Arc::clone(&state.config)
    }
}

fn choose(
    data: &Path,
    (certificate, key): (&Path, &Path),
    addresses: &[IpAddr],
) -> Result<(Pair, bool), TlsError> {
    let named = !certificate.as_os_str().is_empty();
    if named {
        return Ok((Pair { certificate: certificate.into(), key: key.into() }, false));
    }
    let kept = Pair::kept(data);
    if kept.certificate.exists() || kept.key.exists() {
        return Ok((kept, false));
    }
    let [certificate, key] = SELF_MADE.map(|name| data.join(name));
    let pair = Pair { certificate, key };
    if pair.load(None).is_err() {
        pair.make(addresses)?;
    }
    Ok((pair, true))
}

impl Pair {
    /// The operator's, in the data folder.
    fn kept(data: &Path) -> Self {
        Self { certificate: data.join("cert.pem"), key: data.join("key.pem") }
    }

    fn is_whole(&self) -> bool {
        self.certificate.exists() && self.key.exists()
    }

    fn stamp(&self) -> Stamp {
        [&self.certificate, &self.key].map(|path| {
            let metadata = fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
    }

    fn load(&self, bridges: Option<&Arc<Bridges>>) -> Result<Arc<ServerConfig>, TlsError> {
        let wrong = |path: &Path, what| TlsError::Pem { path: path.to_owned(), what };
        let bytes = read(&self.certificate)?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| wrong(&self.certificate, "certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(&read(&self.key)?)
            .map_err(|_| wrong(&self.key, "private key"))?;
        // Only TLS 1.2 and 1.3 are built in.
        let builder = match bridges {
            Some(bridges) => {
                let bridges: Arc<Bridges> = Arc::clone(bridges);
                ServerConfig::builder().with_client_cert_verifier(bridges)
            }
            None => ServerConfig::builder().with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    fn make(&self, addresses: &[IpAddr]) -> Result<(), TlsError> {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
        params.subject_alt_names.extend(addresses.iter().map(|ip| SanType::IpAddress(*ip)));
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "Parlour, self-made");
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        let write = |path: &PathBuf, text: &str| {
            write_private(path, text).map_err(|cause| TlsError::Io { path: path.clone(), cause })
        };
        write(&self.key, &key.serialize_pem())?;
        write(&self.certificate, &certificate.pem())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    use std::io::Read as _;
    let at = |cause| TlsError::Io { path: path.to_owned(), cause };
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(at)?;
    file.take(PEM_BYTES_MAX).read_to_end(&mut bytes).map_err(at)?;
    Ok(bytes)
}

/// Certificates of authorities, from a PEM file that holds at least one.
pub(crate) fn authorities(path: &Path) -> Result<(Vec<u8>, RootCertStore), TlsError> {
    let wrong = || TlsError::Pem { path: path.to_owned(), what: "certificate" };
    let (pem, mut roots) = (read(path)?, RootCertStore::empty());
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        roots.add(certificate.map_err(|_| wrong())?)?;
    }
    if roots.is_empty() { Err(wrong()) } else { Ok((pem, roots)) }
}

/// Writes a file that only its user may read, in place of an older one.
pub(crate) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let fresh = path.with_extension("new");
    drop(fs::remove_file(&fresh));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(data: &Path) -> Result<Certificates, TlsError> {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        Certificates::open(data, (Path::new(""), Path::new("")), &[], None)
    }

    #[test]
    fn a_self_made_certificate_is_kept() {
        let data = tempfile::tempdir().expect("a folder");
        assert!(open(data.path()).expect("made").is_self_made());
        let first = fs::read(data.path().join(SELF_MADE[0])).expect("kept");
        open(data.path()).expect("loaded");
        assert_eq!(fs::read(data.path().join(SELF_MADE[0])).expect("kept"), first);
    }

    #[test]
    fn the_operators_pair_in_the_data_folder_wins_and_must_be_whole() {
        let data = tempfile::tempdir().expect("a folder");
        open(data.path()).expect("made");
        fs::copy(data.path().join(SELF_MADE[0]), data.path().join("cert.pem")).expect("copied");
        assert!(matches!(open(data.path()), Err(TlsError::Io { .. })));
        fs::write(data.path().join("key.pem"), "nonsense").expect("written");
        assert!(matches!(open(data.path()), Err(TlsError::Pem { .. })));
        fs::copy(data.path().join(SELF_MADE[1]), data.path().join("key.pem")).expect("copied");
        assert!(!open(data.path()).expect("whole").is_self_made());
    }

    #[test]
    fn a_changed_pair_is_read_again_and_a_broken_one_is_not_used() {
        let data = tempfile::tempdir().expect("a folder");
        let certificates = open(data.path()).expect("made");
        let rewind = || {
            certificates.state.lock().expect("whole").looked = None;
        };
        let before = certificates.current();
        fs::write(data.path().join(SELF_MADE[1]), "broken").expect("written");
        rewind();
        assert!(Arc::ptr_eq(&before, &certificates.current()));
        certificates.pair.make(&[]).expect("made");
        rewind();
        let own = certificates.current();
        assert!(!Arc::ptr_eq(&before, &own));
        Pair::kept(data.path()).make(&[]).expect("made");
        rewind();
        assert!(!Arc::ptr_eq(&own, &certificates.current()));
    }
}
