//! The state of a client's media session: seven states, six events, three
//! counters. The machine runs in the client; the server records what it is
//! told and compares.
//!
//! Source: docs/protocols/rooms.md §6.

use serde::{Deserialize, Serialize};

/// The counters a client keeps and reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Counters {
    /// Clients connected to the media session, itself included.
    pub connections: u32,
    /// Streams it sends.
    pub send_streams: u32,
    /// Streams it receives.
    pub recv_streams: u32,
}

/// Where a media session is.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum SessionState {
    /// Outside: start and end.
    #[default]
    Init,
    /// Inside, alone.
    Waiting,
    /// Somebody else came, no media yet.
    Starting,
    /// Own media goes out, none comes in.
    Sending,
    /// Media comes in, own does not go out.
    Receiving,
    /// Both: the conversation works.
    Sendrecv,
    /// No streams any more, the connection is about to end.
    Cleanup,
}

impl SessionState {
    /// All of them, in the order of a conversation.
    pub const ALL: [Self; 7] = [
        Self::Init,
        Self::Waiting,
        Self::Starting,
        Self::Sending,
        Self::Receiving,
        Self::Sendrecv,
        Self::Cleanup,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Waiting => "waiting",
            Self::Starting => "starting",
            Self::Sending => "sending",
            Self::Receiving => "receiving",
            Self::Sendrecv => "sendrecv",
            Self::Cleanup => "cleanup",
        }
    }

    /// The state of this word; `None` for words of other clients' making.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.text() == text)
    }
}

/// What moves a media session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionEvent {
    /// A client connected, oneself or another.
    ConnectionCreated,
    /// A client left.
    ConnectionDestroyed,
    /// A stream of somebody else began.
    StreamCreated,
    /// A stream of somebody else ended.
    StreamDestroyed,
    /// The own stream began.
    PublisherStreamCreated,
    /// The own stream ended.
    PublisherStreamDestroyed,
}

impl SessionEvent {
    /// The word on the wire.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::ConnectionCreated => "Session.connectionCreated",
            Self::ConnectionDestroyed => "Session.connectionDestroyed",
            Self::StreamCreated => "Session.streamCreated",
            Self::StreamDestroyed => "Session.streamDestroyed",
            Self::PublisherStreamCreated => "Publisher.streamCreated",
            Self::PublisherStreamDestroyed => "Publisher.streamDestroyed",
        }
    }

    /// The event of this word; shipped clients split one of them by kind.
    /// `None` for the many that move nothing.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        Some(match text {
            "Session.connectionCreated" => Self::ConnectionCreated,
            "Session.connectionDestroyed" => Self::ConnectionDestroyed,
            "Session.streamCreated"
            | "Session.av.streamCreated"
            | "Session.screen.streamCreated" => Self::StreamCreated,
            "Session.streamDestroyed" => Self::StreamDestroyed,
            "Publisher.streamCreated" => Self::PublisherStreamCreated,
            "Publisher.streamDestroyed" => Self::PublisherStreamDestroyed,
            _ => return None,
        })
    }
}

/// The machine as the architecture describes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Machine {
    /// Where it is.
    pub state: SessionState,
    /// What it counted.
    pub counters: Counters,
}

impl Machine {
    /// Counts an event, then moves; the guards see the counters after it.
    #[must_use]
    pub const fn after(self, event: SessionEvent) -> Self {
        let counters = self.counters.after(event);
        Self { state: self.state.after(event, counters), counters }
    }
}

impl Counters {
    /// The counters after an event; none goes below zero.
    #[must_use]
    pub const fn after(mut self, event: SessionEvent) -> Self {
        match event {
            SessionEvent::ConnectionCreated => {
                self.connections = self.connections.saturating_add(1);
            }
            SessionEvent::ConnectionDestroyed => {
                self.connections = self.connections.saturating_sub(1);
            }
            SessionEvent::StreamCreated => self.recv_streams = self.recv_streams.saturating_add(1),
            SessionEvent::StreamDestroyed => {
                self.recv_streams = self.recv_streams.saturating_sub(1);
            }
            SessionEvent::PublisherStreamCreated => {
                self.send_streams = self.send_streams.saturating_add(1);
            }
            SessionEvent::PublisherStreamDestroyed => {
                self.send_streams = self.send_streams.saturating_sub(1);
            }
        }
        self
    }

    /// The states these counters leave possible: two of them look alike.
    #[must_use]
    pub const fn allow(self, state: SessionState) -> bool {
        use SessionState as S;
        match (self.connections, self.send_streams > 0, self.recv_streams > 0) {
            (0, _, _) => matches!(state, S::Init),
            (1, _, _) => matches!(state, S::Waiting),
            (_, false, false) => matches!(state, S::Starting | S::Cleanup),
            (_, true, false) => matches!(state, S::Sending),
            (_, false, true) => matches!(state, S::Receiving),
            (_, true, true) => matches!(state, S::Sendrecv),
        }
    }
}

impl SessionState {
    /// The state after an event; `counters` are those after it.
    #[must_use]
    pub const fn after(self, event: SessionEvent, counters: Counters) -> Self {
        use SessionEvent as E;
        match (self, event) {
            (Self::Init, E::ConnectionCreated) => Self::Waiting,
            (Self::Waiting, E::ConnectionCreated) => Self::Starting,
            (Self::Waiting, E::ConnectionDestroyed) => Self::Init,
            // Another party may still be there.
            (state, E::ConnectionDestroyed)
                if !matches!(state, Self::Init) && counters.connections < 2 =>
            {
                Self::Waiting
            }
            (Self::Starting | Self::Cleanup, E::StreamCreated) => Self::Receiving,
            (Self::Starting | Self::Cleanup, E::PublisherStreamCreated) => Self::Sending,
            (Self::Receiving, E::PublisherStreamCreated) | (Self::Sending, E::StreamCreated) => {
                Self::Sendrecv
            }
            (Self::Sendrecv, E::PublisherStreamDestroyed) if counters.send_streams == 0 => {
                Self::Receiving
            }
            (Self::Sendrecv, E::StreamDestroyed) if counters.recv_streams == 0 => Self::Sending,
            (Self::Sending, E::PublisherStreamDestroyed) if counters.send_streams == 0 => {
                Self::Cleanup
            }
            (Self::Receiving, E::StreamDestroyed) if counters.recv_streams == 0 => Self::Cleanup,
            _ => self,
        }
    }
}
