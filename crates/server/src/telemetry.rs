//! Log lines, and what happens when something panics.

use crate::config::sections::{Format, Log};
use crate::metrics::Counters;
use std::backtrace::Backtrace;
use std::io;
use std::sync::Arc;
use tracing_subscriber::EnvFilter;

/// Begins to write log lines to standard error. Later calls in one process
/// change nothing.
pub fn start(log: &Log) {
    // The UDP library writes addresses of clients into its warnings.
    let quiet = "quinn_udp=off".parse().map(|directive| {
        EnvFilter::try_new(&log.level)
            .unwrap_or_else(|_| EnvFilter::new("info"))
            .add_directive(directive)
    });
    let filter = quiet.unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = match log.format {
        Format::Text => lines.with_ansi(false).try_init(),
        Format::Json => lines.json().try_init(),
    };
    if started.is_err() {
        tracing::debug!("log lines are written already");
    }
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
