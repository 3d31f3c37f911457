//! The choice of the best architectures of a level.

use super::*;
use crate::search;

impl GanSearch {
    /// Scores one candidate more; behind the last, keeps the best and goes to the next level.
    pub(super) fn select(&mut self, judge: &mut dyn FeatureNet, interrupt: &Interrupt) -> Result<(), GanError> {
        let plan = &self.task.plan;
        let is_last_level = self.progress.level + 1 == self.task.skeleton.cells();
        match (plan.proposer, is_last_level) {
            (Proposer::Controller, _) if self.progress.candidates.len() < plan.schedule.candidates => {
                let number = self.progress.candidates.len() as u64;
                let mut rng = random::stream(self.task.seed, "candidate", self.progress.level as u64, number);
                let (arch, state) = self.extended(&mut rng)?;
                let found = self.judged(&arch, judge, ("candidates", self.progress.level as u64), interrupt)?;
                let options = arch.options().to_vec();
                self.progress.candidates.push(Beam { options, state, score: found.score });
                return Ok(());
            }
            (Proposer::Uniform, true) if self.progress.candidates.len() < plan.budget => {
                return self.ask_strategy(judge, interrupt);
            }
            _ => {}
        }
        let mut candidates = std::mem::take(&mut self.progress.candidates);
        // The earlier of two that score alike comes first.
        candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
        if self.task.plan.proposer == Proposer::Uniform {
            let mut seen = std::collections::BTreeSet::new();
            candidates.retain(|beam| seen.insert(beam.options.clone()));
        }
        candidates.truncate(self.task.plan.schedule.keep);
        self.progress.beams = candidates;
        self.progress.strategy = None;
        self.rise()
    }

    /// One architecture that the strategy asks for; its state goes along with the search's.
    fn ask_strategy(&mut self, judge: &mut dyn FeatureNet, interrupt: &Interrupt) -> Result<(), GanError> {
        // Whole generators are asked for, so the region is the searched one itself.
        let region = self.task.within.region().clone();
        let mut strategy = search::build(&self.task.plan.strategy, region, self.task.seed)?;
        if let Some(state) = &self.progress.strategy {
            strategy.restore(state)?;
        }
        let asked = strategy.ask(1)?.pop();
        let arch = asked.ok_or_else(|| GanError::State("a strategy proposed nothing".to_string()))?;
        let known = self.progress.candidates.iter().find(|beam| beam.options == arch.options());
        let score = match known.map(|beam| beam.score) {
            Some(score) => score,
            None => self.judged(&arch, judge, ("candidates", self.progress.level as u64), interrupt)?.score,
        };
        strategy.tell(&arch, score);
        self.progress.strategy = Some(strategy.state());
        let options = arch.options().to_vec();
        self.progress.candidates.push(Beam { options, state: LstmState::zero(), score });
        Ok(())
    }
}
