//! The media workers as the node sees them: they answer orders with notices,
//! sooner or later, and check that the orders make sense.

use crate::dice::{Dice, MS, SEC};
use crate::fault::{Fault, Swarm, Tally};
use parlour_sfu::plan::{Command, LiveTrack, Loss, Notice, PeerId, UpSection};
use std::collections::BTreeMap;

/// A transport.
#[derive(Debug)]
enum Peer {
    Up { ufrag: String, sections: Vec<UpSection>, lost: bool },
    Down,
}

/// All workers together.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    peers: BTreeMap<PeerId, Peer>,
}

/// A notice and how long it takes, in microseconds.
type Soon = Vec<(u64, Notice)>;

impl Workers {
    /// How many transports are open.
    pub(crate) fn open(&self) -> usize {
        self.peers.len()
    }

    /// They die with the node.
    pub(crate) fn crash(&mut self) {
        self.peers.clear();
    }

    /// Takes an order.
    pub(crate) fn order(
        &mut self,
        command: Command,
        dice: &mut Dice,
        swarm: &Swarm,
        tally: &mut Tally,
    ) -> Result<Soon, String> {
        match command {
            Command::Up { peer, remote, sections, .. } => {
                Ok(self.up(peer, remote.ice.ufrag, sections, dice, swarm, tally))
            }
            Command::Down { peer, source, .. } => {
                if !matches!(self.peers.get(&source), Some(Peer::Up { .. })) {
                    return Err(format!("{peer:?} is to be fed by {source:?}, which is not there"));
                }
                self.peers.insert(peer, Peer::Down);
                Ok(Vec::new())
            }
            Command::Answered { peer, .. } => {
                if !matches!(self.peers.get(&peer), Some(Peer::Down)) {
                    return Err(format!("an answer for {peer:?}, which is not there"));
                }
                Ok(self.answered(peer, dice, swarm, tally))
            }
            Command::Close(peer) => match self.peers.remove(&peer) {
                Some(_) => Ok(Vec::new()),
                None => Err(format!("{peer:?} is closed and was not open")),
            },
            other => Err(format!("no worker knows {other:?}")),
        }
    }

    fn up(
        &mut self,
        peer: PeerId,
        ufrag: String,
        sections: Vec<UpSection>,
        dice: &mut Dice,
        swarm: &Swarm,
        tally: &mut Tally,
    ) -> Soon {
        let before = self.peers.get(&peer);
        let revived =
            matches!(before, Some(Peer::Up { ufrag: old, lost: true, .. }) if *old != ufrag);
        let same = matches!(before, Some(Peer::Up { ufrag: old, .. }) if *old == ufrag);
        let connected = dice.between(5 * MS, 300 * MS);
        let mut soon = vec![(connected, Notice::Connected(peer))];
        if same && !revived {
            soon.clear();
        }
        let tracks = live(&sections);
        let mut at = connected + dice.between(MS, 200 * MS);
        if tracks.len() > 1 && swarm.strikes(Fault::LateTracks, 300, dice, tally) {
            let first = tracks.iter().take(1).cloned().collect();
            soon.push((at, Notice::Live { peer, tracks: first }));
            at += dice.between(MS, 2 * SEC);
        }
        soon.push((at, Notice::Live { peer, tracks }));
        if let Some(lost) = trouble(dice, swarm, tally) {
            soon.push((at + dice.between(MS, 5 * SEC), Notice::Lost(peer, lost)));
        }
        self.peers.insert(peer, Peer::Up { ufrag, sections, lost: false });
        soon
    }

    fn answered(&self, peer: PeerId, dice: &mut Dice, swarm: &Swarm, tally: &mut Tally) -> Soon {
        let at = dice.between(5 * MS, 300 * MS);
        let mut soon = vec![(at, Notice::Connected(peer))];
        if let Some(lost) = trouble(dice, swarm, tally) {
            soon.push((at + dice.between(MS, 5 * SEC), Notice::Lost(peer, lost)));
        }
        soon
    }

    /// Whether a notice is still worth telling; a worker that was told to
    /// close a peer may have spoken before it heard.
    pub(crate) fn tells(&mut self, notice: &Notice, dice: &mut Dice) -> bool {
        let (Notice::Connected(peer) | Notice::Lost(peer, _) | Notice::Live { peer, .. }) = notice
        else {
            return true;
        };
        let Some(known) = self.peers.get_mut(peer) else { return dice.chance(200) };
        match (known, notice) {
            (Peer::Up { lost, .. }, Notice::Lost(..)) => *lost = true,
            // What was measured before a renegotiation is out of date.
            (Peer::Up { sections, .. }, Notice::Live { tracks, .. }) => {
                let now = live(sections);
                return tracks.iter().all(|track| now.contains(track));
            }
            (Peer::Up { lost, .. }, Notice::Connected(_)) => *lost = false,
            _ => {}
        }
        true
    }
}

fn live(sections: &[UpSection]) -> Vec<LiveTrack> {
    let active = sections.iter().filter(|section| section.active);
    active
        .filter_map(|section| {
            let codec = section.codecs.first()?;
            Some(LiveTrack { mid: section.mid.clone(), payload_type: codec.payload_type })
        })
        .collect()
}

fn trouble(dice: &mut Dice, swarm: &Swarm, tally: &mut Tally) -> Option<Loss> {
    if swarm.strikes(Fault::ConsentLost, 120, dice, tally) {
        return Some(Loss::Consent);
    }
    if swarm.strikes(Fault::TransportEnded, 80, dice, tally) {
        return Some(*dice.pick(&[Loss::Closed, Loss::Fingerprint, Loss::Handshake]));
    }
    None
}
