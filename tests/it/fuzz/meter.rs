//! What a piece of work costs this thread in processor time, and this process in memory.
//!
//! Processor time, because the other tests use the machine too. Memory as the system counts it: the peak of the
//! whole resident set while the meter ran. `cargo nextest` runs every test in a process of its own.

use std::fs;
use std::time::{Duration, Instant};

use super::Cost;

pub(super) struct Meter {
    since: Instant,
    worked: Option<u64>,
    size: usize,
}

impl Meter {
    pub(super) fn start(size: usize) -> Self {
        // Sets the peak back to what is in use now.
        let _ = fs::write("/proc/self/clear_refs", "5");
        Self { since: Instant::now(), worked: worked(), size }
    }

    pub(super) fn stop(self) -> Cost {
        let elapsed = self.since.elapsed();
        let time = match (self.worked, worked()) {
            (Some(before), Some(after)) => Duration::from_nanos(after.saturating_sub(before)),
            _ => elapsed,
        };
        let project = u64::try_from(self.size).unwrap();
        Cost { time, memory: peak().saturating_sub(project), size: self.size }
    }
}

/// Nanoseconds that this thread has been on a processor; Linux alone says.
fn worked() -> Option<u64> {
    fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}

/// The most memory since the peak was set back, in bytes; 0 where the system does not say.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
