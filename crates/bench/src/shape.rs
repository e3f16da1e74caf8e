//! When a publisher sends packets, and of which size.
//!
//! Owns the shapes of traffic: `browser`, drawn from a recording, and `flat`,
//! equal packets in equal steps. The same seed gives the same schedule, so the
//! server and the limit it is compared with send the same. Refuses to know
//! what is in a packet and where it goes.

mod data;

use clap::ValueEnum;
use parlour_base::Entropy;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A shape of traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Frames in bursts, as recorded from a browser.
    Browser,
    /// Packets of one size in equal steps: nothing can be sent together.
    Flat,
}

/// What a publisher sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// Opus, 50 packets a second.
    pub audio: bool,
    /// VP8 at about 1.5 Mbit/s.
    pub video: bool,
}

/// Sound or picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Opus.
    Audio,
    /// VP8.
    Video,
}

/// One packet of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// Microseconds since the schedule began.
    pub at_us: u64,
    /// Which section it belongs to.
    pub kind: Kind,
    /// Microseconds since the schedule began for the whole frame; its RTP time.
    pub frame_us: u64,
    /// Length of the RTP payload.
    pub bytes: usize,
    /// Whether it begins a frame.
    pub first: bool,
    /// Whether it ends a frame.
    pub last: bool,
    /// Whether its frame is a key frame.
    pub key: bool,
}

/// Bytes of a packet in the flat shape.
const FLAT_BYTES: usize = 1_084;

/// Bytes of a sound packet in the flat shape, and of the first one in any.
const FLAT_AUDIO_BYTES: usize = 80;

/// Microseconds between packets in the flat shape: as many a second as in the
/// recording.
const FLAT_STEP_US: u64 = 6_369;

/// The endless schedule of one publisher.
#[derive(Debug)]
pub struct Schedule {
    shape: Shape,
    media: Media,
    dice: Entropy,
    next_audio_us: u64,
    next_audio_bytes: usize,
    next_frame_us: u64,
    key: bool,
    /// Packets of the current frame that are still to come.
    frame: VecDeque<Planned>,
}

impl Schedule {
    /// The schedule of publisher number `index` in the run with `seed`.
    #[must_use]
    pub fn new(shape: Shape, media: Media, seed: u64, index: u64) -> Self {
        let mut bytes = [0; 32];
        for (to, from) in
            bytes.iter_mut().zip(seed.to_be_bytes().into_iter().chain(index.to_be_bytes()))
        {
            *to = from;
        }
        let mut dice = Entropy::from_seed(bytes);
        // Publishers do not begin at the same moment.
        let next_audio_us = u64::from(dice.below(20_000));
        let next_frame_us = u64::from(dice.below(38_000));
        Self {
            shape,
            media,
            dice,
            next_audio_us,
            next_audio_bytes: FLAT_AUDIO_BYTES,
            next_frame_us,
            key: true,
            frame: VecDeque::new(),
        }
    }

    /// Makes the next frame a key frame.
    pub fn want_key_frame(&mut self) {
        self.key = true;
    }

    /// The next packet; `None` if there is neither sound nor picture.
    pub fn peek(&mut self) -> Option<Planned> {
        if self.media.video && self.frame.is_empty() {
            self.plan_frame();
        }
        let video = self.frame.front().copied();
        let audio = self.media.audio.then_some(self.next_audio_us);
        match (audio, video) {
            (Some(at), Some(video)) if at > video.at_us => Some(video),
            (None, Some(video)) => Some(video),
            (Some(at_us), _) => Some(Planned {
                at_us,
                kind: Kind::Audio,
                frame_us: at_us,
                bytes: self.next_audio_bytes,
                first: true,
                last: true,
                key: false,
            }),
            (None, None) => None,
        }
    }

    /// Takes the packet off that [`peek`](Self::peek) showed.
    pub fn advance(&mut self, shown: &Planned) {
        match shown.kind {
            Kind::Audio => {
                self.next_audio_us += data::AUDIO_US;
                if self.shape == Shape::Browser {
                    let udp = draw(&mut self.dice, data::AUDIO_UDP_BYTES);
                    self.next_audio_bytes = payload(udp);
                }
            }
            Kind::Video => drop(self.frame.pop_front()),
        }
    }

    fn plan_frame(&mut self) {
        let frame_us = self.next_frame_us;
        let key = std::mem::take(&mut self.key);
        if self.shape == Shape::Flat {
            self.next_frame_us += FLAT_STEP_US;
            self.frame.push_back(Planned {
                at_us: frame_us,
                kind: Kind::Video,
                frame_us,
                bytes: FLAT_BYTES,
                first: true,
                last: true,
                key,
            });
            return;
        }
        self.next_frame_us += data::FRAME_US;
        let table = if key { data::PACKETS_PER_KEY_FRAME } else { data::PACKETS_PER_FRAME };
        let count = draw(&mut self.dice, table);
        let size = payload(draw(&mut self.dice, data::VIDEO_UDP_BYTES));
        let smaller = self.dice.below(count);
        let last_by = draw(&mut self.dice, data::LAST_DIFFERS_BY);
        let mut at_us = frame_us;
        for part in 0..count {
            let last = part + 1 == count;
            let mut bytes = size + usize::from(part >= smaller);
            if last && count > 1 {
                bytes = bytes.saturating_add_signed(isize::try_from(last_by).unwrap_or(0));
            }
            let first = part == 0;
            self.frame.push_back(Planned {
                at_us,
                kind: Kind::Video,
                frame_us,
                bytes,
                first,
                last,
                key,
            });
            at_us += u64::from(draw(&mut self.dice, data::GAP_US));
        }
    }
}

/// RTP payload of a packet with this UDP payload; room for what we mark it with.
fn payload(udp: u32) -> usize {
    usize::try_from(udp.saturating_sub(data::AROUND_PAYLOAD)).unwrap_or(0).max(crate::mark::ROOM)
}

/// Draws a value as often as it was seen.
fn draw<T: Copy + Default>(dice: &mut Entropy, table: &[(T, u32)]) -> T {
    let total: u32 = table.iter().map(|(_, count)| count).sum();
    let mut at = dice.below(total.max(1));
    for (value, count) in table {
        match at.checked_sub(*count) {
            Some(rest) => at = rest,
            None => return *value,
        }
    }
    T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(mut schedule: Schedule, until_us: u64) -> Vec<Planned> {
        let mut all = Vec::new();
        while let Some(planned) = schedule.peek().filter(|planned| planned.at_us < until_us) {
            schedule.advance(&planned);
            all.push(planned);
        }
        all
    }

    const BOTH: Media = Media { audio: true, video: true };

    #[test]
    fn the_browser_shape_has_the_rate_of_the_recording() {
        let all = take(Schedule::new(Shape::Browser, BOTH, 1, 0), 60_000_000);
        let (video, audio): (Vec<Planned>, Vec<Planned>) =
            all.iter().copied().partition(|p| p.kind == Kind::Video);
        assert!((video.len() / 60).abs_diff(157) < 10, "{} packets a second", video.len() / 60);
        assert!((audio.len() / 60).abs_diff(50) < 2);
        let bits: usize = video.iter().map(|p| p.bytes * 8).sum();
        assert!((bits / 60_000).abs_diff(1_390) < 90, "{} kbit/s", bits / 60_000);
        let frames = video.iter().filter(|p| p.last).count();
        assert_eq!(frames, video.iter().filter(|p| p.first).count());
        assert!(all.iter().all(|p| (crate::mark::ROOM..1_200).contains(&p.bytes)));
    }

    #[test]
    fn packets_of_a_frame_differ_by_at_most_a_byte_except_the_last() {
        let all = take(
            Schedule::new(Shape::Browser, Media { audio: false, video: true }, 7, 3),
            5_000_000,
        );
        for frame in all.chunk_by(|a, b| a.frame_us == b.frame_us) {
            let [front @ .., last] = frame else { continue };
            let sizes = || front.iter().map(|p| p.bytes);
            let (Some(low), Some(high)) = (sizes().min(), sizes().max()) else { continue };
            assert!(high - low <= 1 && last.bytes <= high + 2);
            assert!(last.last && frame.first().is_some_and(|p| p.first));
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_schedule() {
        let some = |seed, index| take(Schedule::new(Shape::Browser, BOTH, seed, index), 1_000_000);
        assert_eq!(some(1, 1), some(1, 1));
        assert_ne!(some(1, 1), some(1, 2));
    }

    #[test]
    fn the_flat_shape_sends_single_packets_in_equal_steps() {
        let all =
            take(Schedule::new(Shape::Flat, Media { audio: false, video: true }, 1, 0), 1_000_000);
        assert!(all.iter().all(|p| p.first && p.last && p.bytes == FLAT_BYTES));
        assert!(all.windows(2).all(|pair| pair[1].at_us - pair[0].at_us == FLAT_STEP_US));
        assert!(all.len().abs_diff(157) < 8);
    }
}
