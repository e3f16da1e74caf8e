//! The scenario `call` and its relatives: what forwarding costs.

use crate::generator::{Cast, Generator};
use crate::histogram::Histogram;
use crate::limit;
use crate::network::Between;
use crate::process::Process;
use crate::report::Report;
use crate::server::Server;
use crate::tally::loss;
use anyhow::{Context as _, Result};
use parlour_impair::Counts;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

/// Media flows this long before anything is counted.
const WARM_UP: Duration = Duration::from_secs(2);

/// How long a publisher's first packets flow before receivers ask for them:
/// a server may offer a stream only when it has seen its media.
const SHOW: Duration = Duration::from_millis(250);

/// After the span of the tally, for what is still on its way.
const DRAIN: Duration = Duration::from_millis(300);

/// The same on a bad network, where packets are late and come again.
const DRAIN_IMPAIRED: Duration = Duration::from_secs(2);

/// Pauses in which the server comes to rest.
const REST: Duration = Duration::from_millis(300);

/// Publishers in a room of their own, over whom the cost of publishing is
/// measured once the server is warm.
const PUBLISHERS: usize = 32;

/// Most of the limit's own loss of packets, and the server's.
const LOSS_MAX: f64 = 0.001;

/// Above this share of a core, the generator's own queue is in the latencies.
const GENERATOR_BUSY: f64 = 0.7;

/// Longest part of the run that is spent on the limit.
const LIMIT_MAX: Duration = Duration::from_secs(5);

/// A call to measure.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its name.
    pub name: &'static str,
    /// Who takes part.
    pub cast: Cast,
    /// How long to count.
    pub time: Duration,
    /// Our own program, for the limit's process.
    pub helper: PathBuf,
    /// Its words.
    pub helper_words: Vec<String>,
}

/// What was read of the server and of us before and after a part of the run.
#[derive(Debug, Clone, Copy)]
struct Reading {
    server: Option<Duration>,
    own: Duration,
    resident: Option<u64>,
}

fn read(server: &Server) -> Result<Reading> {
    let own = Process::own().cpu()?;
    let known = server.process;
    Ok(Reading {
        server: known.map(Process::cpu).transpose()?,
        own,
        resident: known.map(Process::resident).transpose()?,
    })
}

impl Reading {
    /// CPU time of the server since an earlier reading, in microseconds.
    fn us_since(&self, before: &Self) -> Option<f64> {
        Some(self.server?.saturating_sub(before.server?).as_secs_f64() * 1e6)
    }
}

/// Runs it.
///
/// # Errors
/// If the server or the generator fails; a run that merely means nothing is
/// no error but says so.
pub fn run(call: &Call, server: &Server) -> Result<Report> {
    let cast = &call.cast;
    let mut report = Report::new(call.name);
    describe(&mut report, call, server);
    let mut generator = Generator::start(*cast, &server.websocket(), &server.group, server.http)?;
    generator.join()?;
    generator.run(REST)?;

    let start = read(server)?;
    generator.publish()?;
    generator.run(REST)?;
    let published = read(server)?;
    generator.start_media();
    generator.run(SHOW)?;
    generator.stop_media();
    generator.run(REST)?;
    let quiet = read(server)?;
    let Range { start: first, end } = cast.listeners();
    let middle = first + (end - first) / 2;
    generator.subscribe(first..middle)?;
    generator.run(REST)?;
    let half = read(server)?;
    let second = generator.subscribe(middle..end)?;
    generator.run(REST)?;
    let subscribed = read(server)?;
    let mut costs = setup(cast, [&start, &published, &quiet, &subscribed]);
    let replayed = generator.arrivals().1 as f64 / cast.receivers().max(1) as f64;
    report.add(
        "setup_packets",
        replayed,
        "",
        "RTP packets that each receiver got while it was set up and publishers were silent; \
         they are in the cost above",
    );

    generator.start_media();
    generator.run(WARM_UP)?;
    let bursts = server.metrics();
    let arrivals = generator.arrivals();
    let before = read(server)?;
    let network = generator.network();
    let begin = crate::clock::now_ns();
    generator.tally.begin(begin, begin + u64::try_from(call.time.as_nanos())?);
    generator.run(call.time)?;
    let after = read(server)?;
    report.add(
        "bytes_per_peer",
        growth([&half, &subscribed], second),
        "bytes",
        "growth of resident memory per receiving transport, just connected, while the second half \
         of them came",
    );
    report.add(
        "bytes_per_peer_settled",
        growth([&quiet, &after], cast.receivers()),
        "bytes",
        "the same over all of them, after they have received for the whole time that is counted: \
         with what the process shares, such as the packets that publishers' tracks keep",
    );
    let network = network.zip(generator.network());
    generator.run(if network.is_some() { DRAIN_IMPAIRED } else { DRAIN })?;
    let after_arrivals = generator.arrivals();
    let bursts = bursts.and_then(|before| Ok((before, server.metrics()?)));
    let counted = Counted {
        seconds: call.time.as_secs_f64(),
        server_us: after.us_since(&before),
        own: after.own.saturating_sub(before.own),
        expected: generator.expected(),
        received: generator.tally.received,
        unauthenticated: (after_arrivals.0 - arrivals.0)
            .saturating_sub(after_arrivals.1 - arrivals.1),
        late_ms: generator.tally.late_us_max as f64 / 1_000.0,
        is_impaired: network.is_some(),
    };
    let latency = std::mem::take(&mut generator.tally.latency);
    let cost = steady(&mut report, &counted, &latency);
    if let Some((before, after)) = network {
        impaired(&mut report, &generator, before, after);
        setup_figure(&mut report, costs);
        return Ok(report);
    }
    burst_histogram(&mut report, bursts);
    generator.stop_media();
    generator.run(REST)?;
    let (helper, time) = ((&*call.helper, &*call.helper_words), call.time.min(LIMIT_MAX));
    compare(&mut report, cost, limit::measure(&mut generator, cast, helper, time));
    drop(generator);
    if server.is_own() {
        costs.insert("publish".to_owned(), publishing(cast, server)?);
    }
    setup_figure(&mut report, costs);
    Ok(report)
}

/// What publishing costs a server that is warm: over enough publishers, in a
/// room where nobody subscribes.
fn publishing(cast: &Cast, server: &Server) -> Result<Value> {
    let cast = Cast { publishers: PUBLISHERS, clients: PUBLISHERS, mutual: false, ..*cast };
    let group = format!("{}/publishers", server.group);
    let mut generator = Generator::start(cast, &server.websocket(), &group, server.http)?;
    generator.join()?;
    generator.run(REST)?;
    let before = read(server)?;
    generator.publish()?;
    generator.run(REST)?;
    let after = read(server)?;
    Ok(each(after.us_since(&before), PUBLISHERS))
}

fn each(us: Option<f64>, count: usize) -> Value {
    match us {
        Some(us) if count > 0 => Value::from((us / count as f64).round()),
        _ => Value::Null,
    }
}

fn describe(report: &mut Report, call: &Call, server: &Server) {
    let cast = &call.cast;
    report.set("publishers", cast.publishers);
    report.set("clients", cast.clients);
    report.set("receiving_transports", cast.receivers());
    report.set("seconds", call.time.as_secs());
    report.set("shape", serde_json::to_value(cast.shape).unwrap_or_default());
    report.set("audio", cast.media.audio);
    report.set("video", cast.media.video);
    report.set("seed", cast.seed);
    if let Some(preset) = cast.impair {
        report.set("network", preset.name());
    }
    report.set("target", if server.is_own() { "own child process" } else { "running server" });
}

/// What joining cost: readings before and after publishing and subscribing.
fn setup(cast: &Cast, readings: [&Reading; 4]) -> Map<String, Value> {
    let [start, published, quiet, subscribed] = readings;
    let costs = [
        ("first_publish", each(published.us_since(start), cast.publishers)),
        ("subscribe", each(subscribed.us_since(quiet), cast.receivers())),
    ];
    costs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn setup_figure(report: &mut Report, costs: Map<String, Value>) {
    report.add(
        "setup_cpu_us",
        costs,
        "µs",
        "server CPU per stream published and per stream received: signalling, SDP, ICE, DTLS, \
         what is replayed to newcomers, and the rest of the process meanwhile; first_publish: the \
         publishers of this call, who find a server that has done nothing yet; publish: 32 \
         others afterwards, in a room without subscribers",
    );
}

/// Growth of memory between two readings, for each of so many.
fn growth([before, after]: [&Reading; 2], count: usize) -> Option<u64> {
    let growth = after.resident?.saturating_sub(before.resident?);
    growth.checked_div(u64::try_from(count).unwrap_or(u64::MAX))
}

struct Counted {
    seconds: f64,
    server_us: Option<f64>,
    own: Duration,
    expected: u64,
    received: u64,
    unauthenticated: u64,
    late_ms: f64,
    is_impaired: bool,
}

/// Adds the figures of the steady part; tells the cost per packet.
fn steady(report: &mut Report, counted: &Counted, latency: &Histogram) -> Option<f64> {
    let received = counted.received.max(1) as f64;
    let cost = counted.server_us.map(|us| us / received);
    report.add(
        "server_cpu_us_per_packet",
        cost,
        "µs",
        "user and system time of the whole server process per packet delivered",
    );
    if cost.is_none() {
        report.note("the target's process is not known (--pid), so its CPU time is not either");
    }
    let rate = counted.received as f64 / counted.seconds;
    report.add("packets_per_s", rate.round(), "1/s", "RTP packets delivered, all receivers");
    if let Some(us) = counted.server_us {
        let share = us / 1e6 / counted.seconds;
        report.add("server_cpu_share", share, "cores", "of the server meanwhile");
    }
    let lost = loss(counted.expected, counted.received);
    report.add("loss", lost, "", "part of the packets sent that no receiver got, resends counted");
    report.add(
        "unauthenticated",
        counted.unauthenticated,
        "",
        "RTP datagrams at receivers that did not authenticate or came twice",
    );
    let meaning = "from the publisher's send to the receiver's decrypted packet, end to end; \
                   the generator's own queue is in it";
    report.add("latency_p50_ms", latency.percentile_ms(50.0), "ms", meaning);
    report.add("latency_p99_ms", latency.percentile_ms(99.0), "ms", meaning);
    let busy = counted.own.as_secs_f64() / counted.seconds;
    report.add("generator_cpu_share", busy, "cores", "of the generator meanwhile");
    report.add(
        "generator_late_ms",
        counted.late_ms,
        "ms",
        "longest that a packet left behind its schedule",
    );
    if busy > GENERATOR_BUSY {
        report.note(format!(
            "the generator used {busy:.2} of one core: latency is its own as much as the \
             server's, and a higher rate would measure the generator"
        ));
    }
    if counted.expected == 0 {
        report.void("nothing was sent");
    }
    if lost > LOSS_MAX && !counted.is_impaired {
        report.void(format!("{:.3} % of the packets were lost, above 0.1 %", lost * 100.0));
    }
    if counted.unauthenticated > 0 && !counted.is_impaired {
        report.void(format!("{} datagrams were not authentic", counted.unauthenticated));
    }
    cost
}

/// What the network did, next to what was missing in the end.
fn impaired(report: &mut Report, generator: &Generator, before: [Counts; 2], after: [Counts; 2]) {
    let [up, down] = [0, 1].map(|way| Between::new(&before[way], &after[way]));
    for (between, share, causes) in [
        (up, "network_loss_up", "network_lost_up"),
        (down, "network_loss_down", "network_lost_down"),
    ] {
        report.add(share, between.share(), "", "part of all datagrams that the network lost");
        let all =
            between.causes.iter().map(|(cause, count)| ((*cause).to_owned(), (*count).into()));
        report.add(causes, all.collect::<Map<_, _>>(), "", "datagrams it lost, by cause");
    }
    let both = 1.0 - (1.0 - up.share()) * (1.0 - down.share());
    report.add("network_loss", both, "", "both ways together: what would be missing unrepaired");
    let (sent, arrived) = (generator.expected(), generator.tally.received);
    let (pictures, seen) = (generator.expected_video(), generator.tally.received_video);
    report.add(
        "loss_video",
        loss(pictures, seen),
        "",
        "part of the packets of pictures that no receiver got, resends counted",
    );
    report.add(
        "loss_audio",
        loss(sent.saturating_sub(pictures), arrived.saturating_sub(seen)),
        "",
        "the same of sound, which is not sent again",
    );
    report.add("rebinds", generator.rebinds(), "", "changes of a peer's port, the whole run long");
    report.note(
        "the network is the generator's own; it is no part of the server's cost, but resending is",
    );
}

/// How the server's sends were grouped, from its own counters.
fn burst_histogram(
    report: &mut Report,
    metrics: Result<(BTreeMap<String, u64>, BTreeMap<String, u64>)>,
) {
    const NAMES: [(&str, &str); 5] = [
        ("1", "parlour_media_bursts_single_total"),
        ("2", "parlour_media_bursts_2_total"),
        ("3-4", "parlour_media_bursts_4_total"),
        ("5-8", "parlour_media_bursts_8_total"),
        ("9-16", "parlour_media_bursts_16_total"),
    ];
    let counts = metrics.and_then(|(before, after)| {
        let mut all = Map::new();
        for (label, name) in NAMES {
            let after = after.get(name).with_context(|| format!("there is no metric {name}"))?;
            let before = before.get(name).copied().unwrap_or(0);
            all.insert(label.to_owned(), Value::from(after.saturating_sub(before)));
        }
        Ok(all)
    });
    match counts {
        Ok(all) => {
            report.add("burst_histogram", all, "", "sends by how many datagrams left at once");
        }
        Err(why) => report.note(format!("no burst_histogram: {why:#}")),
    }
}

fn compare(report: &mut Report, cost: Option<f64>, limit: Result<limit::Limit>) {
    let limit = match limit {
        Ok(limit) => limit,
        Err(why) => return report.note(format!("no limit: {why:#}")),
    };
    if limit.paced.packets == 0 || limit.flat.packets == 0 {
        return report.note("no limit: receivers know no source to continue");
    }
    let (paced, flat) = (limit.paced.us_per_packet(), limit.flat.us_per_packet());
    report.add(
        "limit_us_per_packet",
        paced,
        "µs",
        "seal and send only, with the same schedule, receivers and keys, in a process of its own",
    );
    report.add("limit_flat_us_per_packet", flat, "µs", "the same without the schedule's pauses");
    report.add(
        "limit_packets_per_send",
        limit.paced.packets as f64 / limit.paced.sends.max(1) as f64,
        "",
        "packets per call of the system, paced",
    );
    let ratio = |limit: f64| cost.filter(|_| limit > 0.0).map(|cost| cost / limit);
    report.add("ratio_to_limit_paced", ratio(paced), "×", "server over limit, same schedule");
    report.add("ratio_to_limit_flat", ratio(flat), "×", "server over limit without pauses");
    if limit.loss > LOSS_MAX || limit.unauthenticated > 0 || limit.paced.failed > 0 {
        report.void(format!(
            "the limit lost {:.3} % of its packets, {} were not authentic, {} sends failed",
            limit.loss * 100.0,
            limit.unauthenticated,
            limit.paced.failed
        ));
    }
}
