//! What the rooms door counts: requests, notifications, and how the media
//! sessions that its clients report move and end.

use crate::metrics::Figure;
use parlour_node::rooms::report::{closed_word, is_failure};
use parlour_node::rooms::{Ended, Move, Summary};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Counters of the door; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Requests.
    pub requests: Counter,
    /// Requests refused for their credentials.
    pub unauthorized: Counter,
    /// Sessions made.
    pub activated: Counter,
    /// Notifications delivered.
    pub pushes_sent: Counter,
    /// Notifications that failed.
    pub pushes_failed: Counter,
    /// Notifications not sent: too many waited, or their host is not allowed.
    pub pushes_dropped: Counter,
    /// Sites that were shared.
    pub shared_domains: Counter,
    /// Nonces of Hawk that are remembered.
    pub nonces: Gauge,
    words: Arc<Mutex<Words>>,
}

/// Counts by state; states are one of the seven, or `other`.
#[derive(Debug, Default)]
struct Words {
    moves: BTreeMap<&'static str, u64>,
    failures: BTreeMap<&'static str, u64>,
    expiries: BTreeMap<&'static str, u64>,
    state_ms: BTreeMap<&'static str, u64>,
    sendrecv: u64,
    sendrecv_ms: u64,
    inconsistent: u64,
    unseen: u64,
}

fn add(map: &mut BTreeMap<&'static str, u64>, word: &'static str, more: u64) {
    let count = map.entry(word).or_default();
    *count = count.saturating_add(more);
}

/// The least of these spans that a lateness fits in.
const fn lateness(ms: u64) -> &'static str {
    match ms {
        0..=5 => "5ms",
        6..=10 => "10ms",
        11..=25 => "25ms",
        26..=50 => "50ms",
        51..=100 => "100ms",
        101..=250 => "250ms",
        251..=1_000 => "1s",
        _ => "more",
    }
}

impl Tally {
    pub(super) fn answered(&self, status: u16, summary: &Summary) {
        if status == 401 {
            self.unauthorized.inc();
        }
        if summary.activated {
            self.activated.inc();
        }
        for (_, count) in &summary.domains {
            self.shared_domains.inc_by(u64::try_from(*count).unwrap_or(0));
        }
    }

    pub(super) fn moved(&self, one: &Move) {
        let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let (from, to) = (closed_word(&one.from), closed_word(&one.to));
        add(&mut words.moves, to, 1);
        add(&mut words.state_ms, from, one.since_last_ms);
        words.inconsistent += u64::from(!one.is_consistent);
        words.unseen += u64::from(!one.is_seen);
        if to == "sendrecv" && from != to {
            words.sendrecv += 1;
            words.sendrecv_ms = words.sendrecv_ms.saturating_add(one.since_join_ms);
        }
    }

    pub(super) fn ended(&self, one: &Ended) {
        let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        if one.is_expired {
            add(&mut words.expiries, lateness(one.late_ms), 1);
        }
        if is_failure(one) {
            add(&mut words.failures, closed_word(&one.state), 1);
        }
    }

    /// The figures of this moment.
    #[must_use]
    pub fn figures(&self) -> Vec<Figure> {
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        vec![
            one("rooms_requests", "Requests at the rooms door", self.requests.get()),
            one(
                "rooms_unauthorized",
                "Requests at the rooms door refused for their credentials",
                self.unauthorized.get(),
            ),
            one("rooms_sessions_made", "Hawk sessions made", self.activated.get()),
            one("rooms_pushes_sent", "Notifications of rooms delivered", self.pushes_sent.get()),
            one("rooms_pushes_failed", "Notifications that failed", self.pushes_failed.get()),
            one("rooms_pushes_dropped", "Notifications not sent", self.pushes_dropped.get()),
            one("rooms_shared_domains", "Sites that were shared", self.shared_domains.get()),
            Figure {
                counts: false,
                ..one(
                    "rooms_nonces",
                    "Nonces of Hawk that are remembered",
                    u64::try_from(self.nonces.get()).unwrap_or(0),
                )
            },
            by_state("rooms_transitions", "Reported transitions by new state", &words.moves),
            by_state(
                "rooms_state_milliseconds",
                "Time spent in each reported state that was left",
                &words.state_ms,
            ),
            by_state(
                "rooms_session_failures",
                "Media sessions that ended without success, by last state",
                &words.failures,
            ),
            Figure {
                label: Some("late"),
                ..by_state(
                    "rooms_expiries",
                    "Participants that ran out, by how late that was noticed",
                    &words.expiries,
                )
            },
            one("rooms_sendrecv", "Media sessions that reached sendrecv", words.sendrecv),
            one(
                "rooms_sendrecv_milliseconds",
                "Time from join to sendrecv, in all",
                words.sendrecv_ms,
            ),
            one(
                "rooms_reports_inconsistent",
                "Reports whose counters do not allow their state",
                words.inconsistent,
            ),
            one(
                "rooms_reports_not_seen",
                "Reports that the media server sees otherwise",
                words.unseen,
            ),
        ]
    }
}

fn one(name: &'static str, help: &'static str, value: u64) -> Figure {
    Figure { name, help, counts: true, label: None, values: vec![(String::new(), value)] }
}

fn by_state(name: &'static str, help: &'static str, map: &BTreeMap<&'static str, u64>) -> Figure {
    let values = map.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect();
    Figure { name, help, counts: true, label: Some("state"), values }
}
