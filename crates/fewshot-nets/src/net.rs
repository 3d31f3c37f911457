//! A network over a region: a supernet, a sub-supernet, or (with a region of one) a stand-alone network.

use std::any::Any;
use std::convert::Infallible;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use fewshot_data::Normalise;
use fewshot_space::{Arch, Region, Space};

use crate::graph::{Fingerprint, Fusion, Graph, GraphBuilder, Value};
use crate::layers::{Builder, NormKind};
use crate::mix::{Mix, Path, Route};
use crate::net_error::NetError;
use crate::op::{self, Op};
use crate::pass::{Calibration, Feature, Moment, NormMode, Pass};
use crate::shared::SharedGraph;
use crate::timed::Block;
use crate::values::Transfer;
use crate::view::View;
use crate::weights::Weights;
use crate::write::WriteError;

/// How the networks of a space are built: the one thing that a new space brings besides its description.
pub trait Blueprint: Space + Any {
    /// Registers the layers of every operation that `region` allows, in a fixed order, and returns what writes graphs of them.
    /// `cell_norm` is for what is searched; everything else has full batch norms.
    fn build(&self, region: &Region, cell_norm: NormKind, builder: &mut Builder) -> Box<dyn Body>;

    /// Whether decisions can work on one channel in `partial` ([`Builder::with_partial`]).
    fn allows_partial(&self, partial: usize) -> bool {
        partial == 1
    }

    /// Decisions that are drawn once for all sub-networks of a training step, and for the teacher; each is active in every architecture.
    fn of_a_step(&self) -> Vec<usize> {
        Vec::new()
    }

    /// Name in a network of `other` cells of the weight that is called `name` in one of `cells`: where a supernet grows, each of its
    /// cells starts as the one at its place.
    fn name_at_depth(&self, name: &str, _cells: usize, _other: usize) -> String {
        name.to_string()
    }
}

/// The layers of a network, and how they make a graph. Holds no tensors.
pub trait Body: Send + Sync {
    /// Number of cells, each of which may follow an architecture of its own.
    fn cells(&self) -> usize {
        1
    }

    /// Whether it can be given a [`Mix`].
    fn mixes(&self) -> bool {
        false
    }

    /// Of a body that mixes: decisions whose contributions are added up, in groups (the edges into one node).
    fn sums(&self) -> Vec<Vec<usize>> {
        Vec::new()
    }

    /// What a smaller network, in which the parameter called `name` has this shape, sees of it, where that is not its first values
    /// along each axis.
    fn cut(&self, _name: &str, _shape: &[usize]) -> Option<View> {
        None
    }

    /// Reorders channels so that the first ones matter most, and the network stays the function that it is; see
    /// [`Net::sort_channels`].
    fn sort_channels(&self, _trained: &Region, _weights: &mut Weights) {}

    /// Of a body that makes images: how many latent numbers it reads, as rows, for each. What it appends is a map with values from -1
    /// to 1.
    fn latent(&self) -> Option<usize> {
        None
    }

    /// Writes what `route` runs on the value `images`; returns the logits, rows.
    fn append(&self, graph: &mut GraphBuilder, images: Value, route: Route<'_>) -> Value;
}

/// A network of one cell that runs no mixes may be a function that has its layers.
impl<F> Body for F
where
    F: Fn(&mut GraphBuilder, Value, Route<'_>) -> Value + Send + Sync,
{
    fn append(&self, graph: &mut GraphBuilder, images: Value, route: Route<'_>) -> Value {
        self(graph, images, route)
    }
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

    /// Logits `[batch, classes]` of images `[batch, height, width, channels]`, without gradients.
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
        Ok(self.run(images, path, mode, calibration)?.into_rows())
    }

    /// What the network makes of any input, images `[batch, height, width, channels]` or rows `[batch, values]`, without gradients.
    ///
    /// # Errors
    /// When the path leaves the region.
    pub fn run(
        &mut self,
        input: impl Into<Feature>,
        path: &Path,
        mode: NormMode,
        calibration: Option<&mut Calibration>,
    ) -> Result<Feature, NetError> {
        self.check(path)?;
        let input = input.into();
        let graph = self.to_run(GraphBuilder::new(input.size()), Route::Path(path));
        Ok(only(&graph, &mut Pass::score(&mut self.weights, mode, calibration), input))
    }

    /// What a classifier makes of images, without gradients and by its running statistics: what its last layer reads, `[batch,
    /// features]`, and the logits, `[batch, classes]`.
    ///
    /// # Errors
    /// When the path leaves the region; [`NetError::NoFeatures`] where the last operation is no linear layer.
    pub fn features(&mut self, images: Tensor<4>, path: &Path) -> Result<(Tensor<2>, Tensor<2>), NetError> {
        self.check(path)?;
        let mut graph = self.to_run(GraphBuilder::new(size(&images)), Route::Path(path));
        let last = &graph.nodes[graph.output()];
        let (Op::Linear(_), Some(&read)) = (&last.op, last.inputs.first()) else {
            return Err(NetError::NoFeatures(self.region.space().name().to_string()));
        };
        graph.roots.insert(0, read);
        let mut rows = Vec::with_capacity(graph.roots.len());
        let mut pass = Pass::score(&mut self.weights, NormMode::Running, None);
        let Ok(()) = graph.run(&mut pass, images, |_, value: Feature| -> Result<(), Infallible> {
            rows.push(value.into_rows());
            Ok(())
        });
        let logits = rows.pop().expect("the second root");
        Ok((rows.pop().expect("the first root"), logits))
    }

    /// What [`Net::run`] gives in training mode, with gradients, and the tracked leaf of every parameter on the path, by index.
    ///
    /// # Errors
    /// When the path leaves the region.
    pub fn run_tracked(&mut self, input: impl Into<Feature>, path: &Path) -> Result<(Feature, Leaves), NetError> {
        self.check(path)?;
        let input = input.into();
        let graph = self.to_run(GraphBuilder::new(input.size()).training(), Route::Path(path));
        let mut pass = Pass::train(&mut self.weights);
        let output = only(&graph, &mut pass, input);
        Ok((output, pass.into_leaves()))
    }

    /// What `paths` compute, together: what several have in common is there once, and run once.
    ///
    /// # Errors
    /// When a path leaves the region.
    pub fn shared(&self, image: [usize; 3], paths: &[Path]) -> Result<SharedGraph, NetError> {
        let mut builder = GraphBuilder::merging(image);
        for path in paths {
            self.check(path)?;
            let logits = self.body.append(&mut builder, 0, Route::Path(path));
            builder.root(logits);
        }
        Ok(SharedGraph::new(builder.finish().fused(Fusion::Kernels)))
    }

    /// Hands the logits `[batch, classes]` of each path of `graph`, with the path's place, to `done`.
    ///
    /// # Errors
    /// The first of `done`, which ends it.
    pub fn score_shared<E>(
        &mut self,
        graph: &SharedGraph,
        images: Tensor<4>,
        mode: NormMode,
        calibration: Option<&mut Calibration>,
        mut done: impl FnMut(usize, Tensor<2>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut pass = Pass::score(&mut self.weights, mode, calibration);
        graph.graph().run(&mut pass, images, |place, logits| done(place, logits.into_rows()))
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

    /// Logits `[batch, classes]` with gradients, and the tracked leaf of every parameter on the path, by index.
    ///
    /// # Errors
    /// When the path leaves the region.
    pub fn train(&mut self, images: Tensor<4>, path: &Path) -> Result<(Tensor<2>, Leaves), NetError> {
        let Trained { logits, leaves, .. } = self.train_at(images, path, Moment::default())?;
        Ok((logits, leaves))
    }

    /// The same at some moment of a training, with what auxiliary heads say.
    ///
    /// # Errors
    /// When the path leaves the region.
    pub fn train_at(&mut self, images: Tensor<4>, path: &Path, moment: Moment) -> Result<Trained, NetError> {
        self.check(path)?;
        let graph = self.to_run(GraphBuilder::new(size(&images)).training(), Route::Path(path));
        let mut pass = Pass::train(&mut self.weights).at(moment);
        let mut rows = Vec::with_capacity(graph.roots.len());
        let mut logits = None;
        let Ok(()) = graph.run(&mut pass, images, |place, value| -> Result<(), Infallible> {
            match place {
                0 => logits = Some(value.into_rows()),
                _ => rows.push(value.into_rows()),
            }
            Ok(())
        });
        let logits = logits.expect("a graph has its first root");
        Ok(Trained { logits, auxiliary: rows, leaves: pass.into_leaves() })
    }

    /// Logits `[batch, classes]` of several options at once, in training mode, with gradients through whatever of the mix
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
        let graph = self.to_run(GraphBuilder::new(size(&images)).training(), Route::Mix(mix));
        let mut pass = if weights { Pass::train(&mut self.weights) } else { Pass::train_frozen(&mut self.weights) };
        let logits = only(&graph, &mut pass, images.into()).into_rows();
        Ok((logits, pass.into_leaves()))
    }

    /// Logits `[batch, classes]` of several options at once, without leaves.
    ///
    /// # Errors
    /// As [`Net::train_mixed`].
    pub fn score_mixed(&mut self, images: Tensor<4>, mix: &Mix, mode: NormMode) -> Result<Tensor<2>, NetError> {
        self.check_mix(mix)?;
        let graph = self.to_run(GraphBuilder::new(size(&images)), Route::Mix(mix));
        Ok(only(&graph, &mut Pass::score(&mut self.weights, mode, None), images.into()).into_rows())
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
    fn to_run(&self, builder: GraphBuilder, route: Route<'_>) -> Graph {
        self.to_write(builder, 0, route).fused(Fusion::Kernels)
    }

    /// The graph operation by operation.
    fn to_write(&self, mut builder: GraphBuilder, images: Value, route: Route<'_>) -> Graph {
        let logits = self.body.append(&mut builder, images, route);
        builder.root(logits);
        builder.finish()
    }

    fn check_mixes(&self) -> Result<(), NetError> {
        match self.body.mixes() {
            true => Ok(()),
            false => Err(NetError::NotMixed(self.region.space().name().to_string())),
        }
    }

    fn check_mix(&self, mix: &Mix) -> Result<(), NetError> {
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

fn size(images: &Tensor<4>) -> [usize; 3] {
    let [_, height, width, channels] = images.dims();
    [height, width, channels]
}

/// The one thing that a graph is run for.
fn only(graph: &Graph, pass: &mut Pass<'_>, input: Feature) -> Feature {
    let mut output = None;
    let Ok(()) = graph.run(pass, input, |_, value: Feature| -> Result<(), Infallible> {
        output.get_or_insert(value);
        Ok(())
    });
    output.expect("a graph has its first root")
}

/// What a training pass gives.
#[derive(Debug)]
pub struct Trained {
    /// `[batch, classes]`, tracked.
    pub logits: Tensor<2>,
    /// Of the auxiliary heads, each `[batch, classes]`, tracked.
    pub auxiliary: Vec<Tensor<2>>,
    /// By index.
    pub leaves: Leaves,
}

/// Tracked leaf of each parameter of a training pass; `None` where the path did not use it.
pub type Leaves = Vec<Option<Tensor<1>>>;
