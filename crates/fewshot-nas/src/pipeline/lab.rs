//! What all stages of a run share: images, splits, space, region, partition.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use burn::tensor::Device;
use fewshot_data::{DataSource, Dataset, EvalLoader, Normalise, SealedTest, Splits, TrainLoader, stratified_subset};
use fewshot_space::{Arch, CellSpace, Partition, Space, StageSpace, random};
use rand::Rng;

use super::PipelineError;
use super::budget::{self, Passed};
use super::hand_made::{self, HandMade};
use super::images;
use super::region::{latency, partition, parts, searched_space, space_for, stage_skeleton};
use super::truth::Truth;
use crate::estimate::{FineTune, ScoreSet};
use crate::families::{OpenSpace, Skeleton};
use crate::gradient::Feeds;
use crate::latency::{LatencyModel, NetworkLatency};
use crate::nets::Blueprint;
use crate::recipe::{FineTuneRecipe, Kind, Recipe, RecipeError, SplitRecipe, SupernetReduction};
use crate::run::Interrupt;
use crate::train::{LISTED, TrainConfig};

/// Everything that stages read and none changes.
#[derive(Clone)]
pub struct Lab {
    recipe: Recipe,
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
    /// When the images were read: a budget counts from there.
    read_at: Instant,
    /// Stops drawing and scoring.
    interrupt: Interrupt,
}

impl Lab {
    /// Opens the images and lays out the space that the recipe names.
    ///
    /// # Errors
    /// When the images cannot be read or the recipe names something that does not exist.
    pub fn open(recipe: Recipe, device: Device) -> Result<Self, PipelineError> {
        Self::lay_out(recipe, device)
    }

    /// The lab with all that its budget decides, after some training steps have been timed; `None` where nothing is left to
    /// decide. `on_clock` are the seconds that the run has taken so far by its own clock, which has just begun or gone on.
    ///
    /// # Errors
    /// When a network cannot be trained.
    pub fn planned(&self, on_clock: f64) -> Result<Option<Self>, PipelineError> {
        if !self.recipe.budget.is_set() || self.recipe.budget.plan.is_some() {
            return Ok(None);
        }
        let passed = Passed { before: self.read_at.elapsed().as_secs_f64(), on_clock, at: Instant::now() };
        self.again(budget::planned(self, &passed)?).map(Some)
    }

    /// The same images under a changed recipe of the same space and split of images.
    ///
    /// # Errors
    /// As [`Lab::open`].
    pub fn again(&self, recipe: Recipe) -> Result<Self, PipelineError> {
        let partition = partition(&recipe, searched_space(self.alone_space(), self.latency.clone()))?;
        Ok(Self { recipe, partition, ..self.clone() })
    }

    fn lay_out(mut recipe: Recipe, device: Device) -> Result<Self, PipelineError> {
        let mut told = Vec::new();
        let DataSource { train, test, .. } = images::open(&mut recipe, &mut told)?;
        let read_at = Instant::now();
        let limit = (recipe.data.limit > 0).then_some(recipe.data.limit);
        let splits = Splits::stratified(train.labels(), recipe.data.val_fraction, limit, recipe.seed)?;
        let normalise = Normalise::measure(&train, &splits.search_train)?;
        let (shared, alone) = (&recipe.space, &recipe.standalone);
        let supernets = space_for(&recipe, &train, shared.width, shared.cells, shared.reduction)?;
        let supernet_space = supernets.blueprint().clone();
        let alone = space_for(&recipe, &train, alone.width, alone.cells, SupernetReduction::Own)?;
        let alone_space = alone.blueprint();
        let latency = latency(&mut recipe, alone_space, alone.skeleton().image(), &device)?.map(Arc::new);
        let partition = partition(&recipe, searched_space(alone_space, latency.clone()))?;
        let truth = Truth::open(&recipe, &(alone_space.clone() as Arc<dyn Space>))?;
        if let Some(truth) = &truth {
            truth.identify(&mut recipe)?;
            told.extend(truth.notes());
        }
        // What a later stage would stumble over is refused now, before hours of training.
        crate::search::build(&recipe.search.strategy, partition.whole().clone(), 0)?;
        if recipe.kind == Kind::Search && recipe.supernet.sampling.lists() {
            let extent = partition.whole().extent()?;
            if extent.is_at_least(LISTED + 1) {
                let problem = format!(
                    "supernet.sampling: this one lists all networks, and {extent} of {} are too many: set \"per_network\"",
                    recipe.space.name
                );
                return Err(RecipeError::setting("supernet.sampling", problem).into());
            }
        }
        if recipe.kind == Kind::Train {
            alone_space.parse(&recipe.standalone.arch)?;
        }
        let stage_space = alone.stages().cloned().unwrap_or_else(|| StageSpace::new(stage_skeleton(&train)));
        let train = Arc::new(train);
        Ok(Self {
            recipe,
            device,
            train,
            test: Arc::new(test),
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
            interrupt: Interrupt::new(),
        })
    }

    /// The same that stops when it is asked to, also where much is drawn or scored at once.
    #[must_use]
    pub fn stopped_by(self, interrupt: &Interrupt) -> Self {
        Self { interrupt: interrupt.clone(), ..self }
    }

    /// What stops the work.
    pub fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// The recipe.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// What was found in the images and chosen for them, a line each.
    pub fn told(&self) -> &[String] {
        &self.told
    }

    /// Tells the test images from others, without a look at them.
    pub fn test_fingerprint(&self) -> &str {
        self.test.fingerprint()
    }

    /// Where tensors live.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The training images.
    pub fn images(&self) -> &Dataset {
        &self.train
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

    /// The space with the skeleton of networks trained alone.
    pub fn alone_space(&self) -> &Arc<dyn Blueprint> {
        self.alone.blueprint()
    }

    /// What is given and not decided of the networks trained alone.
    pub fn skeleton(&self) -> &Skeleton {
        self.alone.skeleton()
    }

    /// The space of the networks trained alone as a cell space.
    ///
    /// # Errors
    /// [`PipelineError::NotCells`] when it is none.
    pub fn cell_space(&self) -> Result<&CellSpace, PipelineError> {
        self.alone.cells().ok_or_else(|| PipelineError::NotCells(self.alone_space().name().to_string()))
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
    pub fn hand_made(&self) -> Result<Vec<HandMade>, PipelineError> {
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
    pub fn references(&self) -> Result<Vec<HandMade>, PipelineError> {
        let whole = self.partition.whole();
        Ok(match self.has_hand_made() {
            true => hand_made::within(whole.space().as_ref(), &hand_made::upper_limits(whole.filters())),
            false => {
                let space: &dyn Space = self.stage_space.as_ref();
                hand_made::within(space, &hand_made::static_limits(whole.filters()))
            }
        })
    }

    /// All held-out images, to judge networks trained alone.
    ///
    /// # Errors
    /// When there are none.
    pub fn judging_set(&self) -> Result<ScoreSet, PipelineError> {
        let held_out: Arc<[u32]> = self.splits.search_val.clone().into();
        let loader = EvalLoader::new(self.train.clone(), held_out, self.normalise.clone(), self.recipe.scoring.batch)?;
        Ok(ScoreSet::new(loader.batches(), [], &self.device).stopped_by(&self.interrupt))
    }

    /// Latency of the networks trained alone, where it is limited.
    pub fn latency(&self) -> Option<&LatencyModel> {
        self.latency.as_deref()
    }

    /// The latency of one of them, predicted and measured as a whole; `None` where it is not limited.
    ///
    /// # Errors
    /// When the network cannot be timed.
    pub fn network_latency(&self, arch: &Arch) -> Result<Option<NetworkLatency>, PipelineError> {
        self.timed_until(arch, 0.0)
    }

    /// Whether the network keeps the limit of latency when it is measured as a whole too.
    ///
    /// # Errors
    /// When the network cannot be timed.
    pub fn is_fast_enough(&self, arch: &Arch) -> Result<bool, PipelineError> {
        let limit = self.recipe.search.max_latency_ms;
        Ok(self.timed_until(arch, limit)?.is_none_or(|latency| latency.measured_ms <= limit))
    }

    fn timed_until(&self, arch: &Arch, enough_ms: f64) -> Result<Option<NetworkLatency>, PipelineError> {
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
    ) -> Result<OpenSpace, PipelineError> {
        space_for(&self.recipe, &self.train, width, cells, reduction)
    }

    /// The parts into which `split` divides the searched region.
    ///
    /// # Errors
    /// When it names no decision or feature of the space.
    pub fn parts(&self, split: &SplitRecipe) -> Result<Partition, PipelineError> {
        parts(self.partition.whole().clone(), split)
    }

    /// Whether there are sub-supernets.
    pub fn is_split(&self) -> bool {
        // Bounds alone split nothing.
        !(self.recipe.split.decisions.is_empty() && self.recipe.split.feature.is_empty())
    }

    /// A seed of its own for each purpose, derived from the run's.
    pub fn seed(&self, purpose: &str) -> u64 {
        self.seed_of(0, purpose)
    }

    /// The same for one of several repetitions, whose seeds count up from the run's.
    pub fn seed_of(&self, repetition: u64, purpose: &str) -> u64 {
        random::stream(self.recipe.seed + repetition, purpose, 0, 0).next_u64()
    }

    /// Number of images that supernets are trained on: the search-train ones, but for the published protocol.
    pub fn search_images(&self) -> usize {
        self.search_indices().len()
    }

    /// Number of images that networks alone are trained on in the end: all that the recipe's limit leaves.
    pub fn training_images(&self) -> usize {
        self.splits.search_train.len() + self.splits.search_val.len()
    }

    /// Number of images that are held out from the training of weights.
    pub fn held_out_images(&self) -> usize {
        self.splits.search_val.len()
    }

    fn search_indices(&self) -> Vec<u32> {
        if self.recipe.scoring.on_test { self.all_indices() } else { self.splits.search_train.clone() }
    }

    fn all_indices(&self) -> Vec<u32> {
        let mut all = self.splits.search_train.clone();
        all.extend_from_slice(&self.splits.search_val);
        all.sort_unstable();
        all
    }

    /// Batches of the search-train images, to train supernets.
    ///
    /// # Errors
    /// When there are fewer than two images.
    pub fn search_loader(&self, config: &TrainConfig, seed: u64) -> Result<TrainLoader, PipelineError> {
        self.loader(self.search_indices(), config, seed)
    }

    /// Batches of all training images, to train networks alone.
    ///
    /// # Errors
    /// When there are fewer than two images.
    pub fn alone_loader(&self, config: &TrainConfig, seed: u64) -> Result<TrainLoader, PipelineError> {
        self.loader(self.all_indices(), config, seed)
    }

    /// For gradient-based searches: batches of the search-train images for the weights, and of the held-out ones, augmented
    /// alike, for the architecture. The same order for all methods and parts of one repetition.
    ///
    /// # Errors
    /// When there are fewer than two images of either.
    pub fn feeds(&self, config: &TrainConfig, repetition: u64) -> Result<Feeds, PipelineError> {
        let loader =
            |indices: &[u32], purpose: &str| self.loader(indices.to_vec(), config, self.seed_of(repetition, purpose));
        Ok(Feeds {
            train: loader(&self.splits.search_train, "gradient images")?,
            val: loader(&self.splits.search_val, "gradient held-out images")?,
        })
    }

    fn loader(&self, indices: Vec<u32>, config: &TrainConfig, seed: u64) -> Result<TrainLoader, PipelineError> {
        let data = &self.recipe.data;
        let augment = images::augment(data, self.train.height().min(self.train.width()));
        let normalise = self.normalise.clone();
        let loader = TrainLoader::new(self.train.clone(), indices.into(), normalise, augment, config.batch, seed)?;
        Ok(loader.balanced(data.balance))
    }

    /// The held-out images that supernets score on (under the published protocol the test images), and training batches to recalibrate with.
    ///
    /// # Errors
    /// When there are too few images.
    pub fn score_set(&self) -> Result<ScoreSet, PipelineError> {
        let scoring = &self.recipe.scoring;
        let (images, scored) = self.scored()?;
        let score = EvalLoader::new(images, scored.into(), self.normalise.clone(), scoring.batch)?;
        let config = TrainConfig { batch: scoring.batch, ..self.recipe.supernet.clone() };
        let calibration = self.search_loader(&config, self.seed("calibration"))?;
        let calibration = calibration.epoch(0, 0).take(scoring.calibration_batches);
        Ok(ScoreSet::new(score.batches(), calibration, &self.device).stopped_by(&self.interrupt))
    }

    /// What each network is trained with before it is scored, where the recipe wants that: batches of search-train images, for
    /// one of several repetitions, and the settings of the supernets' own training.
    ///
    /// # Errors
    /// When there are fewer than two images.
    pub fn fine_tune(
        &self,
        recipe: &FineTuneRecipe,
        train: &TrainConfig,
        repetition: u64,
    ) -> Result<Option<Arc<FineTune>>, PipelineError> {
        if recipe.steps == 0 {
            return Ok(None);
        }
        let loader = self.search_loader(train, self.seed_of(repetition, "fine-tuning images"))?;
        // Whole batches only; more epochs than one where there are few images.
        let batches = (0..).flat_map(|epoch| loader.epoch(epoch, 0));
        let config = TrainConfig { lr: recipe.lr, ..train.clone() };
        let fine_tune = FineTune::new(batches.take(recipe.steps), config, &self.device);
        Ok(Some(Arc::new(fine_tune.stopped_by(&self.interrupt))))
    }

    /// The images that supernets score on: a data set, and which of its images.
    pub(super) fn scored(&self) -> Result<(Arc<Dataset>, Vec<u32>), PipelineError> {
        let scoring = &self.recipe.scoring;
        let (images, mut scored) = match scoring.on_test {
            true => {
                let test = Arc::new(self.test.open()?);
                let all = (0..test.len() as u32).collect();
                (test, all)
            }
            false => (self.train.clone(), self.splits.search_val.clone()),
        };
        if scoring.images > 0 {
            let labels: Vec<u32> = scored.iter().map(|&index| images.label(index as usize)).collect();
            let chosen = stratified_subset(&labels, scoring.images, self.seed("scored images"))?;
            scored = chosen.into_iter().filter_map(|at| scored.get(at as usize).copied()).collect();
        }
        Ok((images, scored))
    }

    /// Opens the test set. Only the last stage of a run calls this, and the one stage of a truth.
    ///
    /// # Errors
    /// When the test images cannot be read.
    pub fn open_test(&self) -> Result<ScoreSet, PipelineError> {
        let test = Arc::new(self.test.open()?);
        let loader = EvalLoader::all(test, self.normalise.clone(), self.recipe.scoring.batch)?;
        Ok(ScoreSet::new(loader.batches(), [], &self.device).stopped_by(&self.interrupt))
    }

    /// `count` different random architectures of the searched region (fewer when it holds fewer).
    ///
    /// # Errors
    /// When the region's limits leave nothing to draw.
    pub fn random_archs(&self, purpose: &str, count: usize) -> Result<Vec<Arch>, PipelineError> {
        let region = self.partition.whole();
        let (mut archs, mut seen) = (Vec::new(), BTreeSet::new());
        // A region smaller than `count` would never fill up: give up after many draws in vain.
        for draw in 0..(count as u64 * 100).max(1000) {
            if archs.len() == count {
                break;
            }
            self.interrupt.check()?;
            let arch = region.sample(&mut random::stream(self.recipe.seed, purpose, draw, 0))?;
            if seen.insert(arch.clone()) {
                archs.push(arch);
            }
        }
        Ok(archs)
    }
}
