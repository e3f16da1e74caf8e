//! What a member is told about streams, whatever its door.

use parlour_room::{MemberId, StreamId, TrackKind};

/// A step of a stream's negotiation, or its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamNote {
    /// The publisher must stop this stream.
    Abort(StreamId),
    /// The publisher's description was accepted.
    Answer {
        /// The stream.
        stream: StreamId,
        /// Our description.
        sdp: String,
    },
    /// The stream is over for this receiver.
    Close(StreamId),
    /// Something about a stream did not work.
    Error(String),
    /// A stream for this receiver, new or changed.
    Offer(Box<StreamOffer>),
    /// The publisher's media stopped arriving: it is to restart ICE.
    Renegotiate(StreamId),
}

/// A stream for a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamOffer {
    /// The stream.
    pub stream: StreamId,
    /// Its label.
    pub label: String,
    /// What each live section carries, by its mid.
    pub tracks: Vec<(String, TrackKind)>,
    /// The stream whose place it takes.
    pub replaces: Option<StreamId>,
    /// Who publishes it.
    pub source: MemberId,
    /// The publisher's name.
    pub name: String,
    /// Our description.
    pub sdp: String,
}
