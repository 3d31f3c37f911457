//! Gradient-based architecture search on a supernet.
//!
//! These methods train the weights of one supernet and, beside them, something that says which options are good: a row
//! of numbers α per decision (DARTS, PC-DARTS, GDAS, SETN, ProxylessNAS), a controller (ENAS), or nothing (RSPS). In few-shot form each
//! sub-supernet of a split is searched by itself; a decision that a sub-supernet has settled has no α.
//!
//! A method is one file here and one line in [`methods`]. [`GradientSearch`] is the loop around all of them.

mod alpha;
mod controller;
mod cost_goal;
mod darts;
mod enas;
mod error;
mod gate_settings;
mod gates;
mod gdas;
mod judge;
mod learner;
mod likeliest;
mod rsps;
mod search;
mod setn;
mod settings;

#[cfg(test)]
mod tests;

pub use alpha::{Alpha, Rivals};
pub use cost_goal::{CostForm, CostGoal};
pub use error::GradientError;
pub use gate_settings::{GateRule, GateSettings};
pub use judge::{Chosen, Judge, mode_of};
pub use learner::{Labelled, Learner};
pub use search::{EpochSeen, Feeds, GradientSearch, Observer, Progress};
pub use settings::{ArchSettings, MethodSettings};

use fewshot_space::{Arch, suggest};
use serde_json::Value;

use crate::nets::{NamedValues, Net, WeightsError};
use crate::train::StepRecord;

/// Moment of a training step.
#[derive(Debug, Clone, Copy)]
pub struct At {
    /// Epoch, from 0.
    pub epoch: u64,
    /// Step in the epoch, from 0.
    pub step: u64,
    /// Learning rate of the weights.
    pub lr: f64,
}

/// What a step saw before its updates.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// On the training batch.
    pub train: StepRecord,
    /// On the validation batch, where the method reads it.
    pub val: Option<StepRecord>,
}

/// Multiply-adds of one forward pass of one image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ForwardMacs {
    /// All options at once.
    pub mixed: f64,
    /// One architecture, the mean over uniform draws.
    pub path: f64,
}

/// One gradient-based method: what it does with a pair of batches, and what it chooses in the end.
pub trait GradientMethod: Send {
    /// One training step on a training batch and, where [`GradientMethod::reads_validation`], a validation batch.
    ///
    /// # Errors
    /// When the network cannot run what the method asks for, or the loss is no longer a number.
    fn step(
        &mut self,
        learner: &mut Learner,
        train: &Labelled,
        val: Option<&Labelled>,
        at: At,
    ) -> Result<Seen, GradientError>;

    /// What follows after the last step of an epoch.
    ///
    /// # Errors
    /// As [`GradientMethod::step`].
    fn end_epoch(&mut self, _: &mut Learner, _: &Feeds, _epoch: u64) -> Result<(), GradientError> {
        Ok(())
    }

    /// Whether steps read validation batches.
    fn reads_validation(&self) -> bool {
        true
    }

    /// Per decision of the space, the probability that the method gives each option, 0 for those outside the region.
    fn beliefs(&self, epoch: u64) -> Vec<Vec<f64>>;

    /// The architecture that the method would choose now, where that needs no images.
    fn leaning(&self) -> Option<Arch> {
        None
    }

    /// The architecture that the method ends with, judged on held-out images.
    ///
    /// # Errors
    /// When nothing can be judged.
    fn choose(&mut self, learner: &mut Learner, judge: &Judge) -> Result<Chosen, GradientError>;

    /// Multiply-adds of one epoch over `images` training images.
    fn epoch_macs(&self, epoch: u64, images: f64, forward: &ForwardMacs) -> f64;

    /// All its tensors.
    ///
    /// # Errors
    /// When a tensor cannot be read back from the device.
    fn to_values(&self) -> Result<NamedValues, WeightsError>;

    /// What else it has to know to go on.
    fn state(&self) -> Value;

    /// Goes on from a stored state.
    ///
    /// # Errors
    /// When it belongs to another method or region.
    fn restore(&mut self, values: &NamedValues, state: &Value) -> Result<(), GradientError>;
}

/// The method whose supernets are trained along uniform paths and no other way, so that any search can score networks in them.
pub const UNIFORM: &str = "rsps";

type Make = fn(&MethodSettings, &Net, u64) -> Result<Box<dyn GradientMethod>, GradientError>;

/// A method that can be chosen by name.
pub struct MethodInfo {
    /// Name to choose it by.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// One channel in so many goes through the operations of a decision with a choice.
    pub partial: usize,
    /// Whether zeros can compete with the options of each row ([`MethodSettings::none`]).
    pub weighs_zeros: bool,
    /// The published settings; of those that changed, the older ones, which made the published figures.
    pub published: fn() -> MethodSettings,
    make: Make,
}

impl MethodInfo {
    /// The method on `net`, which must be built with [`MethodInfo::partial`].
    ///
    /// # Errors
    /// When the space has no mixed forward pass and the method needs one.
    pub fn build(
        &self,
        settings: &MethodSettings,
        net: &Net,
        seed: u64,
    ) -> Result<Box<dyn GradientMethod>, GradientError> {
        (self.make)(settings, net, seed)
    }
}

const METHODS: &[MethodInfo] = &[
    MethodInfo {
        name: "darts-v1",
        about: "DARTS, first order: α follows the validation loss at the present weights",
        partial: 1,
        weighs_zeros: true,
        published: || MethodSettings::darts("darts-v1"),
        make: darts::first_order,
    },
    MethodInfo {
        name: "darts-v2",
        about: "DARTS, second order: α follows the validation loss one weight step ahead",
        partial: 1,
        weighs_zeros: true,
        published: || MethodSettings::darts("darts-v2"),
        make: darts::second_order,
    },
    MethodInfo {
        name: "darts-v1-original",
        about: "DARTS, first order, as first published for CIFAR-10: α moves before the weights",
        partial: 1,
        weighs_zeros: true,
        published: || MethodSettings::darts_original("darts-v1-original"),
        make: darts::original_first_order,
    },
    MethodInfo {
        name: "darts-v2-original",
        about: "DARTS, second order, as first published for CIFAR-10",
        partial: 1,
        weighs_zeros: true,
        published: || MethodSettings::darts_original("darts-v2-original"),
        make: darts::second_order,
    },
    MethodInfo {
        name: "pc-darts",
        about: "PC-DARTS as few-shot NAS ran it: a quarter of the channels, second order, no edge weights, no warm-up",
        partial: darts::PARTIAL,
        weighs_zeros: true,
        published: || MethodSettings::darts("pc-darts"),
        make: darts::second_order,
    },
    MethodInfo {
        name: "pc-darts-original",
        about: "PC-DARTS as first published: a quarter of the channels, first order, edge weights, 15 epochs of warm-up",
        partial: darts::PARTIAL,
        weighs_zeros: true,
        published: MethodSettings::pc_darts_original,
        make: darts::original_partial,
    },
    MethodInfo {
        name: "gdas",
        about: "GDAS: one operation per edge drawn by Gumbel noise, straight-through gradient",
        partial: 1,
        weighs_zeros: false,
        published: || MethodSettings { train: MethodSettings::longer(), ..MethodSettings::darts("gdas") },
        make: gdas::build,
    },
    MethodInfo {
        name: "setn",
        about: "SETN: uniform paths train the weights, the mixed network trains α, the best of the likeliest wins",
        partial: 1,
        weighs_zeros: false,
        published: MethodSettings::setn,
        make: setn::build,
    },
    MethodInfo {
        name: "enas",
        about: "ENAS: a controller learns by REINFORCE which paths score well",
        partial: 1,
        weighs_zeros: false,
        published: MethodSettings::enas,
        make: enas::build,
    },
    MethodInfo {
        name: "proxyless",
        about: "ProxylessNAS: one path per step by binary gates, two paths of each edge compared at a time",
        partial: 1,
        weighs_zeros: false,
        published: || MethodSettings::proxyless("proxyless", GateRule::TwoPaths),
        make: gates::build,
    },
    MethodInfo {
        name: "proxyless-full",
        about: "ProxylessNAS, all paths of each edge compared at a time",
        partial: 1,
        weighs_zeros: false,
        published: || MethodSettings::proxyless("proxyless-full", GateRule::AllPaths),
        make: gates::build,
    },
    MethodInfo {
        name: "proxyless-reinforce",
        about: "ProxylessNAS, gates that learn by REINFORCE from what networks score and cost",
        partial: 1,
        weighs_zeros: false,
        published: || MethodSettings::proxyless("proxyless-reinforce", GateRule::Reinforce),
        make: gates::build,
    },
    MethodInfo {
        name: UNIFORM,
        about: "random search with weight sharing: uniform paths train the weights, the best of 100 random ones wins",
        partial: 1,
        weighs_zeros: false,
        published: || MethodSettings { train: MethodSettings::longer(), ..MethodSettings::darts("rsps") },
        make: rsps::build,
    },
];

/// All methods, in the order in which to list them.
pub fn methods() -> &'static [MethodInfo] {
    METHODS
}

/// The method called `name`.
///
/// # Errors
/// [`GradientError::UnknownMethod`], with the name that was probably meant.
pub fn method(name: &str) -> Result<&'static MethodInfo, GradientError> {
    METHODS.iter().find(|info| info.name == name).ok_or_else(|| GradientError::UnknownMethod {
        name: name.to_string(),
        hint: suggest::hint(name, METHODS.iter().map(|info| info.name)),
    })
}
