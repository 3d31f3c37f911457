//! Settings of gradient-based methods, and the published ones.

use serde::{Deserialize, Serialize};

use super::gate_settings::{GateRule, GateSettings};
use super::{UNREAD, WarmUp};
use crate::nets::Weights;
use crate::nets::optim::{Adam, Limits, Optimizer};
use crate::train::{ConfigError, Sampling, Schedule, TrainConfig, Unsampled};

/// How the numbers that describe architectures are trained: Adam.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchSettings {
    /// Learning rate, above 0.
    pub lr: f64,
    /// Decay of the mean of gradients, 0 up to, not including, 1.
    pub beta1: f64,
    /// Decay of the mean of squared gradients, 0 up to, not including, 1.
    pub beta2: f64,
    /// Added to the root of the latter, above 0.
    pub eps: f64,
    /// L2 decay, in the gradient; 0 or more.
    pub weight_decay: f64,
    /// Largest norm of the gradient; 0 switches clipping off.
    pub clip: f64,
}

impl ArchSettings {
    /// A fresh optimizer for such numbers.
    pub fn optimizer(&self, weights: &Weights) -> Optimizer<Adam> {
        let ArchSettings { beta1, beta2, eps, weight_decay, clip, .. } = *self;
        let limits = Limits { weight_decay, clip, ..Limits::NONE };
        Optimizer::new(weights, Adam { beta1, beta2, eps }, limits)
    }
}

/// The moment of one supernet's search from which the parts of a split go on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferFrom {
    /// Its end: parts take over the weights; what describes architectures starts afresh.
    #[default]
    End,
    /// The end of its warm-up: parts take over the weights and what describes architectures, as far as it is of their options, and run
    /// the epochs behind the warm-up.
    WarmUp,
}

impl TransferFrom {
    fn is_end(&self) -> bool {
        *self == TransferFrom::End
    }
}

/// Settings of one method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MethodSettings {
    /// A name in [`methods`](super::methods).
    pub name: String,
    /// Epochs in which the cosine of the learning rate falls once; it rises again in as many. 0: all of them.
    pub half_period: u64,
    /// Whether zeros compete with the options on each edge, as in DARTS' own space: they take part in the softmax, so they change
    /// which edges are strong, and are never chosen. In NAS-Bench-201 `none` is an option of its own.
    #[serde(default, skip_serializing_if = "is_false")]
    pub none: bool,
    /// Epochs of each sub-supernet of a split; 0 for the comparison's share of those that the method has, which are those behind the
    /// warm-up where parts start from its end.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub part_epochs: u64,
    /// The first epochs, in which only the weights are trained (PC-DARTS as first published, ProxylessNAS): so many, or a share of
    /// the method's own.
    pub warm_up: WarmUp,
    /// From where parts start that take over what one supernet has learnt.
    #[serde(default, skip_serializing_if = "TransferFrom::is_end")]
    pub transfer_from: TransferFrom,
    /// Architectures that are compared in the end (SETN, ENAS, RSPS).
    pub candidates: usize,
    /// Updates of the controller per epoch, of 20 architectures each (ENAS).
    pub updates: usize,
    /// Of methods that learn which gate to open on each edge (ProxylessNAS); others have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gates: Option<GateSettings>,
    /// Training of the weights, without what is [unread](super::UNREAD).
    pub train: TrainConfig,
    /// Training of what describes architectures.
    pub arch: ArchSettings,
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

fn is_false(value: &bool) -> bool {
    !value
}

impl MethodSettings {
    /// DARTS on NAS-Bench-201: 50 epochs, batch 64.
    pub(super) fn darts(name: &str) -> Self {
        Self {
            name: name.to_string(),
            half_period: 0,
            none: false,
            part_epochs: 0,
            warm_up: WarmUp::NONE,
            transfer_from: TransferFrom::End,
            candidates: 100,
            updates: 50,
            gates: None,
            train: TrainConfig {
                lr_min: 0.001,
                schedule: Schedule::Epoch,
                weight_decay: 5e-4,
                clip: 5.0,
                auxiliary: 0.4,
                unsampled: Unsampled::Decay,
                ..TrainConfig::sgd(50, 64, 0.025)
            },
            arch: ArchSettings { lr: 3e-4, beta1: 0.5, beta2: 0.999, eps: 1e-8, weight_decay: 1e-3, clip: 0.0 },
        }
    }

    /// The 250 epochs of the methods that run one path per step.
    pub(super) fn longer() -> TrainConfig {
        TrainConfig { epochs: 250, ..Self::darts("").train }
    }

    /// DARTS as first published, for CIFAR-10: no Nesterov, decay 3e-4, zeros compete.
    pub(super) fn darts_original(name: &str) -> Self {
        let darts = Self::darts(name);
        let train = TrainConfig { nesterov: false, weight_decay: 3e-4, ..darts.train };
        Self { none: true, train, ..darts }
    }

    /// PC-DARTS as first published, for CIFAR-10: batch 256, no Nesterov, α from the 16th of 50 epochs on.
    pub(super) fn pc_darts_original() -> Self {
        let darts = Self::darts("pc-darts-original");
        Self {
            warm_up: WarmUp::Share(0.3),
            transfer_from: TransferFrom::WarmUp,
            train: TrainConfig { batch: 256, lr: 0.1, lr_min: 0.0, nesterov: false, weight_decay: 3e-4, ..darts.train },
            arch: ArchSettings { lr: 6e-4, ..darts.arch },
            ..darts
        }
    }

    /// SETN: weights are not clipped.
    pub(super) fn setn() -> Self {
        Self { train: TrainConfig { clip: 0.0, ..Self::longer() }, ..Self::darts("setn") }
    }

    /// ENAS: batch 128, a learning rate that swings with a period of 20 epochs.
    pub(super) fn enas() -> Self {
        Self {
            half_period: 10,
            train: TrainConfig { batch: 128, lr: 0.05, lr_min: 0.0005, weight_decay: 2.5e-4, ..Self::longer() },
            arch: ArchSettings { lr: 1e-3, beta1: 0.0, beta2: 0.999, eps: 1e-3, weight_decay: 0.0, clip: 5.0 },
            ..Self::darts("enas")
        }
    }

    /// ProxylessNAS for ImageNet: a quarter of 160 epochs trains the weights alone; α has no decay and forgets its mean gradient,
    /// so that what was not drawn stays as it is.
    pub(super) fn proxyless(name: &str, rule: GateRule) -> Self {
        let darts = Self::darts(name);
        Self {
            warm_up: WarmUp::Share(0.25),
            transfer_from: TransferFrom::WarmUp,
            gates: Some(GateSettings::published(rule)),
            train: TrainConfig {
                epochs: 160,
                batch: 256,
                lr_min: 0.0,
                schedule: Schedule::Step,
                weight_decay: 4e-5,
                clip: 0.0,
                label_smoothing: 0.1,
                sampling: Sampling::PerNetwork,
                unsampled: Unsampled::Skip,
                ..darts.train
            },
            arch: ArchSettings { lr: 1e-3, beta1: 0.0, beta2: 0.999, eps: 1e-8, weight_decay: 0.0, clip: 0.0 },
            ..darts
        }
    }

    /// Checks what is out of range for every method.
    pub(super) fn check_ranges(&self) -> Result<(), ConfigError> {
        self.train.check()?;
        self.train.check_unread(&UNREAD)?;
        let ArchSettings { lr, beta1, beta2, eps, weight_decay, clip } = self.arch;
        let positive = |value: f64| value > 0.0 && value.is_finite();
        let not_negative = |value: f64| value >= 0.0 && value.is_finite();
        let ranges = [
            ("arch.lr", lr, positive(lr), "above 0"),
            ("arch.beta1", beta1, (0.0..1.0).contains(&beta1), "from 0 up to, not including, 1"),
            ("arch.beta2", beta2, (0.0..1.0).contains(&beta2), "from 0 up to, not including, 1"),
            ("arch.eps", eps, positive(eps), "above 0"),
            ("arch.weight_decay", weight_decay, not_negative(weight_decay), "0 or more"),
            ("arch.clip", clip, not_negative(clip), "0 (off) or more"),
            ("candidates", self.candidates as f64, (1..=100_000).contains(&self.candidates), "1 to 100000"),
        ];
        if let Some((key, value, _, allowed)) = ranges.into_iter().find(|(_, _, fits, _)| !fits) {
            return Err(ConfigError { key, value: value.to_string(), allowed });
        }
        if !self.warm_up.fits(self.train.epochs) {
            let allowed = "a number of epochs below `train.epochs`, or a share of them from 0 up to, not including, 1";
            return Err(ConfigError { key: "warm_up", value: self.warm_up.to_string(), allowed });
        }
        Ok(())
    }

    /// Epochs at the beginning in which only the weights are trained.
    pub fn warm_up_epochs(&self) -> u64 {
        self.warm_up.epochs(self.train.epochs)
    }

    /// Images of a validation batch where `held_out` are held out.
    pub fn held_out_batch(&self, held_out: usize) -> usize {
        let train = self.train.batch;
        self.gates.as_ref().map_or(train, |gates| gates.held_out_batch(train).min(held_out.max(1)))
    }

    /// The same with the warm-up as a number of epochs, which stays when `train.epochs` is changed.
    #[must_use]
    pub fn settle_warm_up(self) -> Self {
        Self { warm_up: WarmUp::Epochs(self.warm_up_epochs()), ..self }
    }

    /// Learning rate of the weights at a step. With gates the warm-up has a cosine of its own.
    pub fn lr_at(&self, epoch: u64, step: usize, steps: usize) -> f64 {
        let warm_up = self.warm_up_epochs();
        match &self.gates {
            Some(gates) if epoch < warm_up => {
                let lr = gates.warm_up_lr;
                return TrainConfig { epochs: warm_up, lr, lr_min: 0.0, ..self.train.clone() }
                    .lr_at(epoch, step, steps);
            }
            Some(_) => {
                let epochs = self.train.epochs - warm_up;
                return TrainConfig { epochs, ..self.train.clone() }.lr_at(epoch - warm_up, step, steps);
            }
            None => {}
        }
        let epochs = if self.half_period > 0 { self.half_period } else { self.train.epochs };
        TrainConfig { epochs, ..self.train.clone() }.lr_at(epoch, step, steps)
    }
}
