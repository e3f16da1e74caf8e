//! One packet of the publisher, as a subscriber gets it.

use super::track::{DownTrack, Stretch, vp8_numbers};
use crate::negotiate::DOWN_EXTENSIONS;
use crate::outbox::Path;
use crate::plan::{CodecName, Kind};
use crate::shared::{Shared, low16};
use crate::srtp::Seal;
use crate::up::Packet;
use parlour_base::Mono;
use parlour_wire::payload::vp8;
use parlour_wire::rtp::{Fields, write_header};

/// Header extensions of one packet, at most.
pub(super) const ELEMENTS_MAX: usize = 4;

/// The values of header extensions that are ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    send_time: [u8; 3],
    orientation: [u8; 1],
}

impl Stamp {
    /// abs-send-time: 6 bits of seconds and 18 of fraction.
    pub(super) fn new(now: Mono, packet: &Packet) -> Self {
        let ticks = (u128::from(now.0) << 18) / 1_000_000;
        let [.., a, b, c] = ticks.to_be_bytes();
        Self { send_time: [a, b, c], orientation: [packet.meta.orientation.unwrap_or(0)] }
    }
}

impl DownTrack {
    /// Whether a packet with our number carries the mid.
    fn named(&self, number: u64) -> bool {
        self.named_until.is_none_or(|until| number < until)
    }

    /// The header extensions of a packet. They follow from the number and the
    /// packet alone unless there is a source for resends: a packet that is
    /// repeated under its own number must be the same, byte for byte.
    pub(super) fn elements<'a>(
        &'a self,
        number: u64,
        packet: &'a Packet,
        stamp: &'a Stamp,
    ) -> ([(u8, &'a [u8]); ELEMENTS_MAX], usize) {
        let mut elements: [(u8, &[u8]); ELEMENTS_MAX] = [(0, &[]); ELEMENTS_MAX];
        let mut count = 0;
        let mut put = |id: Option<u8>, value: &'a [u8]| {
            if let (Some(id), Some(place)) = (id, elements.get_mut(count)) {
                *place = (id, value);
                count += 1;
            }
        };
        let ids = &DOWN_EXTENSIONS;
        if self.named(number) {
            put(ids.mid, self.section.mid.as_bytes());
        }
        if self.repairs() {
            put(ids.abs_send_time, &stamp.send_time);
        }
        if self.section.kind == Kind::Video {
            if packet.meta.orientation.is_some() {
                put(ids.video_orientation, &stamp.orientation);
            }
            if !packet.descriptor().is_empty() {
                put(ids.dependency_descriptor, packet.descriptor());
            }
        }
        (elements, count)
    }

    /// Whether resends have a source of their own.
    pub(super) fn repairs(&self) -> bool {
        self.section.rtx_ssrc.is_some() && self.section.rtx_payload_type.is_some()
    }

    /// Length of a packet before protection, to compare with others.
    pub(super) fn length(&self, number: u64, packet: &Packet, stamp: &Stamp) -> usize {
        let (elements, count) = self.elements(number, packet, stamp);
        let used = elements.get(..count).unwrap_or(&[]);
        let long = used.iter().any(|(id, value)| *id > 14 || !matches!(value.len(), 1..=16));
        let heads = if long { 2 } else { 1 };
        let block: usize = used.iter().map(|(_, value)| value.len() + heads).sum();
        let block = if count == 0 { 0 } else { 4 + block.next_multiple_of(4) };
        packet.payload().len().saturating_add(block)
    }
}

/// Everything needed to write one packet.
#[derive(Debug)]
pub(super) struct Writing<'a> {
    pub(super) track: &'a DownTrack,
    pub(super) packet: &'a Packet,
    pub(super) stretch: &'a Stretch,
    /// Our number for it.
    pub(super) number: u64,
    pub(super) now: Mono,
}

impl Writing<'_> {
    fn fields(&self) -> Fields {
        let meta = &self.packet.meta;
        Fields {
            marker: meta.marker,
            payload_type: self.track.section.payload_type,
            sequence: low16(self.number),
            timestamp: meta.timestamp.wrapping_add(self.stretch.timestamp),
            ssrc: self.track.section.ssrc,
        }
    }

    /// The payload with renumbered pictures in `room`, or as it is.
    fn payload<'b>(&'b self, room: &'b mut Vec<u8>) -> &'b [u8] {
        let stretch = self.stretch;
        let plain = self.packet.payload();
        if !stretch.renumbered || self.packet.meta.codec != CodecName::Vp8 {
            return plain;
        }
        let (picture, base_layer) = vp8_numbers(self.packet);
        let picture = picture.unwrap_or(0).wrapping_add(stretch.picture) & 0x7FFF;
        let base_layer = base_layer.unwrap_or(0).wrapping_add(stretch.base_layer);
        room.clear();
        room.extend_from_slice(plain);
        vp8::rewrite(room, picture, base_layer);
        room
    }

    /// Sends the packet with `padding` bytes of padding behind it; its length
    /// if it was sent.
    pub(super) fn send(
        &self,
        path: Path,
        seal: &Seal,
        padding: u8,
        shared: &mut Shared,
    ) -> Option<usize> {
        let stamp = Stamp::new(self.now, self.packet);
        let (elements, count) = self.track.elements(self.number, self.packet, &stamp);
        let elements = elements.get(..count).unwrap_or(&[]);
        let mut room = std::mem::take(&mut shared.payload);
        let payload = self.payload(&mut room);
        let tail = [0, 0, 0, padding];
        let tail = tail.get(4usize.saturating_sub(usize::from(padding))..).unwrap_or(&[]);
        let length = payload.len();
        let sent = shared.outbox.datagram(path, &mut shared.stats, |out| {
            let at = out.len();
            write_header(out, &self.fields(), elements, padding > 0);
            seal.rtp(self.track.section.ssrc, self.number, at, payload, tail, out)
        });
        shared.payload = room;
        sent.then(|| {
            shared.stats.rtp_out += 1;
            length
        })
    }

    /// Sends the packet again on the source for resends (RFC 4588 §4), under
    /// `resend`, the next number there.
    pub(super) fn send_again(
        &self,
        path: Path,
        seal: &Seal,
        resend: u64,
        shared: &mut Shared,
    ) -> Option<usize> {
        let section = &self.track.section;
        let (ssrc, payload_type) = (section.rtx_ssrc?, section.rtx_payload_type?);
        let stamp = Stamp::new(self.now, self.packet);
        let (elements, count) = self.track.elements(self.number, self.packet, &stamp);
        let elements = elements.get(..count).unwrap_or(&[]);
        let mut room = Vec::new();
        let mut wrapped = std::mem::take(&mut shared.payload);
        let payload = self.payload(&mut room);
        wrapped.clear();
        wrapped.extend_from_slice(&low16(self.number).to_be_bytes());
        wrapped.extend_from_slice(payload);
        let fields = Fields { payload_type, ssrc, sequence: low16(resend), ..self.fields() };
        let sent = shared.outbox.datagram(path, &mut shared.stats, |out| {
            let at = out.len();
            write_header(out, &fields, elements, false);
            seal.rtp(ssrc, resend, at, &wrapped, &[], out)
        });
        let length = wrapped.len();
        shared.payload = wrapped;
        sent.then(|| {
            shared.stats.rtp_out += 1;
            length
        })
    }
}
