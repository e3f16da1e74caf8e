//! VP8 payloads (RFC 7741 §4).

use super::{Cursor, PictureId};

/// The payload descriptor at the front of every packet (RFC 7741 §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptor {
    /// N: no other frame refers to this one.
    pub discardable: bool,
    /// S: a partition begins here.
    pub partition_start: bool,
    /// PID: which partition.
    pub partition: u8,
    /// Number of the picture.
    pub picture_id: Option<PictureId>,
    /// Number of the last picture of the base layer.
    pub tl0_index: Option<u8>,
    /// Temporal layer, 0 to 3.
    pub temporal_layer: Option<u8>,
    /// Y: the picture refers to the base layer only.
    pub layer_sync: bool,
    /// Which keyframe the picture belongs to, 5 bits.
    pub key_index: Option<u8>,
    /// Bytes before the coded picture.
    pub length: usize,
}

impl Descriptor {
    /// Reads the descriptor of an RTP payload; `None` if it is cut short.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(payload);
        let first = cursor.byte()?;
        let flags = if first & 0x80 != 0 { cursor.byte()? } else { 0 };
        let has = |bit: u8| flags & bit != 0;
        let picture_id = match has(0x80) {
            true => Some(cursor.picture_id()?),
            false => None,
        };
        let tl0_index = match has(0x40) {
            true => Some(cursor.byte()?),
            false => None,
        };
        let layers = match has(0x30) {
            true => cursor.byte()?,
            false => 0,
        };
        Some(Self {
            discardable: first & 0x20 != 0,
            partition_start: first & 0x10 != 0,
            partition: first & 0x07,
            picture_id,
            tl0_index,
            temporal_layer: has(0x20).then_some(layers >> 6),
            layer_sync: has(0x20) && layers & 0x20 != 0,
            key_index: has(0x10).then_some(layers & 0x1F),
            length: cursor.used,
        })
    }

    /// Whether the packet is the first of its frame.
    #[must_use]
    pub fn frame_start(&self) -> bool {
        self.partition_start && self.partition == 0
    }
}

/// Whether the payload begins a keyframe: the frame header's P bit is clear
/// (RFC 6386 §9.1).
#[must_use]
pub fn keyframe_start(payload: &[u8]) -> Option<bool> {
    let descriptor = Descriptor::parse(payload)?;
    if !descriptor.frame_start() {
        return Some(false);
    }
    payload.get(descriptor.length).map(|byte| byte & 1 == 0)
}

/// Replaces picture id and base layer index in place, where the descriptor has
/// them; the id keeps its width, and loses the bits that do not fit.
///
/// Returns whether the descriptor could be read.
pub fn rewrite(payload: &mut [u8], picture_id: u16, tl0_index: u8) -> bool {
    let Some(descriptor) = Descriptor::parse(payload) else {
        return false;
    };
    // A descriptor with an id has its two flag bytes before it.
    let mut fields = payload.iter_mut().skip(2);
    let [high, low] = picture_id.to_be_bytes();
    let mut put = |byte| {
        if let Some(field) = fields.next() {
            *field = byte;
        }
    };
    match descriptor.picture_id {
        Some(PictureId { long: true, .. }) => {
            put(0x80 | high);
            put(low);
        }
        Some(PictureId { long: false, .. }) => put(low & 0x7F),
        None => {}
    }
    if descriptor.tl0_index.is_some() {
        put(tl0_index);
    }
    true
}
