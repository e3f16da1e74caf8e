//! How a transport comes by its keys: mostly they are agreed on with a wave of
//! the hand, which takes a round trip and can be lost; in some worlds by DTLS.

use super::Means;
use super::sink::Keys;
use crate::dice::MS;
use dimpl::{Dtls, DtlsCertificate, Output, SrtpProfile};
use parlour_base::Mono;
use parlour_sfu::Identity;
use parlour_sfu::srtp::{Exported, Open, Profile, Seal};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// First bytes of the wave and of its answer; DTLS begins with 20 to 63.
pub(crate) const WAVE: u8 = 63;
pub(crate) const WAVE_BACK: u8 = 62;

/// Sources accepted from the server.
const SOURCES_MAX: usize = 64;

/// Certificates and what the DTLS library shares; made once, for all worlds.
/// What they are matters to no world.
#[derive(Debug)]
pub(crate) struct Papers {
    pub server: Identity,
    /// Clients show one of these.
    pub phones: Vec<Identity>,
    config: Arc<dimpl::Config>,
    base: Instant,
}

/// How many certificates clients have.
pub(crate) const CERTIFICATES: u32 = 3;

impl Papers {
    pub(crate) fn get() -> &'static Self {
        static PAPERS: OnceLock<Papers> = OnceLock::new();
        PAPERS.get_or_init(|| {
            #[expect(clippy::disallowed_methods, reason = "the library counts from a real instant")]
            let base = Instant::now();
            let identity = |_| Identity::generate(base).expect("a certificate can be made");
            let config = dimpl::Config::builder().mtu(1_200).build();
            Self {
                server: identity(0),
                phones: (0..CERTIFICATES).map(identity).collect(),
                config: Arc::new(config.expect("nothing unusual is configured")),
                base,
            }
        })
    }

    fn instant(&self, now: u64) -> Instant {
        self.base + Duration::from_micros(now)
    }
}

/// The keys that a wave agrees on.
pub(crate) fn waved(secret: u64, certificate: u32, peer: u64) -> Exported {
    let seed = secret ^ (peer << 8) ^ u64::from(certificate);
    let material: Vec<u8> = (0..56u64)
        .map(|at| {
            seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(at * 0x1_0001).to_be_bytes()[3]
        })
        .collect();
    Exported::cut(Profile::AeadAes128Gcm, &material).expect("as much as the profile needs")
}

/// The client's half of keys.
pub(crate) fn keys(exported: &Exported) -> Keys {
    let seal = Seal::new(exported.profile, &exported.client);
    let open = Open::new(exported.profile, &exported.server, SOURCES_MAX);
    let (seal, open) = seal.zip(open).expect("the keys have the right size");
    Keys { seal, open }
}

/// One attempt to come by keys.
#[derive(Debug)]
pub(crate) enum Handshake {
    /// Nothing may be said yet.
    Waiting,
    /// The wave is repeated until it is answered.
    Waving {
        next: u64,
        wait: u64,
    },
    /// DTLS, and when it wants to be looked at.
    Dtls(Box<Dtls>, u64),
    Done,
}

impl Handshake {
    /// The path is there: begin.
    pub(crate) fn begin(&mut self, now: u64, dtls: Option<u32>) {
        if !matches!(self, Self::Waiting) {
            return;
        }
        *self = match dtls {
            None => Self::Waving { next: now, wait: 100 * MS },
            Some(certificate) => {
                let papers = Papers::get();
                let shown = &papers.phones[certificate as usize];
                let shown = DtlsCertificate {
                    certificate: shown.certificate_der().to_vec(),
                    private_key: shown.private_key_der().expose().clone(),
                };
                let config = Arc::clone(&papers.config);
                let mut dtls = Dtls::new_12(config, shown, papers.instant(now));
                dtls.set_active(true);
                Self::Dtls(Box::new(dtls), now)
            }
        };
    }

    pub(crate) fn due(&self) -> u64 {
        match self {
            Self::Waving { next, .. } => *next,
            Self::Dtls(_, due) => *due,
            Self::Waiting | Self::Done => u64::MAX,
        }
    }

    /// Lets time pass, or takes a datagram of the server.
    pub(crate) fn go(
        &mut self,
        now: u64,
        hello: &[u8],
        bytes: Option<&[u8]>,
        means: &mut Means<'_>,
    ) -> Option<Exported> {
        match self {
            Self::Waiting | Self::Done => None,
            Self::Waving { next, wait } => {
                if *next <= now {
                    *next = now + *wait;
                    *wait = (*wait * 2).min(1_600 * MS);
                    means.out.push(hello.to_vec());
                }
                None
            }
            Self::Dtls(dtls, due) => {
                let papers = Papers::get();
                let fed = dtls.handle_timeout(papers.instant(now)).is_ok()
                    && bytes.is_none_or(|bytes| dtls.handle_packet(bytes).is_ok());
                *due = u64::MAX;
                if !fed {
                    return None;
                }
                let mut room = vec![0; 18 << 10];
                let mut keys = None;
                // Each turn takes something out; the timeout comes last.
                loop {
                    match dtls.poll_output(&mut room) {
                        Output::Packet(bytes) => means.out.push(bytes.to_vec()),
                        Output::KeyingMaterial(material, profile) => {
                            keys = profile_of(profile)
                                .and_then(|profile| Exported::cut(profile, &material));
                        }
                        Output::Timeout(at) => {
                            let at = at.saturating_duration_since(papers.base);
                            let at = Mono::default() + at;
                            *due = at.0.max(now + MS);
                            return keys;
                        }
                        Output::BufferTooSmall { .. } => return keys,
                        _ => {}
                    }
                }
            }
        }
    }
}

fn profile_of(profile: SrtpProfile) -> Option<Profile> {
    Some(match profile {
        SrtpProfile::AEAD_AES_128_GCM => Profile::AeadAes128Gcm,
        SrtpProfile::AEAD_AES_256_GCM => Profile::AeadAes256Gcm,
        SrtpProfile::AES128_CM_SHA1_80 => Profile::Aes128CmHmacSha1,
        _ => return None,
    })
}
