//! The tables of a recipe that experiments of several kinds read.

use std::collections::BTreeMap;

use fewshot_data::AutoForm;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::estimate::{Measure, NormPolicy};
use crate::families::Settings;
use crate::train::{ConfigError, TrainConfig};

/// The images and how they are split and augmented.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataRecipe {
    /// A file or folder that a reader knows; empty for the embedded Fashion-MNIST sample.
    pub path: String,
    /// Parquet: the column of the labels; empty for the reader's choice.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label_column: String,
    /// Parquet: the column of the images, likewise.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub image_column: String,
    /// The colour that transparent images are laid on ([`fewshot_data::ground`]); empty: their alpha channel is dropped.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ground: String,
    /// Whether a folder of images without class folders is taken, as images of one class. Searches for generators set it where a network is
    /// given to judge; other runs need classes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unlabelled: bool,
    /// Height and width that images are resized to; 0 keeps what the reader chooses.
    pub image_size: usize,
    /// Largest number of training images used, drawn by class; 0 for all.
    pub limit: usize,
    /// Of the images that were read so many are used, drawn by class; 0 for all. A budget of time chooses it where one epoch of all of
    /// them is too long.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub used: usize,
    /// Share of the training images held out to score on, above 0 and below 1.
    pub val_fraction: f64,
    /// Random horizontal flips.
    pub flip: bool,
    /// Zero padding before the random crop, as a share of the image's side, 0 to 0.5; 0.125 is 4 pixels of 32.
    pub crop: f64,
    /// Side of the square that cutout blanks, as a share of the image's side, 0 (none) to 1.
    pub cutout: f64,
    /// Share of the images that get a random rectangle blanked, 0 (none) to 1.
    #[serde(default)]
    pub erase: f64,
    /// By which share images are enlarged or shrunk at most, 0 (none) to 0.9.
    #[serde(default)]
    pub zoom: f64,
    /// By which share brightness and contrast change at most, 0 (none) to 0.9.
    #[serde(default)]
    pub light: f64,
    /// AutoAugment's policy for CIFAR-10, in one of the forms that programs have of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_augment: Option<AutoForm>,
    /// Chance, 0 (none) to 1, of each of the two boxes of another image that CutMix puts into one.
    #[serde(default, skip_serializing_if = "is_none")]
    pub cut_mix: f64,
    /// Strength α of mixup, 0 (none) or more; not together with CutMix.
    #[serde(default, skip_serializing_if = "is_none")]
    pub mix_up: f64,
    /// Who chooses these strengths; mirroring can be switched off all the same.
    #[serde(default)]
    pub augment: Strength,
    /// Whether training draws all classes equally often, however many images they have.
    #[serde(default)]
    pub balance: bool,
}

fn is_none(strength: &f64) -> bool {
    *strength == 0.0
}

/// Who chooses how much training images are changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// The recipe.
    #[default]
    Given,
    /// The size of the data, when the run begins ([`fewshot_data::Augment::by_size`]).
    BySize,
}

/// The space and the size of its supernet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpaceRecipe {
    /// A name that `fewshot spaces` lists.
    pub name: String,
    /// Channels of the supernet's first stage, 1 to 4096.
    pub width: usize,
    /// Cells per stage of the supernet, 1 to 64.
    pub cells: usize,
    /// What is between the stages of the supernet.
    #[serde(default)]
    pub reduction: SupernetReduction,
    /// Settings of its family, of supernets and networks alone alike; what is set here lies over all else.
    #[serde(default, skip_serializing_if = "Settings::is_empty")]
    pub settings: Settings,
}

/// What is between the stages of a supernet. Networks trained alone always have what their space says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupernetReduction {
    /// What the space says.
    #[default]
    Own,
    /// Convolutions: a shallow supernet learns much of what it can with these, whatever its cells do.
    Residual,
    /// Average pooling, no weights: all learning is left to the cells, as it is to the many cells of a deep network.
    Pool,
}

impl SupernetReduction {
    /// As a setting of the space, where it is another than its own.
    pub fn setting(self) -> Option<Value> {
        match self {
            SupernetReduction::Own => None,
            SupernetReduction::Residual => Some("residual".into()),
            SupernetReduction::Pool => Some("pool".into()),
        }
    }
}

/// Where the supernet is split into sub-supernets: on decisions, or by a feature, or on both, or into parts that are listed. Nothing:
/// one-shot.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitRecipe {
    /// Names of decisions, e.g. `["e0"]`: one sub-supernet per combination of their options.
    pub decisions: Vec<String>,
    /// A feature of architectures, e.g. `"live_convs"`; empty for none.
    #[serde(default)]
    pub feature: String,
    /// Where its ranges begin: `[1, 3]` gives one sub-supernet for 0, one for 1 and 2, one for 3 and more.
    #[serde(default)]
    pub bounds: Vec<u64>,
    /// The parts, in the place of decisions and a feature: of each the options that it has of some decisions, e.g.
    /// `[{ "s2.b1.k" = ["3", "5"] }, { "s2.b1.k" = ["7"] }]`. Together they hold each network once, and those of which the region
    /// holds none are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<BTreeMap<String, Vec<String>>>,
}

/// How supernets score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoringRecipe {
    /// Batch norm statistics while scoring.
    pub norm: NormPolicy,
    /// What a score is.
    #[serde(default)]
    pub measure: Measure,
    /// Training that each network gets of its own before it is scored.
    #[serde(default)]
    pub fine_tune: FineTuneRecipe,
    /// Images per batch, 2 to 65,536. With `norm = "batch"` scores depend on it.
    pub batch: usize,
    /// Largest number of held-out images (with `on_test`, test images) per architecture; 0 for all.
    pub images: usize,
    /// Training batches per architecture for `norm = "recalibrated"`.
    pub calibration_batches: usize,
    /// The published protocol: supernets train on all training images and are scored on the test images, the very images
    /// of the truth. Scores are then no prediction of it; for comparison with published numbers only. Of what a search finds by them the
    /// test accuracy is no fresh one.
    pub on_test: bool,
    /// Whether a search takes the rank average of score and structure ([`crate::estimate::Fused`]) for the score.
    pub fused: bool,
    /// Networks that supernets score to teach a predictor ([`crate::estimate::PredictorFit`]), in all parts together, to 1,000,000; 0 for
    /// none. Then a search goes by what that predicts. Of the experiments rankings that search have it.
    #[serde(default)]
    pub predictor: usize,
    /// The best so many by prediction, 1 to 10,000, are scored by the supernets themselves in the end.
    #[serde(default = "ScoringRecipe::hundred")]
    pub rescored: usize,
}

impl ScoringRecipe {
    fn hundred() -> usize {
        100
    }

    /// Whether scores are made on the test images. Those of speed are made on training images under any protocol.
    pub fn sees_test(&self) -> bool {
        self.on_test && self.measure != Measure::Speed
    }
}

/// Training of each network of its own, from the supernet's weights, before it is scored ([`crate::estimate::FineTune`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FineTuneRecipe {
    /// Steps, to 100,000; 0 scores the supernet as it is.
    pub steps: usize,
    /// Learning rate of the first, above 0; it falls to 0. Batch, momentum, decay and clipping are those of the supernet's training.
    pub lr: f64,
}

impl FineTuneRecipe {
    /// Checks all ranges.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let fail = |key, value, allowed| Err(ConfigError { key, value, allowed });
        if self.steps > 100_000 {
            return fail("steps", self.steps.to_string(), "0 (none) to 100000");
        }
        if !(self.lr > 0.0 && self.lr.is_finite()) {
            return fail("lr", self.lr.to_string(), "above 0");
        }
        Ok(())
    }
}

impl Default for FineTuneRecipe {
    fn default() -> Self {
        Self { steps: 0, lr: 0.05 }
    }
}

/// The search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchRecipe {
    /// A name that `fewshot strategies` lists.
    pub strategy: String,
    /// Architectures to score, 1 to 1,000,000; repeats cost nothing but count.
    pub budget: usize,
    /// The best so many of them, to 1000, are trained alone on the search-train images, and the one that is best on the
    /// held-out ones is taken; 0 or 1 takes the best-scored at its word.
    pub finalists: usize,
    /// Most multiply-adds per image of the network trained alone; 0 for no limit.
    pub max_macs: u64,
    /// Most parameters of the network trained alone; 0 for no limit.
    pub max_params: u64,
    /// Most milliseconds for one image on one thread of this machine ([`crate::latency`]); 0 for no limit.
    #[serde(default)]
    pub max_latency_ms: f64,
    /// Networks of the front of score against multiply-adds that are trained alone at most, in place of one network, to 1000;
    /// 0 for one network. There are no finalists then.
    #[serde(default)]
    pub pareto: usize,
    /// Least share of the limit that is searched, 0 to 1: networks far below it are left out. Of several limits it is the first
    /// of latency, multiply-adds, parameters that enough networks come near to.
    #[serde(default)]
    pub fill: f64,
    /// Whether the hand-made networks of the space are scored and are among the finalists. Where there are none it does
    /// nothing.
    #[serde(default)]
    pub by_hand: bool,
    /// Random networks, spread over the scores, that are trained alone in the end to tell how well scores order: 5 to
    /// 1000, or 0 for none.
    #[serde(default)]
    pub verify: usize,
}

/// Networks trained alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandaloneRecipe {
    /// Channels of the first stage, 1 to 4096.
    pub width: usize,
    /// Cells per stage, 1 to 64.
    pub cells: usize,
    /// Random architectures trained as long as the kept one, to compare with; to 1000.
    pub randoms: usize,
    /// Whether three hand-made networks of the same limits (plain, residual, depthwise-separable) are trained by the same
    /// recipe, for all of the budget each, to compare with; without a budget for as many epochs as the kept one.
    #[serde(default)]
    pub references: bool,
    /// Share of the epochs after which the last finalist is chosen; above 0 to 1. Earlier ones are left out after half, a
    /// quarter, .. of that (successive halving: Jamieson and Talwalkar 2016).
    #[serde(default = "half")]
    pub halving: f64,
    /// Share of the epochs of the kept network from which on it is trained on the held-out images too, 0 to 1.
    #[serde(default = "half")]
    pub all_images_from: f64,
    /// The architecture of a run of kind `train`, as text; empty otherwise.
    pub arch: String,
    /// The file whose weights such a run starts from; empty for fresh ones.
    #[serde(default)]
    pub from: String,
    /// Whether such a run looks at the test images in the end.
    #[serde(default = "yes")]
    pub test: bool,
    /// How they are trained.
    pub train: TrainConfig,
}

fn yes() -> bool {
    true
}

fn half() -> f64 {
    0.5
}

/// Whether a setting stands at 0, which says nothing.
fn is_zero<N: Default + PartialEq>(count: &N) -> bool {
    *count == N::default()
}

/// Comparison of scores with the truth, or the making of a truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RankingRecipe {
    /// Networks compared or trained, drawn at random, to 1,000,000; 0 for all.
    pub networks: usize,
    /// Seeds: supernets of a ranking are trained once per seed, networks of a truth likewise, and each strategy of a comparison
    /// searches once per seed. They count up from `seed`; 1 to 1000.
    pub seeds: u64,
    /// The seeds with which a ranking trains the compared networks alone, by `[standalone]`, to have their truth from itself, to 1000; 0:
    /// the truth is a table.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub alone: u64,
    /// So many of the compared networks, 2 to `networks`, are drawn within the limits of `[search]` and the others beyond them, and the
    /// supernets of a ranking are for all of the space. 0: all is within the limits.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub within: usize,
    /// Whether `search.strategy` looks for the best network within the limits in the supernets of each arm of a ranking, and what it
    /// finds is trained alone too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub find: bool,
    /// The truth: a CSV file, or the name of a table that comes with the program (`cell1296`).
    pub truth: String,
    /// Its columns, one per seed of the truth; their mean is the truth.
    pub columns: Vec<String>,
    /// SHA-256 of the networks and numbers that were read of it, written into a run when it begins: a run that goes on must find
    /// the same.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub truth_digest: String,
}
