//! Log lines, and what happens when something panics.

use crate::config::sections::{Format, Log};
use crate::metrics::Counters;
use std::backtrace::Backtrace;
use std::io;
use std::sync::Arc;
use tracing_subscriber::EnvFilter;

/// Our own parts; whatever else writes log lines is a library.
const OWN: &str = "parlour";

/// Begins to write log lines to standard error. Later calls in one process
/// change nothing.
pub fn start(log: &Log) {
    let filter = EnvFilter::try_new(directives(&log.level));
    let filter = filter.unwrap_or_else(|_| EnvFilter::new(directives("info")));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = match log.format {
        Format::Text => lines.with_ansi(false).try_init(),
        Format::Json => lines.json().try_init(),
    };
    if started.is_err() {
        tracing::debug!("log lines are written already");
    }
}

/// What the operator's level means: it holds for our own parts. Libraries say
/// what goes wrong and no more, since in detail they write the bytes of
/// connections: passwords, tokens, what people say. The UDP and STUN libraries
/// write addresses into their warnings.
fn directives(level: &str) -> String {
    let mut all = vec!["warn".to_owned(), "quinn_udp=off".into(), "stun_types=error".into()];
    for part in level.split(',').map(str::trim) {
        match part.split_once('=') {
            None => all.push(format!("{OWN}={part}")),
            Some((target, _)) if target.starts_with(OWN) => all.push(part.to_owned()),
            Some(_) => {}
        }
    }
    all.join(",")
}

/// Counts and logs every panic, with its backtrace, in place of the usual
/// message.
pub fn watch_panics(counters: Arc<Counters>) {
    std::panic::set_hook(Box::new(move |panic| {
        counters.panics.inc();
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
        let backtrace = Backtrace::force_capture();
        let message = text.unwrap_or("no text");
        tracing::error!(%place, %thread, %backtrace, "panic: {message}");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_holds_for_our_own_parts_only() {
        let quiet = "warn,quinn_udp=off,stun_types=error";
        assert_eq!(directives("trace"), format!("{quiet},parlour=trace"));
        assert_eq!(
            directives("info, parlour_server=debug, tungstenite=trace"),
            format!("{quiet},parlour=info,parlour_server=debug")
        );
        assert!(EnvFilter::try_new(directives("trace")).is_ok());
    }
}
