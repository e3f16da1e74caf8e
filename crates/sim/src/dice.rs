//! Chance, all of it from one seed.

use parlour_base::Entropy;

/// Microseconds of a millisecond.
pub(crate) const MS: u64 = 1_000;
/// Microseconds of a second.
pub(crate) const SEC: u64 = 1_000 * MS;

/// The world's source of chance.
#[derive(Debug)]
pub(crate) struct Dice(Entropy);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        let mut bytes = [0x5a; 32];
        for (to, from) in bytes.iter_mut().zip(seed.to_be_bytes()) {
            *to = from;
        }
        Self(Entropy::from_seed(bytes))
    }

    /// A generator for another machine of this world.
    pub(crate) fn entropy(&mut self) -> Entropy {
        self.0.fork()
    }

    /// Dice of their own for a part of this world.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.0.fork())
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u32::try_from(bound).expect("worlds are small");
        self.0.below(bound) as usize
    }

    /// True in `permille` of a thousand cases.
    pub(crate) fn chance(&mut self, permille: u32) -> bool {
        self.0.below(1_000) < permille
    }

    /// A time between the two, in microseconds.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.0.bits() % (high - low).max(1)
    }

    /// One of these.
    pub(crate) fn pick<'t, T>(&mut self, list: &'t [T]) -> &'t T {
        &list[self.below(list.len())]
    }

    /// One of these, if there is any.
    pub(crate) fn one<T>(&mut self, list: impl IntoIterator<Item = T>) -> Option<T> {
        let mut list: Vec<T> = list.into_iter().collect();
        if list.is_empty() { None } else { Some(list.swap_remove(self.below(list.len()))) }
    }
}
