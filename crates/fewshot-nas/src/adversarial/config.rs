//! Settings of adversarial training.

use serde::{Deserialize, Serialize};

use crate::nets::optim::{Adam, Limits};
use crate::train::ConfigError;

/// How a generator and a discriminator are trained against each other: hinge loss, one Adam each.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GanConfig {
    /// Real images, and as many generated ones, per step of the discriminator, 2 to 65,536.
    pub batch: usize,
    /// Generated images per step of the generator, 2 to 65,536.
    pub generator_batch: usize,
    /// Steps of the discriminator from one of the generator to the next, 1 to 1000.
    pub critic_steps: u64,
    /// Learning rate of both, above 0.
    pub lr: f64,
    /// Share of the mean of gradients that Adam keeps, 0 up to but not including 1.
    pub beta1: f64,
    /// Share of the mean of their squares that it keeps, 0 up to but not including 1.
    pub beta2: f64,
}

impl GanConfig {
    /// That of AutoGAN (its code, `exps/derive.sh`).
    pub fn published() -> Self {
        Self { batch: 64, generator_batch: 128, critic_steps: 5, lr: 2e-4, beta1: 0.0, beta2: 0.9 }
    }

    pub(super) fn rule(&self) -> Adam {
        Adam { beta1: self.beta1, beta2: self.beta2, eps: 1e-8 }
    }

    /// Parameters that a path does not use go on with a gradient of 0, as in the PyTorch of that code, which clears gradients by
    /// setting them to 0.
    pub(super) fn limits() -> Limits {
        Limits { drifts: true, ..Limits::NONE }
    }

    /// Checks all ranges.
    ///
    /// # Errors
    /// The first setting that is out of its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        let fail = |key, value: String, allowed| Err(ConfigError { key, value, allowed });
        for (key, batch) in [("batch", self.batch), ("generator_batch", self.generator_batch)] {
            if !(2..=65_536).contains(&batch) {
                return fail(key, batch.to_string(), "2 to 65536");
            }
        }
        if !(1..=1000).contains(&self.critic_steps) {
            return fail("critic_steps", self.critic_steps.to_string(), "1 to 1000");
        }
        if !(self.lr > 0.0 && self.lr.is_finite()) {
            return fail("lr", self.lr.to_string(), "above 0");
        }
        for (key, beta) in [("beta1", self.beta1), ("beta2", self.beta2)] {
            if !(0.0..1.0).contains(&beta) {
                return fail(key, beta.to_string(), "0 up to but not including 1");
            }
        }
        Ok(())
    }
}
