//! A publisher's offer and our answer to it.

use super::section::{agree, refuse};
use super::{SdpFault, Server, local_candidates, local_transport, transport, wanted};
use crate::plan::{CodecName, IceCredentials, RemoteTransport, UpSection};
use parlour_wire::sdp::{self, Description, Media, Section, Setup};

/// Session ids have at most 62 bits (RFC 9429 §5.2.1).
const SESSION_MASK: u64 = (1 << 62) - 1;

/// A publisher's offer that can be answered.
#[derive(Debug, Clone)]
pub struct UpOffer {
    description: Description,
    remote: RemoteTransport,
}

/// Our answer, and what it settled.
#[derive(Debug, Clone)]
pub struct UpAnswer {
    /// The description to send back.
    pub sdp: String,
    /// Every section of the offer, in order.
    pub sections: Vec<UpSection>,
}

impl UpOffer {
    /// Reads an offer.
    ///
    /// # Errors
    /// [`SdpFault`] if it cannot be read, asks for a data channel, or says too
    /// little about its transport.
    pub fn read(sdp: &str) -> Result<Self, SdpFault> {
        let description = sdp::parse(sdp)?;
        check_mids(&description.sections)?;
        let sections = &description.sections;
        if sections.iter().any(|section| section.media == Media::Application) {
            return Err(SdpFault::DataChannel);
        }
        // The first section carries the transport of the whole bundle.
        let first = sections.iter().find(|section| bundled(&description, section));
        let first = first.ok_or(SdpFault::NoMedia)?;
        let remote = transport(first)?;
        match first.setup {
            // Without a=setup, whoever offers is active (RFC 4145 §4.1).
            None | Some(Setup::ActPass | Setup::Active) => Ok(Self { description, remote }),
            Some(Setup::Passive | Setup::HoldConn) => Err(SdpFault::Setup),
        }
    }

    /// The publisher's side of the transport.
    #[must_use]
    pub fn remote(&self) -> &RemoteTransport {
        &self.remote
    }

    /// Whether this offer restarts ICE (RFC 8839 §4.4.1.1.1) on a transport
    /// that had `before`: fresh local credentials are due then.
    #[must_use]
    pub fn restarts(&self, before: &RemoteTransport) -> bool {
        let (old, new) = (&before.ice, &self.remote.ice);
        old.ufrag != new.ufrag || !old.pwd.matches(new.pwd.expose())
    }

    /// Answers: every section is received, sent nothing, or refused.
    ///
    /// # Errors
    /// [`SdpFault::NoCodec`] if nothing at all can be accepted.
    pub fn answer(
        &self,
        local: &IceCredentials,
        server: &Server<'_>,
        allowed: &[CodecName],
    ) -> Result<UpAnswer, SdpFault> {
        let offered = &self.description;
        let agreed: Vec<_> = offered
            .sections
            .iter()
            .map(|section| match bundled(offered, section) {
                true => agree(section, allowed),
                false => refuse(section),
            })
            .collect();
        let (mut sections, plan): (Vec<_>, Vec<_>) = agreed.into_iter().unzip();
        let accepted = || sections.iter().filter(|section| section.port != 0);
        if accepted().next().is_none() {
            return Err(SdpFault::NoCodec);
        }
        let mids = accepted().filter_map(|section| section.mid.clone()).collect();
        for section in sections.iter_mut().filter(|section| section.port != 0) {
            local_transport(section, local, server);
            section.setup = Some(Setup::Passive);
        }
        local_candidates(&mut sections, server);
        let description = Description {
            session: offered.session & SESSION_MASK,
            version: offered.version,
            ice_lite: true,
            allow_mixed: offered.allow_mixed,
            bundle: offered.bundle.is_some().then_some(mids),
            sections,
        };
        Ok(UpAnswer { sdp: description.to_string(), sections: plan })
    }
}

/// Every section needs a name of its own: answers and packets refer to it.
fn check_mids(sections: &[Section]) -> Result<(), SdpFault> {
    for (index, section) in sections.iter().enumerate() {
        let mid = section.mid.as_deref().ok_or(SdpFault::NoMid)?;
        let before = sections.iter().take(index);
        if before.filter_map(|section| section.mid.as_deref()).any(|other| other == mid) {
            return Err(SdpFault::SameMid);
        }
    }
    Ok(())
}

/// Whether a section asks for media on the one transport there is. Without a
/// bundle that is the first one.
fn bundled(description: &Description, section: &Section) -> bool {
    let secured = section.protocol.ends_with("RTP/SAVPF");
    let inside = match (&description.bundle, &section.mid) {
        (Some(mids), Some(mid)) => mids.contains(mid),
        (None, mid) => {
            let first = description.sections.iter().find(|section| wanted(section));
            first.is_some_and(|first| first.mid == *mid)
        }
        (Some(_), None) => false,
    };
    wanted(section) && secured && inside
}
