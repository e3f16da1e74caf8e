//! Transport-wide feedback: which packets arrived, and when
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
//!
//! Reading is zero-copy: statuses and deltas are two cursors that move
//! together. Writing picks the shortest chunk greedily.

use super::feedback::addresses;
use super::write::{packet, word};
use super::{format, packet_type};

/// Most packets one feedback that we write reports on, so that it fits into a
/// datagram whatever the deltas are.
pub const TRANSPORT_CC_PACKETS_MAX: usize = 480;

/// Longest run in one chunk: 13 bits.
const RUN_MAX: usize = 0x1FFF;

/// Statuses (§3.1.1): how many bytes the delta has.
const LOST: u16 = 0;
const SMALL: u16 = 1;
const LARGE: u16 = 2;

/// The fixed fields of a feedback.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TransportCcHead {
    /// Who reports.
    pub sender: u32,
    /// A source of the transport.
    pub media: u32,
    /// Transport-wide number of the first packet reported on.
    pub base: u16,
    /// Time that the first delta counts from, in 64 ms, 24 bits.
    pub reference: u32,
    /// Number of this feedback.
    pub number: u8,
}

/// A feedback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransportCc<'a> {
    /// Fixed fields.
    pub head: TransportCcHead,
    /// How many packets it reports on.
    pub count: u16,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

/// What became of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Its transport-wide number.
    pub sequence: u16,
    /// Time since the arrival before it, or since the reference time, in
    /// 250 µs; `None` if it has not arrived.
    pub delta: Option<i16>,
}

impl<'a> TransportCc<'a> {
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        let (sender, media, rest) = addresses(body)?;
        let (&[b0, b1, c0, c1, r0, r1, r2, number], rest) = rest.split_first_chunk()?;
        let count = u16::from_be_bytes([c0, c1]);
        let (mut left, mut deltas, mut need) = (usize::from(count), rest, 0usize);
        while left > 0 {
            let (chunk, after) = deltas.split_first_chunk()?;
            deltas = after;
            let chunk = Chunk::read(*chunk);
            let size = chunk.len().min(left);
            need = need.saturating_add(chunk.delta_bytes(size));
            left = left.saturating_sub(size);
        }
        let chunks = rest.get(..rest.len().checked_sub(deltas.len())?)?;
        Some(Self {
            head: TransportCcHead {
                sender,
                media,
                base: u16::from_be_bytes([b0, b1]),
                reference: u32::from_be_bytes([0, r0, r1, r2]),
                number,
            },
            count,
            chunks,
            deltas: deltas.get(..need)?,
        })
    }

    /// What became of each packet, in order.
    #[must_use]
    pub fn arrivals(&self) -> Arrivals<'a> {
        Arrivals {
            sequence: self.head.base,
            left: self.count,
            chunk: Chunk::Run { status: 0, len: 0 },
            position: 0,
            chunks: self.chunks,
            deltas: self.deltas,
        }
    }
}

/// Iterator over what a feedback says; see [`TransportCc::arrivals`].
#[derive(Debug, Clone)]
pub struct Arrivals<'a> {
    sequence: u16,
    left: u16,
    chunk: Chunk,
    position: usize,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

impl Iterator for Arrivals<'_> {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        self.left = self.left.checked_sub(1)?;
        while self.position >= self.chunk.len() {
            let (chunk, rest) = self.chunks.split_first_chunk()?;
            (self.chunk, self.chunks, self.position) = (Chunk::read(*chunk), rest, 0);
        }
        let status = self.chunk.status(self.position);
        self.position = self.position.saturating_add(1);
        let delta = match status {
            SMALL => {
                let (delta, rest) = self.deltas.split_first()?;
                self.deltas = rest;
                Some(i16::from(*delta))
            }
            LARGE => {
                let (delta, rest) = self.deltas.split_first_chunk()?;
                self.deltas = rest;
                Some(i16::from_be_bytes(*delta))
            }
            _ => None,
        };
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        Some(Arrival { sequence, delta })
    }
}

/// One packet chunk (§3.1.2 to §3.1.4).
#[derive(Debug, Clone, Copy)]
enum Chunk {
    /// The same status `len` times; possibly 0 times, so a reader must count.
    Run { status: u16, len: usize },
    /// 14 statuses of one bit.
    OneBit(u16),
    /// 7 statuses of two bits.
    TwoBit(u16),
}

impl Chunk {
    fn read(bytes: [u8; 2]) -> Self {
        let bits = u16::from_be_bytes(bytes);
        match bits >> 14 {
            0b11 => Self::TwoBit(bits),
            0b10 => Self::OneBit(bits),
            _ => Self::Run { status: bits >> 13 & 0b11, len: usize::from(bits & 0x1FFF) },
        }
    }

    fn len(self) -> usize {
        match self {
            Self::Run { len, .. } => len,
            Self::OneBit(_) => 14,
            Self::TwoBit(_) => 7,
        }
    }

    fn status(self, position: usize) -> u16 {
        match self {
            Self::Run { status, .. } => status,
            Self::OneBit(bits) => bits >> 13usize.saturating_sub(position).min(13) & 0b1,
            Self::TwoBit(bits) => bits >> (6usize.saturating_sub(position).min(6) * 2) & 0b11,
        }
    }

    fn delta_bytes(self, count: usize) -> usize {
        let size = |status| usize::from(if status > LARGE { 0 } else { status });
        match self {
            Self::Run { status, .. } => size(status) * count,
            _ => (0..count.min(14)).map(|at| size(self.status(at))).sum(),
        }
    }
}

/// Appends a feedback on the packets from `head.base` on; each item is the
/// time since the arrival before it (the first since the reference time), in
/// 250 µs, or `None` for a packet that is missing.
///
/// Returns how many items were written: at most [`TRANSPORT_CC_PACKETS_MAX`],
/// the rest is for the next feedback.
pub fn write_transport_cc(
    out: &mut Vec<u8>,
    head: &TransportCcHead,
    deltas: &[Option<i16>],
) -> usize {
    let deltas = deltas.get(..TRANSPORT_CC_PACKETS_MAX).unwrap_or(deltas);
    let count = u16::try_from(deltas.len()).unwrap_or(u16::MAX);
    let format = format::TRANSPORT_CC;
    packet(out, format, packet_type::TRANSPORT_FEEDBACK, |out| {
        word(out, head.sender);
        word(out, head.media);
        out.extend_from_slice(&head.base.to_be_bytes());
        out.extend_from_slice(&count.to_be_bytes());
        let [_, r0, r1, r2] = head.reference.to_be_bytes();
        out.extend_from_slice(&[r0, r1, r2, head.number]);
        let mut rest = deltas;
        while !rest.is_empty() {
            let (chunk, used) = next_chunk(rest);
            out.extend_from_slice(&chunk.to_be_bytes());
            rest = rest.get(used.max(1)..).unwrap_or(&[]);
        }
        for delta in deltas.iter().flatten() {
            match u8::try_from(*delta) {
                Ok(small) => out.push(small),
                Err(_) => out.extend_from_slice(&delta.to_be_bytes()),
            }
        }
    });
    deltas.len()
}

fn status(delta: Option<i16>) -> u16 {
    match delta.map(u8::try_from) {
        None => LOST,
        Some(Ok(_)) => SMALL,
        Some(Err(_)) => LARGE,
    }
}

/// The chunk that serves the beginning of `rest` best, and how many it covers.
fn next_chunk(rest: &[Option<i16>]) -> (u16, usize) {
    let statuses = || rest.iter().map(|delta| status(*delta));
    let first = statuses().next().unwrap_or(LOST);
    let run = statuses().take(RUN_MAX).take_while(|s| *s == first).count();
    let one_bit = statuses().take(14).all(|s| s != LARGE);
    if run >= 14 || run == rest.len() || (run >= 7 && !one_bit) {
        return (first << 13 | u16::try_from(run).unwrap_or(0), run);
    }
    let (kind, width, size) = if one_bit { (0b10, 1, 14) } else { (0b11, 2, 7) };
    let padded = statuses().chain(std::iter::repeat(LOST)).take(size);
    let bits = padded.fold(0, |bits: u16, status| bits << width | status);
    (kind << 14 | bits, size.min(rest.len()))
}
