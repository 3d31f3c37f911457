//! A network over a region: a supernet, a sub-supernet, or (with a region of one) a stand-alone network.

use std::any::Any;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use fewshot_data::Normalise;
use fewshot_space::{Arch, Region, Space};

use super::block::Block;
use super::graph::Graph;
use super::layers::{Builder, NormKind};
use super::memo::Memo;
use super::mix::{Mix, MixedBody};
use super::ops::Ops;
use super::pass::{Calibration, NormMode, Pass};
use super::trace::{Traced, Tracer};
use super::weights::{Transfer, Weights, WeightsError};

/// How the networks of a space are built: the one thing that a new space brings besides its description.
pub trait Blueprint: Space + Any {
    /// Registers the layers of every operation that `region` allows, in a fixed order, and returns what runs them.
    /// `cell_norm` is for the searchable cells; everything else has full batch norms.
    fn build(&self, region: &Region, cell_norm: NormKind, builder: &mut Builder) -> Box<dyn Body>;

    /// Whether decisions can work on one channel in `partial` ([`Builder::with_partial`]).
    fn allows_partial(&self, partial: usize) -> bool {
        partial == 1
    }
}

/// The code that runs a built network. Holds layers, no tensors.
pub trait Body: Send + Sync {
    /// Number of cells, each of which may follow an architecture of its own.
    fn cells(&self) -> usize;
    /// What of `arch` a scoring pass computes, as bytes: equal for architectures that it runs by the same operations
    /// on the same values, so that one score is good for all of them. Architectures that are neighbours in the order of
    /// these bytes should have much in common, from the input on; they are scored one after the other.
    fn computation(&self, arch: &Arch) -> Vec<u8> {
        arch.options().to_vec()
    }
    /// What runs several options at once, where the space has it.
    fn mixed(&self) -> Option<&dyn MixedBody> {
        None
    }
    /// `[batch, height, width, channels]` → logits `[batch, classes]`. What other architectures may need again goes
    /// through [`Pass::memo`].
    fn forward(&self, pass: &mut Pass<'_>, images: Tensor<4>, path: &Path) -> Tensor<2>;
    /// The same on a [`Tracer`], so that networks can be exported; `None` where they cannot.
    fn trace(&self, _tracer: &mut Tracer<'_>, _images: Traced, _path: &Path) -> Option<Traced> {
        None
    }
}

/// A body that is written once over [`Ops`]: so what is exported is what is run.
pub trait Network: Send + Sync {
    /// As [`Body::cells`].
    fn cells(&self) -> usize {
        1
    }
    /// As [`Body::computation`].
    fn computation(&self, arch: &Arch) -> Vec<u8> {
        arch.options().to_vec()
    }
    /// As [`Body::mixed`].
    fn mixed(&self) -> Option<&dyn MixedBody> {
        None
    }
    /// From images to logits. What other architectures may need again goes through [`Ops::memo`].
    fn run<O: Ops>(&self, ops: &mut O, images: O::Map, path: &Path) -> O::Rows;
}

impl<N: Network> Body for N {
    fn cells(&self) -> usize {
        Network::cells(self)
    }

    fn computation(&self, arch: &Arch) -> Vec<u8> {
        Network::computation(self, arch)
    }

    fn mixed(&self) -> Option<&dyn MixedBody> {
        Network::mixed(self)
    }

    fn forward(&self, pass: &mut Pass<'_>, images: Tensor<4>, path: &Path) -> Tensor<2> {
        self.run(pass, images, path)
    }

    fn trace(&self, tracer: &mut Tracer<'_>, images: Traced, path: &Path) -> Option<Traced> {
        Some(self.run(tracer, images, path))
    }
}

/// What one forward pass runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Path {
    /// One architecture in all cells.
    Shared(Arch),
    /// One per cell, as the published code trains.
    PerCell(Vec<Arch>),
}

impl Path {
    /// The architecture of cell `index`.
    pub fn cell(&self, index: usize) -> &Arch {
        match self {
            Path::Shared(arch) => arch,
            Path::PerCell(archs) => &archs[index],
        }
    }

    fn archs(&self) -> &[Arch] {
        match self {
            Path::Shared(arch) => std::slice::from_ref(arch),
            Path::PerCell(archs) => archs,
        }
    }
}

/// A path that the network cannot run.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The architecture needs an operation that this sub-supernet does not hold.
    #[error("{arch} lies outside the region `{region}` of this supernet: route it through the partition")]
    OutsideRegion {
        /// The architecture as text.
        arch: String,
        /// The region's label.
        region: String,
    },
    /// A per-cell path of the wrong length.
    #[error("a path of {found} architectures for {expected} cells")]
    PathLength {
        /// Architectures in the path.
        found: usize,
        /// Cells of the network.
        expected: usize,
    },
    /// A space that writes its networks for tensors alone.
    #[error("networks of the space {0} cannot be exported: train one of another space (`fewshot spaces`)")]
    NotTraced(String),
    /// A batch norm without running statistics: its results depend on the other images of a batch.
    #[error("a supernet cannot be exported, its batch norms keep no statistics: train the architecture alone")]
    BatchStatistics,
    /// The space has no mixed forward pass.
    #[error("networks of the space {0} cannot run several options at once: gradient-based methods need a cell space")]
    NotMixed(String),
    /// A mix that does not fit the space.
    #[error("a mix of {found} decisions for a space of {expected}")]
    MixLength {
        /// Blends in the mix.
        found: usize,
        /// Decisions of the space.
        expected: usize,
    },
    /// The network's decisions work on part of the channels only.
    #[error("a network on partial channels runs mixes, no paths")]
    PartialPath,
    /// The channels cannot be divided.
    #[error(
        "networks of {space} cannot work on one channel in {partial}: choose a width that is a multiple of {partial}"
    )]
    Partial {
        /// The space.
        space: String,
        /// Divisor.
        partial: usize,
    },
    /// The parent's weights do not fit.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The region is empty or otherwise unusable.
    #[error(transparent)]
    Region(#[from] fewshot_space::RegionError),
}

/// Shared weights for one [`Region`].
#[derive(Clone)]
pub struct Net {
    blueprint: Arc<dyn Blueprint>,
    region: Region,
    body: Arc<dyn Body>,
    weights: Weights,
    partial: usize,
}

impl std::fmt::Debug for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Net({}, {}, {} parameters)", self.region.space().name(), self.region.label(), self.weights.count())
    }
}

impl Net {
    /// A fresh supernet over `region`; its cells have plain batch norms ([`NormKind::SHARED`]).
    pub fn supernet(blueprint: Arc<dyn Blueprint>, region: Region, device: &Device, seed: u64) -> Self {
        Self::build(blueprint, region, NormKind::SHARED, device, seed, 1)
    }

    /// The same where decisions with a choice work on one channel in `partial` and the others pass (PC-DARTS). Unless
    /// `partial` is 1 it runs mixes only.
    ///
    /// # Errors
    /// When the width is no multiple of `partial`.
    pub fn partial_supernet(
        blueprint: Arc<dyn Blueprint>,
        region: Region,
        partial: usize,
        device: &Device,
        seed: u64,
    ) -> Result<Self, NetError> {
        if !blueprint.allows_partial(partial) {
            return Err(NetError::Partial { space: blueprint.name().to_string(), partial });
        }
        Ok(Self::build(blueprint, region, NormKind::SHARED, device, seed, partial))
    }

    /// A fresh network of one architecture, from the same blocks, with full batch norms.
    ///
    /// # Errors
    /// When the architecture is not one of the space.
    pub fn standalone(
        blueprint: Arc<dyn Blueprint>,
        arch: &Arch,
        device: &Device,
        seed: u64,
    ) -> Result<Self, NetError> {
        let region = Region::single(blueprint.clone(), arch)?;
        Ok(Self::build(blueprint, region, NormKind::FULL, device, seed, 1))
    }

    /// Every network of `region` as [`Net::standalone`] would build it, without values: to look at ([`Net::graph`],
    /// [`Net::blocks`]), not to run.
    pub fn catalogue(blueprint: Arc<dyn Blueprint>, region: Region, device: &Device) -> Self {
        Self::build_on(Weights::outline(device.clone()), blueprint, region, NormKind::FULL, 1)
    }

    /// A sub-supernet over part of this one's region, starting from these weights.
    ///
    /// # Errors
    /// When a shared name has another shape.
    pub fn child(&self, region: Region, seed: u64) -> Result<(Self, Transfer), NetError> {
        self.child_in(self.blueprint.clone(), region, seed)
    }

    /// The same with another number of cells per stage, as `blueprint` says: each cell starts as the one at its place in
    /// this net. A deep supernet learns slowly; grown from a shallow one it starts from what that has learned
    /// (progressive stacking: Gong et al., ICML 2019, there of transformers).
    ///
    /// # Errors
    /// When a shared name has another shape.
    pub fn child_in(
        &self,
        blueprint: Arc<dyn Blueprint>,
        region: Region,
        seed: u64,
    ) -> Result<(Self, Transfer), NetError> {
        let mut child = Self::supernet(blueprint, region, self.weights.device(), seed);
        let (cells, parents) = (child.cells(), self.cells());
        let transfer = child.weights.transfer_as(&self.weights, |name| super::cell::at_depth(name, cells, parents))?;
        Ok((child, transfer))
    }

    fn build(
        blueprint: Arc<dyn Blueprint>,
        region: Region,
        cell_norm: NormKind,
        device: &Device,
        seed: u64,
        partial: usize,
    ) -> Self {
        Self::build_on(Weights::new(device.clone(), seed), blueprint, region, cell_norm, partial)
    }

    fn build_on(
        weights: Weights,
        blueprint: Arc<dyn Blueprint>,
        region: Region,
        cell_norm: NormKind,
        partial: usize,
    ) -> Self {
        let mut builder = Builder::new(weights).with_partial(partial);
        let body = blueprint.build(&region, cell_norm, &mut builder);
        Self { blueprint, region, body: Arc::from(body), weights: builder.weights, partial }
    }

    /// The part of the space that this network holds the operations of.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Number of cells that a per-cell path needs.
    pub fn cells(&self) -> usize {
        self.body.cells()
    }

    /// The weights.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The weights, to load or update them.
    pub fn weights_mut(&mut self) -> &mut Weights {
        &mut self.weights
    }

    /// Logits `[batch, classes]` without a graph.
    ///
    /// # Errors
    /// When the path leaves the region.
    pub fn score(
        &mut self,
        images: Tensor<4>,
        path: &Path,
        mode: NormMode,
        calibration: Option<&mut Calibration>,
    ) -> Result<Tensor<2>, NetError> {
        self.score_shared(images, path, mode, calibration, None)
    }

    /// [`Net::score`] that shares feature maps with other architectures; [`Memo`] says which calls may use the same.
    ///
    /// # Errors
    /// When the path leaves the region.
    pub fn score_shared(
        &mut self,
        images: Tensor<4>,
        path: &Path,
        mode: NormMode,
        calibration: Option<&mut Calibration>,
        memo: Option<&mut Memo>,
    ) -> Result<Tensor<2>, NetError> {
        self.check(path)?;
        let mut pass = Pass::score(&mut self.weights, mode, calibration, memo);
        Ok(self.body.forward(&mut pass, images, path))
    }

    /// [`Body::computation`] of one architecture in all cells.
    ///
    /// # Errors
    /// When the architecture lies outside the region.
    pub fn computation(&self, arch: &Arch) -> Result<Vec<u8>, NetError> {
        self.check(&Path::Shared(arch.clone()))?;
        Ok(self.body.computation(arch))
    }

    /// What one architecture in all cells computes, from images of `[height, width, channels]` with values from 0 to 1 to
    /// logits.
    ///
    /// # Errors
    /// When the architecture lies outside the region, or this network cannot be exported.
    pub fn graph(&self, arch: &Arch, image: [usize; 3], normalise: &Normalise) -> Result<Graph, NetError> {
        let path = Path::Shared(arch.clone());
        self.check(&path)?;
        let (mut tracer, images) = Tracer::new(&self.weights, image, normalise);
        match self.body.trace(&mut tracer, images, &path) {
            Some(logits) => tracer.finish(logits),
            None => Err(NetError::NotTraced(self.region.space().name().to_string())),
        }
    }

    /// The calls by which one architecture in all cells is run on normalised images of `[height, width, channels]`.
    ///
    /// # Errors
    /// As [`Net::graph`].
    pub fn blocks(&self, arch: &Arch, image: [usize; 3]) -> Result<Vec<Block>, NetError> {
        let path = Path::Shared(arch.clone());
        self.check(&path)?;
        let plain = Normalise { mean: vec![0.0; image[2]], std: vec![1.0; image[2]] };
        let (mut tracer, images) = Tracer::new(&self.weights, image, &plain);
        match self.body.trace(&mut tracer, images, &path) {
            Some(_) => Ok(tracer.into_blocks()),
            None => Err(NetError::NotTraced(self.region.space().name().to_string())),
        }
    }

    /// Logits `[batch, classes]` with a graph, and the tracked leaf of every parameter on the path, by index.
    ///
    /// # Errors
    /// When the path leaves the region.
    pub fn train(&mut self, images: Tensor<4>, path: &Path) -> Result<(Tensor<2>, Leaves), NetError> {
        self.check(path)?;
        let mut pass = Pass::train(&mut self.weights);
        let logits = self.body.forward(&mut pass, images, path);
        Ok((logits, pass.into_leaves()))
    }

    /// Logits `[batch, classes]` of several options at once, in training mode, with a graph through whatever of the mix
    /// is tracked; where `weights` is set also through the parameters, whose leaves are then returned.
    ///
    /// # Errors
    /// When the space has no mixed pass, or the mix leaves the region.
    pub fn train_mixed(
        &mut self,
        images: Tensor<4>,
        mix: &Mix,
        weights: bool,
    ) -> Result<(Tensor<2>, Leaves), NetError> {
        self.check_mix(mix)?;
        self.run_mixed(|own| if weights { Pass::train(own) } else { Pass::train_frozen(own) }, images, mix)
    }

    /// Logits `[batch, classes]` of several options at once, without leaves.
    ///
    /// # Errors
    /// As [`Net::train_mixed`].
    pub fn score_mixed(&mut self, images: Tensor<4>, mix: &Mix, mode: NormMode) -> Result<Tensor<2>, NetError> {
        self.check_mix(mix)?;
        Ok(self.run_mixed(|weights| Pass::score(weights, mode, None, None), images, mix)?.0)
    }

    fn run_mixed<'a>(
        &'a mut self,
        pass: impl FnOnce(&'a mut Weights) -> Pass<'a>,
        images: Tensor<4>,
        mix: &Mix,
    ) -> Result<(Tensor<2>, Leaves), NetError> {
        let body = self.body.mixed().ok_or_else(|| NetError::NotMixed(self.region.space().name().to_string()))?;
        let mut pass = pass(&mut self.weights);
        let logits = body.forward_mixed(&mut pass, images, mix);
        Ok((logits, pass.into_leaves()))
    }

    /// Decisions whose contributions are added up, in groups.
    ///
    /// # Errors
    /// When the space has no mixed pass.
    pub fn sums(&self) -> Result<Vec<Vec<usize>>, NetError> {
        let body = self.body.mixed().ok_or_else(|| NetError::NotMixed(self.region.space().name().to_string()))?;
        Ok(body.sums())
    }

    fn check_mix(&self, mix: &Mix) -> Result<(), NetError> {
        let expected = self.region.space().decisions().len();
        if mix.blends.len() != expected {
            return Err(NetError::MixLength { found: mix.blends.len(), expected });
        }
        for (decision, options) in mix.options() {
            if !options.iter().all(|&option| self.region.allowed(decision).contains(option)) {
                let arch = format!("options {options:?} of decision {decision}");
                return Err(NetError::OutsideRegion { arch, region: self.region.label() });
            }
        }
        Ok(())
    }

    fn check(&self, path: &Path) -> Result<(), NetError> {
        if self.partial != 1 {
            return Err(NetError::PartialPath);
        }
        if let Path::PerCell(archs) = path
            && archs.len() != self.cells()
        {
            return Err(NetError::PathLength { found: archs.len(), expected: self.cells() });
        }
        let space = self.region.space();
        for arch in path.archs() {
            // What an architecture says of inert decisions asks for no operation.
            let is_held = |(decision, is_active): (usize, &bool)| {
                !is_active || self.region.allowed(decision).contains(arch.get(decision))
            };
            if space.validate(arch).is_err() || !space.active(arch).iter().enumerate().all(is_held) {
                return Err(NetError::OutsideRegion { arch: format!("{arch:?}"), region: self.region.label() });
            }
        }
        Ok(())
    }
}

/// Tracked leaf of each parameter of a training pass; `None` where the path did not use it.
pub type Leaves = Vec<Option<Tensor<1>>>;
