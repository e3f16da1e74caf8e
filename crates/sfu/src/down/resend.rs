//! Packets that a subscriber asks for again.

use super::Down;
use super::rewrite::Writing;
use super::track::Stretch;
use crate::shared::Shared;
use crate::up::{Packet, Track};
use parlour_base::Mono;
use parlour_wire::rtp;

/// Resends per request; the rest is asked for again by whoever needs it.
const BATCH_MAX: usize = 256;

impl Down {
    /// Serves a NACK for one of our sources from the publisher's packets.
    pub(super) fn serve(
        &mut self,
        now: Mono,
        ssrc: u32,
        lost: impl Iterator<Item = u16>,
        tracks: &[Track],
        shared: &mut Shared,
    ) {
        let Some(track) = self.tracks.iter_mut().find(|track| track.section.ssrc == ssrc) else {
            return;
        };
        if !track.open() {
            return;
        }
        let Some(source) = track.feed.and_then(|feed| tracks.get(feed)) else { return };
        for sequence in lost.take(BATCH_MAX) {
            shared.stats.nacks_in += 1;
            let Some(newest) = track.next.checked_sub(1) else { continue };
            let number = rtp::extend(newest, sequence);
            if number > newest {
                continue;
            }
            let stretches = [track.now, track.before].into_iter().flatten();
            let Some((stretch, packet)) = find(stretches, number, source) else { continue };
            if track.credit <= 0 {
                shared.stats.resends_refused += 1;
                continue;
            }
            if !track.may_resend(now, number) {
                continue;
            }
            let Some((path, seal)) = self.transport.way() else { return };
            let writing = Writing { track, packet, stretch: &stretch, number, now };
            let sent = match track.repairs() {
                true => writing.send_again(path, seal, track.next_resend, shared),
                // Without a source of its own the very same bytes go out.
                false => writing.send(path, seal, 0, shared),
            };
            if let Some(length) = sent {
                shared.stats.resends += 1;
                track.credit = track.credit.saturating_sub(i64::try_from(length).unwrap_or(0));
                if track.repairs() {
                    track.next_resend = track.next_resend.saturating_add(1);
                }
            }
        }
    }
}

/// The packet behind one of our numbers, in the stretch it was sent in.
fn find(
    stretches: impl Iterator<Item = Stretch>,
    number: u64,
    source: &Track,
) -> Option<(Stretch, &Packet)> {
    // The newest stretch comes first; an older one ends where it begins.
    let mut stretches = stretches.filter(|stretch| stretch.number <= number);
    let stretch = stretches.next()?;
    let layer = source.layers.get(stretch.layer).filter(|layer| layer.epoch == stretch.epoch)?;
    let packet = layer.ring.find(stretch.dense_of(number)?)?;
    Some((stretch, packet))
}
