//! A publisher: its transport, its tracks, and what is sent back to it.
//!
//! Owns which source belongs to which section and layer, the packets kept for
//! all receivers, and reports, resend requests, arrival times and keyframe
//! requests towards the publisher. Refuses to know who receives.

mod arrivals;
mod bind;
mod gaps;
mod keyframes;
mod layer;
mod reception;
mod reports;
mod ring;
mod track;

pub(crate) use layer::Layer;
pub(crate) use ring::Packet;
pub(crate) use track::{Track, clock_rate};

use crate::plan::{ExtensionIds, IceCredentials, LiveTrack, PeerId, RemoteTransport, UpSection};
use crate::shared::Shared;
use crate::transport::{Flow, Transport};
use arrivals::Arrivals;
use bind::Bound;
use parlour_base::Mono;
use parlour_base::limits::SDP_SECTIONS_MAX;
use std::collections::BTreeMap;

/// What a received packet means for the receivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flush {
    /// The track.
    pub(crate) track: usize,
    /// Its layer.
    pub(crate) layer: usize,
}

/// Notice of live tracks: not begun, collecting, told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Live {
    Silent,
    Collecting(Mono),
    Told,
}

/// One publisher's transport.
#[derive(Debug)]
pub(crate) struct Up {
    pub(crate) transport: Transport,
    /// Earliest entry in the timers.
    pub(crate) armed: Mono,
    /// In the order of the sections; only ever added to.
    pub(crate) tracks: Vec<Track>,
    /// Positions of the subscribers' transports fed by this one.
    pub(crate) receivers: Vec<usize>,
    sources: BTreeMap<u32, Bound>,
    /// Header extension ids of all sections.
    ids: ExtensionIds,
    arrivals: Arrivals,
    ssrc: u32,
    /// What to add to the publisher's NTP times to get ours.
    ntp_offset: Option<u64>,
    live: Live,
    live_due: Option<Mono>,
    live_told: Option<Mono>,
    next_report: Option<Mono>,
    next_feedback: Option<Mono>,
}

impl Up {
    pub(crate) fn new(
        now: Mono,
        peer: PeerId,
        local: &IceCredentials,
        remote: &RemoteTransport,
        shared: &mut Shared,
    ) -> Self {
        Self {
            transport: Transport::new(now, (peer, Flow::In), local, Some(remote)),
            armed: crate::timers::NEVER,
            tracks: Vec::new(),
            receivers: Vec::new(),
            sources: BTreeMap::new(),
            ids: ExtensionIds::default(),
            arrivals: Arrivals::default(),
            ssrc: shared.ssrc(),
            ntp_offset: None,
            live: Live::Silent,
            live_due: None,
            live_told: None,
            next_report: None,
            next_feedback: None,
        }
    }

    /// Takes the sections of an offer: known mids keep their state, others are
    /// added, and those that are gone become inactive.
    pub(crate) fn arrange(&mut self, sections: &[UpSection], shared: &Shared) {
        for track in &mut self.tracks {
            let kept = sections.iter().find(|section| section.mid == track.section.mid);
            match kept {
                Some(section) => track.arrange(section, &shared.config),
                None => track.section.active = false,
            }
        }
        self.tracks.reserve_exact(sections.len().saturating_sub(self.tracks.len()));
        for section in sections {
            let known = self.tracks.iter().any(|track| track.section.mid == section.mid);
            if !known && self.tracks.len() < SDP_SECTIONS_MAX {
                self.tracks.push(Track::new(section, &shared.config));
            }
        }
        self.ids = bind::merged(&self.tracks);
    }

    /// The track of a section.
    pub(crate) fn track_of(&self, mid: &str) -> Option<usize> {
        self.tracks.iter().position(|track| track.section.mid == mid)
    }

    /// Notes that a track has shown itself; the notice goes out when all have,
    /// or after a while.
    fn show(&mut self, now: Mono, track: usize, payload_type: u8, shared: &Shared) {
        let Some(track) = self.tracks.get_mut(track) else { return };
        if track.live == Some(payload_type) {
            return;
        }
        track.live = Some(payload_type);
        // A publisher that keeps changing its mind is not told of each time.
        let soonest = self.live_told.map_or(now, |told| told + shared.config.live_wait.0).max(now);
        match self.live {
            Live::Silent => self.live = Live::Collecting(now + shared.config.live_wait.0),
            Live::Collecting(_) => {}
            Live::Told => self.live_due = Some(soonest),
        }
        let mut active = self.tracks.iter().filter(|track| track.section.active);
        if active.all(|track| track.live.is_some()) {
            self.live_due = Some(soonest);
        } else if let Live::Collecting(until) = self.live {
            self.live_due = Some(until);
        }
    }

    /// The live tracks, if it is time to tell them.
    pub(crate) fn live(&mut self, now: Mono) -> Option<Vec<LiveTrack>> {
        self.live_due.filter(|due| *due <= now)?;
        self.live_due = None;
        self.live_told = Some(now);
        self.live = Live::Told;
        let live = self.tracks.iter().filter(|track| track.section.active);
        let live = live.filter_map(|track| {
            let payload_type = track.live?;
            Some(LiveTrack { mid: track.section.mid.clone(), payload_type })
        });
        Some(live.collect())
    }

    /// Our time of an instant on the publisher's clock.
    pub(crate) fn our_ntp(&self, theirs: u64) -> Option<u64> {
        self.ntp_offset.map(|offset| theirs.wrapping_add(offset))
    }

    fn layer_mut(&mut self, bound: Bound) -> Option<&mut Layer> {
        self.tracks.get_mut(bound.track)?.layers.get_mut(bound.layer)
    }

    /// When to look at this publisher again.
    pub(crate) fn deadline(&self, shared: &Shared) -> Mono {
        let spacing = shared.config.keyframe_spacing.0;
        let hold = shared.config.frame_hold.0;
        let ready = self.transport.sendable();
        let tracks = self.tracks.iter().flat_map(|track| {
            let layers = track.layers.iter().flat_map(move |layer| {
                [layer.gaps.deadline(), layer.hold_ends(hold)].into_iter().flatten()
            });
            layers.chain(track.wish.deadline(spacing).filter(|_| ready && track.known()))
        });
        let own = [self.live_due, self.next_report, self.next_feedback].into_iter().flatten();
        let sooner = tracks.chain(own).min();
        let end = self.transport.deadline(shared);
        sooner.map_or(end, |sooner| sooner.min(end))
    }
}
