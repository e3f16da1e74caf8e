//! RTP packets: the fixed header, header extensions, and what else arrives on
//! the same port.
//!
//! Owns the layout of RFC 3550 §5.1 and RFC 8285 and the demultiplexing rules
//! of RFC 5761 §4 and RFC 7983 §7. Views borrow the datagram and copy nothing.
//! Refuses to know codecs, encryption, streams and time.

mod extension;
mod sequence;

#[cfg(test)]
mod tests;

pub use extension::{Extensions, write_header};
pub use sequence::{distance, extend, is_newer};

use thiserror::Error;

/// Length of the fixed part of a header, in bytes (RFC 3550 §5.1).
pub const FIXED_HEADER_BYTES: usize = 12;

/// Profile of a block of one-byte elements (RFC 8285 §4.2).
pub const ONE_BYTE_PROFILE: u16 = 0xBEDE;

/// Profile of a block of two-byte elements; the low four bits are free
/// (RFC 8285 §4.3).
pub const TWO_BYTE_PROFILE: u16 = 0x1000;

/// Why bytes are not an RTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ParseError {
    /// The packet ends inside its header.
    #[error("header of {need} bytes in a packet of {have}")]
    Truncated {
        /// Bytes that the header claims.
        need: usize,
        /// Bytes there are.
        have: usize,
    },
    /// The version is not 2.
    #[error("version {0} instead of 2")]
    Version(u8),
    /// The padding count is zero or larger than what follows the header.
    #[error("padding of {padding} bytes in a payload of {have}")]
    Padding {
        /// The count in the last byte.
        padding: u8,
        /// Bytes after the header.
        have: usize,
    },
}

/// What a datagram on the media port is, judged by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Datagram {
    /// STUN: first byte 0 to 3.
    Stun,
    /// DTLS: first byte 20 to 63.
    Dtls,
    /// TURN channel data: first byte 64 to 79.
    TurnChannel,
    /// RTP or SRTP.
    Rtp,
    /// RTCP or SRTCP.
    Rtcp,
    /// None of these; to be dropped.
    Other,
}

/// Tells protocols on one port apart (RFC 7983 §7).
#[must_use]
pub fn demux(bytes: &[u8]) -> Datagram {
    match bytes.first() {
        Some(0..=3) => Datagram::Stun,
        Some(20..=63) => Datagram::Dtls,
        Some(64..=79) => Datagram::TurnChannel,
        Some(128..=191) if is_rtcp(bytes) => Datagram::Rtcp,
        Some(128..=191) => Datagram::Rtp,
        _ => Datagram::Other,
    }
}

/// Whether a packet of version 2 is RTCP: its second byte, without the marker
/// bit, is 64 to 95 (RFC 5761 §4).
#[must_use]
pub fn is_rtcp(bytes: &[u8]) -> bool {
    matches!(bytes, [first, second, ..]
        if first >> 6 == 2 && matches!(second & 0x7F, 64..=95))
}

/// The fields of a header that a writer chooses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fields {
    /// Marker bit.
    pub marker: bool,
    /// Payload type, 0 to 127.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp, in units of the codec's clock.
    pub timestamp: u32,
    /// Synchronization source.
    pub ssrc: u32,
}

/// A view of one RTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// Marker bit.
    pub marker: bool,
    /// Payload type, 0 to 127.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp, in units of the codec's clock.
    pub timestamp: u32,
    /// Synchronization source.
    pub ssrc: u32,
    /// Bytes before the payload: fixed part, contributing sources, extensions.
    pub length: usize,
    /// The payload without padding; encrypted, and with padding and tag, if
    /// the packet was read by [`Header::parse_protected`].
    pub payload: &'a [u8],
    /// Padding bytes after the payload, their count included; 0 without.
    pub padding: u8,
    profile: u16,
    elements: &'a [u8],
}

impl<'a> Header<'a> {
    /// Reads a plain packet.
    ///
    /// # Errors
    /// [`ParseError`] if the header is cut short, of another version, or the
    /// padding does not fit.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let mut header = Self::parse_protected(bytes)?;
        if bytes.first().is_some_and(|first| first & 0x20 != 0) {
            let have = header.payload.len();
            let padding = header.payload.last().copied().unwrap_or(0);
            let end = have.checked_sub(usize::from(padding));
            match end.and_then(|end| header.payload.get(..end)) {
                Some(payload) if padding > 0 => header.payload = payload,
                _ => return Err(ParseError::Padding { padding, have }),
            }
            header.padding = padding;
        }
        Ok(header)
    }

    /// Reads the clear part of an encrypted packet (RFC 3711 §3.1): padding is
    /// not looked at, the payload is everything after the header.
    ///
    /// # Errors
    /// [`ParseError`] if the header is cut short or of another version.
    pub fn parse_protected(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let have = bytes.len();
        let truncated = |need| ParseError::Truncated { need, have };
        let Some((fixed, rest)) = bytes.split_first_chunk::<FIXED_HEADER_BYTES>() else {
            return Err(truncated(FIXED_HEADER_BYTES));
        };
        let &[first, second, q0, q1, t0, t1, t2, t3, s0, s1, s2, s3] = fixed;
        if first >> 6 != 2 {
            return Err(ParseError::Version(first >> 6));
        }
        let sources = usize::from(first & 0x0F) * 4;
        let mut length = FIXED_HEADER_BYTES + sources;
        let mut rest = rest.get(sources..).ok_or_else(|| truncated(length))?;
        let (mut profile, mut elements): (u16, &[u8]) = (0, &[]);
        if first & 0x10 != 0 {
            let Some((&[p0, p1, w0, w1], after)) = rest.split_first_chunk() else {
                return Err(truncated(length + 4));
            };
            let size = usize::from(u16::from_be_bytes([w0, w1])) * 4;
            length += 4 + size;
            profile = u16::from_be_bytes([p0, p1]);
            (elements, rest) = after.split_at_checked(size).ok_or_else(|| truncated(length))?;
        }
        Ok(Self {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7F,
            sequence: u16::from_be_bytes([q0, q1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
            length,
            payload: rest,
            padding: 0,
            profile,
            elements,
        })
    }

    /// The fields that a writer needs to repeat this header.
    #[must_use]
    pub fn fields(&self) -> Fields {
        Fields {
            marker: self.marker,
            payload_type: self.payload_type,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        }
    }

    /// The header extension elements, as (id, value); empty when there is no
    /// block, or one of another profile.
    #[must_use]
    pub fn extensions(&self) -> Extensions<'a> {
        Extensions::new(self.profile, self.elements)
    }

    /// The value of the extension element `id`.
    #[must_use]
    pub fn extension(&self, id: u8) -> Option<&'a [u8]> {
        self.extensions().find_map(|(found, value)| (found == id).then_some(value))
    }
}
