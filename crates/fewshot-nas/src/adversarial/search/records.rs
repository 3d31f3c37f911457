//! Where a search stands, and what it leaves to be read.

use serde::{Deserialize, Serialize};

use super::super::controller::LstmState;
use super::super::error::GanError;
use super::super::reset::LossWindows;
use super::{SearchPlan, Within};

/// What is done next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The shared networks are trained.
    #[default]
    Train,
    /// The controller is.
    Control,
    /// The best of the level are chosen.
    Select,
    /// Nothing.
    Done,
}

/// An architecture of a level that later ones extend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Beam {
    /// An option per decision.
    pub options: Vec<u8>,
    /// Where the controller ended.
    pub state: LstmState,
    /// Its score.
    pub score: f64,
}

/// Networks that collapsed and were begun anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset {
    /// In which iteration, from 0.
    pub iteration: u64,
    /// After which of its steps.
    pub step: u64,
}

/// Losses that are added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct LossSums {
    discriminator: f64,
    generator: f64,
    counts: [u64; 2],
}

impl LossSums {
    /// One step more.
    pub fn add(&mut self, discriminator: f64, generator: Option<f64>) {
        self.discriminator += discriminator;
        self.counts[0] += 1;
        if let Some(loss) = generator {
            self.generator += loss;
            self.counts[1] += 1;
        }
    }

    /// Of the discriminator and of the generator.
    pub fn means(&self) -> [f64; 2] {
        let [of_discriminator, of_generator] = self.counts.map(|count| count.max(1) as f64);
        [self.discriminator / of_discriminator, self.generator / of_generator]
    }
}

/// What one iteration looked like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IterationRecord {
    /// From 0.
    pub iteration: u64,
    /// From 0.
    pub level: usize,
    /// Mean loss of the discriminator and of the generator.
    pub losses: [f64; 2],
    /// Score of an architecture that was proposed at its end.
    pub score: f64,
    /// Mean score of those that the controller learned from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reward: Option<f64>,
    /// Of each decision of the level's cell, with what chance each option is taken; empty without a controller.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probabilities: Vec<Vec<f64>>,
    /// Whether networks were begun anew at its end.
    pub was_reset: bool,
}

/// Where a search stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SearchProgress {
    /// What is done next.
    pub phase: Phase,
    /// Pieces of work done in all.
    pub pieces: u64,
    /// From 0.
    pub level: usize,
    /// Iterations done.
    pub iteration: u64,
    /// Of this level.
    pub level_iterations: u64,
    /// Steps done of what is under way.
    pub step: u64,
    /// Steps of the discriminator in all.
    pub train_steps: u64,
    /// Of this level.
    pub level_steps: u64,
    /// Steps of controllers in all.
    pub controller_steps: u64,
    /// The best of the level below, best first; in the end those of the last.
    pub beams: Vec<Beam>,
    /// Candidates of this level that are scored so far.
    pub candidates: Vec<Beam>,
    /// State of the strategy that chooses.
    pub strategy: Option<serde_json::Value>,
    /// Losses of the last steps.
    pub windows: LossWindows,
    /// Losses of this iteration.
    pub losses: LossSums,
    /// Scores that the controller learned from in this iteration.
    pub rewards: Vec<f64>,
    /// What the controller's rewards are compared with.
    pub baseline: Vec<f64>,
    /// Whether the networks are begun anew at the end of the iteration.
    pub must_reset: bool,
    /// All resets.
    pub resets: Vec<Reset>,
    /// A record per iteration done.
    pub history: Vec<IterationRecord>,
}

impl SearchProgress {
    /// Checks that it can be of a search of this plan through this region.
    pub(super) fn check(&self, plan: &SearchPlan, within: &Within) -> Result<(), GanError> {
        let beams = || self.beams.iter().chain(&self.candidates);
        if self.level >= plan.schedule.iterations.len() || !beams().all(|beam| beam.state.is_usable()) {
            return Err(GanError::State("levels or beams differ".to_string()));
        }
        // Runs that earlier programs began kept what limits leave out.
        match beams().all(|beam| within.holds(&beam.options)) {
            true => Ok(()),
            false => Err(GanError::State("it keeps architectures beyond the limits".to_string())),
        }
    }
}
