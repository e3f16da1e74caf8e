//! Randomness as an argument.
//!
//! Below the edge nothing asks the operating system for random bits: the edge
//! seeds one generator per machine, and the simulator seeds it from the run.

use crate::id::{RoomId, UserId};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use std::fmt;

/// A cryptographically strong generator with a known seed.
pub struct Entropy(ChaCha20Rng);

impl Entropy {
    /// A generator whose whole output follows from `seed`.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// A generator for a part of the machine, drawn from this one.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        let mut seed = [0; 32];
        self.0.fill_bytes(&mut seed);
        Self::from_seed(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Fills `bytes` with random ones.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    /// A number below `bound`, which must not be zero; the bias is below 2⁻³².
    pub fn below(&mut self, bound: u32) -> u32 {
        u32::try_from(self.bits() % u64::from(bound)).expect("smaller than a u32")
    }

    /// Base64url text that carries `N` random bytes.
    pub fn text<const N: usize>(&mut self) -> String {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// A user id that may be issued.
    pub fn user_id(&mut self) -> UserId {
        loop {
            if let Some(id) = UserId::new(self.bits()) {
                return id;
            }
        }
    }

    /// A random UUID (RFC 9562 §5.4), as text.
    pub fn uuid(&mut self) -> String {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        let bits = u128::from_be_bytes(bytes) & !(0xf << 76) & !(0x3 << 62);
        let hex = format!("{:032x}", bits | 0x4 << 76 | 0x2 << 62);
        let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| hex.get(part).unwrap_or(""));
        parts.join("-")
    }

    /// A room id that may be issued.
    pub fn room_id(&mut self) -> RoomId {
        loop {
            if let Some(id) = RoomId::new(self.bits()) {
                return id;
            }
        }
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}
