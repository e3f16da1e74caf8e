//! How the figures of shard, workers, store and limits become metrics.

use super::Figure;
use crate::port::Gauges;
use parlour_sfu::Stats;

/// Current use of one limit next to the limit.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// The key of the configuration, or the name of the constant.
    pub name: &'static str,
    /// How much of it is in use.
    pub used: u64,
    /// How much there is.
    pub max: u64,
}

/// What the store thread shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct StoreFigures {
    /// Requests sent back because the queue was full or closed.
    pub turned_away: u64,
    /// Groups executed.
    pub batches: u64,
    /// Requests executed.
    pub requests: u64,
    /// Single writes acknowledged.
    pub writes: u64,
    /// Requests refused by a rule.
    pub refusals: u64,
    /// Requests that failed.
    pub faults: u64,
    /// Time spent executing, in microseconds.
    pub commit_us_sum: u64,
    /// The slowest group, in microseconds.
    pub commit_us_max: u64,
}

/// Everything that is asked for at a scrape.
#[derive(Debug, Clone, Default)]
pub struct Moment {
    /// The control shard; `None` when it did not answer.
    pub shard: Option<Gauges>,
    /// The media workers, by index.
    pub workers: Vec<Stats>,
    /// The store thread.
    pub store: StoreFigures,
    /// Limits in use.
    pub limits: Vec<Limit>,
}

/// The figures of one moment.
#[must_use]
pub fn figures(moment: &Moment) -> Vec<Figure> {
    let mut all = Vec::new();
    all.extend(shard(moment.shard.unwrap_or_default()));
    all.push(gauge(
        "shard_up",
        "Whether the control shard answers",
        u64::from(moment.shard.is_some()),
    ));
    all.extend(store(&moment.store));
    all.extend(
        WORKER.iter().map(|(name, help, counts, read)| {
            per_worker(name, help, *counts, &moment.workers, read)
        }),
    );
    let each = |of: fn(&Limit) -> u64| {
        moment.limits.iter().map(|limit| (limit.name.to_owned(), of(limit))).collect()
    };
    let limit =
        |name, help, values| Figure { name, help, counts: false, label: Some("limit"), values };
    all.push(limit("limit_use", "How much of a limit is in use", each(|it| it.used)));
    all.push(limit("limit_max", "How much a limit allows", each(|it| it.max)));
    all
}

/// The figures of a process with one worker and every limit, for the page.
#[must_use]
pub fn catalogue() -> Vec<Figure> {
    let limits = crate::ops::limit_names();
    let limits = limits.map(|name| Limit { name, used: 0, max: 0 }).collect();
    figures(&Moment { shard: None, workers: vec![Stats::default()], limits, ..Moment::default() })
}

const fn empty(name: &'static str, help: &'static str, counts: bool) -> Figure {
    Figure { name, help, counts, label: None, values: Vec::new() }
}

fn gauge(name: &'static str, help: &'static str, value: u64) -> Figure {
    Figure { values: vec![(String::new(), value)], ..empty(name, help, false) }
}

fn count(name: &'static str, help: &'static str, value: u64) -> Figure {
    Figure { values: vec![(String::new(), value)], ..empty(name, help, true) }
}

fn shard(it: Gauges) -> [Figure; 21] {
    [
        gauge("sessions", "Client connections that the control shard holds", it.sessions),
        gauge("rooms", "Rooms in memory", it.rooms),
        gauge("members", "Members in all rooms", it.members),
        gauge("streams", "Published streams", it.streams),
        gauge("legs", "Pairs of a member and a stream that are being served", it.legs),
        gauge("seats", "Seats held in all rooms", it.seats),
        gauge("waiting_commands", "Commands that wait for the store", it.waiting_commands),
        gauge(
            "tried_again",
            "Departures and ends that could not be written and are tried again",
            it.tried_again,
        ),
        gauge("entries", "Joins under way", it.entries),
        gauge("calls", "Requests of doors without connections under way", it.calls),
        gauge(
            "calls_in_line",
            "Requests that wait for another one to be done with the same room",
            it.calls_in_line,
        ),
        gauge("openings", "Rooms on their way into memory", it.openings),
        gauge("due_rooms", "Rooms not in memory that have something coming", it.due_rooms),
        count(
            "calls_refused",
            "Requests refused because too many were under way",
            it.calls_refused_total,
        ),
        gauge("recent_records", "Records and pages that are remembered", it.recent_records),
        count("recent_hits", "Look-ups answered from memory", it.recent_hits_total),
        count("recent_misses", "Look-ups that the store had to answer", it.recent_misses_total),
        count("events", "Events numbered", it.events_total),
        count("refusals", "Commands refused by a room", it.refusals_total),
        count("misbehaviours", "Sessions closed for misbehaviour", it.misbehaviours_total),
        count(
            "store_refusals",
            "Durable work refused because the store failed or was busy",
            it.store_refusals_total,
        ),
    ]
}

fn store(it: &StoreFigures) -> [Figure; 8] {
    [
        count("store_turned_away", "Store requests sent back from a full queue", it.turned_away),
        count("store_batches", "Groups of requests executed by the store", it.batches),
        count("store_requests", "Requests executed by the store", it.requests),
        count("store_writes", "Single writes in acknowledged commits", it.writes),
        count("store_rule_refusals", "Store requests refused by a rule", it.refusals),
        count("store_faults", "Store requests that failed", it.faults),
        count("store_commit_microseconds", "Time spent executing groups", it.commit_us_sum),
        gauge("store_commit_microseconds_max", "The slowest group so far", it.commit_us_max),
    ]
}

type Read = fn(&Stats) -> u64;

fn per_worker(
    name: &'static str,
    help: &'static str,
    counts: bool,
    workers: &[Stats],
    read: &Read,
) -> Figure {
    let values = workers.iter().enumerate().map(|(at, stats)| (at.to_string(), read(stats)));
    Figure { name, help, counts, label: Some("worker"), values: values.collect() }
}

/// Name, sentence, whether it only grows, and where it is read.
const WORKER: &[(&str, &str, bool, Read)] = &[
    ("media_up_peers", "Transports of publishers", false, |s| s.up_peers),
    ("media_down_peers", "Transports of subscribers", false, |s| s.down_peers),
    ("media_dtls_open", "Transports that still hold DTLS state", false, |s| s.dtls_open),
    ("media_addresses", "Remote addresses that the worker owns", false, |s| s.addresses),
    ("media_datagrams_in", "Datagrams received", true, |s| s.datagrams_in),
    ("media_bytes_in", "Bytes received", true, |s| s.bytes_in),
    ("media_datagrams_out", "Datagrams sent", true, |s| s.datagrams_out),
    ("media_bytes_out", "Bytes sent", true, |s| s.bytes_out),
    ("media_bursts_single", "Sends of one datagram", true, |s| s.bursts[0]),
    ("media_bursts_2", "Sends of two datagrams at once", true, |s| s.bursts[1]),
    ("media_bursts_4", "Sends of three or four datagrams at once", true, |s| s.bursts[2]),
    ("media_bursts_8", "Sends of five to eight datagrams at once", true, |s| s.bursts[3]),
    ("media_bursts_16", "Sends of nine to sixteen datagrams at once", true, |s| s.bursts[4]),
    ("media_handshakes", "DTLS handshakes completed", true, |s| s.handshakes),
    ("media_handshakes_failed", "DTLS handshakes that failed", true, |s| s.handshakes_failed),
    ("media_checks", "ICE checks answered", true, |s| s.checks),
    ("media_paths_moved", "Times a peer changed its address", true, |s| s.paths_moved),
    ("media_consents_lost", "Peers whose consent ran out", true, |s| s.consents_lost),
    ("media_rtp_in", "RTP packets accepted", true, |s| s.rtp_in),
    ("media_rtp_out", "RTP packets sent", true, |s| s.rtp_out),
    ("media_rtcp_in", "RTCP datagrams accepted", true, |s| s.rtcp_in),
    ("media_rtcp_out", "RTCP datagrams sent", true, |s| s.rtcp_out),
    ("media_nacks_out", "Packets asked for again from publishers", true, |s| s.nacks_out),
    ("media_nacks_in", "Packets that subscribers asked for again", true, |s| s.nacks_in),
    ("media_resends", "Packets sent again", true, |s| s.resends),
    ("media_resends_refused", "Packets not sent again, the share was used up", true, |s| {
        s.resends_refused
    }),
    ("media_recovered", "Lost packets that arrived after all", true, |s| s.recovered),
    ("media_keyframe_requests_in", "Key frame requests received", true, |s| s.keyframe_requests_in),
    ("media_keyframe_requests_out", "Key frame requests sent", true, |s| s.keyframe_requests_out),
    ("media_replays", "Groups of pictures replayed to new receivers", true, |s| s.replays),
    ("media_layer_switches", "Switches between simulcast layers", true, |s| s.layer_switches),
    ("media_feedback_out", "Transport-wide feedback messages sent", true, |s| s.feedback_out),
    ("media_forwarded", "Datagrams handed to another worker", true, |s| s.forwarded),
    ("media_dropped_malformed", "Dropped: empty, too large or of no known kind", true, |s| {
        s.dropped.malformed
    }),
    ("media_dropped_stranger", "Dropped: from an address of nobody", true, |s| s.dropped.stranger),
    ("media_dropped_stun", "Dropped: no valid ICE check", true, |s| s.dropped.stun),
    ("media_dropped_dtls", "Dropped: DTLS outside a handshake or its limits", true, |s| {
        s.dropped.dtls
    }),
    ("media_dropped_keyless", "Dropped: before the keys were there", true, |s| s.dropped.keyless),
    ("media_dropped_unauthentic", "Dropped: did not authenticate", true, |s| s.dropped.unauthentic),
    ("media_dropped_replayed", "Dropped: seen before or too old", true, |s| s.dropped.replayed),
    ("media_dropped_sources", "Dropped: a source beyond the limit", true, |s| s.dropped.sources),
    ("media_dropped_unbound", "Dropped: RTP of no section", true, |s| s.dropped.unbound),
    ("media_dropped_stale", "Dropped: RTP too late or twice", true, |s| s.dropped.stale),
    ("media_dropped_padding", "Dropped: padding without media", true, |s| s.dropped.padding),
    ("media_dropped_outbox", "Dropped: the outbox was full", true, |s| s.dropped.outbox),
    ("media_dropped_pathless", "Dropped: towards a peer without a path", true, |s| {
        s.dropped.pathless
    }),
    ("media_dropped_commands", "Commands beyond limits or about unknown peers", true, |s| {
        s.dropped.commands
    }),
];
