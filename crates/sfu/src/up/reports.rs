//! RTCP with a publisher, both ways.

use super::layer::Clock;
use super::{Flush, Up};
use crate::shared::{Shared, ntp};
use crate::transport::Moment;
use parlour_base::Mono;
use parlour_wire::rtcp::{
    Packet, packets, write_nack, write_pli, write_receiver_report, write_remb,
};

/// Differences between the publisher's clock and ours beyond this are a new
/// clock; smaller ones are followed slowly. In NTP units.
const CLOCK_JUMP: i64 = 1 << 32;

impl Up {
    /// Takes an authenticated RTCP datagram.
    pub(crate) fn rtcp(&mut self, now: Mono, plain: &[u8], shared: &mut Shared) {
        shared.stats.rtcp_in += 1;
        for packet in packets(plain).flatten() {
            if let Packet::SenderReport(report) = packet {
                let (ssrc, theirs) = (report.info.ssrc, report.info.ntp);
                let Some(bound) = self.sources.get(&ssrc).copied().filter(|b| !b.resends) else {
                    continue;
                };
                self.follow_clock(now, theirs);
                if let Some(layer) = self.layer_mut(bound) {
                    layer.clock = Some(Clock { ntp: theirs, rtp: report.info.rtp });
                    if let Some(reception) = &mut layer.reception {
                        reception.reported(now, theirs);
                    }
                }
            }
        }
    }

    fn follow_clock(&mut self, now: Mono, theirs: u64) {
        let seen = ntp(now).wrapping_sub(theirs);
        self.ntp_offset = Some(match self.ntp_offset {
            None => seen,
            Some(before) => {
                let step = seen.wrapping_sub(before).cast_signed();
                if step.unsigned_abs() > CLOCK_JUMP.unsigned_abs() {
                    seen
                } else {
                    before.wrapping_add_signed(step / 8)
                }
            }
        });
    }

    /// Someone needs a key frame of this layer.
    pub(crate) fn wish(&mut self, track: usize, layer: usize) {
        if let Some(track) = self.tracks.get_mut(track) {
            track.wish.add(layer);
        }
    }

    /// Lets time pass; `flush` collects what receivers are owed.
    pub(crate) fn tick(
        &mut self,
        now: Mono,
        shared: &mut Shared,
        flush: &mut Vec<Flush>,
    ) -> Option<Moment> {
        if let Some(moment) = self.transport.tick(now, shared) {
            return Some(moment);
        }
        self.end_holds(now, shared, flush);
        self.ask(now, shared);
        if self.next_report.is_some_and(|due| due <= now) {
            self.report(now, shared);
        }
        if self.next_feedback.is_some_and(|due| due <= now) {
            self.feedback(now, shared);
        }
        None
    }

    fn end_holds(&self, now: Mono, shared: &Shared, flush: &mut Vec<Flush>) {
        let hold = shared.config.frame_hold.0;
        for (track, state) in self.tracks.iter().enumerate() {
            for (layer, state) in state.layers.iter().enumerate() {
                if state.hold_ends(hold).is_some_and(|end| end <= now) {
                    flush.push(Flush { track, layer });
                }
            }
        }
    }

    /// Asks for lost packets and key frames, all in one datagram.
    pub(crate) fn ask(&mut self, now: Mono, shared: &mut Shared) {
        let (spacing, tries) = (shared.config.keyframe_spacing.0, shared.config.nack_tries);
        let ready = self.transport.sendable();
        shared.report.clear();
        for track in &mut self.tracks {
            for layer in &mut track.layers {
                let Some(ssrc) = layer.ssrc else { continue };
                if layer.gaps.deadline().is_none_or(|due| due > now) {
                    continue;
                }
                let lost = layer.gaps.due(now, tries);
                shared.stats.nacks_out += lost.len() as u64;
                write_nack(&mut shared.report, self.ssrc, ssrc, lost);
            }
            if !ready || !track.known() {
                continue;
            }
            if let Some(layer) = track.wish.due(now, spacing) {
                // One request brings key frames on all layers (browsers), so a
                // layer without a source is asked for through another.
                let of = track.layers.get(layer).and_then(|layer| layer.ssrc);
                let any = track.layers.iter().find_map(|layer| layer.ssrc);
                if let Some(ssrc) = of.or(any) {
                    write_pli(&mut shared.report, self.ssrc, ssrc);
                    shared.stats.keyframe_requests_out += 1;
                }
            }
        }
        self.transport.send_report(shared);
    }

    /// Receiver reports of all sources that have been heard, and the rate for
    /// publishers that measure nothing themselves.
    fn report(&mut self, now: Mono, shared: &mut Shared) {
        self.next_report = Some(now + shared.config.receiver_reports.0);
        let mut blocks = Vec::new();
        let mut videos = Vec::new();
        for track in &mut self.tracks {
            let unmeasured = track.video() && track.section.extensions.transport_cc.is_none();
            for layer in &mut track.layers {
                let (Some(ssrc), Some(reception)) = (layer.ssrc, &mut layer.reception) else {
                    continue;
                };
                blocks.push(reception.block(now, ssrc));
                if unmeasured {
                    videos.push(ssrc);
                }
            }
        }
        shared.report.clear();
        write_receiver_report(&mut shared.report, self.ssrc, &blocks);
        if !videos.is_empty() {
            let bits = u64::from(shared.config.remb_bits);
            write_remb(&mut shared.report, self.ssrc, bits, &videos);
        }
        self.transport.send_report(shared);
    }

    fn feedback(&mut self, now: Mono, shared: &mut Shared) {
        let media = self.tracks.iter().flat_map(|track| &track.layers);
        let media = media.filter_map(|layer| layer.ssrc).next().unwrap_or(0);
        shared.report.clear();
        if self.arrivals.write(&mut shared.report, self.ssrc, media) {
            shared.stats.feedback_out += 1;
            self.transport.send_report(shared);
        }
        let again = self.arrivals.any().then_some(now + shared.config.transport_feedback.0);
        self.next_feedback = again;
    }
}
