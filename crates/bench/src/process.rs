//! What the system knows about a process: CPU time and memory.

use anyhow::{Context as _, Result};
use std::time::Duration;

/// A process of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process(pub u32);

impl Process {
    /// The one that asks.
    #[must_use]
    pub fn own() -> Self {
        Self(std::process::id())
    }

    /// CPU time so far, user and system.
    ///
    /// `/proc/PID/stat` counts in ticks of 10 ms and includes threads that have
    /// ended; the sum over the living threads counts in nanoseconds. The larger
    /// one is right up to a tick, and exact as long as no thread has ended.
    ///
    /// # Errors
    /// If there is no such process.
    pub fn cpu(self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0))
            .with_context(|| format!("process {}", self.0))?;
        Ok(ticks(&stat).context("an unreadable /proc/PID/stat")?.max(self.threads()))
    }

    fn threads(self) -> Duration {
        let Ok(tasks) = std::fs::read_dir(format!("/proc/{}/task", self.0)) else {
            return Duration::ZERO;
        };
        let nanoseconds = tasks.filter_map(|task| {
            let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanoseconds.sum())
    }

    /// Resident memory in bytes.
    ///
    /// # Errors
    /// If there is no such process.
    pub fn resident(self) -> Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/statm", self.0))
            .with_context(|| format!("process {}", self.0))?;
        let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
        let page = u64::try_from(rustix::param::page_size()).unwrap_or(4_096);
        Ok(pages.context("an unreadable /proc/PID/statm")? * page)
    }
}

/// User and system time of a line of `/proc/PID/stat`: fields 14 and 15,
/// counted behind the name, which may contain anything.
fn ticks(stat: &str) -> Option<Duration> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let each = 1_000_000_000 / rustix::param::clock_ticks_per_second().max(1);
    Some(Duration::from_nanos(user.saturating_add(system).saturating_mul(each)))
}

/// What kind of machine this is, in a line.
#[must_use]
pub fn machine() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let model = field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown CPU".into());
    let memory = field(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    format!(
        "{cores} cores of {model}, {memory} memory, Linux {}, load average {load} at the start",
        kernel.trim()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_process_does_not_confuse_its_times() {
        let line = "12 (a b) c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0";
        let each = 1_000 / rustix::param::clock_ticks_per_second();
        assert_eq!(ticks(line), Some(Duration::from_millis(300 * each)));
        assert_eq!(ticks("nonsense"), None);
    }

    #[test]
    fn this_process_uses_cpu_and_memory() {
        let own = Process::own();
        let before = own.cpu().expect("it runs");
        let mut sum = 0_u64;
        for number in 0..20_000_000_u64 {
            sum = std::hint::black_box(sum.wrapping_add(number));
        }
        assert!(sum > 0 && own.cpu().expect("it runs") > before);
        assert!(own.resident().expect("it runs") > 1 << 20);
    }
}
