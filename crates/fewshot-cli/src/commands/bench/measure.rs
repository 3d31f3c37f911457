//! Clocks and counters.

use std::time::Instant;

/// Seconds that single runs of some work took.
pub struct Seconds {
    pub min: f64,
    pub median: f64,
    pub max: f64,
}

impl Seconds {
    /// # Panics
    /// Without a single run.
    pub fn of(mut runs: Vec<f64>) -> Self {
        runs.sort_by(f64::total_cmp);
        Self { min: runs[0], median: runs[runs.len() / 2], max: runs[runs.len() - 1] }
    }
}

/// How long `work` takes.
pub fn seconds<R>(work: impl FnOnce() -> R) -> (R, f64) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed().as_secs_f64())
}

/// Processor seconds of all threads so far; `None` where the system does not tell. On a busy machine they say more
/// than the clock on the wall.
pub fn processor_seconds() -> Option<f64> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    let nanoseconds = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    });
    Some(nanoseconds.sum::<f64>() * 1e-9)
}

/// The most memory that this process ever held, in bytes; `None` where the system does not tell.
pub fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? * 1024)
}
