//! One section towards a subscriber, and where its numbers stand.

use crate::plan::DownSection;
use crate::shared::Shared;
use crate::up::Packet;
use parlour_base::Mono;
use parlour_wire::payload::vp8;

/// Resends remembered, so that none goes out twice within a round trip.
const RESENT_MAX: usize = 64;

/// A stretch of packets from one layer: our numbers run parallel to its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) layer: usize,
    pub(super) epoch: u32,
    /// The dense number of its first packet, and our number for it.
    pub(super) dense: u64,
    pub(super) number: u64,
    /// Added to the publisher's values.
    pub(super) timestamp: u32,
    pub(super) picture: u16,
    pub(super) base_layer: u8,
    /// Whether pictures are renumbered at all.
    pub(super) renumbered: bool,
}

impl Stretch {
    /// Our number for a packet; `None` if it comes before the stretch.
    pub(super) fn number_of(&self, dense: u64) -> Option<u64> {
        Some(self.number.saturating_add(dense.checked_sub(self.dense)?))
    }

    /// The dense number behind one of ours.
    pub(super) fn dense_of(&self, number: u64) -> Option<u64> {
        Some(self.dense.saturating_add(number.checked_sub(self.number)?))
    }
}

/// The newest things sent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Newest {
    pub(super) timestamp: u32,
    pub(super) arrival: Mono,
    pub(super) picture: u16,
    pub(super) base_layer: u8,
}

/// One section towards a subscriber.
#[derive(Debug)]
pub(crate) struct DownTrack {
    pub(crate) section: DownSection,
    /// The subscriber takes it.
    pub(crate) accepted: bool,
    /// Its sources are in use elsewhere: nothing may be sent.
    pub(super) barred: bool,
    /// The publisher's track.
    pub(crate) feed: Option<usize>,
    pub(super) now: Option<Stretch>,
    pub(super) before: Option<Stretch>,
    /// Our next number, and the next one for resends.
    pub(super) next: u64,
    pub(super) next_resend: u64,
    /// Our first number without the mid extension: the first report came.
    pub(super) named_until: Option<u64>,
    pub(super) newest: Option<Newest>,
    pub(super) packets: u32,
    pub(super) octets: u32,
    /// Bytes that may be spent on resends.
    pub(super) credit: i64,
    pub(super) resent: Option<Box<[(u64, Mono); RESENT_MAX]>>,
    /// Round trip to the subscriber, once a report told it.
    pub(super) rtt: Option<std::time::Duration>,
}

impl DownTrack {
    pub(super) fn new(section: &DownSection, shared: &mut Shared) -> Self {
        Self {
            section: section.clone(),
            accepted: false,
            barred: false,
            feed: None,
            now: None,
            before: None,
            next: shared.first_number(),
            next_resend: shared.first_number(),
            named_until: None,
            newest: None,
            packets: 0,
            octets: 0,
            credit: i64::try_from(shared.config.resend_burst.0).unwrap_or(i64::MAX),
            resent: None,
            rtt: None,
        }
    }

    /// Takes a new description with the same sources.
    pub(super) fn rearrange(&mut self, section: &DownSection) {
        if section.source_mid != self.section.source_mid
            || section.codec.name != self.section.codec.name
            || section.payload_type != self.section.payload_type
        {
            self.cut();
        }
        self.section = section.clone();
    }

    pub(super) fn feed_from(&mut self, feed: Option<usize>) {
        if self.feed != feed {
            self.cut();
            self.feed = feed;
        }
    }

    /// Ends the stretch: what comes next begins a new one.
    pub(super) fn cut(&mut self) {
        self.feed = None;
        self.now = None;
        self.before = None;
    }

    /// Begins with new numbers, low enough for a receiver that knows none.
    pub(super) fn renumber(&mut self, shared: &mut Shared) {
        self.now = None;
        self.before = None;
        self.named_until = None;
        self.next = shared.first_number();
        self.next_resend = shared.first_number();
    }

    /// Whether packets may flow, transport aside.
    pub(crate) fn open(&self) -> bool {
        self.accepted && self.section.active && !self.barred
    }

    /// Whether it still waits for a packet to begin with.
    pub(crate) fn waiting(&self) -> bool {
        self.open() && self.feed.is_some() && self.now.is_none()
    }

    /// The layer that flows now.
    pub(crate) fn layer(&self) -> Option<usize> {
        self.now.map(|stretch| stretch.layer)
    }

    /// Whether a resend of our number may go out now; notes that it does.
    pub(super) fn may_resend(&mut self, now: Mono, number: u64) -> bool {
        let spacing = self.rtt.map_or(std::time::Duration::from_millis(40), |rtt| {
            rtt.clamp(std::time::Duration::from_millis(10), std::time::Duration::from_millis(300))
        });
        let table = self.resent.get_or_insert_with(|| Box::new([(0, Mono(0)); RESENT_MAX]));
        let at = usize::try_from(number % RESENT_MAX as u64).unwrap_or(0);
        let Some(entry) = table.get_mut(at) else { return false };
        if entry.0 == number && now.since(entry.1) < spacing {
            return false;
        }
        *entry = (number, now);
        true
    }
}

/// Picture id and base layer index of a VP8 packet, if it has them.
pub(super) fn vp8_numbers(packet: &Packet) -> (Option<u16>, Option<u8>) {
    let descriptor = vp8::Descriptor::parse(packet.payload());
    descriptor.map_or((None, None), |found| (found.picture_id.map(|id| id.value), found.tl0_index))
}
