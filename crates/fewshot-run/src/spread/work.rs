//! What a worker does: one stage after the other, as they become ready.

use std::collections::BTreeSet;

use super::super::error::RunError;
use super::super::interrupt::Interrupt;
use super::super::plan::Plan;
use super::super::progress::Progress;
use super::error::SpreadError;
use super::member::{Attempted, Member};
use super::stop::is_asked_to_stop;

/// A worker on a run.
pub struct Work<'a> {
    plan: &'a Plan<'a>,
    member: &'a Member,
    interrupt: &'a Interrupt,
    progress: &'a dyn Progress,
}

impl<'a> Work<'a> {
    /// One for the run that `member` joined, whose plan is `plan`.
    ///
    /// # Errors
    /// [`RunError::PlanChanged`], [`RunError::SettingsChanged`] if the run was begun otherwise.
    pub fn new(
        plan: &'a Plan<'a>,
        member: &'a Member,
        interrupt: &'a Interrupt,
        progress: &'a dyn Progress,
    ) -> Result<Self, RunError> {
        plan.bind(member.reader())?;
        Ok(Self { plan, member, interrupt, progress })
    }

    /// Works on whatever stage is ready and free, the costliest first, until all are done. Waits for what others work on, and takes over
    /// from those that die.
    ///
    /// # Errors
    /// [`SpreadError::Failed`] when all that is left waits for stages that failed; [`RunError::Interrupted`],
    /// [`SpreadError::Cancelled`]; what else keeps this process from working.
    pub fn any(&self) -> Result<(), RunError> {
        let _working = self.interrupt.working();
        let order = self.plan.costliest_first();
        let mut done = BTreeSet::new();
        loop {
            let mut failed: Vec<(String, String)> = Vec::new();
            let (mut is_busy, mut has_moved) = (false, false);
            for &index in &order {
                if done.contains(&index) || !self.plan.inputs_of(index).all(|input| done.contains(&input)) {
                    continue;
                }
                if self.member.is_done(self.plan, index) {
                    done.insert(index);
                    has_moved = true;
                    continue;
                }
                // Not before: who is asked to stop when all is done has done all.
                self.check()?;
                match self.member.attempt(self.plan, index, false, self.interrupt, self.progress)? {
                    Attempted::Done => {
                        done.insert(index);
                        has_moved = true;
                        // What is ready by now may cost more than what comes next.
                        break;
                    }
                    Attempted::Busy => is_busy = true,
                    Attempted::Failed(note) => failed.push((self.plan.info(index).name.to_owned(), note)),
                }
            }
            if done.len() == order.len() {
                return Ok(());
            }
            if has_moved {
                continue;
            }
            if !is_busy {
                return Err(self.failed(failed));
            }
            self.interrupt.pause(self.member.patience().look);
        }
    }

    /// Works on these stages, one after the other, whoever else wants them: one that another works on is waited for, one that
    /// failed before is tried again.
    ///
    /// # Errors
    /// As [`Work::any`]; [`RunError::UnknownStage`]; [`RunError::NotReady`] when the inputs of one are not done. The stages behind one
    /// that fails are worked on first.
    pub fn named(&self, names: &[&str]) -> Result<(), RunError> {
        let indices = names.iter().map(|name| self.plan.position(name)).collect::<Result<Vec<_>, _>>()?;
        let _working = self.interrupt.working();
        let mut failed = Vec::new();
        for index in indices {
            let name = self.plan.info(index).name;
            loop {
                self.check()?;
                self.plan.check_ready(index, self.member.reader())?;
                match self.member.attempt(self.plan, index, true, self.interrupt, self.progress)? {
                    Attempted::Done => break,
                    Attempted::Busy => self.interrupt.pause(self.member.patience().look),
                    Attempted::Failed(note) => {
                        failed.push((name.to_owned(), note));
                        break;
                    }
                }
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(self.failed(failed)) }
    }

    fn check(&self) -> Result<(), RunError> {
        let run = self.member.reader().path();
        if is_asked_to_stop(run) {
            return Err(SpreadError::cancelled(run).into());
        }
        if self.interrupt.is_requested() {
            return Err(RunError::interrupted(run));
        }
        Ok(())
    }

    fn failed(&self, failed: Vec<(String, String)>) -> RunError {
        let others = failed.len().saturating_sub(1);
        let (stage, note) = failed.into_iter().next().unwrap_or_default();
        let run = self.member.reader().path().display().to_string();
        SpreadError::Failed { stage, note, log: None, others, run }.into()
    }
}
