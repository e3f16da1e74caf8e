//! Our ICE credentials: random, and telling which worker they belong to.

use crate::plan::{IceCredentials, WorkerIndex};
use parlour_base::{Entropy, Secret};

/// The characters of fragments and passwords (RFC 8839 §5.4: `ice-char`), six
/// bits each.
const ICE_CHARS: [u8; 64] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Characters at the front of a fragment that name the worker.
const WORKER_CHARS: usize = 2;

/// Random characters after them: 72 bits.
const UFRAG_RANDOM_CHARS: usize = 12;

/// Characters of a password: 144 bits.
const PWD_CHARS: usize = 24;

impl IceCredentials {
    /// Fresh credentials for a transport of `worker`.
    #[must_use]
    pub fn ours(worker: WorkerIndex, entropy: &mut Entropy) -> Self {
        let mut ufrag = String::with_capacity(WORKER_CHARS + UFRAG_RANDOM_CHARS);
        ufrag.push(ice_char(worker.0 >> 6));
        ufrag.push(ice_char(worker.0));
        ufrag.push_str(&random::<UFRAG_RANDOM_CHARS>(entropy));
        Self { ufrag, pwd: Secret::new(random::<PWD_CHARS>(entropy)) }
    }
}

/// The worker that a fragment of ours names; `None` if it cannot be ours.
#[must_use]
pub fn worker_of(ufrag: &str) -> Option<WorkerIndex> {
    let &[high, low, ref rest @ ..] = ufrag.as_bytes() else { return None };
    if rest.len() != UFRAG_RANDOM_CHARS || !rest.iter().all(|char| value(*char).is_some()) {
        return None;
    }
    let high = value(high).filter(|bits| *bits < 4)?;
    Some(WorkerIndex(high << 6 | value(low)?))
}

fn ice_char(bits: u8) -> char {
    char::from(ICE_CHARS[usize::from(bits & 0x3F)])
}

fn value(char: u8) -> Option<u8> {
    let position = ICE_CHARS.iter().position(|known| *known == char)?;
    u8::try_from(position).ok()
}

fn random<const N: usize>(entropy: &mut Entropy) -> String {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes.into_iter().map(ice_char).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_worker_is_found_again() {
        let mut entropy = Entropy::from_seed([7; 32]);
        for index in 0..=255 {
            let ours = IceCredentials::ours(WorkerIndex(index), &mut entropy);
            assert_eq!(worker_of(&ours.ufrag), Some(WorkerIndex(index)));
            assert_eq!(ours.ufrag.len(), 14);
            assert_eq!(ours.pwd.expose().len(), 24);
        }
    }

    #[test]
    fn a_fragment_of_another_shape_is_not_ours() {
        for ufrag in ["", "A", "AB", "ABabcdefabcde", "ABabcdefabcdefg", "AB-bcdefabcdef"] {
            assert_eq!(worker_of(ufrag), None, "{ufrag}");
        }
        assert_eq!(worker_of("EAabcdefabcdef"), None, "worker 256");
        assert_eq!(worker_of("ABabcdefabcdef"), Some(WorkerIndex(1)));
    }

    #[test]
    fn credentials_do_not_repeat() {
        let mut entropy = Entropy::from_seed([7; 32]);
        let [a, b] = [0; 2].map(|_| IceCredentials::ours(WorkerIndex(0), &mut entropy));
        assert_ne!(a.ufrag, b.ufrag);
        assert!(!a.pwd.matches(b.pwd.expose()));
    }
}
