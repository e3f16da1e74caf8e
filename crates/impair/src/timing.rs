//! When the bytes of one direction of a stream arrive: in order, late, and
//! after every stall.

use crate::bottleneck::Bottleneck;
use crate::profile::Course;
use crate::window::after_all;
use parlour_base::Mono;

/// The times of one direction of one stream.
#[derive(Debug)]
pub struct Timing {
    course: Course,
    start: Mono,
    bottleneck: Bottleneck,
    latest: Mono,
}

impl Timing {
    /// One whose profile begins at `start`.
    #[must_use]
    pub fn new(course: &Course, start: Mono) -> Self {
        let (bottleneck, latest) = (Bottleneck::default(), Mono(0));
        Self { course: course.clone(), start, bottleneck, latest }
    }

    /// Another profile from `start` on; the order stays.
    pub fn change(&mut self, course: &Course, start: Mono) {
        (self.course, self.start) = (course.clone(), start);
    }

    /// When the last of `length` bytes sent now arrives: not before anything
    /// sent earlier.
    pub fn arrival(&mut self, now: Mono, length: usize) -> Mono {
        let out = self.bottleneck.send(now, length, self.course.rate_bps);
        let due = (out + self.course.delay.0).max(self.latest);
        self.latest = after_all(&self.course.stalls, self.start, due);
        self.latest
    }

    pub(crate) const fn course(&self) -> &Course {
        &self.course
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Window;
    use parlour_base::Span;
    use std::time::Duration;

    #[test]
    fn nothing_arrives_in_a_stall_and_all_of_it_afterwards() {
        let stalls = vec![Window { at: Span::secs(1), lasting: Span::secs(2), every: None }];
        let course = Course { delay: Span::millis(100), stalls, ..Course::default() };
        let mut timing = Timing::new(&course, Mono(0));
        let at = |millis| Mono(0) + Duration::from_millis(millis);
        assert_eq!(timing.arrival(at(500), 10), at(600));
        assert_eq!(timing.arrival(at(950), 10), at(3_000));
        assert_eq!(timing.arrival(at(960), 10), at(3_000));
        assert_eq!(timing.arrival(at(3_000), 10), at(3_100));
    }

    #[test]
    fn a_shorter_delay_does_not_let_later_bytes_overtake() {
        let slow = Course { delay: Span::secs(5), ..Course::default() };
        let mut timing = Timing::new(&slow, Mono(0));
        let first = timing.arrival(Mono(0), 1);
        timing.change(&Course::default(), Mono(10));
        assert_eq!(timing.arrival(Mono(10), 1), first);
    }

    #[test]
    fn a_rate_spreads_the_bytes() {
        let course = Course { rate_bps: 8_000, ..Course::default() };
        let mut timing = Timing::new(&course, Mono(0));
        assert_eq!(timing.arrival(Mono(0), 1_000), Mono(1_000_000));
        assert_eq!(timing.arrival(Mono(0), 500), Mono(1_500_000));
    }
}
