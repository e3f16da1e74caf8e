//! The frame around every packet that is written: header first, length last.

use super::HEADER_BYTES;

/// Appends a packet: header, then what `body` writes, then zeros up to a whole
/// word, then the length is filled in.
pub(super) fn packet(
    out: &mut Vec<u8>,
    format: u8,
    packet_type: u8,
    body: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.extend_from_slice(&[0x80 | format & 0x1F, packet_type, 0, 0]);
    body(out);
    let written = out.len().saturating_sub(start);
    let size = written.next_multiple_of(4);
    out.extend(std::iter::repeat_n(0, size.saturating_sub(written)));
    let words = u16::try_from(size.saturating_sub(HEADER_BYTES) / 4).unwrap_or(u16::MAX);
    let length = out.get_mut(start.saturating_add(2)..);
    if let Some(length) = length.and_then(|rest| rest.first_chunk_mut()) {
        *length = words.to_be_bytes();
    }
}

/// Appends a number in network order.
pub(super) fn word(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_be_bytes());
}
