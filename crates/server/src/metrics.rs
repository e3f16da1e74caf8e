//! What the process counts, and the catalogue of it.
//!
//! Owns the edge's own counters and the way figures of shard, workers and
//! store become metrics. Every metric is declared here once, with its
//! sentence; the reference page is written from the same declarations.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use std::sync::{Arc, Mutex, PoisonError};

pub mod figures;

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $field:ident: $name:literal,)*) => {
        /// What the edge has counted since its start.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[doc = $doc])+ pub $field: Counter,)*
        }

        impl Counters {
            fn register(&self, registry: &mut Registry) {
                $(registry.register(
                    $name,
                    concat!($($doc),+).trim().trim_end_matches('.'),
                    self.$field.clone(),
                );)*
            }
        }
    };
}

counters! {
    /// TCP connections accepted.
    connections: "connections",
    /// TCP connections refused because of the limit on all of them.
    connections_refused: "connections_refused",
    /// TCP connections refused because of the limit on one address.
    connections_refused_address: "connections_refused_address",
    /// TCP connections read on after their last answer because the client went on sending.
    connections_lingered: "connections_lingered",
    /// Times that accepting a connection failed.
    accept_errors: "accept_errors",
    /// TLS handshakes that failed or took too long.
    tls_failures: "tls_failures",
    /// HTTP requests.
    requests: "http_requests",
    /// HTTP requests answered with a status of 400 to 499.
    client_errors: "http_client_errors",
    /// HTTP requests answered with a status of 500 to 599.
    server_errors: "http_server_errors",
    /// gRPC calls that came in, streams included.
    grpc_calls: "grpc_calls",
    /// gRPC calls refused for their credential.
    grpc_unauthenticated: "grpc_unauthenticated",
    /// gRPC calls refused because their user calls too often.
    grpc_too_often: "grpc_too_often",
    /// gRPC calls given up because they took longer than any call may.
    grpc_too_long: "grpc_too_long",
    /// Streams of changes refused because there were too many, of all or of one user.
    watches_refused: "callctl_watches_refused",
    /// Times that a stream of changes had to be told that something was left out.
    watches_lagged: "callctl_watches_lagged",
    /// Leaves that a front did not pass on because too many were being tried.
    leaves_dropped: "callctl_leaves_dropped",
    /// Media servers apart, and connections of theirs, refused because there were too many.
    media_refused: "callctl_media_refused",
    /// Streams of media servers apart ended because too much waited for them.
    evictions_overflowed: "callctl_evictions_overflowed",
    /// Ends of connections that a media server apart could not report because too many waited.
    reports_dropped: "callctl_reports_dropped",
    /// Call-control pushes delivered outside, one for each member.
    pushes_sent: "callctl_pushes_sent",
    /// Call-control pushes given up, one for each member.
    pushes_failed: "callctl_pushes_failed",
    /// Call-control changes dropped because too many conversations waited.
    pushes_dropped: "callctl_pushes_dropped",
    /// WebSocket upgrades refused because of their origin.
    origins_refused: "websocket_origins_refused",
    /// WebSocket connections opened.
    websockets: "websockets",
    /// WebSocket messages received.
    frames_in: "websocket_frames_in",
    /// Bytes in WebSocket messages received.
    bytes_in: "websocket_bytes_in",
    /// WebSocket messages sent.
    frames_out: "websocket_frames_out",
    /// Bytes in WebSocket messages sent.
    bytes_out: "websocket_bytes_out",
    /// WebSocket connections closed because a message was too large.
    oversize: "websocket_oversize",
    /// WebSocket connections closed because too much waited for them.
    slow_readers: "websocket_slow_readers",
    /// WebSocket connections dropped because a message did not leave in time.
    write_timeouts: "websocket_write_timeouts",
    /// Questions to the control shard that were not answered in time.
    questions_unanswered: "questions_unanswered",
    /// Password checks made.
    password_checks: "password_checks",
    /// Password checks refused because too many waited.
    password_checks_refused: "password_checks_refused",
    /// Group files looked for.
    group_reads: "group_reads",
    /// Group files that could not be read, or not looked for because too many waited.
    group_read_failures: "group_read_failures",
    /// Media datagrams that the system did not take.
    udp_send_errors: "udp_send_errors",
    /// Words between media workers dropped because the other one was too busy.
    worker_words_dropped: "worker_words_dropped",
    /// Panics; must be 0.
    panics: "panics",
}

/// One metric taken from a figure at the moment of the scrape.
#[derive(Debug, Clone)]
pub struct Figure {
    /// Its name, without prefix and without `_total`.
    pub name: &'static str,
    /// Its sentence.
    pub help: &'static str,
    /// Whether it only grows.
    pub counts: bool,
    /// The name of its label, if it has one.
    pub label: Option<&'static str>,
    /// Label value and figure.
    pub values: Vec<(String, u64)>,
}

/// Everything behind `/metrics`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    figures: Arc<Mutex<Vec<Figure>>>,
}

#[derive(Debug)]
struct Figures(Arc<Mutex<Vec<Figure>>>);

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let figures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for figure in figures.iter() {
            let kind = if figure.counts { MetricType::Counter } else { MetricType::Gauge };
            let mut metric = encoder.encode_descriptor(figure.name, figure.help, None, kind)?;
            for (value_of_label, value) in &figure.values {
                let gauge = i64::try_from(*value).unwrap_or(i64::MAX);
                match (figure.label, figure.counts) {
                    (None, true) => metric.encode_counter::<NoLabelSet, _, u64>(value, None)?,
                    (None, false) => metric.encode_gauge(&gauge)?,
                    (Some(label), counts) => {
                        let labels = [(label, value_of_label.as_str())];
                        let mut labelled = metric.encode_family(&labels)?;
                        if counts {
                            labelled.encode_counter::<NoLabelSet, _, u64>(value, None)?;
                        } else {
                            labelled.encode_gauge(&gauge)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

impl Metrics {
    /// Registers the edge's counters.
    #[must_use]
    pub fn new(counters: &Counters) -> Self {
        let figures = Arc::<Mutex<Vec<Figure>>>::default();
        let mut registry = Registry::with_prefix("parlour");
        counters.register(&mut registry);
        registry.register_collector(Box::new(Figures(Arc::clone(&figures))));
        Self { registry, figures }
    }

    /// The metrics as text, with these figures of the moment.
    #[must_use]
    pub fn print(&self, figures: Vec<Figure>) -> String {
        *self.figures.lock().unwrap_or_else(PoisonError::into_inner) = figures;
        let mut text = String::new();
        // Writing to a text in memory fails only if an encoder does.
        prometheus_client::encoding::text::encode(&mut text, &self.registry)
            .map_or_else(|_| String::new(), |()| text)
    }
}

/// `docs/reference/metrics.md`.
#[must_use]
pub fn page() -> String {
    let mut figures = figures::catalogue();
    figures.extend(crate::http::rooms::Tally::default().figures());
    let labels: Vec<(&str, &str)> =
        figures.iter().filter_map(|figure| Some((figure.name, figure.label?))).collect();
    let text = Metrics::new(&Counters::default()).print(figures.clone());
    let mut page = String::from(PAGE_HEAD);
    let mut help = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').map_or("", |(_, help)| help);
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            let short = name.strip_prefix("parlour_").unwrap_or(name);
            let label = labels.iter().find(|(name, _)| *name == short);
            let label = label.map_or_else(|| "–".to_owned(), |(_, label)| format!("`{label}`"));
            let suffix = if kind == "counter" { "_total" } else { "" };
            page.push_str(&format!(
                "| `{name}{suffix}` | {kind} | {label} | {} |\n",
                help.trim_end_matches('.')
            ));
        }
    }
    page.push_str("\n## Limits\n\n");
    page.push_str(
        "`parlour_limit_use` and `parlour_limit_max` have one line for each of these:\n\n",
    );
    for (limit, _) in figures.iter().filter(|f| f.name == "limit_use").flat_map(|f| &f.values) {
        page.push_str(&format!("* `{limit}`\n"));
    }
    page
}

const PAGE_HEAD: &str = "\
# Metrics

Generated by `parlour reference metrics`; a test compares it with the code.

`GET /metrics` on the listener of `ops.listen`, in the OpenMetrics text format. No metric carries a \
name, an address or an id of a room or a person.

| Metric | Kind | Label | Meaning |
| --- | --- | --- | --- |
";
