//! What a run tells while it works. The program draws it; the library only says it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Which stage of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageInfo<'a> {
    /// The stage's name.
    pub name: &'a str,
    /// Its number in the plan, from 1.
    pub number: usize,
    /// How many stages the plan has.
    pub total: usize,
}

/// How the run left a stage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StageEnd {
    /// It was done before this process began.
    Reused,
    /// It was done now.
    Done {
        /// Wall-clock seconds of all processes that worked on it.
        seconds: f64,
    },
    /// It was interrupted and can go on later.
    Interrupted,
    /// It failed.
    Failed,
}

/// How far one piece of work has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position<'a> {
    /// What is counted: "training", "scoring".
    pub what: &'a str,
    /// Units done, those of earlier processes included.
    pub done: u64,
    /// Units in all, where it is known.
    pub total: Option<u64>,
    /// Name of the unit, in the plural: "steps", "images".
    pub unit: &'a str,
    /// Units per second of this process; `None` until something was done in it.
    pub per_second: Option<f64>,
}

impl Position<'_> {
    /// The time left at the present rate; `None` where the rate or the total is not known.
    pub fn remaining(&self) -> Option<Duration> {
        let left = self.total?.saturating_sub(self.done) as f64;
        Duration::try_from_secs_f64(left / self.per_second?).ok()
    }
}

/// Receives progress; every method does nothing unless overridden. Called from any thread, often:
/// an implementation that draws must limit its own rate.
pub trait Progress: Send + Sync {
    /// A stage begins or goes on.
    fn stage_started(&self, _stage: StageInfo<'_>) {}
    /// A stage was left. For a stage that was done before, this comes without `stage_started`.
    fn stage_finished(&self, _stage: StageInfo<'_>, _end: StageEnd) {}
    /// A piece of work has come so far.
    fn position(&self, _position: Position<'_>) {}
    /// What is going on, for the reader: a loss, a finding. The next one takes its place.
    fn message(&self, _text: &str) {}
    /// What all that is to come will take, by plan.
    fn time_left(&self, _all: Duration) {}
    /// A line that stays: a plan, a choice made for the user.
    fn line(&self, _text: &str) {}
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {}

/// Counts units of one piece of work and reports each advance with its rate.
///
/// The rate counts only what this process did: a training that goes on from step 9,000 of 10,000
/// has not done 9,000 steps in its first second. Threads may share a counter.
pub struct Counter<'a> {
    progress: &'a dyn Progress,
    what: &'a str,
    unit: &'a str,
    total: Option<u64>,
    start: u64,
    done: AtomicU64,
    began: Instant,
}

impl<'a> Counter<'a> {
    /// A counter that stands at `start`, the units done by earlier processes, and reports that.
    pub fn new(progress: &'a dyn Progress, what: &'a str, unit: &'a str, start: u64, total: Option<u64>) -> Self {
        let done = AtomicU64::new(start);
        let counter = Self { progress, what, unit, total, start, done, began: Instant::now() };
        counter.report(start);
        counter
    }

    /// Counts `units` more and reports.
    pub fn add(&self, units: u64) {
        let done = self.done.fetch_add(units, Ordering::Relaxed) + units;
        self.report(done);
    }

    /// Units done, those of earlier processes included.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    fn report(&self, done: u64) {
        let here = done.saturating_sub(self.start);
        let seconds = self.began.elapsed().as_secs_f64();
        let per_second = (here > 0 && seconds > 0.0).then(|| here as f64 / seconds);
        self.progress.position(Position { what: self.what, done, total: self.total, unit: self.unit, per_second });
    }
}

/// Lines that stay, for tests to look at.
#[cfg(test)]
#[derive(Debug, Default)]
pub(crate) struct Lines(pub std::sync::Mutex<Vec<String>>);

#[cfg(test)]
impl Progress for Lines {
    fn line(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Units done, rate, time left.
    type Report = (u64, Option<f64>, Option<Duration>);

    #[derive(Default)]
    struct Seen(Mutex<Vec<Report>>);

    impl Progress for Seen {
        fn position(&self, at: Position<'_>) {
            self.0.lock().unwrap().push((at.done, at.per_second, at.remaining()));
        }
    }

    #[test]
    fn the_rate_counts_only_this_process() {
        let seen = Seen::default();
        let counter = Counter::new(&seen, "training", "steps", 9_000, Some(10_000));
        std::thread::sleep(Duration::from_millis(20));
        counter.add(2);
        let seen = seen.0.lock().unwrap();
        assert_eq!(seen[0], (9_000, None, None));
        let (done, rate, left) = seen[1];
        assert_eq!(done, 9_002);
        let rate = rate.unwrap();
        assert!(rate > 0.0 && rate <= 100.0, "2 steps in 20 ms or more: {rate}");
        let left = left.unwrap().as_secs_f64();
        assert!((left - 998.0 / rate).abs() < 1e-6, "{left}");
    }

    #[test]
    fn threads_share_a_counter() {
        let seen = Seen::default();
        let counter = Counter::new(&seen, "scoring", "archs", 0, None);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..100).for_each(|_| counter.add(1)));
            }
        });
        assert_eq!(counter.done(), 400);
        let positions = seen.0.lock().unwrap();
        assert_eq!(positions.len(), 401);
        assert!(positions.iter().all(|(_, _, left)| left.is_none()), "no total, no time left");
    }

    #[test]
    fn a_rate_of_nothing_gives_no_time() {
        let at = Position { what: "", done: 1, total: Some(2), unit: "", per_second: Some(0.0) };
        assert_eq!(at.remaining(), None);
    }
}
