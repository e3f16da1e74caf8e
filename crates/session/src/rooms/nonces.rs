//! The nonces of Hawk requests that were taken, as long as their time would let
//! them be taken again.

use parlour_base::Wall;
use parlour_wire::rooms::hawk::{HawkHeader, SKEW_MS_MAX};
use std::collections::BTreeSet;

/// What was taken: (time of the client, device, nonce).
#[derive(Debug, Default)]
pub(super) struct Nonces(BTreeSet<(i64, String, String)>);

impl Nonces {
    /// How many are remembered.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether this is the first of its kind; it is remembered then, and at
    /// most so many are: those go first whose time is over soonest.
    pub(super) fn add(&mut self, most: u32, device: &str, header: &HawkHeader, now: Wall) -> bool {
        // Nobody's time is further behind: it was looked at before.
        let Ok(ts) = header.ts.trim().parse::<f64>() else { return true };
        #[expect(clippy::cast_possible_truncation, reason = "it is near the present")]
        let ts = ts as i64;
        if most == 0 {
            return true;
        }
        let oldest = now.0.saturating_sub(SKEW_MS_MAX).div_euclid(1_000);
        while self.0.first().is_some_and(|(ts, ..)| *ts < oldest) {
            self.0.pop_first();
        }
        let is_new = self.0.insert((ts, device.to_owned(), header.nonce.clone()));
        if self.0.len() > most as usize {
            self.0.pop_first();
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(ts: &str, nonce: &str) -> HawkHeader {
        HawkHeader { ts: ts.to_owned(), nonce: nonce.to_owned(), ..HawkHeader::default() }
    }

    #[test]
    fn the_same_request_is_new_once_while_its_time_lasts() {
        let (mut nonces, now) = (Nonces::default(), Wall(1_000_000));
        assert!(nonces.add(10, "a", &header("1000", "n"), now));
        assert!(!nonces.add(10, "a", &header("1000", "n"), now));
        assert!(nonces.add(10, "b", &header("1000", "n"), now), "another device");
        assert!(nonces.add(10, "a", &header("1001", "n"), now), "another second");
        assert!(nonces.add(10, "a", &header("1090", "m"), Wall(1_090_000)));
        assert_eq!(nonces.len(), 1, "what is stale is refused for that");
    }

    #[test]
    fn no_more_are_remembered_than_allowed_and_none_if_none_are() {
        let (mut nonces, now) = (Nonces::default(), Wall(1_000_000));
        for n in 0..100 {
            assert!(nonces.add(5, "a", &header("1000", &n.to_string()), now));
            assert!(nonces.len() <= 5);
        }
        assert!(nonces.add(0, "a", &header("1000", "99"), now));
    }
}
