//! How long each part of a search takes.

use serde::{Deserialize, Serialize};

use crate::train::ConfigError;

/// Who proposes architectures, in training and in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proposer {
    /// A controller per level that learns by reinforcement, with beams from level to level: AutoGAN.
    Controller,
    /// Chance, in training; in the end a search strategy chooses by the same scores.
    Uniform,
}

/// Who proposes in a search, and its schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchPlan {
    /// Who proposes.
    pub proposer: Proposer,
    /// With [`Proposer::Uniform`]: the strategy that chooses in the end, a name that `fewshot strategies` lists.
    pub strategy: String,
    /// With it: architectures that it scores, 1 or more.
    pub budget: usize,
    /// How long each part takes.
    pub schedule: Schedule,
}

/// The schedule of a search, as recipes say it. Lists have an entry per level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Iterations of training and control, 1 or more each.
    pub iterations: Vec<u64>,
    /// Steps of the discriminator in each iteration, 1 or more each.
    pub critic_steps: Vec<u64>,
    /// Steps of the controller in each iteration.
    pub controller_steps: u64,
    /// Whether the loss of the controller is that of the published code ([`Reinforce`](crate::adversarial::Reinforce)).
    pub as_published: bool,
    /// Images by which an architecture is scored.
    pub images: usize,
    /// Parts of that score.
    pub parts: usize,
    /// Whether batch norms get statistics of their own for each architecture that is scored.
    pub recalibrate_norms: bool,
    /// Candidates of which the best are kept at the end of a level, 1 or more.
    pub candidates: usize,
    /// How many are kept, 1 up to the candidates.
    pub keep: usize,
    /// Losses that must stand still for a reset, 2 or more.
    pub window: usize,
    /// By how much they may vary then, as a variance; 0 for no resets.
    pub threshold: f64,
}

impl SearchPlan {
    /// Pieces of work that a search of this plan has, if no reset cuts an iteration short.
    pub fn pieces(&self) -> u64 {
        let Schedule { iterations, critic_steps, candidates, .. } = &self.schedule;
        let controls = if self.proposer == Proposer::Controller { self.schedule.controller_steps } else { 0 };
        let chosen = match self.proposer {
            Proposer::Controller => (candidates + 1) * iterations.len(),
            Proposer::Uniform => self.budget + iterations.len(),
        };
        let steps = |(iterations, steps): (&u64, &u64)| iterations * (steps + controls + 1);
        iterations.iter().zip(critic_steps).map(steps).sum::<u64>() + chosen as u64
    }

    /// Checks all ranges, for so many levels.
    ///
    /// # Errors
    /// The first setting that is out of its range.
    pub fn check(&self, levels: usize) -> Result<(), ConfigError> {
        let fail = |key, value: String, allowed| Err(ConfigError { key, value, allowed });
        let schedule = &self.schedule;
        for (key, list) in [("iterations", &schedule.iterations), ("critic_steps", &schedule.critic_steps)] {
            let fits = list.len() == levels && list.iter().all(|count| (1..=1_000_000).contains(count));
            if !fits {
                return fail(key, format!("{list:?}"), "a number per level, 1 to 1000000");
            }
        }
        let counts = [
            ("controller_steps", schedule.controller_steps, 0, "0 to 1000000"),
            ("images", schedule.images as u64, 2, "2 to 1000000"),
            ("parts", schedule.parts as u64, 1, "1 to 1000000"),
            ("candidates", schedule.candidates as u64, 1, "1 to 1000000"),
            ("keep", schedule.keep as u64, 1, "1 to 1000000"),
            ("window", schedule.window as u64, 2, "2 to 1000000"),
            ("budget", self.budget as u64, 1, "1 to 1000000"),
        ];
        for (key, value, least, allowed) in counts {
            if !(least..=1_000_000).contains(&value) {
                return fail(key, value.to_string(), allowed);
            }
        }
        if schedule.parts > schedule.images {
            return fail("parts", schedule.parts.to_string(), "1 to `images`");
        }
        if schedule.keep > schedule.candidates {
            return fail("keep", schedule.keep.to_string(), "1 to `candidates`");
        }
        if !(schedule.threshold >= 0.0 && schedule.threshold.is_finite()) {
            return fail("threshold", schedule.threshold.to_string(), "0 (no resets) or more");
        }
        Ok(())
    }
}
