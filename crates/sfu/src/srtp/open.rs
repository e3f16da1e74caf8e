//! Checking and decrypting what others send.

use super::cipher::{Cipher, Parts, Place, Use};
use super::replay::Replay;
use super::seal::{ENCRYPTED, RTCP_CLEAR};
use super::{Master, Profile};
use parlour_wire::rtp;
use thiserror::Error;

/// Why a protected packet was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OpenError {
    /// Too short, or no RTP or RTCP.
    #[error("not a protected packet")]
    Malformed,
    /// The tag does not fit: altered, or of another key.
    #[error("authentication failed")]
    Unauthentic,
    /// Seen before, or too old to tell.
    #[error("seen before or too old")]
    Replayed,
    /// A new source, and there are too many already.
    #[error("too many sources")]
    TooManySources,
}

/// The receiving direction of a transport.
#[derive(Debug)]
pub struct Open {
    /// None where no media is expected.
    rtp: Option<Cipher>,
    rtcp: Cipher,
    /// Per RTP source; at most `limit`, never forgotten.
    sources: Sources,
    /// Per RTCP sender; at most `limit`.
    senders: Sources,
    limit: usize,
}

/// What has been seen of each source. They are few, and most peers have one,
/// so they lie side by side and room is made for one at a time.
#[derive(Debug, Default)]
struct Sources(Vec<(u32, Replay)>);

impl Sources {
    fn get(&self, ssrc: u32) -> Option<&Replay> {
        self.0.iter().find(|(known, _)| *known == ssrc).map(|(_, replay)| replay)
    }

    fn mark(&mut self, ssrc: u32, index: u64) {
        if let Some((_, replay)) = self.0.iter_mut().find(|(known, _)| *known == ssrc) {
            return replay.mark(index);
        }
        let mut replay = Replay::default();
        replay.mark(index);
        self.0.reserve_exact(1);
        self.0.push((ssrc, replay));
    }
}

impl Open {
    /// Derives the session keys; `None` if the master has the wrong size.
    #[must_use]
    pub fn new(profile: Profile, master: &Master, sources_max: usize) -> Option<Self> {
        let rtp = Cipher::new(profile, master, Use::Rtp)?;
        Some(Self { rtp: Some(rtp), ..Self::reports(profile, master, sources_max)? })
    }

    /// For RTCP only: every RTP packet is refused.
    #[must_use]
    pub fn reports(profile: Profile, master: &Master, senders_max: usize) -> Option<Self> {
        Some(Self {
            rtp: None,
            rtcp: Cipher::new(profile, master, Use::Rtcp)?,
            sources: Sources::default(),
            senders: Sources::default(),
            limit: senders_max,
        })
    }

    /// Replaces `out` by the plain form of an RTP packet and returns its
    /// extended sequence number.
    ///
    /// # Errors
    /// [`OpenError`]; nothing has changed then, whatever the packet claimed.
    pub fn rtp(&mut self, packet: &[u8], out: &mut Vec<u8>) -> Result<u64, OpenError> {
        let cipher = self.rtp.as_ref().ok_or(OpenError::Unauthentic)?;
        let header = rtp::Header::parse_protected(packet).map_err(|_| OpenError::Malformed)?;
        let (clear, rest) = packet.split_at_checked(header.length).ok_or(OpenError::Malformed)?;
        let body_bytes = rest.len().checked_sub(cipher.tag_bytes()).ok_or(OpenError::Malformed)?;
        let (body, tag) = rest.split_at_checked(body_bytes).ok_or(OpenError::Malformed)?;
        let known = self.sources.get(header.ssrc);
        if known.is_none() && self.sources.0.len() >= self.limit {
            return Err(OpenError::TooManySources);
        }
        let highest = known.and_then(Replay::highest);
        let index = highest
            .map_or_else(|| u64::from(header.sequence), |near| rtp::extend(near, header.sequence));
        if known.is_some_and(|replay| !replay.fresh(index)) {
            return Err(OpenError::Replayed);
        }
        out.clear();
        out.extend_from_slice(clear);
        let place = Place { ssrc: header.ssrc, index };
        let parts = Parts { clear, trailer: &[] };
        if !cipher.open(place, &parts, body, tag, out) {
            return Err(OpenError::Unauthentic);
        }
        self.sources.mark(header.ssrc, index);
        Ok(index)
    }

    /// Replaces `out` by the plain form of an RTCP datagram.
    ///
    /// # Errors
    /// [`OpenError`]; nothing has changed then, whatever the packet claimed.
    pub fn rtcp(&mut self, packet: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        let malformed = OpenError::Malformed;
        let Some(&[_, _, _, _, a, b, c, d]) = packet.first_chunk::<RTCP_CLEAR>() else {
            return Err(malformed);
        };
        let (clear, rest) = packet.split_at_checked(RTCP_CLEAR).ok_or(malformed)?;
        let tag_bytes = self.rtcp.tag_bytes();
        let body_bytes = rest.len().checked_sub(tag_bytes + 4).ok_or(malformed)?;
        let (body, rest) = rest.split_at_checked(body_bytes).ok_or(malformed)?;
        // GCM puts the tag before the index, HMAC behind it.
        let (trailer, tag) = match &self.rtcp {
            Cipher::Gcm { .. } => {
                let (tag, trailer) = rest.split_at_checked(tag_bytes).ok_or(malformed)?;
                (trailer, tag)
            }
            Cipher::Counter { .. } => rest.split_at_checked(4).ok_or(malformed)?,
        };
        let word = u32::from_be_bytes(*trailer.first_chunk().ok_or(malformed)?);
        if word & ENCRYPTED == 0 {
            return Err(malformed);
        }
        let index = u64::from(word & !ENCRYPTED);
        let ssrc = u32::from_be_bytes([a, b, c, d]);
        let known = self.senders.get(ssrc);
        if known.is_none() && self.senders.0.len() >= self.limit {
            return Err(OpenError::TooManySources);
        }
        if known.is_some_and(|replay| !replay.fresh(index)) {
            return Err(OpenError::Replayed);
        }
        out.clear();
        out.extend_from_slice(clear);
        let parts = Parts { clear, trailer };
        if !self.rtcp.open(Place { ssrc, index }, &parts, body, tag, out) {
            return Err(OpenError::Unauthentic);
        }
        self.senders.mark(ssrc, index);
        Ok(())
    }
}
