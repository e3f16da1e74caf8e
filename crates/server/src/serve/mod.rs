//! The whole server: what is started in which order, and how it all stops.
//!
//! Owns the threads and the runtime. A panic of the shard, of a worker or of
//! the store takes the process down: what it held is not to be trusted, and
//! clients come back by themselves.

mod machines;
mod start;
mod stop;
mod welcome;

pub use machines::Failure;
pub(crate) use start::seed;

use crate::config::Loaded;
use anyhow::{Context as _, Result};

/// Runs the server until it is told to stop.
///
/// # Errors
/// If it cannot start, or ended because a part of it failed.
pub fn run(loaded: &Loaded, drop_media: bool) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("edge")
        .build()
        .context("cannot start the edge's threads")?;
    let result = runtime.block_on(async {
        let running = start::start(loaded, drop_media).await?;
        running.until_stopped().await
    });
    // What still runs was told to end and had its time.
    runtime.shutdown_background();
    result
}
