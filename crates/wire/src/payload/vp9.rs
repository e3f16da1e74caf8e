//! VP9 payloads (RFC 9628 §4).

use super::{Cursor, PictureId};

/// Most reference indices in one descriptor (RFC 9628 §4.2).
const REFERENCES_MAX: usize = 3;

/// The payload descriptor at the front of every packet (RFC 9628 §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptor {
    /// P: the picture refers to earlier ones.
    pub inter_picture: bool,
    /// B: a frame of a layer begins here.
    pub frame_start: bool,
    /// E: a frame of a layer ends here.
    pub frame_end: bool,
    /// Z: no higher spatial layer refers to this frame.
    pub not_reference: bool,
    /// Number of the picture.
    pub picture_id: Option<PictureId>,
    /// Layers, if the packet names them.
    pub layers: Option<Layers>,
    /// Number of the last picture of the base layer, in the non-flexible mode.
    pub tl0_index: Option<u8>,
    /// Bytes before the coded picture.
    pub length: usize,
}

/// Where a packet sits among the layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layers {
    /// Temporal layer, 0 to 7.
    pub temporal: u8,
    /// U: from here on higher temporal layers may be forwarded.
    pub switching_up: bool,
    /// Spatial layer, 0 to 7.
    pub spatial: u8,
    /// D: the frame refers to the spatial layer below it.
    pub inter_layer: bool,
}

impl Descriptor {
    /// Reads the descriptor of an RTP payload; `None` if it is cut short or
    /// lists too many references.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(payload);
        let first = cursor.byte()?;
        let has = |bit: u8| first & bit != 0;
        let picture_id = match has(0x80) {
            true => Some(cursor.picture_id()?),
            false => None,
        };
        let flexible = has(0x10);
        let (mut layers, mut tl0_index) = (None, None);
        if has(0x20) {
            let byte = cursor.byte()?;
            layers = Some(Layers {
                temporal: byte >> 5,
                switching_up: byte & 0x10 != 0,
                spatial: byte >> 1 & 0x07,
                inter_layer: byte & 0x01 != 0,
            });
            if !flexible {
                tl0_index = Some(cursor.byte()?);
            }
        }
        if flexible && has(0x40) {
            skip_references(&mut cursor)?;
        }
        if has(0x02) {
            skip_structure(&mut cursor)?;
        }
        Some(Self {
            inter_picture: has(0x40),
            frame_start: has(0x08),
            frame_end: has(0x04),
            not_reference: has(0x01),
            picture_id,
            layers,
            tl0_index,
            length: cursor.used,
        })
    }
}

/// Steps over the list of references: the low bit says that another follows.
fn skip_references(cursor: &mut Cursor<'_>) -> Option<()> {
    for _ in 0..REFERENCES_MAX {
        if cursor.byte()? & 0x01 == 0 {
            return Some(());
        }
    }
    None
}

/// Steps over the scalability structure (RFC 9628 §4.2.1).
fn skip_structure(cursor: &mut Cursor<'_>) -> Option<()> {
    let head = cursor.byte()?;
    if head & 0x10 != 0 {
        let layers = usize::from(head >> 5) + 1;
        cursor.take(layers * 4)?;
    }
    if head & 0x08 != 0 {
        for _ in 0..cursor.byte()? {
            let references = cursor.byte()? >> 2 & 0x03;
            cursor.take(usize::from(references))?;
        }
    }
    Some(())
}

/// Whether the payload begins a keyframe, judged by the uncompressed header of
/// the lowest spatial layer (VP9 bitstream specification §6.2).
#[must_use]
pub fn keyframe_start(payload: &[u8]) -> Option<bool> {
    let descriptor = Descriptor::parse(payload)?;
    let above_base = descriptor.layers.is_some_and(|layers| layers.spatial > 0);
    if !descriptor.frame_start || descriptor.inter_picture || above_base {
        return Some(false);
    }
    let header = payload.get(descriptor.length)?;
    // Two bits marker, profile low and high, one reserved bit in profile 3.
    if header >> 6 != 0b10 {
        return Some(false);
    }
    let position = if header >> 4 & 0b11 == 0b11 { 2 } else { 3 };
    let shows_existing = header >> position & 1 == 1;
    let inter = header >> (position - 1) & 1 == 1;
    Some(!shows_existing && !inter)
}
