//! AV1 payloads (RTP Payload Format For AV1, v1.0, §4).

use super::Cursor;

/// Kinds of open bitstream unit that matter here (AV1 specification §6.2.2).
const SEQUENCE_HEADER: u8 = 1;
const FRAME_HEADER: u8 = 3;
const FRAME: u8 = 6;

/// Most units looked at in one payload: each takes at least a byte, and a
/// keyframe names itself within the first few.
const UNITS_MAX: usize = 16;

/// Whether the payload begins a keyframe: it carries a sequence header, and
/// the frame header that follows in the same packet, if any, says so too.
#[must_use]
pub fn keyframe_start(payload: &[u8]) -> Option<bool> {
    let mut cursor = Cursor::new(payload);
    let aggregation = cursor.byte()?;
    if cursor.rest.is_empty() {
        return None;
    }
    // Z: the first element continues one of the packet before.
    if aggregation & 0x80 != 0 {
        return Some(false);
    }
    let count = usize::from(aggregation >> 4 & 0x03);
    let mut sequence = false;
    for index in 1..=UNITS_MAX {
        if cursor.rest.is_empty() {
            break;
        }
        let size = match count {
            n if n == index => cursor.rest.len(),
            _ => leb128(&mut cursor)?,
        };
        // The last unit of a packet may be a fragment of a longer one, but is
        // never shorter than its element says.
        let mut unit = Cursor::new(cursor.take(size)?);
        let Some(head) = unit.byte() else { continue };
        match head >> 3 & 0x0F {
            SEQUENCE_HEADER => sequence = true,
            FRAME_HEADER | FRAME => return Some(sequence && is_key(head, unit)),
            _ => {}
        }
    }
    Some(sequence)
}

/// Whether a frame header is that of a keyframe; one that cannot be reached
/// counts as such, since a sequence header came before it.
fn is_key(head: u8, mut unit: Cursor<'_>) -> bool {
    let mut first = || {
        if head & 0x04 != 0 {
            unit.byte()?;
        }
        if head & 0x02 != 0 {
            leb128(&mut unit)?;
        }
        unit.byte()
    };
    // show_existing_frame (1 bit), frame_type (2 bits, 0 = key).
    first().is_none_or(|bits| bits & 0xE0 == 0)
}

/// A number in groups of seven bits, lowest first (AV1 specification §4.10.5).
fn leb128(cursor: &mut Cursor<'_>) -> Option<usize> {
    let mut value = 0usize;
    for group in 0..4 {
        let byte = cursor.byte()?;
        value |= usize::from(byte & 0x7F) << (group * 7);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    // Longer numbers do not fit into any datagram.
    None
}
