//! A stand-in for a browser: str0m, a camera and a microphone.

use parlour_sfu::plan::{DownSection, PeerId};
use std::net::SocketAddr;
use std::time::Instant;
use str0m::Rtc;
use str0m::media::{KeyframeRequestKind, MediaKind, Mid, Rid};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite, Ssrc};

/// A stand-in for a browser's PeerConnection.
pub(crate) struct Client {
    pub(crate) rtc: Rtc,
    pub(crate) address: SocketAddr,
    pub(crate) peer: PeerId,
    pub(crate) worker: usize,
    pub(crate) connected: bool,
    /// (arrival in ms, packet)
    pub(crate) received: Vec<(u64, RtpPacket)>,
    pub(crate) keyframes_asked: Vec<Option<Rid>>,
    /// Whether it makes sound and pictures.
    pub(crate) sends: bool,
    pub(crate) rids: Vec<&'static str>,
    pub(crate) video: VideoSource,
    pub(crate) audio_number: u64,
    pub(crate) remote_updates: u64,
    pub(crate) next_timeout: Instant,
    pub(crate) sections: Vec<DownSection>,
    pub(crate) mids: Vec<(MediaKind, Mid)>,
    /// Bits per second that it believes its way carries.
    pub(crate) estimate: u64,
}

#[derive(Default)]
pub(crate) struct VideoSource {
    pub(crate) frames: u64,
    pub(crate) numbers: [u64; 4],
    pub(crate) key_next: bool,
    pub(crate) packets_per_frame: usize,
    pub(crate) last_key_frame: u64,
    /// Frames between key frames that nobody asked for; 0 = only on request.
    pub(crate) paused: bool,
    /// Layers that send nothing.
    pub(crate) paused_layers: Vec<usize>,
}

/// An audio payload that tells its number.
pub(crate) fn audio(number: u64) -> Vec<u8> {
    [&[0xFC][..], &number.to_be_bytes(), &[7; 60]].concat()
}

/// A VP8 packet that tells frame and part.
fn picture(frame: u64, part: usize, key: bool, layer: u8) -> Vec<u8> {
    let start = part == 0;
    let [.., id_high, id_low] = frame.to_be_bytes();
    let mut bytes = vec![if start { 0x90 } else { 0x80 }, 0xC0, 0x80 | id_high & 0x7F, id_low];
    bytes.push(id_low);
    bytes.push(u8::from(!key));
    bytes.push(layer);
    bytes.extend_from_slice(&frame.to_be_bytes());
    bytes.push(part as u8);
    // Parts of a frame differ by a byte, as browsers cut them.
    bytes.resize(900 + part % 2, 0x55);
    bytes
}

/// (frame, part, key, layer) of a received VP8 payload, and its picture id.
pub(crate) fn read_picture(payload: &[u8]) -> (u64, u8, bool, u8, u16) {
    let frame = u64::from_be_bytes(payload[7..15].try_into().unwrap());
    let id = u16::from_be_bytes([payload[2] & 0x7F, payload[3]]);
    (frame, payload[15], payload[5] & 1 == 0, payload[6], id)
}

impl Client {
    #[allow(clippy::too_many_arguments, reason = "a packet has many fields")]
    pub(crate) fn write(
        &mut self,
        section: usize,
        rid: Option<&str>,
        number: u64,
        time: u32,
        now: Instant,
        marker: bool,
        payload: &[u8],
    ) {
        let kind = if section == 0 { MediaKind::Audio } else { MediaKind::Video };
        let Some(mid) = self.mid(kind) else { return };
        let pt = if section == 0 { 111.into() } else { 96.into() };
        let rid: Option<Rid> = rid.map(Rid::from);
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid, rid) else { panic!("no stream for {mid}") };
        let packet = RtpWrite::new(pt, (number + 100).into(), time, now, payload.to_vec())
            .marker(marker)
            .ext_vals(ExtensionValues::default())
            .nackable(section == 1);
        stream.write_rtp(packet);
        self.next_timeout = now;
    }

    pub(crate) fn mid(&self, kind: MediaKind) -> Option<Mid> {
        self.mids.iter().find(|(known, _)| *known == kind).map(|(_, mid)| *mid)
    }

    pub(crate) fn make_frame(&mut self, now: Instant, ms: u64) {
        let key = std::mem::take(&mut self.video.key_next);
        let frame = self.video.frames;
        self.video.frames += 1;
        if key {
            self.video.last_key_frame = frame;
        }
        let parts = self.video.packets_per_frame;
        let rids: Vec<Option<&'static str>> = match self.rids.is_empty() {
            true => vec![None],
            false => self.rids.iter().map(|rid| Some(*rid)).collect(),
        };
        for (layer, rid) in rids.into_iter().enumerate() {
            if self.video.paused_layers.contains(&layer) {
                continue;
            }
            for part in 0..parts {
                let number = self.video.numbers[layer];
                self.video.numbers[layer] += 1;
                let time = (ms * 90) as u32 + layer as u32 * 1_000_000;
                let payload = picture(frame, part, key, layer as u8);
                self.write(1, rid, number, time, now, part + 1 == parts, &payload);
            }
        }
    }

    /// The video packets that arrived, by our SSRC.
    pub(crate) fn pictures(&self) -> Vec<(u64, &RtpPacket)> {
        let mine = |packet: &RtpPacket| *packet.header.payload_type == 96;
        let packets = self.received.iter().filter(|(_, packet)| mine(packet));
        packets.map(|(at, packet)| (*at, packet)).collect()
    }

    pub(crate) fn sounds(&self) -> Vec<(u64, &RtpPacket)> {
        let mine = |packet: &RtpPacket| *packet.header.payload_type == 111;
        let packets = self.received.iter().filter(|(_, packet)| mine(packet));
        packets.map(|(at, packet)| (*at, packet)).collect()
    }

    /// Asks for lost packets even without a source for resends.
    pub(crate) fn insist_on_nacks(&mut self) {
        let ssrc: Ssrc = self.sections[1].ssrc.into();
        if let Some(stream) = self.rtc.direct_api().stream_rx(&ssrc) {
            stream.suppress_nack(false);
        }
    }

    /// Asks for a key frame.
    pub(crate) fn ask(&mut self, ssrc: u32) {
        let ssrc: Ssrc = ssrc.into();
        if let Some(stream) = self.rtc.direct_api().stream_rx(&ssrc) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }
}
