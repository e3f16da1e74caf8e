//! The packets of one source, in plain form, shared by all its receivers.
//!
//! Every packet has two numbers: `number`, as the publisher counts, and
//! `dense`, in which packets that are never forwarded (padding) leave no gap.
//! Receivers count in dense numbers.

use crate::plan::CodecName;
use parlour_base::Mono;

/// Dense numbers begin here, so that they never run below zero.
const BIAS: u64 = 1 << 32;

/// Steps taken when a dense number is looked for.
const SEARCH_MAX: usize = 64;

/// What one packet says, besides its payload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meta {
    /// Extended sequence number of the publisher.
    pub(crate) number: u64,
    /// RTP timestamp.
    pub(crate) timestamp: u32,
    /// Marker bit.
    pub(crate) marker: bool,
    /// What the payload type means.
    pub(crate) codec: CodecName,
    /// Whether a keyframe begins here; `None` if the payload does not tell.
    pub(crate) keyframe: Option<bool>,
    /// `urn:3gpp:video-orientation`.
    pub(crate) orientation: Option<u8>,
    /// When it arrived.
    pub(crate) arrival: Mono,
}

/// One packet.
#[derive(Debug)]
pub(crate) struct Packet {
    pub(crate) meta: Meta,
    pub(crate) dense: u64,
    /// Nothing but padding: kept only to know its number.
    pub(crate) padding: bool,
    bytes: Vec<u8>,
    payload: usize,
}

impl Packet {
    pub(crate) fn payload(&self) -> &[u8] {
        self.bytes.get(..self.payload).unwrap_or(&[])
    }

    /// The dependency descriptor; empty if there is none.
    pub(crate) fn descriptor(&self) -> &[u8] {
        self.bytes.get(self.payload..).unwrap_or(&[])
    }
}

/// What became of a packet that was put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is the newest.
    Newest,
    /// It fills a gap.
    Late,
    /// It is there already, or too old.
    Stale,
}

/// The newest packets of one source.
#[derive(Debug)]
pub(crate) struct Ring {
    slots: Vec<Option<Packet>>,
    size: usize,
    highest: Option<u64>,
    closed: u64,
}

impl Ring {
    pub(crate) fn new(size: u32) -> Self {
        let size = usize::try_from(size).unwrap_or(1).max(1);
        Self { slots: Vec::new(), size, highest: None, closed: 0 }
    }

    fn at(&self, number: u64) -> usize {
        usize::try_from(number % self.size as u64).unwrap_or(0)
    }

    /// The publisher's newest number.
    pub(crate) fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// How many packets are kept.
    pub(crate) fn size(&self) -> u64 {
        self.size as u64
    }

    /// Puts a packet in; `descriptor` is its dependency descriptor.
    pub(crate) fn put(&mut self, meta: Meta, payload: &[u8], descriptor: &[u8]) -> Put {
        let number = meta.number;
        let newest = self.highest.is_none_or(|highest| number > highest);
        let too_old =
            self.highest.is_some_and(|highest| number.saturating_add(self.size()) <= highest);
        if too_old || self.get(number).is_some() {
            return Put::Stale;
        }
        let dense = match newest {
            true => self.dense_of_newest(number),
            false => self.dense_of_late(number),
        };
        let padding = payload.is_empty();
        if newest {
            self.highest = Some(number);
            self.closed = self.closed.saturating_add(u64::from(padding));
        }
        let at = self.at(number);
        if self.slots.len() <= at {
            // Grows to `size` slots at most, as the numbers arrive.
            self.slots.resize_with(at.saturating_add(1), || None);
        }
        if let Some(slot) = self.slots.get_mut(at) {
            let mut bytes = slot.take().map(|old| old.bytes).unwrap_or_default();
            bytes.clear();
            bytes.extend_from_slice(payload);
            bytes.extend_from_slice(descriptor);
            *slot = Some(Packet { meta, dense, padding, bytes, payload: payload.len() });
        }
        if newest { Put::Newest } else { Put::Late }
    }

    fn dense_of_newest(&self, number: u64) -> u64 {
        number.saturating_add(BIAS).saturating_sub(self.closed)
    }

    /// A late packet takes the number its place was given when it was skipped:
    /// counted back from the next packet that is there.
    fn dense_of_late(&self, number: u64) -> u64 {
        let highest = self.highest.unwrap_or(number);
        let next = (number.saturating_add(1)..=highest).find_map(|later| self.get(later));
        next.map_or_else(
            || self.dense_of_newest(number),
            |next| next.dense.saturating_sub(next.meta.number.saturating_sub(number)),
        )
    }

    /// The packet with the publisher's number.
    pub(crate) fn get(&self, number: u64) -> Option<&Packet> {
        let packet = self.slots.get(self.at(number))?.as_ref()?;
        (packet.meta.number == number).then_some(packet)
    }

    /// The packet with a dense number.
    pub(crate) fn find(&self, dense: u64) -> Option<&Packet> {
        let highest = self.highest?;
        let mut number = dense.checked_sub(BIAS)?.saturating_add(self.closed).min(highest);
        for _ in 0..SEARCH_MAX {
            // Never too far down: between the two lie as many packets at least
            // as their dense numbers differ.
            let back = match self.get(number) {
                Some(packet) if packet.dense == dense && !packet.padding => return Some(packet),
                Some(packet) if packet.dense < dense => return None,
                Some(packet) => packet.dense.saturating_sub(dense).max(1),
                None => 1,
            };
            number = number.checked_sub(back)?;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn meta(number: u64) -> Meta {
        Meta {
            number,
            timestamp: 0,
            marker: false,
            codec: CodecName::Vp8,
            keyframe: None,
            orientation: None,
            arrival: Mono(0),
        }
    }

    #[test]
    fn padding_leaves_no_gap_in_dense_numbers() {
        let mut ring = Ring::new(32);
        for number in 100..110u64 {
            let payload: &[u8] = if matches!(number, 103 | 104 | 107) { b"" } else { b"x" };
            assert_eq!(ring.put(meta(number), payload, b""), Put::Newest);
        }
        let dense: Vec<u64> = (100..110)
            .filter_map(|number| ring.get(number).filter(|packet| !packet.padding))
            .map(|packet| packet.dense - BIAS)
            .collect();
        assert_eq!(dense, [100, 101, 102, 103, 104, 105, 106]);
        for dense in 100..107 {
            assert_eq!(ring.find(BIAS + dense).map(|p| p.dense), Some(BIAS + dense));
        }
        assert!(ring.find(BIAS + 107).is_none());
    }

    #[test]
    fn a_late_packet_takes_the_place_that_was_left_for_it() {
        let mut ring = Ring::new(32);
        for (number, payload) in [(1u64, "x"), (2, ""), (4, "x"), (5, "")] {
            ring.put(meta(number), payload.as_bytes(), b"");
        }
        assert_eq!(ring.put(meta(3), b"late", b"dd"), Put::Late);
        assert_eq!(ring.put(meta(3), b"late", b"dd"), Put::Stale);
        let late = ring.get(3).unwrap();
        assert_eq!(
            (late.dense - BIAS, late.payload(), late.descriptor()),
            (2, &b"late"[..], &b"dd"[..])
        );
        assert_eq!(ring.find(BIAS + 2).unwrap().meta.number, 3);
        assert_eq!(ring.put(meta(100), b"x", b""), Put::Newest);
        assert_eq!(ring.put(meta(68), b"x", b""), Put::Stale);
        assert_eq!(ring.put(meta(69), b"x", b""), Put::Late);
    }

    proptest! {
        #[test]
        fn dense_numbers_are_unique_and_found(
            start in 0u64..70_000,
            steps in prop::collection::vec((1u64..4, any::<bool>(), 0u64..6), 1..200),
        ) {
            let mut ring = Ring::new(64);
            let mut number = start;
            for (step, padding, back) in steps {
                number += step;
                for number in [number, number.saturating_sub(back)] {
                    let payload: &[u8] = if padding && back == 0 { b"" } else { b"x" };
                    ring.put(meta(number), payload, b"");
                }
                let high = ring.highest().unwrap();
                let mut last = None;
                for number in high.saturating_sub(40)..=high {
                    let Some(packet) = ring.get(number) else { continue };
                    if packet.padding { continue }
                    prop_assert!(last < Some(packet.dense));
                    last = Some(packet.dense);
                    let found = ring.find(packet.dense).map(|found| found.meta.number);
                    prop_assert_eq!(found, Some(number));
                }
            }
        }
    }
}
