//! What a search is given, and the networks that follow from it.

use std::sync::Arc;

use burn::tensor::Device;
use fewshot_data::{Dataset, Shape};
use fewshot_space::autogan::{AutoGanSkeleton, AutoGanSpace, CELL_DECISIONS};
use fewshot_space::{Arch, Region, Space, random};
use rand::{Rng, RngExt};

use super::plan::SearchPlan;
use super::within::Within;
use crate::adversarial::config::GanConfig;
use crate::adversarial::controller::CellController;
use crate::adversarial::error::GanError;
use crate::adversarial::real::RealImages;
use crate::adversarial::trainer::{Pair, discriminator_values, generator_values};
use crate::nets::{DiscriminatorNet, NamedValues, Net};

/// What a search is given and does not change.
#[derive(Clone)]
pub struct Task {
    /// Of the generators of the last level.
    pub skeleton: AutoGanSkeleton,
    /// Channels of the discriminator.
    pub judge_channels: usize,
    /// What may be proposed: generators of all levels that members of the searched region, or of a part, begin with.
    pub within: Arc<Within>,
    /// Real images, which are made smaller for lower levels.
    pub images: Arc<Dataset>,
    /// Those that are trained on.
    pub indices: Arc<[u32]>,
    /// How the networks are trained.
    pub config: GanConfig,
    /// How long everything takes.
    pub plan: SearchPlan,
    /// Where tensors live.
    pub device: Device,
    /// Keys all that is drawn.
    pub seed: u64,
    /// Weights to start from, those of a parent with all levels; else fresh ones.
    pub parent: Option<Arc<NamedValues>>,
}

impl Task {
    fn space(&self, level: usize) -> Result<Arc<AutoGanSpace>, GanError> {
        Ok(Arc::new(AutoGanSpace::new(AutoGanSkeleton { level, ..self.skeleton.clone() })?))
    }

    /// What the shared generator of a level has layers for: the options that may be taken. Filters are none of its business: they are of
    /// whole generators, as these are trained alone.
    ///
    /// # Errors
    /// When the skeleton has no such level.
    pub fn region(&self, level: usize) -> Result<Region, GanError> {
        let space = self.space(level)?;
        let decisions = space.decisions().len();
        let whole = Region::full(space);
        let mut restricted = self.within.region().product().iter().take(decisions).enumerate();
        Ok(restricted.try_fold(whole, |region, (decision, options)| region.restrict(decision, *options))?)
    }

    /// A generator of a level by chance.
    ///
    /// # Errors
    /// When the skeleton has no such level.
    pub(super) fn drawn(&self, level: usize, rng: &mut impl Rng) -> Result<Arch, GanError> {
        let decisions = AutoGanSpace::first_decision_of(level) + CELL_DECISIONS[level];
        match self.within.beginning(decisions, rng) {
            Some(arch) => Ok(arch),
            None => Ok(self.region(level)?.sample(rng)?),
        }
    }

    pub(super) fn shape(&self, level: usize) -> Shape {
        let side = self.skeleton.bottom << (level + 1);
        Shape { height: side, width: side, channels: self.skeleton.channels_out }
    }

    /// A generator of a level: fresh, but for what the parent has.
    pub(super) fn generator(&self, level: usize, seed: u64) -> Result<Net, GanError> {
        let mut net = Net::supernet(self.space(level)?, self.region(level)?, &self.device, seed);
        if let Some(parent) = &self.parent {
            let own = generator_values(parent);
            net.weights_mut().load_values(&own)?;
        }
        Ok(net)
    }

    fn discriminator(&self, seed: u64) -> Result<DiscriminatorNet, GanError> {
        let mut net = DiscriminatorNet::new(self.skeleton.channels_out, self.judge_channels, &self.device, seed);
        if let Some(parent) = &self.parent {
            net.weights_mut().load_values(&discriminator_values(parent))?;
        }
        Ok(net)
    }

    /// Both networks of a level without a past, after so many resets.
    pub(super) fn pair(&self, level: usize, resets: u64) -> Result<Pair, GanError> {
        let seed = |purpose: &str| random::stream(self.seed, purpose, resets, 0).random::<u64>();
        let generator = self.generator(level, seed("generator weights"))?;
        let discriminator = self.discriminator(seed("discriminator weights"))?;
        Ok(Pair::new(generator, discriminator, level, &self.config))
    }

    pub(super) fn controller(&self, level: usize) -> CellController {
        let first = AutoGanSpace::first_decision_of(level);
        let decisions = &self.within.region().space().decisions()[first..first + CELL_DECISIONS[level]];
        let tokens = decisions.iter().map(|decision| decision.options.len()).collect();
        let seed = random::stream(self.seed, "controller weights", level as u64, 0).random::<u64>();
        CellController::new(tokens, &self.device, seed)
    }

    pub(super) fn real(&self, level: usize) -> Result<RealImages, GanError> {
        let side = self.shape(level).height;
        let seed = random::stream(self.seed, "real images", level as u64, 0).random::<u64>();
        RealImages::new(&self.images, self.indices.clone(), side, self.config.batch, &self.device, seed)
    }
}
