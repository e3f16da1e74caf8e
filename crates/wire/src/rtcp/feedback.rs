//! Goodbyes and the small feedback messages: NACK, PLI, FIR, REMB.

use super::write::{packet, word};
use super::{format, packet_type};

/// Most sources in one BYE: the count has five bits.
pub const BYE_SOURCES_MAX: usize = 31;

/// Most (PID, BLP) pairs in one NACK that is written: up to 17 numbers each.
pub const NACK_PAIRS_MAX: usize = 256;

/// Most entries in one FIR that is written.
pub const FIR_ENTRIES_MAX: usize = 64;

/// Most sources in one REMB: the count has eight bits.
pub const REMB_SOURCES_MAX: usize = 255;

/// The unique identifier of a REMB (draft-alvestrand-rmcat-remb-03 §2.2).
const REMB: [u8; 4] = *b"REMB";

/// The two sources at the head of every feedback message (RFC 4585 §6.1).
pub(super) fn addresses(body: &[u8]) -> Option<(u32, u32, &[u8])> {
    let (sender, rest) = body.split_first_chunk()?;
    let (media, rest) = rest.split_first_chunk()?;
    Some((u32::from_be_bytes(*sender), u32::from_be_bytes(*media), rest))
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    bytes.as_chunks().0.iter().map(|word| u32::from_be_bytes(*word))
}

/// BYE: sources that ended (RFC 3550 §6.6). The reason is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bye<'a>(&'a [u8]);

impl<'a> Bye<'a> {
    pub(super) fn read(count: u8, body: &'a [u8]) -> Option<Self> {
        body.get(..usize::from(count) * 4).map(Self)
    }

    /// The sources.
    pub fn sources(&self) -> impl Iterator<Item = u32> + 'a {
        words(self.0)
    }
}

/// Generic NACK: packets to send again (RFC 4585 §6.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nack<'a> {
    /// Who asks.
    pub sender: u32,
    /// The source that sent them.
    pub media: u32,
    pairs: &'a [u8],
}

impl<'a> Nack<'a> {
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        let (sender, media, pairs) = addresses(body)?;
        Some(Self { sender, media, pairs })
    }

    /// The missing sequence numbers, in the order of the message.
    pub fn lost(&self) -> impl Iterator<Item = u16> + 'a {
        self.pairs.as_chunks().0.iter().flat_map(|&[p0, p1, b0, b1]| {
            let first = u16::from_be_bytes([p0, p1]);
            let mask = u32::from(u16::from_be_bytes([b0, b1])) << 1 | 1;
            (0..17).filter(move |bit| mask >> bit & 1 == 1).map(move |bit| first.wrapping_add(bit))
        })
    }
}

/// FIR: numbered requests for keyframes (RFC 5104 §4.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fir<'a> {
    /// Who asks.
    pub sender: u32,
    entries: &'a [u8],
}

impl<'a> Fir<'a> {
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        let (sender, _, entries) = addresses(body)?;
        Some(Self { sender, entries })
    }

    /// The sources asked, each with the number of the request.
    pub fn requests(&self) -> impl Iterator<Item = (u32, u8)> + 'a {
        let entries = self.entries.as_chunks().0.iter();
        entries.map(|&[s0, s1, s2, s3, number, ..]: &[u8; 8]| {
            (u32::from_be_bytes([s0, s1, s2, s3]), number)
        })
    }
}

/// REMB: how much a receiver believes it can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remb<'a> {
    /// Who says so.
    pub sender: u32,
    /// Bits per second for all sources together.
    pub bitrate: u64,
    sources: &'a [u8],
}

impl<'a> Remb<'a> {
    pub(super) fn is_remb(body: &[u8]) -> bool {
        addresses(body).is_some_and(|(_, _, rest)| rest.starts_with(&REMB))
    }

    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        let (sender, _, rest) = addresses(body)?;
        let (_, rest) = rest.split_at_checked(REMB.len())?;
        let (&[count, m0, m1, m2], sources) = rest.split_first_chunk()?;
        let mantissa = u64::from(u32::from_be_bytes([0, m0 & 0x03, m1, m2]));
        let exponent = u32::from(m0 >> 2);
        // 18 bits shifted by up to 63: what does not fit is "no limit".
        let fits = mantissa == 0 || exponent <= mantissa.leading_zeros();
        Some(Self {
            sender,
            bitrate: if fits { mantissa << exponent } else { u64::MAX },
            sources: sources.get(..usize::from(count) * 4)?,
        })
    }

    /// The sources that it is about.
    pub fn sources(&self) -> impl Iterator<Item = u32> + 'a {
        words(self.sources)
    }
}

/// Appends a BYE; sources beyond [`BYE_SOURCES_MAX`] are left out.
pub fn write_bye(out: &mut Vec<u8>, sources: &[u32]) {
    let count = u8::try_from(sources.len().min(BYE_SOURCES_MAX)).unwrap_or(0);
    packet(out, count, packet_type::BYE, |out| {
        for source in sources.iter().take(BYE_SOURCES_MAX) {
            word(out, *source);
        }
    });
}

/// Appends a PLI.
pub fn write_pli(out: &mut Vec<u8>, sender: u32, media: u32) {
    packet(out, format::PLI, packet_type::PAYLOAD_FEEDBACK, |out| {
        word(out, sender);
        word(out, media);
    });
}

/// Appends a FIR of (source, request number); entries beyond
/// [`FIR_ENTRIES_MAX`] are left out.
pub fn write_fir(out: &mut Vec<u8>, sender: u32, requests: &[(u32, u8)]) {
    packet(out, format::FIR, packet_type::PAYLOAD_FEEDBACK, |out| {
        word(out, sender);
        word(out, 0);
        for (source, number) in requests.iter().take(FIR_ENTRIES_MAX) {
            word(out, *source);
            out.extend_from_slice(&[*number, 0, 0, 0]);
        }
    });
}

/// Appends a NACK for `lost`, which is expected in rising order; what does not
/// fit into [`NACK_PAIRS_MAX`] pairs is left out. Writes nothing for nothing.
pub fn write_nack(out: &mut Vec<u8>, sender: u32, media: u32, lost: impl IntoIterator<Item = u16>) {
    let mut lost = lost.into_iter().peekable();
    if lost.peek().is_none() {
        return;
    }
    packet(out, format::NACK, packet_type::TRANSPORT_FEEDBACK, |out| {
        word(out, sender);
        word(out, media);
        for _ in 0..NACK_PAIRS_MAX {
            let Some(first) = lost.next() else { break };
            let mut mask = 0u16;
            while let Some(next) = lost.next_if(|next| next.wrapping_sub(first) <= 16) {
                let bit = u32::from(next.wrapping_sub(first)).checked_sub(1);
                mask |= bit.map_or(0, |bit| 1 << bit);
            }
            out.extend_from_slice(&first.to_be_bytes());
            out.extend_from_slice(&mask.to_be_bytes());
        }
    });
}

/// Appends a REMB; sources beyond [`REMB_SOURCES_MAX`] are left out. The
/// bitrate is rounded down to 18 significant bits.
pub fn write_remb(out: &mut Vec<u8>, sender: u32, bitrate: u64, sources: &[u32]) {
    let format = format::APPLICATION;
    packet(out, format, packet_type::PAYLOAD_FEEDBACK, |out| {
        let exponent = (u64::BITS - bitrate.leading_zeros()).saturating_sub(18);
        let [.., m0, m1, m2] = (bitrate >> exponent).to_be_bytes();
        let exponent = u8::try_from(exponent).unwrap_or(63);
        word(out, sender);
        word(out, 0);
        out.extend_from_slice(&REMB);
        let count = u8::try_from(sources.len().min(REMB_SOURCES_MAX)).unwrap_or(0);
        out.extend_from_slice(&[count, exponent << 2 | m0 & 0x03, m1, m2]);
        for source in sources.iter().take(REMB_SOURCES_MAX) {
            word(out, *source);
        }
    });
}
