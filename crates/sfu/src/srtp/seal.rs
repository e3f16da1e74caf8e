//! Protecting what we send.

use super::cipher::{Cipher, Place, Use};
use super::{Master, Profile};
use parlour_wire::rtcp;

/// The E flag: SRTCP packets are encrypted (RFC 3711 §3.4).
pub(super) const ENCRYPTED: u32 = 0x8000_0000;

/// Bytes of an RTCP packet that stay clear.
pub(super) const RTCP_CLEAR: usize = 8;

/// The sending direction of a transport.
#[derive(Debug)]
pub struct Seal {
    /// None where no media is sent.
    rtp: Option<Cipher>,
    rtcp: Cipher,
    tag_bytes: usize,
    rtcp_index: u32,
}

impl Seal {
    /// Derives the session keys; `None` if the master has the wrong size.
    #[must_use]
    pub fn new(profile: Profile, master: &Master) -> Option<Self> {
        let rtp = Cipher::new(profile, master, Use::Rtp)?;
        Some(Self { rtp: Some(rtp), ..Self::reports(profile, master)? })
    }

    /// For RTCP only: no RTP packet can be protected.
    #[must_use]
    pub fn reports(profile: Profile, master: &Master) -> Option<Self> {
        Some(Self {
            rtp: None,
            rtcp: Cipher::new(profile, master, Use::Rtcp)?,
            tag_bytes: profile.tag_bytes(),
            rtcp_index: 0,
        })
    }

    /// Protects an RTP packet whose header is `header_at..` of `out`; body and
    /// tail (padding) are encrypted behind it. `index` is the extended sequence
    /// number, never used before for this source, or for the same bytes.
    ///
    /// Returns false if nothing may be sent.
    pub fn rtp(
        &self,
        ssrc: u32,
        index: u64,
        header_at: usize,
        body: &[u8],
        tail: &[u8],
        out: &mut Vec<u8>,
    ) -> bool {
        let Some(cipher) = &self.rtp else { return false };
        cipher.seal(Place { ssrc, index }, header_at, &[], body, tail, out)
    }

    /// Appends the protected form of one RTCP datagram to `out`.
    ///
    /// Returns false if the packet is no RTCP, or the 2^31 indices are used up.
    pub fn rtcp(&mut self, packet: &[u8], out: &mut Vec<u8>) -> bool {
        let Some((clear, body)) = packet.split_at_checked(RTCP_CLEAR) else { return false };
        let Some(&[_, _, _, _, a, b, c, d]) = clear.first_chunk::<RTCP_CLEAR>() else {
            return false;
        };
        let index = self.rtcp_index;
        let Some(next) = index.checked_add(1).filter(|next| next & ENCRYPTED == 0) else {
            return false;
        };
        self.rtcp_index = next;
        let ssrc = u32::from_be_bytes([a, b, c, d]);
        let trailer = (index | ENCRYPTED).to_be_bytes();
        let clear_at = out.len();
        out.extend_from_slice(clear);
        let place = Place { ssrc, index: u64::from(index) };
        self.rtcp.seal(place, clear_at, &trailer, body, &[], out)
    }

    /// Bytes that protection adds to an RTP packet.
    #[must_use]
    pub const fn overhead(&self) -> usize {
        self.tag_bytes
    }
}

const _: () = assert!(RTCP_CLEAR == rtcp::HEADER_BYTES + 4);
