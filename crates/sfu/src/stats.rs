//! Counters of one media worker, read by copy.

/// Upper bounds of the burst histogram: packets handed over in one transmit.
pub const BURST_BOUNDS: [u64; 5] = [1, 2, 4, 8, 16];

/// What a worker has counted since it began; gauges are marked as such.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Datagrams that arrived.
    pub datagrams_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Datagrams handed out, each segment of a burst counted.
    pub datagrams_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// Transmits by burst length: up to 1, 2, 4, 8, 16 datagrams.
    pub bursts: [u64; BURST_BOUNDS.len()],
    /// Gauge: publishers' transports.
    pub up_peers: u64,
    /// Gauge: subscribers' transports.
    pub down_peers: u64,
    /// Gauge: transports that still hold DTLS state: handshakes under way.
    pub dtls_open: u64,
    /// Gauge: addresses this worker owns.
    pub addresses: u64,
    /// Handshakes completed.
    pub handshakes: u64,
    /// Handshakes that failed, timed out or showed a wrong certificate.
    pub handshakes_failed: u64,
    /// ICE checks answered.
    pub checks: u64,
    /// Times the address of a peer changed after it was first learned.
    pub paths_moved: u64,
    /// Peers whose consent ran out.
    pub consents_lost: u64,
    /// RTP packets accepted from publishers, resends included.
    pub rtp_in: u64,
    /// RTP packets sent to subscribers, resends included.
    pub rtp_out: u64,
    /// RTCP datagrams accepted.
    pub rtcp_in: u64,
    /// RTCP datagrams sent.
    pub rtcp_out: u64,
    /// Packets asked for again from publishers.
    pub nacks_out: u64,
    /// Packets that subscribers asked for again.
    pub nacks_in: u64,
    /// Resends to subscribers.
    pub resends: u64,
    /// Resends refused because the share was used up.
    pub resends_refused: u64,
    /// Lost packets that arrived after all.
    pub recovered: u64,
    /// Key frame requests received.
    pub keyframe_requests_in: u64,
    /// Key frame requests sent.
    pub keyframe_requests_out: u64,
    /// Cached groups of pictures replayed to new receivers.
    pub replays: u64,
    /// Switches between simulcast layers.
    pub layer_switches: u64,
    /// Transport-wide feedback messages sent.
    pub feedback_out: u64,
    /// Datagrams handed to another worker.
    pub forwarded: u64,
    /// Datagrams and packets that were dropped.
    pub dropped: Dropped,
}

/// What was dropped, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Empty, too large, or of no known kind.
    pub malformed: u64,
    /// From an address that belongs to nobody.
    pub stranger: u64,
    /// STUN that was no valid, authenticated check.
    pub stun: u64,
    /// DTLS outside a handshake, or beyond its limits.
    pub dtls: u64,
    /// SRTP or SRTCP before the keys were there.
    pub keyless: u64,
    /// SRTP or SRTCP that did not authenticate.
    pub unauthentic: u64,
    /// SRTP or SRTCP seen before, or too old to tell.
    pub replayed: u64,
    /// A synchronisation source beyond the limit.
    pub sources: u64,
    /// RTP that belongs to no section.
    pub unbound: u64,
    /// RTP that arrived too late or twice.
    pub stale: u64,
    /// Padding that carried no media.
    pub padding: u64,
    /// Output that found the outbox full.
    pub outbox: u64,
    /// Output towards a peer without a path or consent.
    pub pathless: u64,
    /// Commands beyond the limits, or about unknown peers.
    pub commands: u64,
}
