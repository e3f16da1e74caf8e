//! A subscriber: its transport and what flows to it.
//!
//! Owns the numbering towards one receiver: sources, sequence numbers,
//! timestamps and picture ids are ours, continuous, and never used twice.
//! Refuses to keep packets: it sends from the publisher's ring.

mod forward;
mod reports;
mod resend;
mod rewrite;
mod track;

pub(crate) use track::DownTrack;

use crate::plan::{DownSection, IceCredentials, PeerId};
use crate::shared::Shared;
use crate::timers::NEVER;
use crate::transport::{Flow, Transport};
use crate::up::Up;
use parlour_base::Mono;
use parlour_base::limits::SDP_SECTIONS_MAX;

/// One subscriber's transport.
#[derive(Debug)]
pub(crate) struct Down {
    pub(crate) transport: Transport,
    /// Earliest entry in the timers.
    pub(crate) armed: Mono,
    /// The publisher's transport that feeds it.
    pub(crate) source: PeerId,
    /// In the order of the sections; only ever added to.
    pub(crate) tracks: Vec<DownTrack>,
    /// Sources that are no longer used, with the number they stopped at.
    retired: Vec<(u32, u64)>,
    cname: String,
    next_report: Option<Mono>,
}

/// Most sources that one subscriber may have had; further ones stay silent.
const RETIRED_MAX: usize = 512;

impl Down {
    pub(crate) fn new(
        now: Mono,
        peer: PeerId,
        source: PeerId,
        local: &IceCredentials,
        shared: &mut Shared,
    ) -> Self {
        Self {
            transport: Transport::new(now, (peer, Flow::Out), local, None),
            armed: NEVER,
            source,
            tracks: Vec::new(),
            retired: Vec::new(),
            cname: shared.entropy.text::<9>(),
            next_report: None,
        }
    }

    /// Takes the sections of an offer; those that are gone become inactive.
    pub(crate) fn arrange(&mut self, sections: &[DownSection], shared: &mut Shared) {
        for track in &mut self.tracks {
            if !sections.iter().any(|section| section.mid == track.section.mid) {
                track.section.active = false;
            }
        }
        // Exactly: peers are many, and their sections two.
        self.tracks.reserve_exact(sections.len().saturating_sub(self.tracks.len()));
        for section in sections {
            let at = self.tracks.iter().position(|track| track.section.mid == section.mid);
            match at {
                Some(at) => self.rearrange(at, section, shared),
                None if self.tracks.len() < SDP_SECTIONS_MAX => {
                    let track = self.make(section, shared);
                    self.tracks.push(track);
                }
                None => shared.stats.dropped.commands += 1,
            }
        }
    }

    fn rearrange(&mut self, at: usize, section: &DownSection, shared: &mut Shared) {
        let Some(track) = self.tracks.get_mut(at) else { return };
        let same_sources =
            (track.section.ssrc, track.section.rtx_ssrc) == (section.ssrc, section.rtx_ssrc);
        if same_sources {
            track.rearrange(section);
            return;
        }
        let old = [
            (track.section.ssrc, track.next),
            (track.section.rtx_ssrc.unwrap_or(0), track.next_resend),
        ];
        let accepted = track.accepted;
        self.retired.extend(old);
        let mut fresh = self.make(section, shared);
        fresh.accepted = accepted;
        if let Some(track) = self.tracks.get_mut(at) {
            *track = fresh;
        }
    }

    /// A track whose numbers continue where its sources stopped before, if
    /// they were used; a number is never used twice under one key.
    fn make(&self, section: &DownSection, shared: &mut Shared) -> DownTrack {
        let mut track = DownTrack::new(section, shared);
        for (ssrc, next) in &self.retired {
            if *ssrc == section.ssrc {
                track.next = track.next.max(*next);
            }
            if Some(*ssrc) == section.rtx_ssrc {
                track.next_resend = track.next_resend.max(*next);
            }
        }
        let ours = [Some(section.ssrc), section.rtx_ssrc];
        let taken =
            self.tracks.iter().filter(|other| other.section.mid != section.mid).any(|other| {
                let theirs = [Some(other.section.ssrc), other.section.rtx_ssrc];
                theirs.iter().flatten().any(|ssrc| ours.contains(&Some(*ssrc)))
            });
        let full = self.retired.len() >= RETIRED_MAX;
        if taken || full || section.rtx_ssrc == Some(section.ssrc) {
            shared.stats.dropped.commands += 1;
            track.barred = true;
        }
        track
    }

    /// Other keys are in use: the receiver counts roll-overs from zero again,
    /// and so do our numbers.
    pub(crate) fn rekeyed(&mut self, shared: &mut Shared) {
        self.retired.clear();
        for track in &mut self.tracks {
            track.renumber(shared);
        }
    }

    /// The subscriber's answer: which sections it takes.
    pub(crate) fn answered(&mut self, accepted: &[String]) {
        for track in &mut self.tracks {
            track.accepted = accepted.contains(&track.section.mid);
        }
    }

    /// Finds the publisher's track of every section.
    pub(crate) fn link(&mut self, up: Option<&Up>) {
        for track in &mut self.tracks {
            let feed = up.and_then(|up| up.track_of(&track.section.source_mid));
            track.feed_from(feed);
        }
    }

    /// Forgets the publisher's tracks: it went away.
    pub(crate) fn unlink(&mut self) {
        for track in &mut self.tracks {
            track.cut();
        }
    }

    /// When the next sender report is due.
    pub(crate) fn report_due(&self) -> Option<Mono> {
        self.next_report
    }

    /// When to look at this subscriber again.
    pub(crate) fn deadline(&self, shared: &Shared) -> Mono {
        let end = self.transport.deadline(shared);
        self.next_report.map_or(end, |next| next.min(end))
    }
}
