//! Settings of one training.

use serde::{Deserialize, Serialize};

use crate::nets::optim::{Limits, Sgd};

/// How the path of a training step is drawn from the supernet's region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampling {
    /// One architecture for the whole network, as it will be scored.
    PerNetwork,
    /// One architecture for the whole network, drawn in two steps: a function, then a code of it. Uniform codes train
    /// simple functions, which have many codes, far more than the rest, and supernets then over-rate them. Networks
    /// that ignore their input are skipped. Needs a region that can be listed.
    PerStructure,
    /// One architecture for the whole network, drawn in two steps: a number of live convolutions, then a code with so
    /// many. Uniform codes seldom train the networks of many convolutions, nor those of none. Networks that ignore their
    /// input are skipped. Needs a region that can be listed.
    Balanced,
    /// One architecture for the whole network, every decision drawn by itself (Once-for-All: Cai et al., ICLR 2020). Uniform codes
    /// seldom train what has few codes: of stages of two to four blocks nine in ten have four.
    PerDecision,
    /// An independent architecture for each cell, as the published code trains.
    PerCell,
}

impl Sampling {
    /// Whether it needs a region that can be listed.
    pub fn lists(self) -> bool {
        matches!(self, Sampling::PerStructure | Sampling::Balanced)
    }
}

/// What happens to parameters that a step did not use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unsampled {
    /// They stay as they are.
    Skip,
    /// Once used, they go on decaying and drifting by their momentum (a gradient of zero), as in the PyTorch of 2020.
    Decay,
}

/// When the learning rate moves along the cosine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Once per epoch, as the published code.
    Epoch,
    /// With every step: smoother when epochs are few.
    Step,
}

/// Sub-networks of a step, fewest and most.
pub const PATHS: std::ops::RangeInclusive<usize> = 1..=64;

/// SGD with a cosine learning rate, from `lr` in the first step to `lr_min` at the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Passes over the training images, 1 to 1,000,000; under a budget of time 0 leaves their number to it.
    pub epochs: u64,
    /// Images per step, 2 to 65,536 (batch statistics need two).
    pub batch: usize,
    /// Learning rate at the start, above 0.
    pub lr: f64,
    /// Learning rate at the end, from 0 to `lr`.
    pub lr_min: f64,
    /// When the learning rate changes.
    pub schedule: Schedule,
    /// Epochs in which the learning rate rises from 0 to `lr`, with every step, 0 (none) or more (Goyal et al. 2017).
    #[serde(default)]
    pub warmup: f64,
    /// Share of the epochs, warm-up included, before the learning rate falls, 0 up to but not including 1. As long as it does
    /// not fall, a training does not depend on how long it will be.
    #[serde(default)]
    pub hold: f64,
    /// Momentum, 0 up to but not including 1.
    pub momentum: f64,
    /// Nesterov's form of the momentum.
    pub nesterov: bool,
    /// L2 decay of every parameter, 0 or more; 0 switches it off.
    pub weight_decay: f64,
    /// Whether scales, shifts and biases decay too. They gain nothing by it (Jia et al. 2018).
    #[serde(default = "always")]
    pub decay_norms: bool,
    /// Horizon of the moving average of weights and statistics, by which a network is judged and which it is left with, as a
    /// share of the epochs, 0 (none) to 1 (Polyak and Juditsky 1992).
    #[serde(default)]
    pub ema: f64,
    /// Batches of unchanged training images, 0 to 1000, on which running means and variances are measured whenever a network is
    /// judged or left (precise batch norm: Wu and Johnson 2021); 0 leaves them as they moved along in training, with a tenth of
    /// each step: after few steps they are still those of no image at all. For networks of one architecture.
    #[serde(default, skip_serializing_if = "is_none")]
    pub precise_norms: usize,
    /// Largest global norm of the gradient; 0 switches clipping off.
    pub clip: f64,
    /// Share of the target spread over all classes, 0 up to but not including 1.
    pub label_smoothing: f64,
    /// What the loss of an auxiliary head counts, beside 1 for the network's own; 0 or more. Networks without such a head have no
    /// use for it.
    #[serde(default = "auxiliary", skip_serializing_if = "is_usual_auxiliary")]
    pub auxiliary: f64,
    /// What being unlike the teacher counts where there is one, beside 1 for the loss by the labels; 0 or more.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub distill: f64,
    /// Sub-networks of each step, 1 to 64, each on all of the step's images; their gradients add up (Once-for-All: Cai et al., ICLR
    /// 2020).
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub paths: usize,
    /// How paths are drawn.
    pub sampling: Sampling,
    /// What happens to unused parameters.
    pub unsampled: Unsampled,
    /// Weights of decisions that the region leaves no choice stay as they are: the published code built its optimizer
    /// before it put the weights of the split edge in place, and so never trained them.
    #[serde(default)]
    pub freeze_split_edge: bool,
}

fn always() -> bool {
    true
}

/// That of DARTS.
fn auxiliary() -> f64 {
    0.4
}

fn one() -> usize {
    1
}

fn is_one(count: &usize) -> bool {
    *count == 1
}

fn is_none(count: &usize) -> bool {
    *count == 0
}

fn is_zero(weight: &f64) -> bool {
    *weight == 0.0
}

fn is_usual_auxiliary(weight: &f64) -> bool {
    *weight == auxiliary()
}

/// A setting out of its range.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{key} = {value} is out of range: {allowed}")]
pub struct ConfigError {
    /// The setting's name.
    pub key: &'static str,
    /// What it was set to.
    pub value: String,
    /// What is allowed.
    pub allowed: &'static str,
}

impl TrainConfig {
    /// SGD with Nesterov's momentum of 0.9 and a learning rate that falls from `lr` to 0 with every step, along one path for all of
    /// the network; whatever can be left out is off. To be changed where a training wants more.
    pub fn sgd(epochs: u64, batch: usize, lr: f64) -> Self {
        Self {
            epochs,
            batch,
            lr,
            lr_min: 0.0,
            schedule: Schedule::Step,
            warmup: 0.0,
            hold: 0.0,
            momentum: 0.9,
            nesterov: true,
            weight_decay: 0.0,
            decay_norms: true,
            ema: 0.0,
            precise_norms: 0,
            clip: 0.0,
            label_smoothing: 0.0,
            auxiliary: 0.0,
            distill: 0.0,
            paths: 1,
            sampling: Sampling::PerNetwork,
            unsampled: Unsampled::Skip,
            freeze_split_edge: false,
        }
    }

    /// Checks all ranges.
    ///
    /// # Errors
    /// The first setting that is out of its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        let fail = |key, value: String, allowed| Err(ConfigError { key, value, allowed });
        if !(1..=1_000_000).contains(&self.epochs) {
            return fail("epochs", self.epochs.to_string(), "1 to 1000000");
        }
        if !(2..=65_536).contains(&self.batch) {
            return fail("batch", self.batch.to_string(), "2 to 65536");
        }
        if !(self.lr > 0.0 && self.lr.is_finite()) {
            return fail("lr", self.lr.to_string(), "above 0");
        }
        if !(0.0..=self.lr).contains(&self.lr_min) {
            return fail("lr_min", self.lr_min.to_string(), "from 0 to lr");
        }
        if !(0.0..1.0).contains(&self.momentum) {
            return fail("momentum", self.momentum.to_string(), "from 0 up to, not including, 1");
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite()) {
            return fail("weight_decay", self.weight_decay.to_string(), "0 or more");
        }
        if !(self.clip >= 0.0 && self.clip.is_finite()) {
            return fail("clip", self.clip.to_string(), "0 (off) or more");
        }
        if !(self.warmup >= 0.0 && self.warmup.is_finite()) {
            return fail("warmup", self.warmup.to_string(), "0 (none) or more");
        }
        if !(0.0..1.0).contains(&self.hold) {
            return fail("hold", self.hold.to_string(), "from 0 up to, not including, 1");
        }
        if !(0.0..=1.0).contains(&self.ema) {
            return fail("ema", self.ema.to_string(), "0 (none) to 1");
        }
        if self.precise_norms > 1000 {
            return fail("precise_norms", self.precise_norms.to_string(), "0 (none) to 1000");
        }
        if !(self.auxiliary >= 0.0 && self.auxiliary.is_finite()) {
            return fail("auxiliary", self.auxiliary.to_string(), "0 or more");
        }
        if !(self.distill >= 0.0 && self.distill.is_finite()) {
            return fail("distill", self.distill.to_string(), "0 (none) or more");
        }
        if !PATHS.contains(&self.paths) {
            return fail("paths", self.paths.to_string(), "1 to 64");
        }
        if !(0.0..1.0).contains(&self.label_smoothing) {
            return fail("label_smoothing", self.label_smoothing.to_string(), "from 0 up to, not including, 1");
        }
        Ok(())
    }

    /// Checks that the learning rate has risen before the training ends. Where a budget of time leaves fewer epochs, that is told and no
    /// error.
    ///
    /// # Errors
    /// When it rises for more epochs than there are.
    pub fn check_warmup(&self) -> Result<(), ConfigError> {
        match self.warmup > self.epochs as f64 {
            true => Err(ConfigError {
                key: "warmup",
                value: format!("{} with epochs = {}", self.warmup, self.epochs),
                allowed: "the rate rises in some of the epochs, 0 (none) to all of them",
            }),
            false => Ok(()),
        }
    }

    /// Checks that settings say nothing that a kind of training does not read: each of `keys` has the value that leaves it out, or its
    /// default.
    ///
    /// # Errors
    /// The first that would be ignored.
    pub fn check_unread(&self, keys: &[&'static str]) -> Result<(), ConfigError> {
        // By name, so that whatever has been added is compared too; what is written nowhere has its default.
        let written = |config: &Self| serde_json::to_value(config).unwrap_or_default();
        let (own, without) = (written(self), written(&Self::sgd(self.epochs, self.batch, self.lr)));
        let says = |key: &&&'static str| own.get(**key).is_some_and(|value| without.get(**key) != Some(value));
        match keys.iter().find(says) {
            Some(key) => {
                let value = own[*key].to_string();
                Err(ConfigError { key, value, allowed: "trainings of this kind do not read it, leave it out" })
            }
            None => Ok(()),
        }
    }

    /// The rule by which weights move.
    pub fn rule(&self) -> Sgd {
        Sgd { momentum: self.momentum, nesterov: self.nesterov }
    }

    /// What an optimizer is given besides its rule.
    pub fn limits(&self) -> Limits {
        Limits {
            weight_decay: self.weight_decay,
            decay_norms: self.decay_norms,
            clip: self.clip,
            drifts: self.unsampled == Unsampled::Decay,
        }
    }

    /// Learning rate of step `step` of `steps` in epoch `epoch`, both from 0:
    /// lr_min + (lr − lr_min)·(1 + cos(π·t/epochs))/2, where t counts from the end of `hold` and so do `epochs`.
    pub fn lr_at(&self, epoch: u64, step: usize, steps: usize) -> f64 {
        let risen = epoch as f64 + (step + 1) as f64 / steps.max(1) as f64;
        if risen < self.warmup {
            return self.lr * risen / self.warmup;
        }
        let within = match self.schedule {
            Schedule::Epoch => 0.0,
            Schedule::Step => step as f64 / steps.max(1) as f64,
        };
        let held = self.hold * self.epochs as f64;
        let t = ((epoch as f64 + within - held) / (self.epochs as f64 - held)).max(0.0);
        self.lr_min + (self.lr - self.lr_min) * (1.0 + (std::f64::consts::PI * t).cos()) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> TrainConfig {
        TrainConfig {
            lr_min: 0.001,
            schedule: Schedule::Epoch,
            weight_decay: 1e-4,
            auxiliary: 0.4,
            sampling: Sampling::PerCell,
            unsampled: Unsampled::Decay,
            ..TrainConfig::sgd(600, 128, 0.025)
        }
    }

    #[test]
    fn the_published_cosine() {
        let config = config();
        assert_eq!(config.lr_at(0, 300, 391), 0.025);
        assert!((config.lr_at(300, 0, 391) - 0.013).abs() < 1e-12);
        let last = 0.001 + 0.024 * (1.0 + (std::f64::consts::PI * 599.0 / 600.0).cos()) / 2.0;
        assert_eq!(config.lr_at(599, 390, 391), last);
    }

    #[test]
    fn per_step_schedule_falls_within_an_epoch() {
        let config = TrainConfig { schedule: Schedule::Step, epochs: 2, ..config() };
        let rates: Vec<f64> = (0..20).map(|s| config.lr_at(s / 10, s as usize % 10, 10)).collect();
        assert!(rates.windows(2).all(|w| w[1] < w[0]));
    }

    #[test]
    fn the_rate_rises_holds_and_falls() {
        let config =
            TrainConfig { schedule: Schedule::Step, epochs: 10, warmup: 2.0, hold: 0.4, lr_min: 0.0, ..config() };
        let rates: Vec<f64> = (0..100).map(|s| config.lr_at(s / 10, s as usize % 10, 10)).collect();
        assert!((rates[0] - 0.025 / 20.0).abs() < 1e-12 && (rates[9] - 0.0125).abs() < 1e-12);
        assert!(rates[19..=40].iter().all(|rate| *rate == 0.025), "{rates:?}");
        assert!((rates[70] - 0.0125).abs() < 1e-12 && rates[40..].windows(2).all(|w| w[1] < w[0]));
        // Up to there a training of another length is the same.
        let longer = TrainConfig { epochs: 20, hold: 0.2, ..config.clone() };
        assert!(
            (0..40).all(|s| longer.lr_at(s / 10, s as usize % 10, 10) == config.lr_at(s / 10, s as usize % 10, 10))
        );
    }

    #[test]
    fn every_range_is_checked() {
        type Break = fn(&mut TrainConfig);
        let breaks: [(&str, Break); 15] = [
            ("epochs", |c| c.epochs = 0),
            ("batch", |c| c.batch = 1),
            ("lr", |c| c.lr = 0.0),
            ("lr_min", |c| c.lr_min = 0.1),
            ("momentum", |c| c.momentum = 1.0),
            ("weight_decay", |c| c.weight_decay = -1.0),
            ("clip", |c| c.clip = f64::NAN),
            ("warmup", |c| c.warmup = -1.0),
            ("hold", |c| c.hold = 1.0),
            ("ema", |c| c.ema = 1.5),
            ("label_smoothing", |c| c.label_smoothing = 1.0),
            ("auxiliary", |c| c.auxiliary = -0.1),
            ("distill", |c| c.distill = f64::INFINITY),
            ("paths", |c| c.paths = 0),
            ("paths", |c| c.paths = 65),
        ];
        assert_eq!(config().check(), Ok(()));
        for (key, make_bad) in breaks {
            let mut bad = config();
            make_bad(&mut bad);
            assert_eq!(bad.check().unwrap_err().key, key);
        }
    }

    #[test]
    fn what_a_training_does_not_read_is_left_out_or_at_its_default() {
        let keys = ["auxiliary", "ema", "paths"];
        let of = |change: fn(&mut TrainConfig)| {
            let mut config = config();
            change(&mut config);
            config.check_unread(&keys).map_err(|error| (error.key, error.value))
        };
        assert_eq!(of(|_| ()), Ok(()));
        assert_eq!(of(|c| (c.auxiliary, c.momentum) = (0.0, 0.5)), Ok(()));
        assert_eq!(of(|c| c.auxiliary = 0.2), Err(("auxiliary", "0.2".to_string())));
        assert_eq!(of(|c| c.ema = 0.1), Err(("ema", "0.1".to_string())));
        assert_eq!(of(|c| c.paths = 2), Err(("paths", "2".to_string())));
    }
}
