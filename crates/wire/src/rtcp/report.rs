//! Sender and receiver reports, source descriptions (RFC 3550 §6.4, §6.5).

use super::packet_type;
use super::write::{packet, word};

/// Most report blocks in one packet: the count has five bits.
pub const REPORTS_MAX: usize = 31;

/// Longest CNAME that is written, in bytes: the length has eight bits.
pub const CNAME_BYTES_MAX: usize = 255;

/// The item of a source description that names the source.
const ITEM_CNAME: u8 = 1;

/// What a receiver saw of one source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The source.
    pub ssrc: u32,
    /// Share lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost since the beginning, 24 bits, negative with duplicates.
    pub cumulative_lost: i32,
    /// Highest sequence number received, roll-overs in the upper 16 bits.
    pub highest_sequence: u32,
    /// Jitter in units of the codec's clock.
    pub jitter: u32,
    /// Middle 32 bits of the NTP time of the last sender report; 0 = none.
    pub last_report: u32,
    /// Time since then, in 1/65536 s.
    pub delay: u32,
}

impl ReportBlock {
    const BYTES: usize = 24;

    fn read(bytes: &[u8; Self::BYTES]) -> Self {
        let &[
            s0,
            s1,
            s2,
            s3,
            fraction_lost,
            l0,
            l1,
            l2,
            h0,
            h1,
            h2,
            h3,
            j0,
            j1,
            j2,
            j3,
            r0,
            r1,
            r2,
            r3,
            d0,
            d1,
            d2,
            d3,
        ] = bytes;
        Self {
            ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
            fraction_lost,
            // 24 bits with a sign: put on top, then shifted down.
            cumulative_lost: i32::from_be_bytes([l0, l1, l2, 0]) >> 8,
            highest_sequence: u32::from_be_bytes([h0, h1, h2, h3]),
            jitter: u32::from_be_bytes([j0, j1, j2, j3]),
            last_report: u32::from_be_bytes([r0, r1, r2, r3]),
            delay: u32::from_be_bytes([d0, d1, d2, d3]),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let lost = self.cumulative_lost.clamp(-0x80_0000, 0x7F_FFFF);
        let [_, l0, l1, l2] = lost.to_be_bytes();
        word(out, self.ssrc);
        out.extend_from_slice(&[self.fraction_lost, l0, l1, l2]);
        word(out, self.highest_sequence);
        word(out, self.jitter);
        word(out, self.last_report);
        word(out, self.delay);
    }
}

/// The blocks of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reports<'a>(&'a [u8]);

impl<'a> Reports<'a> {
    fn read(count: u8, bytes: &'a [u8]) -> Option<Self> {
        let size = usize::from(count) * ReportBlock::BYTES;
        bytes.get(..size).map(Self)
    }
}

impl Iterator for Reports<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        let (block, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(ReportBlock::read(block))
    }
}

/// What a sender says about itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SenderInfo {
    /// The source.
    pub ssrc: u32,
    /// Wall clock at sending: seconds since 1900 in the upper 32 bits.
    pub ntp: u64,
    /// The same instant on the clock of the source's timestamps.
    pub rtp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Payload bytes sent.
    pub octets: u32,
}

/// SR: a sender's counters and clocks, and what it received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderReport<'a> {
    /// About itself.
    pub info: SenderInfo,
    /// About others.
    pub reports: Reports<'a>,
}

impl<'a> SenderReport<'a> {
    pub(super) fn read(count: u8, body: &'a [u8]) -> Option<Self> {
        let (head, rest) = body.split_first_chunk::<24>()?;
        let &[
            s0,
            s1,
            s2,
            s3,
            n0,
            n1,
            n2,
            n3,
            n4,
            n5,
            n6,
            n7,
            r0,
            r1,
            r2,
            r3,
            p0,
            p1,
            p2,
            p3,
            o0,
            o1,
            o2,
            o3,
        ] = head;
        let info = SenderInfo {
            ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
            ntp: u64::from_be_bytes([n0, n1, n2, n3, n4, n5, n6, n7]),
            rtp: u32::from_be_bytes([r0, r1, r2, r3]),
            packets: u32::from_be_bytes([p0, p1, p2, p3]),
            octets: u32::from_be_bytes([o0, o1, o2, o3]),
        };
        let reports = Reports::read(count, rest)?;
        Some(Self { info, reports })
    }
}

/// RR: what a receiver received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiverReport<'a> {
    /// Who reports.
    pub sender: u32,
    /// About which sources.
    pub reports: Reports<'a>,
}

impl<'a> ReceiverReport<'a> {
    pub(super) fn read(count: u8, body: &'a [u8]) -> Option<Self> {
        let (sender, rest) = body.split_first_chunk()?;
        Some(Self { sender: u32::from_be_bytes(*sender), reports: Reports::read(count, rest)? })
    }
}

/// SDES: the CNAMEs in it, as (SSRC, name). Other items are skipped; a chunk
/// that is cut short ends the iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptions<'a> {
    chunks: u8,
    rest: &'a [u8],
}

impl<'a> Descriptions<'a> {
    pub(super) fn new(chunks: u8, rest: &'a [u8]) -> Self {
        Self { chunks, rest }
    }

    /// Takes one chunk: its source, and its CNAME if it has one.
    fn chunk(&mut self) -> Option<(u32, Option<&'a [u8]>)> {
        let whole = self.rest;
        let (ssrc, mut items) = whole.split_first_chunk()?;
        let mut cname = None;
        loop {
            let (&item, after) = items.split_first()?;
            items = after;
            if item == 0 {
                break;
            }
            let (&size, after) = items.split_first()?;
            let (value, after) = after.split_at_checked(usize::from(size))?;
            items = after;
            if item == ITEM_CNAME {
                cname = Some(value);
            }
        }
        // The list ends at the next multiple of four after its zero byte.
        let used = whole.len().checked_sub(items.len())?;
        self.rest = whole.get(used.next_multiple_of(4)..).unwrap_or(&[]);
        Some((u32::from_be_bytes(*ssrc), cname))
    }
}

impl<'a> Iterator for Descriptions<'a> {
    type Item = (u32, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while self.chunks > 0 {
            self.chunks = self.chunks.saturating_sub(1);
            let (ssrc, cname) = self.chunk()?;
            if let Some(cname) = cname {
                return Some((ssrc, cname));
            }
        }
        None
    }
}

/// Appends an SR; blocks beyond [`REPORTS_MAX`] are left out.
pub fn write_sender_report(out: &mut Vec<u8>, info: &SenderInfo, reports: &[ReportBlock]) {
    packet(out, count(reports), packet_type::SENDER_REPORT, |out| {
        word(out, info.ssrc);
        out.extend_from_slice(&info.ntp.to_be_bytes());
        word(out, info.rtp);
        word(out, info.packets);
        word(out, info.octets);
        write_blocks(out, reports);
    });
}

/// Appends an RR; blocks beyond [`REPORTS_MAX`] are left out.
pub fn write_receiver_report(out: &mut Vec<u8>, sender: u32, reports: &[ReportBlock]) {
    packet(out, count(reports), packet_type::RECEIVER_REPORT, |out| {
        word(out, sender);
        write_blocks(out, reports);
    });
}

/// Appends an SDES with one CNAME, cut at [`CNAME_BYTES_MAX`].
pub fn write_cname(out: &mut Vec<u8>, ssrc: u32, cname: &str) {
    packet(out, 1, packet_type::SOURCE_DESCRIPTION, |out| {
        let size = u8::try_from(cname.len()).unwrap_or(u8::MAX);
        word(out, ssrc);
        out.extend_from_slice(&[ITEM_CNAME, size]);
        out.extend(cname.bytes().take(usize::from(size)));
        out.push(0);
    });
}

fn count(reports: &[ReportBlock]) -> u8 {
    u8::try_from(reports.len().min(REPORTS_MAX)).unwrap_or(0)
}

fn write_blocks(out: &mut Vec<u8>, reports: &[ReportBlock]) {
    for block in reports.iter().take(REPORTS_MAX) {
        block.write(out);
    }
}
