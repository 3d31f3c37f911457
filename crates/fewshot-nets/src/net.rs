//! A network over a region: a supernet, a sub-supernet, or (with a region of one) a stand-alone network.

use std::sync::Arc;

use burn::tensor::Device;
use fewshot_data::Normalise;
use fewshot_space::{Arch, Region};

use crate::blueprint::{Blueprint, Body};
use crate::graph::{Fingerprint, Fusion, Graph, GraphBuilder, Value};
use crate::layers::Builder;
use crate::mix::{Mix, Path, Route};
use crate::net_error::NetError;
use crate::norm::NormKind;
use crate::op::{self, Op};
use crate::timed::Block;
use crate::values::Transfer;
use crate::weights::Weights;
use crate::write::WriteError;

/// Shared weights for one [`Region`].
#[derive(Clone)]
pub struct Net {
    blueprint: Arc<dyn Blueprint>,
    region: Region,
    body: Arc<dyn Body>,
    pub(crate) weights: Weights,
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
        Self::build(Weights::new(device.clone(), seed), blueprint, region, NormKind::SHARED, 1)
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
        Ok(Self::build(Weights::new(device.clone(), seed), blueprint, region, NormKind::SHARED, partial))
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
        Ok(Self::build(Weights::new(device.clone(), seed), blueprint, region, NormKind::FULL, 1))
    }

    /// Every network of `region` as [`Net::standalone`] would build it, without values: to look at ([`Net::graph`],
    /// [`Net::blocks`]), not to run.
    pub fn catalogue(blueprint: Arc<dyn Blueprint>, region: Region, device: &Device) -> Self {
        Self::build(Weights::outline(device.clone()), blueprint, region, NormKind::FULL, 1)
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
        let theirs = |name: &str| self.blueprint.name_at_depth(name, cells, parents);
        let cut = |name: &str, shape: &[usize]| self.body.cut(name, shape);
        let transfer = child.weights.transfer_cut(&self.weights, theirs, cut)?;
        Ok((child, transfer))
    }

    /// The network of one architecture alone, with its own layers and nothing else, and what it is in this supernet as its weights:
    /// the first channels, kernels as their transforms make them, running statistics where there are some. On batch statistics
    /// it is the same function; [`Transfer::fresh`] names what the supernet has not, such as scales of its batch norms.
    ///
    /// # Errors
    /// When the architecture lies outside the region.
    pub fn cut_out(&self, arch: &Arch) -> Result<(Self, Transfer), NetError> {
        self.check(&Path::Shared(arch.clone()))?;
        let mut alone = Self::standalone(self.blueprint.clone(), arch, self.weights.device(), 0)?;
        let cut = |name: &str, shape: &[usize]| self.body.cut(name, shape);
        let transfer = alone.weights.transfer_cut(&self.weights, str::to_string, cut)?;
        Ok((alone, transfer))
    }

    /// Puts the channels that matter most first where narrower networks use the first ones, as before a phase of training that
    /// adds widths (Once-for-All: Cai et al., ICLR 2020, section 3.3). Every network of `trained`, the region that was trained so
    /// far, stays the function that it is: channels stay on their side of the widths in it. Others may change. Optimizers start
    /// anew behind it, as their state is not reordered. Networks without nested widths stay as they are.
    pub fn sort_channels(&mut self, trained: &Region) {
        self.body.sort_channels(trained, &mut self.weights);
    }

    fn build(
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

    /// `path` with what another path of the same training step says of the decisions that a step draws once.
    pub fn in_step_with(&self, path: &Path, other: &Path) -> Path {
        let decisions = self.blueprint.of_a_step();
        let joined = |arch: &Arch, other: &Arch| {
            let mut options = arch.options().to_vec();
            decisions.iter().for_each(|&decision| options[decision] = other.options()[decision]);
            Arch::new(options)
        };
        match path {
            Path::Shared(arch) => Path::Shared(joined(arch, other.cell(0))),
            Path::PerCell(archs) => {
                Path::PerCell(archs.iter().enumerate().map(|(cell, arch)| joined(arch, other.cell(cell))).collect())
            }
        }
    }

    /// Number of cells that a per-cell path needs.
    pub fn cells(&self) -> usize {
        self.body.cells()
    }

    /// Of a generator, how many latent numbers it makes an image of.
    pub fn latent(&self) -> Option<usize> {
        self.body.latent()
    }

    /// The weights.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The weights, to load or update them.
    pub fn weights_mut(&mut self) -> &mut Weights {
        &mut self.weights
    }

    /// By what the logits of one architecture in all cells are computed: the same for architectures that differ in dead edges
    /// alone, so that one score is good for all of them.
    ///
    /// # Errors
    /// When the architecture lies outside the region.
    pub fn computation(&self, arch: &Arch) -> Result<Fingerprint, NetError> {
        let path = Path::Shared(arch.clone());
        self.check(&path)?;
        // Which images it is asked for makes no difference to which architectures compute the same, as long as they have pixels.
        let graph = self.to_write(GraphBuilder::new(NOMINAL), 0, Route::Path(&path));
        Ok(graph.fingerprints()[0])
    }

    /// What one architecture in all cells computes, from images of `[height, width, channels]` with values from 0 to 1 to
    /// logits; of a generator, from rows of latent numbers to such images.
    ///
    /// # Errors
    /// When the architecture lies outside the region, or this network cannot be exported.
    pub fn graph(&self, arch: &Arch, image: [usize; 3], normalise: &Normalise) -> Result<Graph, NetError> {
        let path = Path::Shared(arch.clone());
        self.check(&path)?;
        let graph = match self.body.latent() {
            Some(latent) => {
                let mut builder = GraphBuilder::merging([1, 1, latent]);
                let images = self.body.append(&mut builder, 0, Route::Path(&path));
                let shown = builder.push(op::Normalise::from_both_signs(builder.size(images)[2]), &[images]);
                builder.root(shown);
                builder.finish()
            }
            None => {
                let mut builder = GraphBuilder::merging(image);
                let images = builder.push(op::Normalise::from(normalise), &[0]);
                self.to_write(builder, images, Route::Path(&path))
            }
        };
        let has_statistics = |op: &Op| !matches!(op, Op::BatchNorm(norm) if norm.stats.is_none());
        match graph.nodes.iter().all(|node| has_statistics(&node.op)) {
            true => Ok(graph),
            false => Err(WriteError::BatchStatistics.into()),
        }
    }

    /// The operations by which one architecture in all cells is run on normalised images of `[height, width, channels]`.
    ///
    /// # Errors
    /// When the architecture lies outside the region.
    pub fn blocks(&self, arch: &Arch, image: [usize; 3]) -> Result<Vec<Block>, NetError> {
        let path = Path::Shared(arch.clone());
        self.check(&path)?;
        let input = self.latent().map_or(image, |latent| [1, 1, latent]);
        let graph = self.to_run(GraphBuilder::new(input), Route::Path(&path));
        let nodes = graph.nodes.iter().skip(1);
        Ok(nodes.map(|node| Block { op: node.op.clone(), inputs: graph.input_sizes(node) }).collect())
    }

    /// Decisions whose contributions are added up, in groups.
    ///
    /// # Errors
    /// When the space has no mixed pass.
    pub fn sums(&self) -> Result<Vec<Vec<usize>>, NetError> {
        self.check_mixes()?;
        Ok(self.body.sums())
    }

    /// The graph as the kernels run it.
    pub(crate) fn to_run(&self, builder: GraphBuilder, route: Route<'_>) -> Graph {
        self.to_write(builder, 0, route).fused(Fusion::Kernels)
    }

    /// The graph operation by operation.
    fn to_write(&self, mut builder: GraphBuilder, images: Value, route: Route<'_>) -> Graph {
        self.append(&mut builder, images, route);
        builder.finish()
    }

    /// Writes what `route` runs on the value `images`, whose result is wanted.
    pub(crate) fn append(&self, builder: &mut GraphBuilder, images: Value, route: Route<'_>) {
        let logits = self.body.append(builder, images, route);
        builder.root(logits);
    }

    fn check_mixes(&self) -> Result<(), NetError> {
        match self.body.mixes() {
            true => Ok(()),
            false => Err(NetError::NotMixed(self.region.space().name().to_string())),
        }
    }

    pub(crate) fn check_mix(&self, mix: &Mix) -> Result<(), NetError> {
        self.check_mixes()?;
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

    /// Checks that the network can run a path.
    ///
    /// # Errors
    /// When the path leaves the region.
    pub fn check(&self, path: &Path) -> Result<(), NetError> {
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

/// Of images whose size nobody asked for.
const NOMINAL: [usize; 3] = [32, 32, 3];
