//! A search's budget of time.

use serde::{Deserialize, Serialize};

use crate::train::ConfigError;

/// Longest budget, in minutes: 30 days.
const LONGEST: f64 = 30.0 * 24.0 * 60.0;

/// What a search may take. Settings that are 0 and can be chosen are chosen from it before the first stage: epochs of supernets,
/// sub-supernets and networks alone, the number of scored networks and, where none is set, a limit on multiply-adds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetRecipe {
    /// Minutes from when the images are read to the kept network, to 43,200; 0: no budget, all settings are given.
    pub minutes: f64,
    /// What was measured and chosen; made before its first stage, so that a resumed run keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<BudgetPlan>,
}

/// How a budget is shared, in seconds, and the measurements behind it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetPlan {
    /// What had passed of it before the run's own clock began.
    pub measuring: f64,
    /// The one supernet.
    pub supernet: f64,
    /// All sub-supernets.
    pub sub_supernets: f64,
    /// Scoring.
    pub search: f64,
    /// Finalists that are not kept.
    pub finalists: f64,
    /// Training of the kept network, its part as a finalist included.
    pub kept: f64,
    /// What comes after the kept network, beyond the budget: hand-made and random networks, verification.
    pub beside: f64,
    /// Milliseconds of a training step of a network alone, as the mean of some random ones.
    pub step_ms: f64,
    /// The same for a path of the supernet.
    pub supernet_step_ms: f64,
    /// Whether the epochs of networks alone were given: they are then trained for these, not for what is left of the time.
    #[serde(default)]
    pub fixed_epochs: bool,
    /// What was chosen, in words.
    pub told: Vec<String>,
}

impl BudgetRecipe {
    /// Whether there is one.
    pub fn is_set(&self) -> bool {
        self.minutes > 0.0
    }

    /// Whether networks alone are trained for as long as there is time.
    pub fn decides_epochs(&self) -> bool {
        self.is_set() && self.plan.as_ref().is_some_and(|plan| !plan.fixed_epochs)
    }

    /// In seconds.
    pub fn seconds(&self) -> f64 {
        60.0 * self.minutes
    }

    /// Checks the range.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        match (0.0..=LONGEST).contains(&self.minutes) {
            true => Ok(()),
            false => Err(ConfigError {
                key: "minutes",
                value: self.minutes.to_string(),
                allowed: "0 (no budget) to 43200 (30 days)",
            }),
        }
    }
}
