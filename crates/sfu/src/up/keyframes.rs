//! Asking a publisher for key frames, once for all who need one.

use parlour_base::Mono;
use std::time::Duration;

/// Requests without a key frame before the spacing grows.
const EAGER: u32 = 4;

/// The widest spacing, as a multiple of the configured one.
const SLOWEST: u32 = 8;

/// Requests before it is given up until somebody asks anew.
const TRIES_MAX: u32 = 24;

/// The wish for key frames of one track.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    /// Layers that need one, one bit each.
    layers: u8,
    last: Option<Mono>,
    tries: u32,
}

fn bit(layer: usize) -> u8 {
    1u8.checked_shl(u32::try_from(layer).unwrap_or(u32::MAX)).unwrap_or(0)
}

impl Wish {
    /// Somebody needs a key frame of `layer`.
    pub(crate) fn add(&mut self, layer: usize) {
        if self.layers & bit(layer) == 0 {
            self.tries = 0;
        }
        self.layers |= bit(layer);
    }

    /// A key frame of `layer` has begun.
    pub(crate) fn seen(&mut self, layer: usize) {
        self.layers &= !bit(layer);
    }

    /// When to ask next.
    pub(crate) fn deadline(&self, spacing: Duration) -> Option<Mono> {
        if self.layers == 0 || self.tries >= TRIES_MAX {
            return None;
        }
        let slower = self.tries.saturating_sub(EAGER).saturating_add(1).min(SLOWEST);
        Some(self.last.map_or(Mono(0), |last| last + spacing * slower))
    }

    /// The layer to ask for now, if it is time.
    pub(crate) fn due(&mut self, now: Mono, spacing: Duration) -> Option<usize> {
        if self.deadline(spacing)? > now {
            return None;
        }
        self.last = Some(now);
        self.tries = self.tries.saturating_add(1);
        usize::try_from(self.layers.trailing_zeros()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACING: Duration = Duration::from_millis(500);

    #[test]
    fn the_first_request_is_immediate_and_the_next_one_spaced() {
        let mut wish = Wish::default();
        let mut sent = 0;
        for step in 0..400u64 {
            wish.add(0);
            sent += usize::from(wish.due(Mono(step * 10_000), SPACING).is_some());
        }
        assert!((5..=8).contains(&sent), "{sent} in four seconds");
    }

    #[test]
    fn a_keyframe_ends_the_wish_for_its_layer_only() {
        let mut wish = Wish::default();
        wish.add(0);
        wish.add(1);
        assert_eq!(wish.due(Mono(0), SPACING), Some(0));
        wish.seen(0);
        assert_eq!(wish.due(Mono(1), SPACING), None);
        assert_eq!(wish.due(Mono(500_000), SPACING), Some(1));
        wish.seen(1);
        assert_eq!(wish.deadline(SPACING), None);
    }

    #[test]
    fn a_dead_source_is_not_asked_for_ever() {
        let mut wish = Wish::default();
        wish.add(0);
        let mut sent = 0;
        for step in 0..10_000u64 {
            sent += u32::from(wish.due(Mono(step * 100_000), SPACING).is_some());
        }
        assert_eq!(sent, TRIES_MAX);
    }
}
