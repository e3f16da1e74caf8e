//! What members publish, and what others want of it.

use crate::member::{Member, MemberId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Names one stream within a room; chosen by its publisher.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamId(pub String);

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Sound or picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrackKind {
    /// Sound.
    Audio,
    /// Picture.
    Video,
}

/// One live source within a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    /// Names it within its stream.
    pub id: String,
    /// Sound or picture.
    pub kind: TrackKind,
    /// Whether it comes in several layers to choose from.
    pub layered: bool,
}

/// Tracks published together under a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// Unique in the room.
    pub id: StreamId,
    /// Who publishes it.
    pub owner: MemberId,
    /// Such as `camera` or `screenshare`.
    pub label: String,
    /// The stream whose place it takes for those who receive that one.
    pub replaces: Option<StreamId>,
    /// Its live tracks; empty until the first media has arrived.
    pub tracks: Vec<Track>,
}

/// Which tracks of a stream somebody wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// Its sound.
    pub audio: bool,
    /// Its picture.
    pub video: bool,
    /// Its picture in the lowest quality; `video` wins over it.
    pub low: bool,
}

/// Wishes by stream label; the empty label stands for all others.
pub type Wishes = BTreeMap<String, Wish>;

/// A track that a member receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pick {
    /// Names it within its stream.
    pub track: String,
    /// Sound or picture.
    pub kind: TrackKind,
    /// In the lowest quality.
    pub low: bool,
}

impl Stream {
    /// The tracks that `member` receives of this stream: the first audio
    /// track, and the first video track or, for `low`, the last one.
    #[must_use]
    pub fn picks(&self, member: &Member) -> Vec<Pick> {
        if self.owner == member.id {
            return Vec::new();
        }
        let by_label = || member.wishes.get(&self.label).or_else(|| member.wishes.get("")).copied();
        let wish = member.overrides.get(&self.id).copied().or_else(by_label).unwrap_or_default();
        let of = |kind| self.tracks.iter().filter(move |t| t.kind == kind);
        let audio = of(TrackKind::Audio).next().filter(|_| wish.audio).map(|t| (t, false));
        let video = if wish.video {
            of(TrackKind::Video).next().map(|t| (t, false))
        } else if wish.low {
            of(TrackKind::Video).next_back().map(|t| (t, true))
        } else {
            None
        };
        let pick = |(t, low): (&Track, bool)| Pick { track: t.id.clone(), kind: t.kind, low };
        audio.into_iter().chain(video).map(pick).collect()
    }
}
