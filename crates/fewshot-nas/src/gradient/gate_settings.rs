//! Settings that only methods with gates have.

use serde::{Deserialize, Serialize};

use super::cost_goal::CostGoal;
use crate::train::ConfigError;

/// How α learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateRule {
    /// Two operations of each edge, drawn by softmax(α), are compared; what both have of the chance together stays the same.
    TwoPaths,
    /// All operations of each edge are compared.
    AllPaths,
    /// REINFORCE on some drawn networks, without gradients through any.
    Reinforce,
}

/// What only methods with gates have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateSettings {
    /// How α learns.
    pub rule: GateRule,
    /// Steps of the weights for each step of α, 1 to 1,000,000.
    pub every: u64,
    /// Held-out images of a step of α, to 1,000,000, and no more than there are; 0: as many as a step of the weights has.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub batch: usize,
    /// Epochs behind the warm-up before α's first step, to 1,000,000.
    pub rest: u64,
    /// Learning rate of the weights at the start of the warm-up, above 0; it falls to 0 there.
    pub warm_up_lr: f64,
    /// What networks should cost; absent: whatever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<CostGoal>,
}

fn is_zero(value: &usize) -> bool {
    *value == 0
}

impl GateSettings {
    /// As published: a step of α with every fifth of the weights, on as many images; by rewards with every sixteenth, which on
    /// ImageNet are 300 an epoch, on 1,000.
    pub(super) fn published(rule: GateRule) -> Self {
        let (every, batch) = if rule == GateRule::Reinforce { (16, 1000) } else { (5, 0) };
        Self { rule, every, batch, rest: 1, warm_up_lr: 0.05, cost: None }
    }

    /// Held-out images of a step of α where one of the weights has `train` images.
    pub fn held_out_batch(&self, train: usize) -> usize {
        if self.batch == 0 { train } else { self.batch }
    }

    /// Checks all ranges.
    ///
    /// # Errors
    /// The first setting that is out of its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        let fail = |key, value: String, allowed| Err(ConfigError { key, value, allowed });
        if !(1..=1_000_000).contains(&self.every) {
            return fail("gates.every", self.every.to_string(), "1 to 1000000");
        }
        if self.batch > 1_000_000 {
            return fail("gates.batch", self.batch.to_string(), "0 (as many as train.batch) to 1000000");
        }
        if self.rest > 1_000_000 {
            return fail("gates.rest", self.rest.to_string(), "0 to 1000000");
        }
        if !(self.warm_up_lr > 0.0 && self.warm_up_lr.is_finite()) {
            return fail("gates.warm_up_lr", self.warm_up_lr.to_string(), "above 0");
        }
        let Some(cost) = &self.cost else { return Ok(()) };
        if !["macs", "params", "latency_us"].contains(&cost.feature.name()) {
            return fail("gates.cost.feature", cost.feature.name().to_string(), "macs, params or latency_us");
        }
        if !(cost.reference == 0.0 || (cost.reference > 1.0 && cost.reference.is_finite())) {
            return fail(
                "gates.cost.reference",
                cost.reference.to_string(),
                "above 1, or 0 for the limit of the search",
            );
        }
        match cost.form.out_of_range() {
            Some(number) => fail("gates.cost.form", number.to_string(), "above 0"),
            None => Ok(()),
        }
    }
}
