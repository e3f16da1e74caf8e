//! Checking and decrypting what others send.

use super::cipher::{Cipher, Parts, Place, Use};
use super::replay::Replay;
use super::seal::{ENCRYPTED, RTCP_CLEAR};
use super::{Master, Profile};
use parlour_wire::rtp;
use std::collections::HashMap;
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
    rtp: Cipher,
    rtcp: Cipher,
    /// Per RTP source; at most `limit`, never forgotten.
    sources: HashMap<u32, Replay>,
    /// Per RTCP sender; at most `limit`.
    senders: HashMap<u32, Replay>,
    limit: usize,
}

impl Open {
    /// Derives the session keys; `None` if the master has the wrong size.
    #[must_use]
    pub fn new(profile: Profile, master: &Master, sources_max: usize) -> Option<Self> {
        Some(Self {
            rtp: Cipher::new(profile, master, Use::Rtp)?,
            rtcp: Cipher::new(profile, master, Use::Rtcp)?,
            sources: HashMap::new(),
            senders: HashMap::new(),
            limit: sources_max,
        })
    }

    /// Replaces `out` by the plain form of an RTP packet and returns its
    /// extended sequence number.
    ///
    /// # Errors
    /// [`OpenError`]; nothing has changed then, whatever the packet claimed.
    pub fn rtp(&mut self, packet: &[u8], out: &mut Vec<u8>) -> Result<u64, OpenError> {
        let header = rtp::Header::parse_protected(packet).map_err(|_| OpenError::Malformed)?;
        let (clear, rest) = packet.split_at_checked(header.length).ok_or(OpenError::Malformed)?;
        let body_bytes =
            rest.len().checked_sub(self.rtp.tag_bytes()).ok_or(OpenError::Malformed)?;
        let (body, tag) = rest.split_at_checked(body_bytes).ok_or(OpenError::Malformed)?;
        let known = self.sources.get(&header.ssrc);
        if known.is_none() && self.sources.len() >= self.limit {
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
        if !self.rtp.open(place, &parts, body, tag, out) {
            return Err(OpenError::Unauthentic);
        }
        self.sources.entry(header.ssrc).or_default().mark(index);
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
        let known = self.senders.get(&ssrc);
        if known.is_none() && self.senders.len() >= self.limit {
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
        self.senders.entry(ssrc).or_default().mark(index);
        Ok(())
    }
}
