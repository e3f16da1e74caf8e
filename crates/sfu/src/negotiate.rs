//! Offers and answers: session descriptions to and from the plan.
//!
//! A publisher offers and we answer ([`UpOffer`]); we offer to a subscriber and
//! read its answer ([`offer`], [`read_answer`]). We are ICE-lite and always the
//! DTLS server (docs/protocols/galene.md §6.7; JSEP, RFC 9429). Pure functions
//! of their arguments: what was agreed is in the values they return. Refuses to
//! know rooms, permissions and packets.

mod codec;
mod credentials;
mod down;
mod extension;
mod section;
mod up;

#[cfg(test)]
mod peer_tests;
#[cfg(test)]
mod tests;

pub use codec::{down_codec, down_fmtp};
pub use credentials::worker_of;
pub use down::{offer, read_answer};
pub use extension::DOWN_EXTENSIONS;
pub use up::{UpAnswer, UpOffer};

use crate::plan::{Fingerprint, IceCredentials, RemoteTransport};
use parlour_wire::sdp::{Media, ParseError, Section};
use std::net::SocketAddr;
use thiserror::Error;

/// What every description of ours says about this server.
#[derive(Debug, Clone, Copy)]
pub struct Server<'a> {
    /// SHA-256 of our DTLS certificate.
    pub fingerprint: &'a Fingerprint,
    /// Where media may be sent to: host candidates.
    pub candidates: &'a [SocketAddr],
}

/// Why a description cannot be used; the text is shown to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SdpFault {
    /// It cannot be read.
    #[error("the description cannot be read: {0}")]
    Parse(#[from] ParseError),
    /// No section asks for media.
    #[error("the description has no media")]
    NoMedia,
    /// A data channel section.
    #[error("data channels are not supported")]
    DataChannel,
    /// A section without `a=mid`.
    #[error("a media section has no mid")]
    NoMid,
    /// Two sections with one mid.
    #[error("two media sections have the same mid")]
    SameMid,
    /// No ICE user fragment or password.
    #[error("the ice credentials are missing")]
    NoIce,
    /// No SHA-256 fingerprint.
    #[error("a sha-256 fingerprint is missing")]
    NoFingerprint,
    /// RTP and RTCP on different ports.
    #[error("rtcp-mux is required")]
    NoMux,
    /// The other side does not want to begin the DTLS handshake.
    #[error("the dtls handshake must begin at your side")]
    Setup,
    /// Nothing that is sent may be received.
    #[error("no codec in common")]
    NoCodec,
    /// An answer with other sections than the offer.
    #[error("the answer does not match the offer")]
    Mismatch,
}

/// Whether a section asks for media: not refused, or refused only so that it
/// stays inside the bundle (RFC 9143 §6).
fn wanted(section: &Section) -> bool {
    let media = matches!(section.media, Media::Audio | Media::Video);
    media && (section.port != 0 || section.bundle_only)
}

/// The transport of a section.
fn transport(section: &Section) -> Result<RemoteTransport, SdpFault> {
    let ice = section.ice.as_ref().ok_or(SdpFault::NoIce)?;
    let fingerprint = section.fingerprint.ok_or(SdpFault::NoFingerprint)?;
    if !section.rtcp_mux {
        return Err(SdpFault::NoMux);
    }
    Ok(RemoteTransport {
        ice: IceCredentials { ufrag: ice.ufrag.clone(), pwd: ice.pwd.clone() },
        fingerprint: Fingerprint(fingerprint),
    })
}

/// Fills in our side of the transport.
fn local_transport(section: &mut Section, local: &IceCredentials, server: &Server<'_>) {
    section.ice =
        Some(parlour_wire::sdp::Ice { ufrag: local.ufrag.clone(), pwd: local.pwd.clone() });
    section.fingerprint = Some(server.fingerprint.0);
    section.rtcp_mux = true;
}

/// Puts our candidates into the first section that is not refused.
fn local_candidates(sections: &mut [Section], server: &Server<'_>) {
    if let Some(first) = sections.iter_mut().find(|section| section.port != 0) {
        first.candidates = server.candidates.to_vec();
        first.end_of_candidates = true;
    }
}
