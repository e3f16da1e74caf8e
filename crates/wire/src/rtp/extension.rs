//! Header extensions in their one-byte and two-byte form (RFC 8285 §4).

use super::{Fields, ONE_BYTE_PROFILE, TWO_BYTE_PROFILE};

/// Most elements written into one header: every id once.
const ELEMENTS_MAX: usize = 255;

/// The elements of one header extension block, as (id, value).
///
/// Padding is skipped. An element that does not fit ends the iteration, as
/// does id 15 in the one-byte form (RFC 8285 §4.2).
#[derive(Debug, Clone)]
pub struct Extensions<'a> {
    rest: &'a [u8],
    two_byte: bool,
}

impl<'a> Extensions<'a> {
    pub(super) fn new(profile: u16, elements: &'a [u8]) -> Self {
        let two_byte = profile & 0xFFF0 == TWO_BYTE_PROFILE;
        let known = two_byte || profile == ONE_BYTE_PROFILE;
        Self { rest: if known { elements } else { &[] }, two_byte }
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (&head, after) = self.rest.split_first()?;
            self.rest = after;
            let (id, size) = match (self.two_byte, head) {
                (_, 0) => continue,
                (true, id) => {
                    let (&size, after) = after.split_first()?;
                    self.rest = after;
                    (id, usize::from(size))
                }
                (false, head) => (head >> 4, usize::from(head & 0x0F) + 1),
            };
            let stop = !self.two_byte && id == 15;
            let Some((value, after)) = self.rest.split_at_checked(size).filter(|_| !stop) else {
                self.rest = &[];
                return None;
            };
            self.rest = after;
            // A one-byte element with id 0 but a length is padding with a
            // body: skipped like the plain kind.
            if id != 0 {
                return Some((id, value));
            }
        }
    }
}

/// Appends a header, choosing the two-byte form when an id is above 14 or a
/// value is empty or longer than 16 bytes.
///
/// `padding` sets the P bit; the padding itself follows the payload and is the
/// caller's. Elements with id 0 or more than 255 bytes have no encoding and
/// are left out.
pub fn write_header(out: &mut Vec<u8>, fields: &Fields, extensions: &[(u8, &[u8])], padding: bool) {
    let writable = || {
        let fits = |(id, value): &&(u8, &[u8])| *id != 0 && u8::try_from(value.len()).is_ok();
        extensions.iter().filter(fits).take(ELEMENTS_MAX)
    };
    let extended = writable().next().is_some();
    out.push(0x80 | u8::from(padding) << 5 | u8::from(extended) << 4);
    out.push(u8::from(fields.marker) << 7 | fields.payload_type & 0x7F);
    out.extend_from_slice(&fields.sequence.to_be_bytes());
    out.extend_from_slice(&fields.timestamp.to_be_bytes());
    out.extend_from_slice(&fields.ssrc.to_be_bytes());
    if !extended {
        return;
    }
    let two_byte = writable().any(|(id, value)| *id > 14 || !matches!(value.len(), 1..=16));
    let heads = if two_byte { 2 } else { 1 };
    let bytes: usize = writable().map(|(_, value)| value.len() + heads).sum();
    let words = u16::try_from(bytes.div_ceil(4)).unwrap_or(u16::MAX);
    let profile = if two_byte { TWO_BYTE_PROFILE } else { ONE_BYTE_PROFILE };
    out.extend_from_slice(&profile.to_be_bytes());
    out.extend_from_slice(&words.to_be_bytes());
    for (id, value) in writable() {
        let size = u8::try_from(value.len()).unwrap_or(0);
        if two_byte {
            out.extend_from_slice(&[*id, size]);
        } else {
            out.push(*id << 4 | size.saturating_sub(1));
        }
        out.extend_from_slice(value);
    }
    let padded = bytes.next_multiple_of(4);
    out.extend(std::iter::repeat_n(0, padded.saturating_sub(bytes)));
}
