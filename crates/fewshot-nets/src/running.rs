//! Networks at work: scored, by path, by mix or many together, and run for training.

use std::convert::Infallible;

use burn::tensor::Tensor;

use crate::graph::{Fusion, Graph, GraphBuilder};
use crate::mix::{Mix, Path, Route};
use crate::net::Net;
use crate::net_error::NetError;
use crate::op::Op;
use crate::pass::{Calibration, Feature, Leaves, Moment, NormMode, Pass};
use crate::shared::SharedGraph;

impl Net {
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

    /// Measures the running means and variances of the norms on `path` anew: the mean over some batches of images `[batch, height, width,
    /// channels]`, whatever they were before (precise batch norm: Wu and Johnson 2021, "Rethinking `Batch` in BatchNorm").
    ///
    /// # Errors
    /// When the path leaves the region.
    pub fn measure_norms(&mut self, batches: impl IntoIterator<Item = Tensor<4>>, path: &Path) -> Result<(), NetError> {
        for (before, images) in batches.into_iter().enumerate() {
            self.run(images, path, NormMode::Measure { before }, None)?;
        }
        Ok(())
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
            return Err(NetError::NoFeatures(self.region().space().name().to_string()));
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
            self.append(&mut builder, 0, Route::Path(path));
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
}

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
