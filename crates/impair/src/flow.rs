//! One direction of a stream: its bytes, cut into pieces and held until they
//! are due.
//!
//! A machine like [`Link`](crate::Link). Nothing is lost here: a full buffer
//! is told ahead by [`Flow::room`], so that the sender waits.

use crate::chance::Chance;
use crate::profile::{Course, Way};
use crate::timing::Timing;
use parlour_base::Mono;
use serde::Serialize;
use std::collections::VecDeque;
use std::time::Duration;

/// Largest piece that leaves at once, and the largest that should be read at
/// once.
pub const READ_BYTES_MAX: usize = 16 << 10;

/// What one direction of a stream is told.
#[derive(Debug, Clone)]
pub enum FlowInput<'a> {
    /// Bytes were sent.
    Bytes(&'a [u8]),
    /// The sender says no more.
    End,
    /// Nothing arrives for so long from now on.
    Stall(Duration),
    /// The network is another one, and its times begin at the given time.
    Change(&'a Course, Mono),
    /// Time has passed.
    Tick,
}

/// What one direction of a stream does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlowOutput {
    /// These bytes arrive, by themselves.
    Bytes(Vec<u8>),
    /// The receiver learns that no more comes; nothing follows.
    End,
    /// The connection is reset in both directions; nothing follows.
    Reset,
}

/// More bytes than there is room for; none of them was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more bytes than there is room for")]
pub struct Overflow;

/// What one direction of a stream did.
///
/// Always: `taken_bytes = delivered_bytes + cut_bytes +` those held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FlowCounts {
    /// Bytes sent into it.
    pub taken_bytes: u64,
    /// Bytes that arrived.
    pub delivered_bytes: u64,
    /// The pieces they came in.
    pub pieces: u64,
    /// Bytes behind a half close or a reset.
    pub cut_bytes: u64,
    /// Whether it ended itself before its sender did.
    pub half_closed: u64,
    /// Whether it reset the connection.
    pub reset: u64,
}

impl FlowCounts {
    /// Adds another's.
    pub const fn merge(&mut self, other: &Self) {
        self.taken_bytes += other.taken_bytes;
        self.delivered_bytes += other.delivered_bytes;
        self.pieces += other.pieces;
        self.cut_bytes += other.cut_bytes;
        self.half_closed += other.half_closed;
        self.reset += other.reset;
    }
}

/// One direction of a stream.
#[derive(Debug)]
pub struct Flow {
    timing: Timing,
    chance: Chance,
    now: Mono,
    bytes: VecDeque<u8>,
    pieces: VecDeque<(Mono, usize)>,
    /// When the sender's end arrives.
    end: Option<Mono>,
    stalled_until: Mono,
    is_over: bool,
    counts: FlowCounts,
}

impl Flow {
    /// One that comes into being at `now`; the profile's times began at
    /// `start`.
    #[must_use]
    pub fn new(course: &Course, way: Way, seed: u64, start: Mono, now: Mono) -> Self {
        let stream = match way {
            Way::Up => 3,
            Way::Down => 4,
        };
        Self {
            timing: Timing::new(course, start),
            chance: Chance::new(seed, stream),
            now,
            bytes: VecDeque::new(),
            pieces: VecDeque::new(),
            end: None,
            stalled_until: Mono(0),
            is_over: false,
            counts: FlowCounts::default(),
        }
    }

    /// How many bytes may be handed over now. After the end there is room
    /// without limit, and what comes is cut off.
    #[must_use]
    pub fn room(&self) -> usize {
        if self.is_over {
            return usize::MAX;
        }
        self.timing.course().buffer.bytes().saturating_sub(self.bytes.len())
    }

    /// Takes one input. Time does not go back; if it does, it stands still.
    ///
    /// # Errors
    /// [`Overflow`] if there are more bytes than [`room`](Self::room) allows.
    pub fn handle(&mut self, now: Mono, input: FlowInput<'_>) -> Result<(), Overflow> {
        self.now = self.now.max(now);
        match input {
            FlowInput::Bytes(bytes) if bytes.len() > self.room() => return Err(Overflow),
            FlowInput::Bytes(bytes) => self.take(bytes),
            FlowInput::End if self.end.is_none() => {
                self.end = Some(self.timing.arrival(self.now, 0));
            }
            FlowInput::End | FlowInput::Tick => {}
            FlowInput::Stall(time) => self.stalled_until = self.stalled_until.max(self.now + time),
            FlowInput::Change(course, start) => self.timing.change(course, start),
        }
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) {
        self.counts.taken_bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.is_over || self.end.is_some() {
            self.counts.cut_bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            return;
        }
        self.bytes.extend(bytes);
        let mut left = bytes.len();
        while left > 0 {
            let most = self.timing.course().piece_max;
            let piece = match usize::try_from(most).unwrap_or(usize::MAX) {
                0 => READ_BYTES_MAX,
                most => self.chance.one_to(most),
            };
            let piece = piece.min(left).min(READ_BYTES_MAX);
            self.pieces.push_back((self.timing.arrival(self.now, piece), piece));
            left -= piece;
        }
    }

    /// What is due by the time of the last input; `None` when there is nothing
    /// more.
    pub fn poll(&mut self) -> Option<FlowOutput> {
        if self.is_over || self.now < self.stalled_until {
            return None;
        }
        let (half_close, reset) = self.ends();
        let limit = reset.into_iter().chain(half_close).min().unwrap_or(u64::MAX);
        let left = limit.saturating_sub(self.counts.delivered_bytes);
        if left == 0 {
            return Some(self.cut(reset == Some(limit)));
        }
        match self.pieces.front().copied() {
            Some((at, length)) if at <= self.now => Some(self.deliver(length, left)),
            Some(_) => None,
            None if self.end.is_some_and(|at| at <= self.now) => {
                self.is_over = true;
                Some(FlowOutput::End)
            }
            None => None,
        }
    }

    /// When to come again at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        if self.is_over {
            return None;
        }
        let next = self.pieces.front().map(|(at, _)| *at).or(self.end);
        let due = if self.is_used_up() { Some(self.now) } else { next };
        due.map(|at| at.max(self.stalled_until))
    }

    /// What it did so far.
    #[must_use]
    pub const fn counts(&self) -> &FlowCounts {
        &self.counts
    }

    /// After how many bytes it ends by itself: half, and altogether.
    fn ends(&self) -> (Option<u64>, Option<u64>) {
        let course = self.timing.course();
        (course.half_close_after.map(|size| size.0), course.reset_after.map(|size| size.0))
    }

    fn is_used_up(&self) -> bool {
        let (half_close, reset) = self.ends();
        half_close.into_iter().chain(reset).any(|limit| limit <= self.counts.delivered_bytes)
    }

    fn deliver(&mut self, length: usize, left: u64) -> FlowOutput {
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(length);
        let bytes: Vec<u8> = self.bytes.drain(..length.min(self.bytes.len())).collect();
        match self.pieces.front_mut() {
            Some((_, whole)) if *whole > length => *whole -= length,
            _ => drop(self.pieces.pop_front()),
        }
        self.counts.pieces += 1;
        self.counts.delivered_bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        FlowOutput::Bytes(bytes)
    }

    fn cut(&mut self, resets: bool) -> FlowOutput {
        self.is_over = true;
        self.counts.cut_bytes += u64::try_from(self.bytes.len()).unwrap_or(u64::MAX);
        self.bytes.clear();
        self.pieces.clear();
        if resets {
            self.counts.reset += 1;
            FlowOutput::Reset
        } else {
            self.counts.half_closed += 1;
            FlowOutput::End
        }
    }
}

#[cfg(test)]
#[path = "flow_tests.rs"]
mod tests;
