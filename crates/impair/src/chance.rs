//! Chance, all of it from one seed.

use crate::share::Share;
use parlour_base::Entropy;
use std::time::Duration;

/// A source of chance for one machine.
#[derive(Debug)]
pub(crate) struct Chance(Entropy);

impl Chance {
    /// The source number `stream` of this seed; sources do not touch each
    /// other, so what one direction draws changes nothing for the other.
    pub(crate) fn new(seed: u64, stream: u8) -> Self {
        let mut bytes = [stream; 32];
        for (to, from) in bytes.iter_mut().zip(seed.to_be_bytes()) {
            *to = from;
        }
        Self(Entropy::from_seed(bytes))
    }

    /// True in this share of all cases. Draws even where the answer is known,
    /// so that changing one share leaves the others' luck as it was.
    pub(crate) fn hits(&mut self, share: Share) -> bool {
        share.covers(self.0.below(Share::whole()))
    }

    /// A time from zero to `most`, both possible.
    pub(crate) fn up_to(&mut self, most: Duration) -> Duration {
        let micros = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
        let drawn = self.0.bits();
        Duration::from_micros(micros.checked_add(1).map_or(drawn, |bound| drawn % bound))
    }

    /// A number from 1 to `most`, or 1 if that is smaller.
    pub(crate) fn one_to(&mut self, most: usize) -> usize {
        let most = u32::try_from(most).unwrap_or(u32::MAX).max(1);
        usize::try_from(self.0.below(most)).unwrap_or(0).saturating_add(1)
    }

    /// A byte that is not zero.
    pub(crate) fn bits_to_flip(&mut self) -> u8 {
        1 << self.0.below(8)
    }
}
