//! H.264 payloads (RFC 6184 §5).

use super::Cursor;

/// Kinds of NAL unit that matter here (H.264 table 7-1, RFC 6184 table 1).
const SEQUENCE_PARAMETERS: u8 = 7;
const STAP_A: u8 = 24;
const STAP_B: u8 = 25;
const FU_A: u8 = 28;
const FU_B: u8 = 29;

/// Whether the payload begins a keyframe: it carries sequence parameters,
/// which every encoder for calls repeats before a keyframe.
#[must_use]
pub fn keyframe_start(payload: &[u8]) -> Option<bool> {
    let mut cursor = Cursor::new(payload);
    match cursor.byte()? & 0x1F {
        0 => None,
        SEQUENCE_PARAMETERS => Some(true),
        STAP_A => aggregate(cursor),
        STAP_B => {
            cursor.take(2)?;
            aggregate(cursor)
        }
        FU_A | FU_B => {
            let fragment = cursor.byte()?;
            Some(fragment & 0x80 != 0 && fragment & 0x1F == SEQUENCE_PARAMETERS)
        }
        _ => Some(false),
    }
}

/// Looks at each unit of an aggregate; cut short, it cannot be told.
fn aggregate(mut cursor: Cursor<'_>) -> Option<bool> {
    while !cursor.rest.is_empty() {
        let size = u16::from_be_bytes([cursor.byte()?, cursor.byte()?]);
        let unit = cursor.take(usize::from(size))?;
        if unit.first().is_some_and(|head| head & 0x1F == SEQUENCE_PARAMETERS) {
            return Some(true);
        }
    }
    Some(false)
}
