//! One WebRTC transport: ICE, then DTLS, then SRTP, in that order.
//!
//! Owns the way from the first check to keys that may be used, consent, and
//! the end. Refuses to know what flows through it.

use crate::dtls::{Association, Echo, Mismatch, Outcome, Remainder};
use crate::ice::{Check, Heard, Ice, path_back};
use crate::outbox::Path;
use crate::plan::{Fingerprint, IceCredentials, Loss, PeerId, RemoteTransport};
use crate::shared::Shared;
use crate::srtp::{Exported, Open, OpenError, Seal};
use crate::timers::NEVER;
use parlour_base::Mono;
use std::net::{IpAddr, SocketAddr};

/// Something the control side must hear about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Keys are there and belong to the promised certificate.
    Connected,
    /// Consent is back after a restart; the keys are the same as before.
    Revived,
    /// The transport ended.
    Lost(Loss),
}

/// Which way media flows through a transport; there is no key for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// From a publisher to us.
    In,
    /// From us to a subscriber.
    Out,
}

#[derive(Debug)]
struct Keys {
    seal: Seal,
    open: Open,
    remainder: Option<Remainder>,
}

impl Keys {
    fn new(flow: Flow, sources: usize, exported: &Exported) -> Option<Self> {
        let Exported { profile, client, server } = exported;
        let (seal, open) = match flow {
            Flow::In => (Seal::reports(*profile, server)?, Open::new(*profile, client, sources)?),
            Flow::Out => (Seal::new(*profile, server)?, Open::reports(*profile, client, sources)?),
        };
        Some(Self { seal, open, remainder: None })
    }
}

/// One transport.
#[derive(Debug)]
pub(crate) struct Transport {
    pub(crate) peer: PeerId,
    pub(crate) ice: Ice,
    flow: Flow,
    promised: Option<Fingerprint>,
    association: Option<Box<Association>>,
    keys: Option<Box<Keys>>,
    /// Since when checks are expected; none while the answer is still to come.
    expected: Option<Mono>,
    /// First check ever: the handshake must be done soon after.
    reached: Option<Mono>,
    /// When it may have said goodbye, unless a check came since.
    parted: Option<Mono>,
    lost: Option<Loss>,
}

impl Transport {
    pub(crate) fn new(
        now: Mono,
        (peer, flow): (PeerId, Flow),
        local: &IceCredentials,
        remote: Option<&RemoteTransport>,
    ) -> Self {
        Self {
            peer,
            ice: Ice::new(local, remote.map(|remote| &remote.ice)),
            flow,
            promised: remote.map(|remote| remote.fingerprint),
            association: None,
            keys: None,
            expected: remote.is_some().then_some(now),
            reached: None,
            parted: None,
            lost: None,
        }
    }

    /// The other side's description, new or changed. Another certificate means
    /// another association: the keys of the old one are forgotten.
    pub(crate) fn describe(
        &mut self,
        now: Mono,
        remote: &RemoteTransport,
        shared: &mut Shared,
    ) -> Option<Moment> {
        self.ice.answered(&remote.ice);
        self.expected.get_or_insert(now);
        let before = self.promised.replace(remote.fingerprint);
        if before.is_some_and(|before| before != remote.fingerprint) {
            self.forget_association(shared);
            self.keys = None;
            self.parted = None;
            self.lost = self.lost.filter(|lost| *lost == Loss::Consent);
            self.reached = self.reached.map(|_| now);
        }
        self.release(now, shared)
    }

    /// Takes a check from `from`; an authentic one is answered.
    pub(crate) fn check(
        &mut self,
        now: Mono,
        check: &Check<'_>,
        (from, to): (SocketAddr, Option<IpAddr>),
        shared: &mut Shared,
    ) -> Option<(Heard, Option<Moment>)> {
        if self.lost.is_some_and(|lost| lost != Loss::Consent) {
            return None;
        }
        let (path, silence) = (path_back(from, to), shared.config.path_silence.0);
        let mut heard = None;
        shared.outbox.datagram(path, &mut shared.stats, |out| {
            heard = self.ice.hear(now, check, path, silence, out);
            heard.is_some()
        });
        if heard.is_some() {
            shared.stats.checks += 1;
        }
        let mut moment = None;
        if self.ice.heard() == Some(now) {
            self.reached.get_or_insert(now);
            self.parted = None;
            if self.lost.take().is_some() && self.keys.is_some() {
                moment = Some(Moment::Revived);
            }
        }
        heard.map(|heard| (heard, moment))
    }

    /// Takes a DTLS datagram from an address of this peer.
    pub(crate) fn dtls(
        &mut self,
        now: Mono,
        (from, to): (SocketAddr, Option<IpAddr>),
        bytes: &[u8],
        shared: &mut Shared,
    ) -> Option<Moment> {
        let crowded = self.association.is_none()
            && shared.stats.dtls_open >= u64::from(shared.config.handshakes);
        let refused = self.lost.is_some() || !self.ice.checked(from);
        if !refused && self.keys.is_some() {
            self.afterwards(now, path_back(from, to), bytes, shared);
            return None;
        }
        if refused || crowded || (self.association.is_none() && !shared.begin_handshake(now)) {
            shared.stats.dropped.dtls += 1;
            return None;
        }
        let association = self.association.get_or_insert_with(|| {
            shared.stats.dtls_open += 1;
            Box::new(Association::new(now, &shared.identity))
        });
        let limit = shared.config.handshake_bytes.bytes();
        if !association.connected() && association.bytes() >= limit {
            return self.fail(Loss::Handshake, shared);
        }
        let (path, outbox, stats) = (path_back(from, to), &mut shared.outbox, &mut shared.stats);
        let outcome =
            association.feed(now, &shared.identity, bytes, &mut shared.scratch, |bytes| {
                send(outbox, stats, path, bytes);
            });
        self.settle(now, outcome, shared)
    }

    fn settle(&mut self, now: Mono, outcome: Outcome, shared: &mut Shared) -> Option<Moment> {
        match outcome {
            Outcome::Closed => self.fail(Loss::Closed, shared),
            Outcome::Failed => self.fail(Loss::Handshake, shared),
            Outcome::Open => self.release(now, shared),
        }
    }

    /// Takes a DTLS datagram when the handshake is over on our side.
    fn afterwards(&mut self, now: Mono, path: Path, bytes: &[u8], shared: &mut Shared) {
        let remainder = self.keys.as_mut().and_then(|keys| keys.remainder.as_mut());
        match remainder.map_or(Echo::Nothing, |remainder| remainder.hear(now, bytes)) {
            Echo::Repeat(flight) => send(&mut shared.outbox, &mut shared.stats, path, flight),
            Echo::Goodbye => {
                self.parted.get_or_insert(now);
            }
            Echo::Nothing => shared.stats.dropped.dtls += 1,
        }
    }

    /// Takes the keys into use if the handshake is done and the certificate
    /// was the promised one; DTLS itself is not needed any more then.
    fn release(&mut self, now: Mono, shared: &mut Shared) -> Option<Moment> {
        let (promised, association) = (self.promised?, self.association.as_mut()?);
        match association.release(promised) {
            Err(Mismatch) => self.fail(Loss::Fingerprint, shared),
            Ok(None) => None,
            Ok(Some(exported)) => {
                let sources = usize::try_from(shared.config.sources_per_peer).unwrap_or(1);
                let Some(mut keys) = Keys::new(self.flow, sources, &exported) else {
                    return self.fail(Loss::Handshake, shared);
                };
                let patience = shared.config.last_flight.0;
                keys.remainder = self.take_association(shared).map(|association| {
                    association.retire(now, patience, &shared.identity, &mut shared.scratch)
                });
                self.keys = Some(Box::new(keys));
                shared.stats.handshakes += 1;
                Some(Moment::Connected)
            }
        }
    }

    fn fail(&mut self, loss: Loss, shared: &mut Shared) -> Option<Moment> {
        self.forget_association(shared);
        if self.keys.take().is_none() {
            shared.stats.handshakes_failed += 1;
        }
        self.lost = Some(loss);
        Some(Moment::Lost(loss))
    }

    fn forget_association(&mut self, shared: &mut Shared) {
        drop(self.take_association(shared));
    }

    fn take_association(&mut self, shared: &mut Shared) -> Option<Box<Association>> {
        let association = self.association.take()?;
        shared.stats.dtls_open = shared.stats.dtls_open.saturating_sub(1);
        Some(association)
    }

    /// Says goodbye, if there is still someone to say it to.
    pub(crate) fn close(&mut self, shared: &mut Shared) {
        let remainder = self.keys.as_ref().and_then(|keys| keys.remainder.as_ref());
        if let (Some(remainder), Some(path)) = (remainder, self.ice.path()) {
            send(&mut shared.outbox, &mut shared.stats, path, remainder.goodbye());
        }
        self.forget_association(shared);
        self.keys = None;
    }

    /// Pretends that checks and handshake are done.
    #[cfg(any(test, feature = "assume-keys"))]
    pub(crate) fn prove(&mut self, now: Mono, path: Path, exported: &Exported) {
        self.keys = Keys::new(self.flow, 64, exported).map(Box::new);
        self.ice.assume(now, path);
    }

    /// Checks and decrypts RTP into `plain`; its extended sequence number.
    pub(crate) fn open_rtp(
        &mut self,
        bytes: &[u8],
        plain: &mut Vec<u8>,
        shared: &mut Shared,
    ) -> Option<u64> {
        let Some(keys) = &mut self.keys else {
            shared.stats.dropped.keyless += 1;
            return None;
        };
        let opened = keys.open.rtp(bytes, plain);
        self.note(opened, shared)
    }

    /// Checks and decrypts RTCP into `plain`.
    pub(crate) fn open_rtcp(
        &mut self,
        bytes: &[u8],
        plain: &mut Vec<u8>,
        shared: &mut Shared,
    ) -> Option<()> {
        let Some(keys) = &mut self.keys else {
            shared.stats.dropped.keyless += 1;
            return None;
        };
        let opened = keys.open.rtcp(bytes, plain);
        self.note(opened, shared)
    }

    fn note<T>(&mut self, opened: Result<T, OpenError>, shared: &mut Shared) -> Option<T> {
        let dropped = &mut shared.stats.dropped;
        match opened {
            Ok(opened) => {
                if let Some(remainder) = self.keys.as_mut().and_then(|k| k.remainder.as_mut()) {
                    remainder.proven();
                }
                return Some(opened);
            }
            Err(OpenError::Malformed) => dropped.malformed += 1,
            Err(OpenError::Unauthentic) => dropped.unauthentic += 1,
            Err(OpenError::Replayed) => dropped.replayed += 1,
            Err(OpenError::TooManySources) => dropped.sources += 1,
        }
        None
    }

    /// Where and with what to send media, if that is allowed now.
    pub(crate) fn way(&mut self) -> Option<(Path, &mut Seal)> {
        let path = self.ice.path()?;
        Some((path, &mut self.keys.as_mut()?.seal))
    }

    /// Whether media may be sent now.
    pub(crate) fn sendable(&self) -> bool {
        self.keys.is_some() && self.ice.path().is_some()
    }

    /// Sends the RTCP that lies in `shared.report`, if there is any.
    pub(crate) fn send_report(&mut self, shared: &mut Shared) {
        if shared.report.is_empty() {
            return;
        }
        let Some((path, seal)) = self.way() else {
            shared.stats.dropped.pathless += 1;
            return;
        };
        let report = &shared.report;
        if shared.outbox.datagram(path, &mut shared.stats, |out| seal.rtcp(report, out)) {
            shared.stats.rtcp_out += 1;
        }
    }

    /// Lets time pass.
    pub(crate) fn tick(&mut self, now: Mono, shared: &mut Shared) -> Option<Moment> {
        if self.association.as_ref().is_some_and(|association| association.wake() <= now) {
            let path = self.ice.path();
            let (outbox, stats) = (&mut shared.outbox, &mut shared.stats);
            let outcome = self.association.as_mut()?.tick(
                now,
                &shared.identity,
                &mut shared.scratch,
                |bytes| {
                    if let Some(path) = path {
                        send(outbox, stats, path, bytes);
                    }
                },
            );
            if let Some(moment) = self.settle(now, outcome, shared) {
                return Some(moment);
            }
        }
        if self.handshake_ends(shared).is_some_and(|end| end <= now) {
            return self.fail(Loss::Handshake, shared);
        }
        if self.parting_ends(shared).is_some_and(|end| end <= now) {
            return self.fail(Loss::Closed, shared);
        }
        if self.consent_ends(shared).is_some_and(|end| end <= now) {
            self.ice.expire();
            self.lost = Some(Loss::Consent);
            shared.stats.consents_lost += 1;
            return Some(Moment::Lost(Loss::Consent));
        }
        None
    }

    /// When to tick at the latest.
    pub(crate) fn deadline(&self, shared: &Shared) -> Mono {
        let wake = self.association.as_ref().map(|association| association.wake());
        let ends = [
            wake,
            self.handshake_ends(shared),
            self.consent_ends(shared),
            self.parting_ends(shared),
        ];
        ends.into_iter().flatten().min().unwrap_or(NEVER)
    }

    fn handshake_ends(&self, shared: &Shared) -> Option<Mono> {
        let done = self.keys.is_some()
            || self.association.as_ref().is_some_and(|association| association.connected());
        match (self.lost, done) {
            (None, false) => self.reached.map(|reached| reached + shared.config.handshake.0),
            _ => None,
        }
    }

    /// A goodbye that nobody can check is believed when silence follows: who
    /// is still there sends a check every few seconds.
    fn parting_ends(&self, shared: &Shared) -> Option<Mono> {
        let parted = self.parted.filter(|_| self.lost.is_none())?;
        Some(parted + shared.config.parting.0)
    }

    fn consent_ends(&self, shared: &Shared) -> Option<Mono> {
        if self.lost.is_some() {
            return None;
        }
        let since = self.ice.heard().max(self.expected)?;
        Some(since + shared.config.consent.0)
    }
}

fn send(
    outbox: &mut crate::outbox::Outbox,
    stats: &mut crate::stats::Stats,
    path: Path,
    bytes: &[u8],
) {
    outbox.datagram(path, stats, |out| {
        out.extend_from_slice(bytes);
        true
    });
}
