//! How often stages were submitted, and whether that was in vain.

use std::collections::HashMap;

use super::super::sharing::{LOGS, kept};
use crate::error::RunError;
use crate::reader::RunReader;
use crate::spread::{SpreadError, StageStatus};

/// A stage is submitted so often by one driver without getting further, before it is said that something is wrong.
pub(super) const MOST_SUBMISSIONS: u32 = 5;

/// How often each stage was submitted since its work was last found to have got further.
#[derive(Debug, Default)]
pub(super) struct Submissions(HashMap<String, Tries>);

#[derive(Debug, Default)]
struct Tries {
    times: u32,
    /// How often its work was kept by then.
    kept: usize,
}

impl Submissions {
    /// Makes sure that another submission of these stages is no vain one. One that was killed or cut in the middle of its work, and had
    /// kept more of it than the one before, is as good as the first.
    pub(super) fn check(&mut self, run: &RunReader, stages: &[&StageStatus]) -> Result<(), RunError> {
        if stages.iter().all(|stage| !self.0.contains_key(&stage.name)) {
            return Ok(());
        }
        let kept = kept(run)?;
        for StageStatus { name, .. } in stages {
            let Some(tries) = self.0.get_mut(name) else { continue };
            let now = kept.get(name).copied().unwrap_or(0);
            if now > tries.kept {
                *tries = Tries { times: 0, kept: now };
            }
            if tries.times >= MOST_SUBMISSIONS {
                let (run, log) = (run.path().display().to_string(), run.path().join(LOGS).display().to_string());
                let last = format!("stage `{name}` again and again");
                return Err(SpreadError::Dying { run, times: MOST_SUBMISSIONS as usize, last, log }.into());
            }
        }
        Ok(())
    }

    pub(super) fn add(&mut self, stage: &str) {
        self.0.entry(stage.to_owned()).or_default().times += 1;
    }
}
