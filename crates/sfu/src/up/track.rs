//! One section of a publisher, with its layers.

use super::keyframes::Wish;
use super::layer::Layer;
use crate::config::Config;
use crate::plan::{CodecName, Kind, UpSection};

/// Most simulcast layers of one track.
pub(super) const LAYERS_MAX: usize = 4;

/// One section of a publisher.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) section: UpSection,
    /// In the order of the rids, best first; one without simulcast.
    pub(crate) layers: Vec<Layer>,
    pub(crate) wish: Wish,
    /// The payload type that was seen.
    pub(super) live: Option<u8>,
}

/// What a payload type means in a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Media(CodecName),
    /// A resend of a packet with this payload type.
    Resend(u8),
}

impl Track {
    pub(super) fn new(section: &UpSection, config: &Config) -> Self {
        let mut track = Self {
            section: section.clone(),
            layers: Vec::new(),
            wish: Wish::default(),
            live: None,
        };
        track.arrange(section, config);
        track
    }

    /// Takes a new description of the section; layers are only added.
    pub(super) fn arrange(&mut self, section: &UpSection, config: &Config) {
        let wanted = section.rids.len().clamp(1, LAYERS_MAX);
        let ring = match section.kind {
            Kind::Audio => config.audio_ring,
            Kind::Video => config.video_ring,
        };
        self.layers.reserve_exact(wanted.saturating_sub(self.layers.len()));
        while self.layers.len() < wanted {
            self.layers.push(Layer::new(ring));
        }
        self.section = section.clone();
    }

    pub(super) fn meaning(&self, payload_type: u8) -> Option<Meaning> {
        self.section.codecs.iter().find_map(|codec| {
            if codec.payload_type == payload_type {
                return Some(Meaning::Media(codec.codec.name));
            }
            let resend = codec.rtx_payload_type == Some(payload_type);
            resend.then_some(Meaning::Resend(codec.payload_type))
        })
    }

    pub(crate) fn video(&self) -> bool {
        self.section.kind == Kind::Video
    }

    /// Whether a source to ask for key frames is known.
    pub(super) fn known(&self) -> bool {
        self.layers.iter().any(|layer| layer.ssrc.is_some())
    }

    /// The layer that a receiver wants: the first, or the last if `low`.
    pub(crate) fn wanted(&self, low: bool) -> usize {
        // Layers of an earlier description stay, and nothing comes there.
        let last = self.section.rids.len().clamp(1, LAYERS_MAX) - 1;
        if low { last } else { 0 }
    }
}

/// Ticks per second of a codec's timestamps.
pub(crate) fn clock_rate(codec: CodecName) -> u32 {
    match codec {
        CodecName::Opus => 48_000,
        CodecName::G722 | CodecName::Pcma | CodecName::Pcmu => 8_000,
        CodecName::Av1 | CodecName::H264 | CodecName::Vp8 | CodecName::Vp9 => 90_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::ExtensionIds;

    fn section(rids: &[&str]) -> UpSection {
        UpSection {
            mid: "1".to_owned(),
            kind: Kind::Video,
            codecs: Vec::new(),
            extensions: ExtensionIds::default(),
            ssrcs: Vec::new(),
            rids: rids.iter().map(|rid| (*rid).to_owned()).collect(),
            active: true,
            msid: None,
        }
    }

    #[test]
    fn who_wants_the_low_layer_gets_the_only_one_after_simulcast_was_given_up() {
        let config = Config::default();
        let mut track = Track::new(&section(&["h", "l"]), &config);
        assert_eq!(track.wanted(true), 1);
        track.arrange(&section(&[]), &config);
        assert_eq!((track.wanted(true), track.wanted(false)), (0, 0));
    }
}
