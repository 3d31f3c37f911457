//! What all stages of an experiment on images share: the images and their splits, the space, the region and its parts.
//!
//! A [`Lab`] is laid out from what recipes of every kind have in common; it knows no kind of experiment.

mod batches;
mod error;
mod hand_made;
mod images;
mod region;
mod truth;

pub use error::ExperimentError;
pub(crate) use hand_made::{HandMade, within};
pub use images::Images;
pub(crate) use images::{ground, image_shape};
pub(crate) use region::all_networks;
pub use truth::Truth;
pub(crate) use truth::{absolute, column, tau_between};

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use burn::tensor::Device;
use fewshot_data::{Dataset, Normalise, SealedTest, Splits};
use fewshot_space::{Arch, Partition, Region, Space, StageSpace, random};
use rand::Rng;

use self::hand_made::static_limits;
use self::region::{latency, partition, searched_space, stage_skeleton};
use crate::families::{OpenSpace, Skeleton};
use crate::latency::{LatencyModel, NetworkLatency};
use crate::nets::{Blueprint, Net};
use crate::recipe::{CommonRecipe, SplitRecipe, SupernetReduction, parts};
use crate::run::{Fingerprint, Interrupt};
use crate::task::{Classification, Metric, Task};

/// What networks on labelled images are trained for, without what only helps to train.
const TASK: Classification = Classification { smoothing: 0.0 };

/// What networks of all experiments on labelled images are judged by: how results are called, written and compared.
pub fn metric() -> Metric {
    TASK.metric()
}

/// Everything that stages read and none changes.
#[derive(Clone)]
pub struct Lab {
    recipe: CommonRecipe,
    device: Device,
    train: Arc<Dataset>,
    test: Arc<SealedTest>,
    splits: Splits,
    normalise: Normalise,
    supernet_space: Arc<dyn Blueprint>,
    alone: OpenSpace,
    stage_space: Arc<StageSpace>,
    partition: Partition,
    truth: Option<Arc<Truth>>,
    latency: Option<Arc<LatencyModel>>,
    /// What was found in the images and chosen for them, a line each.
    told: Vec<String>,
    /// When the images were there.
    read_at: Instant,
    /// Stops drawing and scoring.
    interrupt: Interrupt,
}

impl Lab {
    /// Opens the images that the recipe names, or takes those given, and lays out the space.
    ///
    /// # Errors
    /// When the images cannot be read or the recipe names something that does not exist.
    pub fn open(
        mut recipe: CommonRecipe,
        given: Option<Images>,
        device: Device,
        interrupt: &Interrupt,
    ) -> Result<Self, ExperimentError> {
        let mut told = Vec::new();
        let Images { train, test } = match given {
            Some(images) => images,
            None => images::open(&mut recipe, &mut told)?.into(),
        };
        told.extend(images::augment_by_size(&mut recipe, &train));
        let read_at = Instant::now();
        let splits = parted(&recipe, &train)?;
        let normalise = Normalise::measure(&train, &splits.search_train)?;
        let (image, classes) = images::shape_of(&train);
        let supernet_space = recipe.space_shared(image, classes)?.blueprint().clone();
        let alone = recipe.space_alone(image, classes)?;
        let alone_space = alone.blueprint();
        let latency = latency(&mut recipe, alone_space, alone.skeleton().image(), &device)?.map(Arc::new);
        let partition = partition(&recipe, searched_space(alone_space, latency.clone()))?;
        let truth = Truth::open(&recipe.ranking, &(alone_space.clone() as Arc<dyn Space>))?;
        if let Some(truth) = &truth {
            truth.identify(&mut recipe.ranking)?;
            told.extend(truth.notes());
        }
        // What a later stage would stumble over is refused now, before hours of training.
        crate::search::build(&recipe.search.strategy, partition.whole().clone(), 0)?;
        let stage_space = alone.stages().cloned().unwrap_or_else(|| StageSpace::new(stage_skeleton(&train)));
        Ok(Self {
            recipe,
            device,
            train,
            test,
            splits,
            normalise,
            supernet_space,
            alone,
            stage_space: Arc::new(stage_space),
            partition,
            truth: truth.map(Arc::new),
            latency,
            told,
            read_at,
            interrupt: interrupt.clone(),
        })
    }

    /// The same images under a changed recipe of the same space and share of held-out images.
    ///
    /// # Errors
    /// As [`Lab::open`].
    pub fn again(&self, recipe: CommonRecipe) -> Result<Self, ExperimentError> {
        let partition = partition(&recipe, searched_space(self.alone_space(), self.latency.clone()))?;
        let mut lab = Self { recipe, partition, ..self.clone() };
        if lab.recipe.data.used != self.recipe.data.used {
            lab.splits = parted(&lab.recipe, &lab.train)?;
            lab.normalise = Normalise::measure(&lab.train, &lab.splits.search_train)?;
        }
        Ok(lab)
    }

    /// What stops the work.
    pub fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// The recipe.
    pub fn recipe(&self) -> &CommonRecipe {
        &self.recipe
    }

    /// What was found in the images and chosen for them, a line each.
    pub fn told(&self) -> &[String] {
        &self.told
    }

    /// When the images were there: a budget counts from then.
    pub fn read_at(&self) -> Instant {
        self.read_at
    }

    /// Names the images, those of the test without a look at them.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint { training: self.train.fingerprint().to_string(), test: Some(self.test.fingerprint().to_string()) }
    }

    /// What networks are trained for and judged by.
    pub fn task(&self) -> Arc<dyn Task> {
        Arc::new(TASK)
    }

    /// Where tensors live.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The training images.
    pub fn images(&self) -> &Dataset {
        &self.train
    }

    /// The same by handle.
    pub fn image_handle(&self) -> &Arc<Dataset> {
        &self.train
    }

    /// The test images themselves. Only the last stage of a run asks for them.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn open_test_images(&self) -> Result<Arc<Dataset>, ExperimentError> {
        Ok(Arc::new(self.test.open()?))
    }

    /// Per-channel mean and standard deviation, of the search-train images.
    pub fn normalise(&self) -> &Normalise {
        &self.normalise
    }

    /// The searched region and its parts, one per sub-supernet. Costs are those of the networks trained alone.
    pub fn partition(&self) -> &Partition {
        &self.partition
    }

    /// The space with the skeleton of supernets.
    pub fn supernet_blueprint(&self) -> Arc<dyn Blueprint> {
        self.supernet_space.clone()
    }

    /// The supernet of a search over `region`, before its first step.
    pub fn fresh_supernet(&self, region: &Region) -> Net {
        Net::supernet(self.supernet_blueprint(), region.clone(), self.device(), self.seed("supernet weights"))
    }

    /// The space with the skeleton of networks trained alone.
    pub fn alone_space(&self) -> &Arc<dyn Blueprint> {
        self.alone.blueprint()
    }

    /// What is given and not decided of the networks trained alone.
    pub fn skeleton(&self) -> &Skeleton {
        self.alone.skeleton()
    }

    /// The space with the skeleton of networks trained alone, to build nets from.
    pub fn alone_blueprint(&self) -> Arc<dyn Blueprint> {
        self.alone_space().clone()
    }

    /// The space that hand-made networks are of, for these images.
    pub fn stage_space(&self) -> &Arc<StageSpace> {
        &self.stage_space
    }

    /// Whether hand-made networks are of the searched space, whose sizes are decided then.
    pub fn has_hand_made(&self) -> bool {
        self.alone.stages().is_some()
    }

    /// Hand-made networks within the limits, where the searched space has them.
    ///
    /// # Errors
    /// When a limit cannot be told.
    pub fn hand_made(&self) -> Result<Vec<HandMade>, ExperimentError> {
        match self.recipe.search.by_hand && self.has_hand_made() {
            true => {
                // One that is far below the limit is not searched either.
                let whole = self.partition.whole();
                Ok(self.references()?.into_iter().filter(|network| whole.contains(&network.arch)).collect())
            }
            false => Ok(Vec::new()),
        }
    }

    /// Hand-made networks within the limits, to compare with. Where the searched space has none, its limit on latency is left
    /// out of account: it is that of other networks.
    ///
    /// # Errors
    /// When a limit cannot be told.
    pub fn references(&self) -> Result<Vec<HandMade>, ExperimentError> {
        let whole = self.partition.whole();
        Ok(match self.has_hand_made() {
            true => within(whole.space().as_ref(), whole.filters()),
            false => {
                let space: &dyn Space = self.stage_space.as_ref();
                within(space, &static_limits(whole.filters()))
            }
        })
    }

    /// Latency of the networks trained alone, where it is limited.
    pub fn latency(&self) -> Option<&LatencyModel> {
        self.latency.as_deref()
    }

    /// The latency of one of them, predicted and measured as a whole; `None` where it is not limited.
    ///
    /// # Errors
    /// When the network cannot be timed.
    pub fn network_latency(&self, arch: &Arch) -> Result<Option<NetworkLatency>, ExperimentError> {
        self.timed_until(arch, 0.0)
    }

    /// Whether the network keeps the limit of latency when it is measured as a whole too.
    ///
    /// # Errors
    /// When the network cannot be timed.
    pub fn is_fast_enough(&self, arch: &Arch) -> Result<bool, ExperimentError> {
        let limit = self.recipe.search.max_latency_ms;
        Ok(self.timed_until(arch, limit)?.is_none_or(|latency| latency.measured_ms <= limit))
    }

    fn timed_until(&self, arch: &Arch, enough_ms: f64) -> Result<Option<NetworkLatency>, ExperimentError> {
        let check = |model: &LatencyModel| model.check(&self.alone_blueprint(), arch, enough_ms);
        Ok(self.latency().map(check).transpose()?)
    }

    /// The table that the recipe names for the truth; a ranking has one.
    pub fn truth(&self) -> Option<&Truth> {
        self.truth.as_deref()
    }

    /// The space with another skeleton.
    ///
    /// # Errors
    /// When the size is out of range.
    pub fn space_of(
        &self,
        width: usize,
        cells: usize,
        reduction: SupernetReduction,
    ) -> Result<OpenSpace, ExperimentError> {
        let images = &self.train;
        let image = [images.height(), images.width(), images.channels()];
        Ok(self.recipe.space_for(image, images.classes().len(), (width, cells), reduction)?)
    }

    /// The parts into which `split` divides the searched region.
    ///
    /// # Errors
    /// When it names no decision or feature of the space.
    pub fn parts(&self, split: &SplitRecipe) -> Result<Partition, ExperimentError> {
        Ok(parts(self.partition.whole().clone(), split)?)
    }

    /// The same of all of the space, whatever its limits.
    ///
    /// # Errors
    /// As [`Lab::parts`].
    pub fn parts_without_limits(&self, split: &SplitRecipe) -> Result<Partition, ExperimentError> {
        Ok(parts(Region::full(self.partition.whole().space().clone()), split)?)
    }

    /// Whether there are sub-supernets.
    pub fn is_split(&self) -> bool {
        let SplitRecipe { decisions, feature, parts, .. } = &self.recipe.split;
        // Bounds alone split nothing.
        !(decisions.is_empty() && feature.is_empty() && parts.is_empty())
    }

    /// A seed of its own for each purpose, derived from the run's.
    pub fn seed(&self, purpose: &str) -> u64 {
        self.seed_of(0, purpose)
    }

    /// The same for one of several repetitions, whose seeds count up from the run's.
    pub fn seed_of(&self, repetition: u64, purpose: &str) -> u64 {
        random::stream(self.recipe.seed + repetition, purpose, 0, 0).next_u64()
    }

    /// Number of images that networks alone are trained on in the end: all that the recipe's limit leaves.
    pub fn training_images(&self) -> usize {
        self.splits.search_train.len() + self.splits.search_val.len()
    }

    /// Number of images that are held out from the training of weights.
    pub fn held_out_images(&self) -> usize {
        self.splits.search_val.len()
    }

    /// `count` different random architectures of the searched region (fewer when it holds fewer).
    ///
    /// # Errors
    /// When the region's limits leave nothing to draw.
    pub fn random_archs(&self, purpose: &str, count: usize) -> Result<Vec<Arch>, ExperimentError> {
        self.random_archs_of(self.partition.whole(), purpose, count, |_| true)
    }

    /// The same of another region, those that are `wanted`.
    ///
    /// # Errors
    /// When its limits leave nothing to draw.
    pub fn random_archs_of(
        &self,
        region: &Region,
        purpose: &str,
        count: usize,
        wanted: impl Fn(&Arch) -> bool,
    ) -> Result<Vec<Arch>, ExperimentError> {
        let (mut archs, mut seen) = (Vec::new(), BTreeSet::new());
        // A region smaller than `count` would never fill up: give up after many draws in vain.
        for draw in 0..(count as u64 * 100).max(1000) {
            if archs.len() == count {
                break;
            }
            self.interrupt.check()?;
            let arch = region.sample(&mut random::stream(self.recipe.seed, purpose, draw, 0))?;
            if wanted(&arch) && seen.insert(arch.clone()) {
                archs.push(arch);
            }
        }
        Ok(archs)
    }
}

/// The images that are used, parted into those that train and those that are held out.
fn parted(recipe: &CommonRecipe, images: &Dataset) -> Result<Splits, ExperimentError> {
    let most = [recipe.data.limit, recipe.data.used].into_iter().filter(|&most| most > 0).min();
    Ok(Splits::stratified(images.labels(), recipe.data.val_fraction, most, recipe.seed)?)
}
