//! Submissions that the cluster refuses: made again after growing pauses, in smaller arrays.
//!
//! Clusters limit how many tasks a user, an account or a quality of service may have in the queue, and tasks that wait count too. What is
//! refused now is taken when some of them have ended, or never where an array alone is more than the limit.

use std::time::{Duration, Instant};

use crate::progress::Progress;
use crate::spread::SpreadError;

/// A pause gets no longer than so many of the first.
const LONGEST: u32 = 10;
/// What is said where a limit was reached, as against what is wrong with a submission: `QOSMaxSubmitJobPerUserLimit`, `job submit limit`,
/// `Resource temporarily unavailable` (`MaxJobCount`).
const LIMITS: [&str; 2] = ["limit", "temporarily"];

/// What was refused of late, and what follows from it.
#[derive(Debug)]
pub(super) struct Refusals {
    first: Duration,
    patience: Duration,
    /// What was said when the last submission was refused; `None` once one was taken.
    said: Option<String>,
    /// The last that people were told.
    told: Option<String>,
    /// Most tasks of the next array; `None`: as many as the cluster has in one.
    most: Option<usize>,
    pause: Duration,
    /// When it was refused, and how many tasks of the run were alive.
    at: Option<(Instant, usize)>,
    /// Since when it is refused although none of the run's jobs is alive.
    alone: Option<Instant>,
}

impl Refusals {
    /// None yet. The first pause is `first`; with no job alive it is tried for as long as `patience` where a limit was reached.
    pub(super) fn new(first: Duration, patience: Duration) -> Self {
        Self { first, patience, said: None, told: None, most: None, pause: first, at: None, alone: None }
    }

    /// The most tasks of the next array, of which the cluster takes `most`.
    pub(super) fn most(&self, most: usize) -> usize {
        self.most.map_or(most, |own| own.min(most))
    }

    /// Whether nothing should be submitted yet, while `alive` tasks of the run are alive: each that ended may have made room.
    pub(super) fn is_pausing(&self, alive: usize, now: Instant) -> bool {
        self.at.is_some_and(|(at, before)| alive >= before && now.saturating_duration_since(at) < self.pause)
    }

    /// An array was taken.
    pub(super) fn taken(&mut self) {
        (self.said, self.at, self.alone, self.pause) = (None, None, None, self.first);
        self.most = self.most.map(|most| most.saturating_mul(2));
    }

    /// An array of so many tasks was refused, while `alive` tasks of the run were alive.
    pub(super) fn refused(&mut self, tasks: usize, alive: usize, said: String, now: Instant) {
        if self.said.is_some() {
            self.pause = self.pause.saturating_mul(2).min(self.first.saturating_mul(LONGEST));
        }
        self.most = Some((tasks / 2).max(1));
        self.at = Some((now, alive));
        self.said = Some(said);
    }

    /// Tells that submissions are refused; by a line that stays where that is news.
    pub(super) fn tell(&mut self, progress: &dyn Progress) {
        let Some(said) = &self.said else { return };
        let again = "tried again as others end, and now and then, with fewer at once";
        let text = format!("`sbatch` refuses jobs: {said}; {again}");
        if self.told.as_ref() == Some(said) {
            progress.message(&text);
        } else {
            progress.line(&text);
            self.told = Some(said.clone());
        }
    }

    /// Makes sure that there is something to wait for.
    ///
    /// # Errors
    /// [`SpreadError::Refused`] when nothing of the run is alive and the last submission was refused: at once where that was for no limit,
    /// else after a while.
    pub(super) fn check(&mut self, is_alive: bool, now: Instant) -> Result<(), SpreadError> {
        let Some(said) = &self.said else { return Ok(()) };
        if is_alive {
            self.alone = None;
            return Ok(());
        }
        let since = *self.alone.get_or_insert(now);
        if is_limit(said) && now.saturating_duration_since(since) < self.patience {
            return Ok(());
        }
        Err(SpreadError::Refused { program: String::from("sbatch"), said: said.clone() })
    }
}

/// Whether what was said of a submission speaks of a limit: the next one at once would be refused as well.
pub(super) fn is_limit(said: &str) -> bool {
    let said = said.to_lowercase();
    LIMITS.iter().any(|word| said.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Lines;

    const SECOND: Duration = Duration::from_secs(1);
    const LIMIT: &str = "QOSMaxSubmitJobPerUserLimit";

    #[test]
    fn pauses_grow_arrays_shrink_and_both_come_back() {
        let (mut refusals, mut now) = (Refusals::new(SECOND, 60 * SECOND), Instant::now());
        let told = Lines::default();
        assert!(!refusals.is_pausing(0, now) && refusals.most(1001) == 1001);
        for (pause, most) in [(1, 100), (2, 50), (4, 25), (8, 12), (10, 6), (10, 3), (10, 1), (10, 1)] {
            refusals.refused(refusals.most(200), 5, LIMIT.to_owned(), now);
            refusals.tell(&told);
            assert_eq!(refusals.most(1001), most);
            assert!(refusals.is_pausing(5, now + (pause * SECOND).mul_f64(0.9)));
            // There may be room.
            assert!(!refusals.is_pausing(4, now));
            now += pause * SECOND;
            assert!(!refusals.is_pausing(5, now));
        }
        refusals.taken();
        refusals.taken();
        assert!(!refusals.is_pausing(5, now) && refusals.most(1001) == 4 && refusals.most(3) == 3);
        refusals.tell(&told);
        refusals.refused(4, 5, LIMIT.to_owned(), now);
        assert!(!refusals.is_pausing(5, now + SECOND), "from the first pause on");
        refusals.tell(&told);
        refusals.refused(4, 5, String::from("partition is down"), now);
        refusals.tell(&told);
        let lines = told.0.into_inner().unwrap();
        assert_eq!(lines.len(), 2, "each once: {lines:?}");
        assert!(lines[0].contains(LIMIT) && lines[1].contains("partition is down"), "{lines:?}");
    }

    #[test]
    fn it_is_given_up_when_nothing_is_alive_at_once_or_for_a_limit_after_long() {
        let (mut refusals, now) = (Refusals::new(SECOND, 60 * SECOND), Instant::now());
        refusals.check(false, now).unwrap();
        refusals.refused(2, 1, LIMIT.to_owned(), now);
        refusals.check(true, now).unwrap();
        refusals.check(false, now + 100 * SECOND).unwrap();
        refusals.check(false, now + 159 * SECOND).unwrap();
        let error = refusals.check(false, now + 160 * SECOND).unwrap_err();
        assert!(error.to_string().contains(LIMIT), "{error}");
        // Something of it lived meanwhile.
        refusals.check(true, now + 170 * SECOND).unwrap();
        refusals.check(false, now + 180 * SECOND).unwrap();
        refusals.taken();
        refusals.check(false, now + 900 * SECOND).unwrap();
        refusals.refused(2, 1, String::from("invalid partition"), now);
        refusals.check(true, now).unwrap();
        assert!(refusals.check(false, now).is_err());
    }
}
