//! One transport of a client: checks, keys, and what flows through it.

use super::Means;
use super::handshake::{Handshake, WAVE, WAVE_BACK, keys};
use super::sink::{Keys, Sink};
use super::source::Source;
use super::stun::{self, Side};
use crate::dice::{MS, SEC};
use crate::sdp::Credentials;
use parlour_sfu::srtp::Exported;
use parlour_wire::rtp::{Datagram, demux};
use parlour_wire::sdp::Description;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// Time between checks before and after the first answer.
const CHECKS: u64 = 60 * MS;
const CONSENT_CHECKS: u64 = 2_500 * MS;
/// Checks in a row without an answer before they become fewer.
const EAGER: usize = 15;
/// Without an answer for this long the path is given up.
const PATIENCE: u64 = 7 * SEC;
/// How often a way out is asked for.
const ASKING: u64 = 5 * SEC;

/// What a transport is for.
#[derive(Debug)]
pub(crate) enum Role {
    Up(Source),
    Down(Sink),
}

/// One transport of a client.
#[derive(Debug)]
pub(crate) struct Phone {
    pub client: usize,
    /// As whom the client joined.
    pub member: String,
    pub stream: String,
    pub address: SocketAddr,
    pub certificate: u32,
    /// Ours, in use.
    pub ours: Credentials,
    /// Of offers that are not answered: new credentials, if they have any.
    pub pending: VecDeque<Option<Credentials>>,
    theirs: Option<Side>,
    handshake: Handshake,
    pub keys: Option<Keys>,
    pub role: Role,
    next_check: u64,
    sent: VecDeque<u128>,
    /// Since when the credentials are in use, and the last answer to them.
    since: u64,
    heard: Option<u64>,
    asked_at: u64,
    nominates: bool,
    /// The client shows another certificate than it promised.
    pub cheats: bool,
    pub armed: u64,
}

impl Phone {
    pub(crate) fn new(
        (client, member): (usize, &str),
        stream: &str,
        address: SocketAddr,
        ours: Credentials,
        role: Role,
        certificate: u32,
    ) -> Self {
        Self {
            client,
            member: member.to_owned(),
            stream: stream.to_owned(),
            address,
            certificate,
            ours,
            pending: VecDeque::new(),
            theirs: None,
            handshake: Handshake::Waiting,
            keys: None,
            role,
            next_check: u64::MAX,
            sent: VecDeque::new(),
            since: 0,
            heard: None,
            asked_at: 0,
            nominates: true,
            cheats: false,
            armed: u64::MAX,
        }
    }

    /// The server's user fragment.
    pub(crate) fn their_ufrag(&self) -> Option<&str> {
        self.theirs.as_ref().map(|side| side.ufrag.as_str())
    }

    /// The server's description; new credentials there are used at once.
    /// Returns whether they are new.
    pub(crate) fn described(
        &mut self,
        now: u64,
        description: &Description,
        nominates: bool,
    ) -> bool {
        let ice = description.sections.iter().find_map(|section| section.ice.as_ref());
        let Some(ice) = ice else { return false };
        if self.their_ufrag() == Some(ice.ufrag.as_str()) {
            return false;
        }
        self.theirs = Some(Side::new(&ice.ufrag, ice.pwd.expose()));
        self.nominates = nominates;
        self.sent.clear();
        (self.since, self.heard, self.next_check) = (now, None, now);
        true
    }

    /// Forgets keys: another certificate is used from now on.
    pub(crate) fn recertify(&mut self, certificate: u32) {
        self.certificate = certificate;
        self.keys = None;
        self.handshake = Handshake::Waiting;
    }

    /// When to look at it again.
    pub(crate) fn due(&self) -> u64 {
        let media = match (&self.role, &self.keys) {
            (_, None) => u64::MAX,
            (Role::Up(source), Some(_)) => source.due(),
            (Role::Down(sink), Some(_)) => sink.due(),
        };
        self.next_check.min(self.handshake.due()).min(media)
    }

    /// Lets time pass. Returns whether it wants an ICE restart.
    pub(crate) fn tick(&mut self, now: u64, means: &mut Means<'_>) -> bool {
        if self.next_check <= now {
            self.check(now, means);
        }
        let hello = self.hello();
        if let Some(exported) = self.handshake.go(now, &hello, None, means) {
            self.keyed(&exported);
        }
        if let Some(keys) = &mut self.keys {
            match &mut self.role {
                Role::Up(source) if source.due() <= now => source.tick(now, &mut keys.seal, means),
                Role::Down(sink) if sink.due() <= now => sink.tick(now, &mut keys.seal, means),
                _ => {}
            }
        }
        let lost = self.theirs.is_some() && self.heard.unwrap_or(self.since) + PATIENCE < now;
        let asks = lost && self.asked_at + ASKING < now;
        if asks {
            self.asked_at = now;
        }
        asks
    }

    fn check(&mut self, now: u64, means: &mut Means<'_>) {
        let Some(theirs) = &self.theirs else { return };
        let id = u128::from(means.dice.between(0, u64::MAX)) + 1;
        self.sent.push_back(id);
        if self.sent.len() > EAGER {
            self.sent.pop_front();
        }
        means.out.push(stun::check(id, &self.ours.ufrag, theirs, self.nominates));
        let eager = self.heard.is_none() && self.sent.len() < EAGER;
        let spread = means.dice.between(0, 20 * MS);
        self.next_check = now
            + spread
            + match self.heard {
                None if eager => CHECKS,
                None => 600 * MS,
                Some(_) => CONSENT_CHECKS,
            };
    }

    fn hello(&self) -> Vec<u8> {
        let ufrag = self.their_ufrag().unwrap_or("");
        let mut hello = vec![WAVE];
        hello.extend(self.certificate.to_be_bytes());
        hello.extend(ufrag.as_bytes());
        hello
    }

    fn keyed(&mut self, exported: &Exported) {
        self.keys = Some(keys(exported));
        self.handshake = Handshake::Done;
        if let Role::Down(sink) = &mut self.role {
            sink.rekeyed();
        }
    }

    /// Takes a datagram of the server; `waved` are the keys that a wave would
    /// agree on.
    pub(crate) fn hear(
        &mut self,
        now: u64,
        bytes: &[u8],
        waved: Option<&Exported>,
        means: &mut Means<'_>,
    ) -> Result<(), String> {
        match demux(bytes) {
            Datagram::Stun => self.checked(now, bytes, means),
            Datagram::Dtls => self.shaken(now, bytes, waved, means),
            kind @ (Datagram::Rtp | Datagram::Rtcp) => {
                let Self { keys: Some(Keys { seal, open }), role, .. } = self else {
                    return Ok(());
                };
                let mut plain = Vec::new();
                if kind == Datagram::Rtp {
                    // What does not authenticate was damaged, or is of old keys.
                    return match (open.rtp(bytes, &mut plain), role) {
                        (Ok(_), Role::Down(sink)) => sink.rtp(now, &plain, means),
                        (Ok(_), Role::Up(_)) => Err("media was sent to a publisher".to_owned()),
                        (Err(_), _) => Ok(()),
                    };
                }
                if open.rtcp(bytes, &mut plain).is_err() {
                    return Ok(());
                }
                match role {
                    Role::Up(source) => source.rtcp(now, &plain, seal, means),
                    Role::Down(sink) => sink.rtcp(&plain),
                }
            }
            // Only damage on the way looks like this.
            Datagram::TurnChannel | Datagram::Other => Ok(()),
        }
    }

    fn checked(&mut self, now: u64, bytes: &[u8], means: &Means<'_>) -> Result<(), String> {
        let Some(theirs) = &self.theirs else { return Ok(()) };
        let Some(id) = stun::answered(bytes, theirs) else { return Ok(()) };
        if self.sent.contains(&id) {
            self.heard = Some(now);
            let dtls = means.dtls.then_some(match self.cheats {
                true => (self.certificate + 1) % super::handshake::CERTIFICATES,
                false => self.certificate,
            });
            self.handshake.begin(now, dtls);
        }
        Ok(())
    }

    fn shaken(
        &mut self,
        now: u64,
        bytes: &[u8],
        waved: Option<&Exported>,
        means: &mut Means<'_>,
    ) -> Result<(), String> {
        let certificate = self.certificate.to_be_bytes();
        match (&self.handshake, bytes.split_first()) {
            (Handshake::Waving { .. }, Some((&WAVE_BACK, of))) if of == certificate => {
                if let Some(exported) = waved {
                    self.keyed(exported);
                }
            }
            (Handshake::Dtls(..), _) => {
                if let Some(exported) = self.handshake.go(now, &[], Some(bytes), means) {
                    // The library still has to repeat its last flight if asked.
                    self.keys = Some(keys(&exported));
                    if let Role::Down(sink) = &mut self.role {
                        sink.rekeyed();
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The path works.
    pub(crate) fn is_up(&self, now: u64) -> bool {
        self.keys.is_some() && self.heard.is_some_and(|heard| heard + PATIENCE > now)
    }
}
