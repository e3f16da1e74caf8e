//! RTCP: compound and reduced-size packets to typed views and back.
//!
//! Owns the layout of RFC 3550 §6 (SR, RR, SDES, BYE), RFC 4585 §6 (NACK,
//! PLI), RFC 5104 §4.3.1 (FIR), REMB (draft-alvestrand-rmcat-remb-03) and
//! transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01).
//! Views borrow the datagram; lists are iterators. Every writer appends to the
//! caller's buffer and caps its lists. Refuses to know streams, time and
//! encryption.

mod feedback;
mod report;
mod transport_cc;
mod write;

#[cfg(test)]
mod tests;

pub use feedback::{
    BYE_SOURCES_MAX, Bye, FIR_ENTRIES_MAX, Fir, NACK_PAIRS_MAX, Nack, REMB_SOURCES_MAX, Remb,
    write_bye, write_fir, write_nack, write_pli, write_remb,
};
pub use report::{
    CNAME_BYTES_MAX, Descriptions, REPORTS_MAX, ReceiverReport, ReportBlock, Reports, SenderInfo,
    SenderReport, write_cname, write_receiver_report, write_sender_report,
};
pub use transport_cc::{
    Arrival, Arrivals, TRANSPORT_CC_PACKETS_MAX, TransportCc, TransportCcHead, write_transport_cc,
};

use thiserror::Error;

/// Length of the header that all RTCP packets share, in bytes.
pub const HEADER_BYTES: usize = 4;

/// Packet types (IANA registry "RTCP Control Packet Types").
mod packet_type {
    pub(super) const SENDER_REPORT: u8 = 200;
    pub(super) const RECEIVER_REPORT: u8 = 201;
    pub(super) const SOURCE_DESCRIPTION: u8 = 202;
    pub(super) const BYE: u8 = 203;
    pub(super) const TRANSPORT_FEEDBACK: u8 = 205;
    pub(super) const PAYLOAD_FEEDBACK: u8 = 206;
}

/// Feedback message types (RFC 4585 §6.2 and §6.3, RFC 5104 §4.3).
mod format {
    pub(super) const NACK: u8 = 1;
    pub(super) const TRANSPORT_CC: u8 = 15;
    pub(super) const PLI: u8 = 1;
    pub(super) const FIR: u8 = 4;
    pub(super) const APPLICATION: u8 = 15;
}

/// Why bytes are not RTCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ParseError {
    /// The packet claims more bytes than there are.
    #[error("packet of {need} bytes in {have}")]
    Truncated {
        /// Bytes that the packet claims.
        need: usize,
        /// Bytes there are.
        have: usize,
    },
    /// The version is not 2.
    #[error("version {0} instead of 2")]
    Version(u8),
    /// The padding count is zero or does not fit.
    #[error("padding of {0} bytes does not fit")]
    Padding(u8),
    /// The body is too short for its type.
    #[error("body too short for packet type {packet_type}, format {format}")]
    Body {
        /// The packet type.
        packet_type: u8,
        /// The count or feedback format.
        format: u8,
    },
}

/// One packet of a compound.
#[derive(Debug, Clone, PartialEq)]
pub enum Packet<'a> {
    /// What a sender sent, and what it received.
    SenderReport(SenderReport<'a>),
    /// What a receiver received.
    ReceiverReport(ReceiverReport<'a>),
    /// Names of sources.
    SourceDescription(Descriptions<'a>),
    /// Sources that ended.
    Bye(Bye<'a>),
    /// Request for retransmission.
    Nack(Nack<'a>),
    /// Request for a keyframe: a picture was lost.
    Pli {
        /// Who asks.
        sender: u32,
        /// Of which source.
        media: u32,
    },
    /// Request for a keyframe, numbered.
    Fir(Fir<'a>),
    /// Receiver's estimate of the bitrate.
    Remb(Remb<'a>),
    /// Arrival times of all packets of a transport.
    TransportCc(TransportCc<'a>),
    /// Anything else; its body is not looked at.
    Other {
        /// The packet type.
        packet_type: u8,
        /// The count or feedback format.
        format: u8,
    },
}

/// Reads the packets of one datagram, in order.
///
/// A body that its type refuses is reported, and the next packet follows; a
/// broken header is reported and ends the iteration.
#[must_use]
pub fn packets(bytes: &[u8]) -> Packets<'_> {
    Packets { rest: bytes }
}

/// Iterator over the packets of one datagram; see [`packets`].
#[derive(Debug, Clone)]
pub struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        Some(match split_packet(self.rest) {
            Ok((raw, rest)) => {
                self.rest = rest;
                raw.read()
            }
            Err(error) => {
                self.rest = &[];
                Err(error)
            }
        })
    }
}

/// One packet with its header taken apart, padding removed.
struct Raw<'a> {
    packet_type: u8,
    format: u8,
    body: &'a [u8],
}

fn split_packet(bytes: &[u8]) -> Result<(Raw<'_>, &[u8]), ParseError> {
    let have = bytes.len();
    let Some((&[first, packet_type, w0, w1], after)) = bytes.split_first_chunk() else {
        let need = HEADER_BYTES;
        return Err(ParseError::Truncated { need, have });
    };
    if first >> 6 != 2 {
        return Err(ParseError::Version(first >> 6));
    }
    let size = usize::from(u16::from_be_bytes([w0, w1])) * 4;
    let need = HEADER_BYTES + size;
    let (mut body, rest) =
        after.split_at_checked(size).ok_or(ParseError::Truncated { need, have })?;
    if first & 0x20 != 0 {
        let padding = body.last().copied().unwrap_or(0);
        let end = body.len().checked_sub(usize::from(padding));
        body = match end.and_then(|end| body.get(..end)) {
            Some(body) if padding > 0 => body,
            _ => return Err(ParseError::Padding(padding)),
        };
    }
    let raw = Raw { packet_type, format: first & 0x1F, body };
    Ok((raw, rest))
}

impl<'a> Raw<'a> {
    fn read(self) -> Result<Packet<'a>, ParseError> {
        let Self { packet_type, format, body } = self;
        let packet = match (packet_type, format) {
            (packet_type::SENDER_REPORT, count) => {
                SenderReport::read(count, body).map(Packet::SenderReport)
            }
            (packet_type::RECEIVER_REPORT, count) => {
                ReceiverReport::read(count, body).map(Packet::ReceiverReport)
            }
            (packet_type::SOURCE_DESCRIPTION, count) => {
                Some(Packet::SourceDescription(Descriptions::new(count, body)))
            }
            (packet_type::BYE, count) => Bye::read(count, body).map(Packet::Bye),
            (packet_type::TRANSPORT_FEEDBACK, format::NACK) => Nack::read(body).map(Packet::Nack),
            (packet_type::TRANSPORT_FEEDBACK, format::TRANSPORT_CC) => {
                TransportCc::read(body).map(Packet::TransportCc)
            }
            (packet_type::PAYLOAD_FEEDBACK, format::PLI) => {
                feedback::addresses(body).map(|(sender, media, _)| Packet::Pli { sender, media })
            }
            (packet_type::PAYLOAD_FEEDBACK, format::FIR) => Fir::read(body).map(Packet::Fir),
            (packet_type::PAYLOAD_FEEDBACK, format::APPLICATION) if Remb::is_remb(body) => {
                Remb::read(body).map(Packet::Remb)
            }
            (packet_type, format) => Some(Packet::Other { packet_type, format }),
        };
        packet.ok_or(ParseError::Body { packet_type, format })
    }
}
