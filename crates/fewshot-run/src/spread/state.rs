//! How the stages of a run stand, as its folder tells: for drivers, and for people who look at it.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use super::super::error::RunError;
use super::super::plan_file::{DONE, PLAN, PlanFile};
use super::super::reader::{RunReader, read_json};
use super::claim::{Claimed, Patience, Standing, Watch};
use super::layout::{ATTEMPTS, Attempts};

/// How a stage stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum StageState {
    /// It is done.
    Done,
    /// It could begin, or go on: nobody works on it.
    Ready {
        /// Attempts before.
        attempts: u64,
    },
    /// A process that has the whole run, or had it, began it: such a one makes no claims. Drivers take it for ready ([`Survey::look`]).
    Begun,
    /// A process works on it.
    Working {
        /// The claim.
        claim: Claimed,
        /// Attempts so far, with this one.
        attempts: u64,
    },
    /// It failed, and is not tried again before somebody asks for it.
    Failed {
        /// The claim, whose note says why.
        claim: Claimed,
        /// Attempts so far.
        attempts: u64,
    },
    /// It waits for stages that are not done.
    Waiting {
        /// Their names.
        on: Vec<String>,
    },
}

/// A stage and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageStatus {
    /// Its number in the plan, from 1.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// The stages that it waits for, or waited.
    pub inputs: Vec<String>,
    /// How it stands.
    #[serde(flatten)]
    pub state: StageState,
}

/// Looks at a run again and again; what stood still meanwhile is known to it.
#[derive(Debug, Default)]
pub struct Survey {
    patience: Patience,
    watch: Watch,
    /// Numbers of stages that were seen to be done: they stay so.
    done: BTreeSet<usize>,
}

impl Survey {
    /// One that holds claims for dead by this patience.
    pub fn new(patience: Patience) -> Self {
        Self { patience, ..Self::default() }
    }

    /// How the stages of a run stand now, in the order of their numbers. None before the run's first start.
    ///
    /// # Errors
    /// [`RunError::Damaged`] if `plan.json` is not as written; when the folder cannot be read.
    pub fn look(&mut self, run: &RunReader) -> Result<Vec<StageStatus>, RunError> {
        let advice = "bring back a copy of it, or begin a new run";
        let Some(plan) = read_json::<PlanFile>(&run.path().join(PLAN), advice)? else {
            return Ok(Vec::new());
        };
        for (number, stage) in (1..).zip(&plan.stages) {
            if !self.done.contains(&number) && run.stage_folder(number, &stage.name).join(DONE).is_file() {
                self.done.insert(number);
            }
        }
        let done: BTreeSet<&str> = (1..)
            .zip(&plan.stages)
            .filter(|(number, _)| self.done.contains(number))
            .map(|(_, s)| s.name.as_str())
            .collect();
        let mut stages = Vec::with_capacity(plan.stages.len());
        for (number, stage) in (1..).zip(&plan.stages) {
            let on: Vec<String> = stage.inputs.iter().filter(|input| !done.contains(input.as_str())).cloned().collect();
            let state = match (done.contains(stage.name.as_str()), on.is_empty()) {
                (true, _) => StageState::Done,
                (false, false) => StageState::Waiting { on },
                (false, true) => self.undone(run.path(), number, &stage.name, run)?,
            };
            stages.push(StageStatus { number, name: stage.name.clone(), inputs: stage.inputs.clone(), state });
        }
        Ok(stages)
    }

    /// The same for people who look at the run: what a process without others began is told.
    ///
    /// # Errors
    /// As [`Survey::look`].
    pub fn look_on(&mut self, run: &RunReader) -> Result<Vec<StageStatus>, RunError> {
        let mut stages = self.look(run)?;
        for stage in &mut stages {
            if stage.state == (StageState::Ready { attempts: 0 }) && run.has_begun(stage.number, &stage.name) {
                stage.state = StageState::Begun;
            }
        }
        Ok(stages)
    }

    /// How a stage stands whose inputs are there.
    fn undone(&mut self, path: &Path, number: usize, name: &str, run: &RunReader) -> Result<StageState, RunError> {
        let attempts = Attempts::at(path, run.stage_folder(number, name));
        let Some(latest) = attempts.latest_claim()? else {
            return Ok(StageState::Ready { attempts: 0 });
        };
        let path = attempts.claim(latest);
        let claimed = Claimed::read(&path)?;
        let is_dead = self.watch.is_dead(&path, claimed.as_ref(), &self.patience);
        Ok(match claimed {
            Some(claim) if claim.standing == Standing::Failed => StageState::Failed { claim, attempts: latest },
            Some(claim) if claim.standing == Standing::Working && !is_dead => {
                StageState::Working { claim, attempts: latest }
            }
            _ => StageState::Ready { attempts: latest },
        })
    }
}

impl RunReader {
    /// Whether several processes ever shared the run.
    pub fn is_shared(&self) -> bool {
        self.path().join(ATTEMPTS).is_dir()
    }

    /// Whether a process that has, or had, the whole run has begun a stage.
    fn has_begun(&self, number: usize, name: &str) -> bool {
        self.stage_folder(number, name).is_dir()
    }
}
