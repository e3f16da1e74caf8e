//! Lines of calls: of those that are in one, the first goes on and the others
//! wait until it is done.

use crate::port::CallId;
use parlour_session::call::Line;
use std::collections::{BTreeMap, VecDeque};

/// Who is in which line.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// The first of each has its turn.
    calls: BTreeMap<Line, VecDeque<CallId>>,
    /// The lines that each call is in.
    of: BTreeMap<CallId, Vec<Line>>,
}

/// What comes of joining a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is the caller's turn.
    First,
    /// Others are before it.
    Behind,
    /// Too many are before it, and it is not in the line.
    None,
}

impl Lines {
    /// A call joins a line in which at most so many may wait.
    pub(crate) fn join(&mut self, line: Line, call: CallId, most: u32) -> Place {
        let calls = self.calls.entry(line.clone()).or_default();
        if calls.contains(&call) {
            return Place::First;
        }
        if calls.len() > most as usize {
            return Place::None;
        }
        calls.push_back(call);
        let place = if calls.len() == 1 { Place::First } else { Place::Behind };
        self.of.entry(call).or_default().push(line);
        place
    }

    /// A call is done, which it can only be when it is the first in each of its
    /// lines; whose turn it is now.
    pub(crate) fn leave(&mut self, call: CallId) -> Vec<CallId> {
        let mut next = Vec::new();
        for line in self.of.remove(&call).unwrap_or_default() {
            let Some(calls) = self.calls.get_mut(&line) else { continue };
            let first = calls.pop_front();
            debug_assert_eq!(first, Some(call), "it went on before its turn");
            match calls.front() {
                Some(first) => next.push(*first),
                None => drop(self.calls.remove(&line)),
            }
        }
        next
    }

    /// How many calls wait for their turn.
    pub(crate) fn waiting(&self) -> usize {
        self.calls.values().map(|calls| calls.len().saturating_sub(1)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlour_base::RoomId;

    fn room(bits: u64) -> Line {
        Line::Room(RoomId::new(bits).expect("a room"))
    }

    #[test]
    fn who_comes_first_goes_on_first_and_the_next_when_it_is_done() {
        let mut lines = Lines::default();
        let [a, b, c] = [1, 2, 3].map(CallId::new);
        assert_eq!(lines.join(room(1), a, 9), Place::First);
        assert_eq!(lines.join(room(1), b, 9), Place::Behind);
        assert_eq!(lines.join(room(1), c, 9), Place::Behind);
        assert_eq!(lines.join(room(2), c, 9), Place::First, "another line");
        assert_eq!(lines.waiting(), 2);
        assert_eq!(lines.leave(a), [b]);
        assert_eq!(lines.leave(b), [c]);
        assert_eq!(lines.leave(c), []);
        assert_eq!((lines.waiting(), lines.calls.len(), lines.of.len()), (0, 0, 0));
    }

    #[test]
    fn a_line_has_an_end_and_joining_twice_is_joining_once() {
        let mut lines = Lines::default();
        let [a, b, c] = [1, 2, 3].map(CallId::new);
        assert_eq!(lines.join(room(1), a, 1), Place::First);
        assert_eq!(lines.join(room(1), a, 1), Place::First);
        assert_eq!(lines.join(room(1), b, 1), Place::Behind);
        assert_eq!(lines.join(room(1), c, 1), Place::None);
        assert_eq!(lines.leave(c), []);
        assert_eq!(lines.leave(a), [b]);
        assert_eq!(lines.leave(b), []);
    }
}
