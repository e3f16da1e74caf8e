//! A part of a whole, exact to one in a million, so that a run can be repeated
//! from its profile's text.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Parts of the whole.
const WHOLE: u32 = 1_000_000;

/// How many of all: written as a number from 0 to 1, kept in millionths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u32);

impl Share {
    /// None.
    pub const NONE: Self = Self(0);
    /// All.
    pub const ALL: Self = Self(WHOLE);

    /// So many of a million; more than that is all.
    #[must_use]
    pub const fn millionths(n: u32) -> Self {
        Self(if n > WHOLE { WHOLE } else { n })
    }

    /// So many of a thousand.
    #[must_use]
    pub const fn permille(n: u32) -> Self {
        Self::millionths(n.saturating_mul(1_000))
    }

    /// So many of a hundred.
    #[must_use]
    pub const fn percent(n: u32) -> Self {
        Self::millionths(n.saturating_mul(10_000))
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// As a number from 0 to 1.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / f64::from(WHOLE)
    }

    /// Whether a number drawn below the whole falls into it.
    pub(crate) const fn covers(self, drawn: u32) -> bool {
        drawn < self.0
    }

    /// What to draw below.
    pub(crate) const fn whole() -> u32 {
        WHOLE
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.as_f64() * 100.0)
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_f64(self.as_f64())
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(d)?;
        if !(0.0..=1.0).contains(&number) {
            return Err(serde::de::Error::custom("expected a share from 0 to 1"));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and a million"
        )]
        Ok(Self((number * f64::from(WHOLE)).round() as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_reads_back_as_it_is_written() {
        for millionths in [0, 1, 333, 50_000, 999_999, 1_000_000] {
            let share = Share::millionths(millionths);
            let text = serde_json::to_string(&share).expect("a number");
            assert_eq!(serde_json::from_str::<Share>(&text).expect("a share"), share, "{text}");
        }
        assert_eq!(Share::percent(5), Share::permille(50));
        assert_eq!(Share::percent(500), Share::ALL);
    }

    #[test]
    fn what_is_no_part_of_a_whole_is_refused() {
        for text in ["-0.1", "1.1", "null", "\"5 %\""] {
            assert!(serde_json::from_str::<Share>(text).is_err(), "{text}");
        }
    }
}
