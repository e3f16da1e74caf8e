//! Counting times so that percentiles can be told, in memory of a fixed size.

/// Steps within a doubling: values are known to about 1.6 %.
const STEPS: u64 = 64;

/// Doublings: up to 2^34 microseconds, almost five hours.
const DOUBLINGS: u64 = 28;

/// Times in microseconds.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        let length = usize::try_from(STEPS * (DOUBLINGS + 1)).unwrap_or(0);
        Self { counts: vec![0; length], total: 0 }
    }
}

impl Histogram {
    /// Counts one time.
    pub fn add(&mut self, us: u64) {
        let last = self.counts.len().saturating_sub(1);
        let at = usize::try_from(place(us)).unwrap_or(last).min(last);
        if let Some(count) = self.counts.get_mut(at) {
            *count += 1;
            self.total += 1;
        }
    }

    /// Counts what another one has counted.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
    }

    /// How many were counted.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// The smallest time that `percent` of all times do not exceed, in
    /// milliseconds; zero when nothing was counted.
    #[must_use]
    pub fn percentile_ms(&self, percent: f64) -> f64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let wanted = ((self.total as f64 * percent / 100.0).ceil() as u64).max(1);
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return value(at as u64) as f64 / 1_000.0;
            }
        }
        0.0
    }
}

/// Where a value is counted: exactly below [`STEPS`], then by its leading bits.
const fn place(us: u64) -> u64 {
    if us < STEPS {
        return us;
    }
    let doubling = us.ilog2() as u64 - STEPS.ilog2() as u64;
    STEPS * (doubling + 1) + (us >> doubling) - STEPS
}

/// The largest value that is counted at a place.
const fn value(at: u64) -> u64 {
    if at < STEPS {
        return at;
    }
    let doubling = at / STEPS - 1;
    ((at % STEPS + STEPS + 1) << doubling) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_counted_close_to_itself() {
        for us in [0, 1, 63, 64, 65, 127, 128, 1_000, 65_535, 1 << 30] {
            let near = value(place(us));
            assert!(near >= us && near - us <= us / 60, "{us} became {near}");
        }
    }

    #[test]
    fn percentiles_of_a_hundred_values_are_what_they_should_be() {
        let mut times = Histogram::default();
        for ms in 1..=100 {
            times.add(ms * 1_000);
        }
        for percent in [50.0, 99.0, 100.0] {
            let found = times.percentile_ms(percent);
            assert!((found - percent).abs() <= percent / 50.0, "p{percent} is {found}");
        }
        assert_eq!(times.total(), 100);
        assert!((Histogram::default().percentile_ms(99.0)).abs() < f64::EPSILON);
    }
}
