//! Who drives a run: of several drivers, one submits and the others watch.

use std::path::Path;

use super::super::error::RunError;
use super::super::interrupt::Interrupt;
use super::attempt::{Taken, take};
use super::claim::{Claim, Patience, Standing, Watch};
use super::layout::Attempts;

/// No stage has this name: theirs begin with a number.
const DRIVER: &str = "driver";

/// The wish to drive a run, and the claim once it is got.
#[derive(Debug)]
pub(in super::super) struct Driving {
    attempts: Attempts,
    patience: Patience,
    watch: Watch,
    claim: Option<Claim>,
}

impl Driving {
    pub(in super::super) fn new(run: &Path, patience: Patience) -> Self {
        let attempts = Attempts::at(run, run.join("stages").join(DRIVER));
        Self { attempts, patience, watch: Watch::default(), claim: None }
    }

    /// Whether this process drives the run now; it takes over from one that died. Asked again and again.
    pub(in super::super) fn is_own(&mut self, interrupt: &Interrupt) -> Result<bool, RunError> {
        if let Some(claim) = &self.claim {
            if claim.is_held(&self.patience)? {
                return Ok(true);
            }
            self.claim = None;
        }
        if let Taken::Own(mut claim) = take(&self.attempts, &mut self.watch, &self.patience, None, true)? {
            claim.beat(self.attempts.run().to_path_buf(), interrupt, self.patience.beat)?;
            self.claim = Some(claim);
            return Ok(true);
        }
        Ok(false)
    }

    /// Lets go.
    pub(in super::super) fn end(&mut self) -> Result<(), RunError> {
        Ok(self.claim.take().map_or(Ok(()), |claim| claim.end(Standing::Stopped, None))?)
    }
}

impl Drop for Driving {
    fn drop(&mut self) {
        // If it cannot be written, others wait until it counts as dead.
        let _ = self.end();
    }
}
