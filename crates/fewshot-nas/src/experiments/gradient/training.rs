//! Supernets of one method in training, and what they leave.

use std::sync::Arc;

use fewshot_space::Partition;
use serde::{Deserialize, Serialize};

use crate::gradient::{EpochSeen, Feeds, MethodInfo, MethodSettings};
use crate::lab::{ExperimentError, Lab};
use crate::nets::Blueprint;
use crate::run::{Handle, StageContext};

/// Supernets of one method: one per part and seed.
pub struct Training {
    /// The method.
    pub info: &'static MethodInfo,
    /// Its settings, with the epochs of each supernet and its warm-up as a number of epochs.
    pub settings: MethodSettings,
    /// One supernet per part.
    pub partition: Partition,
    /// Where they start.
    pub start: Start,
    /// Epochs of the method's schedule that are done at the end.
    pub until: u64,
    /// Whether others start from its weights.
    pub is_parent: bool,
    /// Whether search strategies score networks in its supernets.
    pub is_hunted: bool,
    /// Whether it trains on all images that nothing is scored on.
    pub sees_unscored: bool,
    /// The space with the skeleton of supernets.
    pub space: Arc<dyn Blueprint>,
}

/// Where supernets start.
#[derive(Debug, Clone)]
pub enum Start {
    /// At fresh weights.
    Fresh,
    /// At the end of a warm-up of the same supernet, of which this is the rest.
    GoOn(Handle<Vec<Spent>>),
    /// At the end of a warm-up of the whole, whose weights and α they take over.
    Branch(Handle<Vec<Spent>>),
    /// At the weights that a search of the whole ended with.
    Weights(Handle<Vec<Found>>),
}

impl Start {
    /// Name of the stage that leaves it.
    pub fn stage(&self) -> Option<&str> {
        match self {
            Start::Fresh => None,
            Start::GoOn(stage) | Start::Branch(stage) => Some(stage.name()),
            Start::Weights(stage) => Some(stage.name()),
        }
    }

    /// Per seed, what went into it; nothing into fresh weights.
    pub fn spent(&self, context: &StageContext<'_>) -> Result<Vec<Spent>, ExperimentError> {
        match self {
            Start::Fresh => Ok(Vec::new()),
            Start::GoOn(stage) | Start::Branch(stage) => Ok(context.value(stage)?),
            Start::Weights(stage) => Ok(context.value(stage)?.into_iter().map(|found| found.spent).collect()),
        }
    }
}

/// The warm-up of a method as a stage of its own, which leaves what it took per seed.
pub struct Beginning {
    /// The stage.
    pub stage: Handle<Vec<Spent>>,
    /// Its supernets, one per seed.
    pub training: Training,
}

/// What one supernet's training took, without what it started from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Spent {
    /// Epochs.
    pub epochs: u64,
    /// Training steps.
    pub steps: u64,
    /// Multiply-adds.
    pub macs: f64,
    /// Seconds.
    pub seconds: f64,
}

/// What one supernet's search left.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Found {
    /// The architecture that it ended with.
    pub arch: String,
    /// Its accuracy in the supernet on held-out images, 0 to 1.
    pub path_accuracy: f64,
    /// The accuracy of the mixed network, where the method trains that.
    pub mixed_accuracy: Option<f64>,
    /// What it took.
    #[serde(flatten)]
    pub spent: Spent,
    /// The search, epoch by epoch.
    pub history: Vec<EpochSeen>,
}

impl Training {
    /// Epochs of the method's schedule that lie behind its start.
    pub fn begun(&self) -> u64 {
        match self.start {
            Start::GoOn(_) | Start::Branch(_) => self.settings.warm_up_epochs(),
            Start::Fresh | Start::Weights(_) => 0,
        }
    }

    /// What it trains on.
    pub fn feeds(&self, lab: &Lab, repetition: u64) -> Result<Feeds, ExperimentError> {
        let train = &self.settings.train;
        let feeds = lab.feeds(train, self.settings.held_out_batch(lab.scorable_images()), repetition)?;
        if !self.sees_unscored {
            return Ok(feeds);
        }
        let train = lab.unscored_loader(train, lab.seed_of(repetition, "gradient images"))?;
        Ok(Feeds { train, ..feeds })
    }

    /// How many images that are.
    pub fn images(&self, lab: &Lab) -> Result<usize, ExperimentError> {
        if self.sees_unscored { Ok(lab.unscored()?.len()) } else { Ok(lab.search_images()) }
    }

    /// Files of the weights that later stages read.
    pub fn kept(&self, seeds: u64) -> Vec<String> {
        let parts = 0..self.partition.regions().len();
        let all = (0..seeds).flat_map(|repetition| parts.clone().map(move |part| (repetition, part)));
        match self.is_parent || self.is_hunted {
            true => all.map(|(repetition, part)| self.weights(repetition, part)).collect(),
            false => Vec::new(),
        }
    }

    /// File of the weights of one supernet.
    pub fn weights(&self, repetition: u64, part: usize) -> String {
        match self.is_parent {
            // It has one part.
            true => parent_weights(repetition),
            false => format!("seed{repetition}-part{part}.safetensors"),
        }
    }
}

/// File of the weights of a supernet that others start from.
pub fn parent_weights(repetition: u64) -> String {
    format!("seed{repetition}.safetensors")
}
