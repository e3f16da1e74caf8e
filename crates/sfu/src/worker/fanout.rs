//! From one publisher to all its receivers.

use super::{Slot, Worker, source_of};
use crate::up::Flush;
use parlour_base::Mono;

impl Worker {
    /// Sends what one layer holds to every receiver: receiver outside, packets
    /// inside, so that the packets of one receiver lie side by side.
    pub(super) fn flush(&mut self, now: Mono, at: usize, flush: Flush) {
        let layer_of = |worker: &mut Self| {
            let track = worker.ups.get_mut(at)?.tracks.get_mut(flush.track)?;
            track.layers.get_mut(flush.layer).map(|layer| layer.release())
        };
        let Some(numbers) = layer_of(self) else { return };
        let Some(up) = self.ups.get(at) else { return };
        let Some(source) = up.tracks.get(flush.track) else { return };
        let mut wishes = 0u8;
        for receiver in &up.receivers {
            let Some(down) = self.downs.get_mut(*receiver) else { continue };
            for track in 0..down.tracks.len() {
                if down.tracks.get(track).and_then(|track| track.feed) != Some(flush.track) {
                    continue;
                }
                let layer = flush.layer;
                let shared = &mut self.shared;
                if let Some(wish) = down.burst(now, track, source, layer, &numbers, shared) {
                    wishes |= 1u8.checked_shl(u32::try_from(wish).unwrap_or(8)).unwrap_or(0);
                }
            }
            if let Some(due) = down.report_due() {
                self.timers.arm(Slot::Down(*receiver), due, &mut down.armed);
            }
        }
        let Some(up) = self.ups.get_mut(at) else { return };
        let track = up.tracks.get_mut(flush.track);
        if let Some(layer) = track.and_then(|track| track.layers.get_mut(flush.layer)) {
            layer.reuse(numbers);
        }
        for layer in (0..8).filter(|layer| wishes >> layer & 1 == 1) {
            up.wish(flush.track, layer);
        }
        if wishes != 0 {
            up.ask(now, &mut self.shared);
        }
    }

    /// Lets a subscriber begin: with the packets since the last key frame if
    /// they are all there, else by asking for a key frame.
    pub(super) fn start(&mut self, now: Mono, at: usize) {
        let Some(down) = self.downs.get_mut(at).filter(|down| down.transport.sendable()) else {
            return;
        };
        let source = down.source;
        let Some(up) = source_of(&self.names, &self.ups, source) else { return };
        let mut wishes = Vec::new();
        for track in 0..down.tracks.len() {
            let Some(waiting) = down.tracks.get(track).filter(|track| track.waiting()) else {
                continue;
            };
            let Some(feed) = waiting.feed else { continue };
            let Some(source) = up.tracks.get(feed).filter(|source| source.video()) else {
                continue;
            };
            let pause = self.shared.config.layer_pause.0;
            let wanted = source.wanted(waiting.section.low);
            let flows =
                |at: &usize| source.layers.get(*at).is_some_and(|layer| layer.flows(now, pause));
            let layer = Some(wanted)
                .filter(flows)
                .or_else(|| (0..source.layers.len()).find(flows))
                .unwrap_or(wanted);
            let group =
                source.layers.get(layer).and_then(|layer| layer.group(now, &self.shared.config));
            if let Some(group) = group {
                down.burst(now, track, source, layer, &group, &mut self.shared);
            }
            match down.tracks.get(track).is_some_and(|track| track.waiting()) {
                true => wishes.push((feed, wanted)),
                false => self.shared.stats.replays += 1,
            }
        }
        if let Some(due) = down.report_due() {
            self.timers.arm(Slot::Down(at), due, &mut down.armed);
        }
        self.wish(now, source, &wishes);
    }

    /// Asks a publisher for key frames of (track, layer), and at once if it
    /// was not asked lately.
    pub(super) fn wish(
        &mut self,
        now: Mono,
        source: crate::plan::PeerId,
        wishes: &[(usize, usize)],
    ) {
        let Some(Slot::Up(at)) = self.names.get(&source).copied() else { return };
        let Some(up) = self.ups.get_mut(at).filter(|_| !wishes.is_empty()) else { return };
        for (track, layer) in wishes {
            up.wish(*track, *layer);
        }
        up.ask(now, &mut self.shared);
        self.rearm(now, Slot::Up(at));
    }
}
