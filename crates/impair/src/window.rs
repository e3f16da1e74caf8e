//! Times at which something happens, once or again and again, counted from
//! when a profile began.

use parlour_base::{Mono, Span};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Most windows or moments of one kind in a profile.
pub const WINDOWS_MAX: usize = 64;

/// A span of time in which something is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// When it begins, from the profile's beginning.
    pub at: Span,
    /// How long it lasts.
    #[serde(rename = "for")]
    pub lasting: Span,
    /// How long after a beginning the next one follows; only once without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Span>,
}

impl Window {
    /// If `elapsed` lies inside, when the window ends.
    fn end(&self, elapsed: Duration) -> Option<Duration> {
        let since = elapsed.checked_sub(self.at.0)?;
        let begun = match self.every {
            Some(every) => rounds(since, every),
            None => Duration::ZERO,
        };
        let inside = since.saturating_sub(begun) < self.lasting.0;
        inside.then(|| self.at.0.saturating_add(begun).saturating_add(self.lasting.0))
    }

    /// Whether it leaves any time between two of its rounds.
    pub(crate) fn leaves_time(&self) -> bool {
        self.every.is_none_or(|every| every.0 > self.lasting.0)
    }
}

/// The whole rounds of `every` that `since` has behind it.
fn rounds(since: Duration, every: Span) -> Duration {
    let every = every.0.as_micros().max(1);
    let micros = since.as_micros() / every * every;
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

/// The first time from `now` on that is in none of the windows.
pub(crate) fn after_all(windows: &[Window], start: Mono, now: Mono) -> Mono {
    let mut free = now;
    // Each round leaves one window behind; windows that cover each other for
    // ever are given up on rather than followed for ever.
    for _ in 0..WINDOWS_MAX * 2 {
        let elapsed = free.since(start);
        let Some(end) = windows.iter().filter_map(|window| window.end(elapsed)).max() else {
            break;
        };
        free = start + end;
    }
    free
}

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moment {
    /// When it comes, from the profile's beginning.
    pub at: Span,
    /// How long after it the next one follows; only once without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Span>,
}

impl Moment {
    /// The first one later than `elapsed`.
    fn after(&self, elapsed: Duration) -> Option<Duration> {
        let Some(since) = elapsed.checked_sub(self.at.0) else { return Some(self.at.0) };
        // A millisecond at least, or there would be no next one.
        let every = Span(self.every?.0.max(Duration::from_millis(1)));
        Some(self.at.0.saturating_add(rounds(since, every)).saturating_add(every.0))
    }
}

/// The first moment of all that is later than `now`.
pub(crate) fn next_of(moments: &[Moment], start: Mono, now: Mono) -> Option<Mono> {
    let elapsed = now.since(start);
    moments.iter().filter_map(|moment| moment.after(elapsed)).min().map(|at| start + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Mono = Mono(1_000_000);

    fn at(secs: u64) -> Mono {
        START + Duration::from_secs(secs)
    }

    #[test]
    fn a_window_ends_and_comes_again() {
        let window =
            Window { at: Span::secs(5), lasting: Span::secs(2), every: Some(Span::secs(10)) };
        let free = |secs| after_all(&[window], START, at(secs));
        assert_eq!([free(4), free(5), free(6), free(7)], [at(4), at(7), at(7), at(7)]);
        assert_eq!([free(14), free(15), free(26)], [at(14), at(17), at(27)]);
        let once = Window { every: None, ..window };
        assert_eq!(after_all(&[once], START, at(15)), at(15));
    }

    #[test]
    fn windows_that_touch_are_one() {
        let first = Window { at: Span::secs(1), lasting: Span::secs(2), every: None };
        let second = Window { at: Span::secs(3), lasting: Span::secs(4), every: None };
        assert_eq!(after_all(&[first, second], START, at(2)), at(7));
    }

    #[test]
    fn windows_without_end_do_not_hold_the_search_up() {
        let always =
            Window { at: Span::secs(0), lasting: Span::secs(9), every: Some(Span::secs(1)) };
        assert!(!always.leaves_time());
        assert!(after_all(&[always], START, at(1)) > at(1));
    }

    #[test]
    fn moments_follow_each_other() {
        let moment = Moment { at: Span::secs(3), every: Some(Span::secs(4)) };
        let next = |secs| next_of(&[moment], START, at(secs));
        assert_eq!([next(0), next(3), next(7)], [Some(at(3)), Some(at(7)), Some(at(11))]);
        let once = Moment { every: None, ..moment };
        assert_eq!(next_of(&[once], START, at(3)), None);
    }
}
