//! RTCP with a subscriber, both ways.

use super::Down;
use super::track::DownTrack;
use crate::plan::Kind;
use crate::shared::{Shared, micros_ticks, ntp, ntp_middle, ntp_ticks, wrap_ticks};
use crate::transport::Moment;
use crate::up::{Up, clock_rate};
use parlour_base::Mono;
use parlour_wire::rtcp::{
    Packet, ReportBlock, SenderInfo, packets, write_cname, write_sender_report,
};
use std::time::Duration;

/// Most sender reports in one datagram.
const REPORTS_MAX: usize = 12;

/// Round trips beyond this are not believed.
const RTT_MAX: Duration = Duration::from_secs(10);

impl Down {
    /// Takes an authenticated RTCP datagram; `wishes` collects the positions
    /// of our tracks for which a key frame is asked.
    pub(crate) fn rtcp(
        &mut self,
        now: Mono,
        plain: &[u8],
        up: Option<&Up>,
        shared: &mut Shared,
        wishes: &mut Vec<usize>,
    ) {
        shared.stats.rtcp_in += 1;
        let tracks = up.map_or(&[][..], |up| up.tracks.as_slice());
        for packet in packets(plain).flatten() {
            match packet {
                Packet::ReceiverReport(report) => {
                    report.reports.for_each(|block| self.reported(now, &block));
                }
                Packet::SenderReport(report) => {
                    report.reports.for_each(|block| self.reported(now, &block));
                }
                Packet::Nack(nack) => self.serve(now, nack.media, nack.lost(), tracks, shared),
                Packet::Pli { media, .. } => self.wishes(media, shared, wishes),
                Packet::Fir(fir) => {
                    fir.requests().for_each(|(media, _)| self.wishes(media, shared, wishes));
                }
                _ => {}
            }
        }
    }

    fn wishes(&self, media: u32, shared: &mut Shared, wishes: &mut Vec<usize>) {
        let fits = |track: &DownTrack| {
            track.section.ssrc == media && track.section.kind == Kind::Video && track.open()
        };
        if let Some(at) = self.tracks.iter().position(fits) {
            shared.stats.keyframe_requests_in += 1;
            if !wishes.contains(&at) {
                wishes.push(at);
            }
        }
    }

    /// A report about one of our sources: it knows us now, and how far it is.
    fn reported(&mut self, now: Mono, block: &ReportBlock) {
        let mine = |track: &&mut DownTrack| track.section.ssrc == block.ssrc;
        let Some(track) = self.tracks.iter_mut().find(mine) else { return };
        track.named_until.get_or_insert(track.next);
        if block.last_report == 0 {
            return;
        }
        let trip = ntp_middle(ntp(now)).wrapping_sub(block.last_report).wrapping_sub(block.delay);
        let rtt = Duration::from_micros(u64::from(trip) * 1_000_000 / 65_536);
        if rtt < RTT_MAX {
            track.rtt = Some(track.rtt.map_or(rtt, |before| (before * 3 + rtt) / 4));
        }
    }

    /// Lets time pass.
    pub(crate) fn tick(
        &mut self,
        now: Mono,
        up: Option<&Up>,
        shared: &mut Shared,
    ) -> Option<Moment> {
        if let Some(moment) = self.transport.tick(now, shared) {
            return Some(moment);
        }
        if self.next_report.is_some_and(|due| due <= now) {
            self.next_report = Some(now + shared.config.sender_reports.0);
            self.report(now, up, shared);
        }
        None
    }

    fn report(&mut self, now: Mono, up: Option<&Up>, shared: &mut Shared) {
        shared.report.clear();
        for track in self.tracks.iter().filter(|track| track.open()).take(REPORTS_MAX) {
            let Some(rtp) = up.and_then(|up| track.rtp_at(now, up)) else { continue };
            let info = SenderInfo {
                ssrc: track.section.ssrc,
                ntp: ntp(now),
                rtp,
                packets: track.packets,
                octets: track.octets,
            };
            write_sender_report(&mut shared.report, &info, &[]);
            write_cname(&mut shared.report, track.section.ssrc, &self.cname);
        }
        if self.transport.sendable() {
            self.transport.send_report(shared);
        }
    }
}

impl DownTrack {
    /// What our timestamps show now: by the publisher's report if there was
    /// one, else by the newest packet's arrival.
    pub(super) fn rtp_at(&self, now: Mono, up: &Up) -> Option<u32> {
        let stretch = self.now?;
        let layer = up.tracks.get(self.feed?)?.layers.get(stretch.layer)?;
        if layer.epoch != stretch.epoch || self.packets == 0 {
            return None;
        }
        let rate = clock_rate(self.section.codec.name);
        let reported = layer.clock.and_then(|clock| Some((clock.rtp, up.our_ntp(clock.ntp)?)));
        let theirs = match reported {
            Some((rtp, at)) => {
                let passed = ntp(now).wrapping_sub(at).cast_signed();
                rtp.wrapping_add(wrap_ticks(ntp_ticks(passed, rate)))
            }
            None => {
                let (timestamp, arrival) = layer.newest?;
                let passed = u64::try_from(now.since(arrival).as_micros()).unwrap_or(0);
                timestamp.wrapping_add(micros_ticks(passed, rate))
            }
        };
        Some(theirs.wrapping_add(stretch.timestamp))
    }
}
