//! Which packets of a source have been seen (RFC 3711 §3.3.2).

/// Packets that may arrive late, behind the newest one.
pub(super) const WINDOW: u64 = 1_024;

const WORDS: usize = 16;

/// A sliding window over packet indices.
#[derive(Debug, Clone, Default)]
pub(super) struct Replay {
    highest: Option<u64>,
    seen: [u64; WORDS],
}

/// Word and bit of an index; the window is a ring of its own size.
fn place(index: u64) -> (usize, u64) {
    let at = index % WINDOW;
    (usize::try_from(at / 64).unwrap_or(0), 1 << (at % 64))
}

impl Replay {
    /// The newest index seen.
    pub(super) fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// Whether a packet with this index may still be taken.
    pub(super) fn fresh(&self, index: u64) -> bool {
        let Some(highest) = self.highest else { return true };
        if index > highest {
            return true;
        }
        let (word, bit) = place(index);
        highest - index < WINDOW && self.seen.get(word).is_some_and(|seen| seen & bit == 0)
    }

    /// Marks an authenticated packet as seen.
    pub(super) fn mark(&mut self, index: u64) {
        match self.highest {
            Some(highest) if index > highest => {
                if index - highest >= WINDOW {
                    self.seen = [0; WORDS];
                } else {
                    for skipped in highest + 1..index {
                        let (word, bit) = place(skipped);
                        if let Some(seen) = self.seen.get_mut(word) {
                            *seen &= !bit;
                        }
                    }
                }
                self.highest = Some(index);
            }
            Some(_) => {}
            None => self.highest = Some(index),
        }
        let (word, bit) = place(index);
        if let Some(seen) = self.seen.get_mut(word) {
            *seen |= bit;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn a_packet_is_fresh_once_and_not_when_too_old() {
        let mut replay = Replay::default();
        for index in [10, 12, 5_000] {
            assert!(replay.fresh(index));
            replay.mark(index);
            assert!(!replay.fresh(index));
        }
        assert!(!replay.fresh(11));
        assert!(!replay.fresh(5_000 - WINDOW));
        assert!(replay.fresh(5_001 - WINDOW));
    }

    proptest! {
        #[test]
        fn the_window_agrees_with_a_set(indices in prop::collection::vec(0u64..4_000, 1..300)) {
            let (mut replay, mut model, mut highest) = (Replay::default(), HashSet::new(), None);
            for index in indices {
                let old = highest.is_some_and(|high: u64| high.saturating_sub(index) >= WINDOW);
                prop_assert_eq!(replay.fresh(index), !old && !model.contains(&index));
                if replay.fresh(index) {
                    replay.mark(index);
                    model.insert(index);
                    highest = highest.max(Some(index));
                }
            }
        }
    }
}
