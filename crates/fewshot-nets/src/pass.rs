//! One forward pass: hands operations their weights, and decides which statistics batch norms use.

use std::collections::HashMap;

use burn::tensor::{Device, Tensor};
use fewshot_kernels::{self as kernels, Norm, Normed, Stats, weights};
use smallvec::SmallVec;

use crate::buffers::BufferId;
use crate::geometry::{Size, Window};
use crate::norm::{BatchNorm, MOMENTUM};
use crate::slope::Leaf;
use crate::view::{StatsView, Transform, View};
use crate::weights::Weights;

/// Which mean and variance the batch norms of a pass use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormMode {
    /// Those of the batch; running statistics move towards them. For training.
    Train,
    /// Those of the batch, of which running statistics become the mean over `before` batches and this one.
    Measure {
        /// Batches that they are the mean of already.
        before: usize,
    },
    /// Those of the batch; nothing is kept.
    Batch,
    /// Running statistics; batch norms without them use the batch.
    Running,
    /// Those of the batch, which are also averaged into a [`Calibration`].
    Collect,
    /// Those of the [`Calibration`].
    Calibrated,
}

/// Statistics of every batch norm of one graph, averaged over some training batches: mean of batch means, and mean of
/// the (biased) variances within batches, both weighted by batch size; the rule of Once-for-All.
#[derive(Debug, Clone, Default)]
pub struct Calibration {
    /// By the place of the norm in the graph.
    entries: HashMap<usize, CalibrationEntry>,
}

#[derive(Debug, Clone)]
struct CalibrationEntry {
    mean: Tensor<1>,
    var: Tensor<1>,
    images: f64,
}

impl Calibration {
    #[cfg(test)]
    pub(crate) fn first_variance(&self) -> Vec<f32> {
        let first = self.entries.keys().min().and_then(|place| self.entries.get(place));
        first.map(|entry| crate::to_vec(&entry.var)).unwrap_or_default()
    }

    fn observe(&mut self, place: usize, mean: Tensor<1>, var: Tensor<1>, images: f64) {
        let entry = match self.entries.remove(&place) {
            None => CalibrationEntry { mean, var, images },
            Some(old) => {
                let total = old.images + images;
                CalibrationEntry {
                    mean: blend(old.mean, mean, images / total),
                    var: blend(old.var, var, images / total),
                    images: total,
                }
            }
        };
        self.entries.insert(place, entry);
    }
}

/// `(1 − share)·old + share·new`.
fn blend(old: Tensor<1>, new: Tensor<1>, share: f64) -> Tensor<1> {
    old.mul_scalar(1.0 - share).add(new.mul_scalar(share))
}

/// A value at work.
#[derive(Debug, Clone)]
pub enum Feature {
    /// `[batch, height, width, channels]`.
    Map(Tensor<4>),
    /// `[batch, values]`.
    Rows(Tensor<2>),
}

impl From<Tensor<4>> for Feature {
    fn from(map: Tensor<4>) -> Self {
        Feature::Map(map)
    }
}

impl From<Tensor<2>> for Feature {
    fn from(rows: Tensor<2>) -> Self {
        Feature::Rows(rows)
    }
}

impl Feature {
    /// Height, width and channels of one image; rows of values are 1×1 pixels.
    pub fn size(&self) -> Size {
        match self {
            Feature::Map(map) => {
                let [_, height, width, channels] = map.dims();
                [height, width, channels]
            }
            Feature::Rows(rows) => [1, 1, rows.dims()[1]],
        }
    }

    /// Images in the batch.
    pub fn batch(&self) -> usize {
        match self {
            Feature::Map(map) => map.dims()[0],
            Feature::Rows(rows) => rows.dims()[0],
        }
    }

    /// A feature map.
    ///
    /// # Panics
    /// When it is rows: the body that made the graph reads them as a map.
    pub fn into_map(self) -> Tensor<4> {
        match self {
            Feature::Map(map) => map,
            Feature::Rows(rows) => panic!("rows of values {:?} where a feature map is read", rows.dims()),
        }
    }

    /// Rows of values.
    ///
    /// # Panics
    /// When it is a map: the body that made the graph reads it as rows.
    pub fn into_rows(self) -> Tensor<2> {
        match self {
            Feature::Rows(rows) => rows,
            Feature::Map(map) => panic!("a feature map {:?} where rows of values are read", map.dims()),
        }
    }
}

/// What an operation reads, in order.
pub struct Inputs(pub(crate) smallvec::IntoIter<[Feature; 2]>);

impl Inputs {
    /// From the values themselves.
    pub fn new(values: SmallVec<[Feature; 2]>) -> Self {
        Self(values.into_iter())
    }

    /// The next value.
    ///
    /// # Panics
    /// When there is none: the graph gave the operation too few.
    #[expect(clippy::should_implement_trait, reason = "an operation knows how many there are")]
    pub fn next(&mut self) -> Feature {
        self.0.next().expect("a value for each input of the operation")
    }

    /// The next value, a feature map.
    pub fn map(&mut self) -> Tensor<4> {
        self.next().into_map()
    }

    /// The next value, rows.
    pub fn rows(&mut self) -> Tensor<2> {
        self.next().into_rows()
    }

    /// All that are left, feature maps.
    pub fn maps(self) -> Vec<Tensor<4>> {
        self.0.map(Feature::into_map).collect()
    }
}

/// A number that a graph was given: which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FactorId(pub(crate) usize);

/// Tracked leaf of each parameter of a training pass, by index; `None` where the path did not use it.
pub type Leaves = Vec<Option<Leaf>>;

/// A forward pass over one network.
pub struct Pass<'a> {
    weights: &'a mut Weights,
    mode: NormMode,
    calibration: Option<&'a mut Calibration>,
    /// Tracked copies of the parameters used so far, so that their gradients can be fetched; training only.
    leaves: Option<Leaves>,
    /// The numbers of the graph under way.
    pub(crate) factors: Vec<Tensor<1>>,
    /// Place of the operation under way.
    pub(crate) place: usize,
    moment: Moment,
}

/// Where a training stands, for what changes with it and what draws.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Moment {
    /// Keys all that is drawn.
    pub seed: u64,
    /// Steps before this one, in all.
    pub step: u64,
    /// Share of the epochs that are done, 0 to 1.
    pub progress: f64,
}

impl<'a> Pass<'a> {
    /// A pass whose parameters collect gradients, with batch statistics.
    pub fn train(weights: &'a mut Weights) -> Self {
        let leaves = Some(vec![None; weights.params.len()]);
        Self { leaves, ..Self::score(weights, NormMode::Train, None) }
    }

    /// A training pass whose parameters collect no gradients: only what else is tracked does.
    pub fn train_frozen(weights: &'a mut Weights) -> Self {
        Self::score(weights, NormMode::Train, None)
    }

    /// A pass that builds no graph of gradients. `Collect` and `Calibrated` need a calibration.
    pub fn score(weights: &'a mut Weights, mode: NormMode, calibration: Option<&'a mut Calibration>) -> Self {
        Self { weights, mode, calibration, leaves: None, factors: Vec::new(), place: 0, moment: Moment::default() }
    }

    /// The same at some moment of a training.
    #[must_use]
    pub fn at(self, moment: Moment) -> Self {
        Self { moment, ..self }
    }

    /// Where the training stands.
    pub fn moment(&self) -> Moment {
        self.moment
    }

    /// Ends a training pass: the tracked leaf of every parameter that it used, by index.
    pub fn into_leaves(self) -> Leaves {
        self.leaves.unwrap_or_default()
    }

    /// Where the weights live.
    pub fn device(&self) -> &Device {
        self.weights.device()
    }

    /// The values that an operation sees. Each time that a spectral norm is seen in training its vector comes nearer to the singular
    /// one.
    pub fn view<const D: usize>(&mut self, view: &View) -> Tensor<D> {
        let whole = view.resolve(&mut |view| self.flat(view));
        let Transform::Spectral(vector) = view.transform else { return whole };
        let iterations = usize::from(self.mode == NormMode::Train);
        let normed = weights::spectral_norm(whole, self.buffer(vector), iterations);
        self.keep_buffer(vector, normed.u.inner());
        normed.weight
    }

    fn flat(&mut self, view: &View) -> Tensor<1> {
        let index = view.param.0;
        let value = &self.weights.params[index].value;
        let read = || view.read_of(value.clone());
        match &mut self.leaves {
            None => read(),
            Some(leaves) => {
                leaves[index].get_or_insert_with(|| Leaf::unseen(view.held.clone())).corner(&view.read(), read)
            }
        }
    }

    /// The values of a buffer.
    pub fn buffer(&self, id: BufferId) -> Tensor<1> {
        self.weights.buffer(id)
    }

    /// Puts other values, as many, in the place of a buffer's, as a training does; other passes leave it as it is.
    pub fn keep_buffer(&mut self, id: BufferId, value: Tensor<1>) {
        if self.mode == NormMode::Train {
            self.weights.set_buffer(id, value);
        }
    }

    /// What the kernels need to know of a batch norm.
    pub fn norm(&mut self, norm: &BatchNorm) -> Norm {
        let affine = norm.affine.as_ref().map(|(scale, shift)| (self.view(scale), self.view(shift)));
        let fixed = match self.mode {
            NormMode::Train | NormMode::Measure { .. } | NormMode::Batch | NormMode::Collect => None,
            NormMode::Running => norm.stats.as_ref().map(|stats| {
                let kept = &self.weights.stats[stats.stats.0];
                (seen(&kept.mean, stats), seen(&kept.var, stats))
            }),
            NormMode::Calibrated => {
                let entry = self.calibration.as_ref().and_then(|calibration| calibration.entries.get(&self.place));
                entry.map(|entry| (entry.mean.clone(), entry.var.clone()))
            }
        };
        let stats = match fixed {
            Some((mean, var)) => Stats::Fixed { mean, var },
            None => Stats::Batch,
        };
        Norm { affine, stats, eps: norm.eps.0 }
    }

    /// Keeps what a batch norm saw, where the mode asks for it.
    pub fn observe(&mut self, norm: &BatchNorm, normed: &Normed) {
        let [batch, height, width, _] = normed.out.dims();
        match (self.mode, &norm.stats) {
            (NormMode::Train | NormMode::Measure { .. }, Some(view)) => {
                let share = match self.mode {
                    NormMode::Measure { before } => 1.0 / (before as f64 + 1.0),
                    _ => MOMENTUM,
                };
                let values = (batch * height * width) as f64;
                // PyTorch normalises with the biased variance but keeps the unbiased one.
                let unbiased = normed.var.clone().inner().mul_scalar(values / (values - 1.0).max(1.0));
                let stats = &mut self.weights.stats[view.stats.0];
                let mean = blend(seen(&stats.mean, view), normed.mean.clone().inner(), share);
                let var = blend(seen(&stats.var, view), unbiased, share);
                stats.mean = kept(&stats.mean, view, mean);
                stats.var = kept(&stats.var, view, var);
            }
            (NormMode::Collect, _) => {
                let (mean, var) = (normed.mean.clone().inner(), normed.var.clone().inner());
                if let Some(calibration) = &mut self.calibration {
                    calibration.observe(self.place, mean, var, batch as f64);
                }
            }
            _ => {}
        }
    }

    /// Scale and shift, `[channels]` each, of `factor · (scale · x + shift) + term`: a norm applies a weight on the way, so that a
    /// weighed convolution costs no more than a plain one.
    pub fn weighed_affine(
        &self,
        affine: Option<(Tensor<1>, Tensor<1>)>,
        channels: usize,
        factor: FactorId,
        term: Option<FactorId>,
    ) -> (Tensor<1>, Tensor<1>) {
        let factor = self.factors[factor.0].clone().expand([channels]);
        let term =
            term.map_or_else(|| self.filled(0.0, channels), |term| self.factors[term.0].clone().expand([channels]));
        match affine {
            None => (factor, term),
            Some((scale, shift)) => (scale * factor.clone(), shift * factor + term),
        }
    }

    /// The same value for each channel.
    pub(crate) fn filled(&self, value: f32, channels: usize) -> Tensor<1> {
        crate::tensor(vec![value; channels], self.weights.device())
    }

    /// `x` with zeros around it, and the geometry that is left to do, where rows and columns are padded differently; kernels pad them
    /// alike.
    pub(crate) fn padded(&self, x: Tensor<4>, window: Window, conv: kernels::Conv) -> (Tensor<4>, kernels::Conv) {
        let [rows, columns] = window.padding;
        if rows == columns {
            return (x, conv);
        }
        let framed =
            [(1, rows), (2, columns)].into_iter().filter(|(_, padding)| *padding > 0).fold(x, |x, (axis, padding)| {
                let mut dims = x.dims();
                dims[axis] = padding;
                let zeros = Tensor::zeros(dims, self.device());
                let zeros = if x.is_autodiff() { zeros.autodiff() } else { zeros };
                Tensor::cat(vec![zeros.clone(), x, zeros], axis)
            });
        (framed, kernels::Conv { padding: 0, ..conv })
    }
}

/// The channels of running statistics that a norm sees.
fn seen(kept: &Tensor<1>, view: &StatsView) -> Tensor<1> {
    if view.used == view.held { kept.clone() } else { kept.clone().narrow(0, 0, view.used) }
}

/// Running statistics with new values in the place of those that a norm saw.
fn kept(all: &Tensor<1>, view: &StatsView, new: Tensor<1>) -> Tensor<1> {
    match view.held - view.used {
        0 => new,
        unseen => Tensor::cat(vec![new, all.clone().narrow(0, view.used, unseen)], 0),
    }
}
