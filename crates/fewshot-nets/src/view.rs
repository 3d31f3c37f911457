//! How operations see weights: whole, a prefix of their axes, or through a transform. Gradients reach the whole.

use std::sync::Arc;

use burn::tensor::Tensor;
use fewshot_kernels::weights;

use crate::buffers::BufferId;
use crate::corner::{Shape, corner, extents};
use crate::weights::{ParamId, StatsId, Weights};

/// A parameter as an operation sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct View {
    /// Which parameter.
    pub param: ParamId,
    /// Its dotted name, `LAYER.weight`.
    pub name: Arc<str>,
    /// Its extents.
    pub held: Shape,
    /// What is seen of it: its first values along each axis, or as many as its transform makes.
    pub used: Shape,
    /// What is done to it first.
    pub transform: Transform,
}

/// What is done to a parameter before it is used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Transform {
    /// Nothing.
    #[default]
    None,
    /// `(w - mean) / (deviation + 1e-5)` over all that goes into one output, the last axis; the deviation is that of a sample
    /// (weight standardisation: Qiao et al. 2019, in the form of LaNet).
    Standardise,
    /// A square kernel, its first two axes, is cut to its centre and multiplied by a matrix, once or more often in turn (Once-for-All:
    /// Cai et al., ICLR 2020, section 3.2).
    Shrink(Vec<Shrink>),
    /// Divided by its largest singular value as a matrix of all inputs by all outputs, estimated from a vector `[outputs]` that is kept
    /// (spectral normalisation: Miyato et al., ICLR 2018). [`Pass::view`](crate::Pass::view) does it.
    Spectral(BufferId),
}

/// One step from a kernel to a smaller one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Shrink {
    /// Side of the kernel that it gives.
    pub side: usize,
    /// `[side², side²]`: each new tap is a sum over the taps of the centre. None: the centre itself.
    pub matrix: Option<Box<View>>,
}

impl View {
    /// All of a parameter.
    pub(crate) fn whole(param: ParamId, name: Arc<str>, shape: &[usize]) -> Self {
        let held = Shape::from_slice(shape);
        Self { param, name, used: held.clone(), held, transform: Transform::None }
    }

    /// The same with the first `extent` values along `axis` alone.
    #[must_use]
    pub fn first(mut self, axis: usize, extent: usize) -> Self {
        self.used[axis] = extent;
        self
    }

    /// The same through weight standardisation.
    #[must_use]
    pub fn standardised(self) -> Self {
        Self { transform: Transform::Standardise, ..self }
    }

    /// The same through spectral normalisation by the vector in a buffer.
    #[must_use]
    pub fn spectral(self, vector: BufferId) -> Self {
        Self { transform: Transform::Spectral(vector), ..self }
    }

    /// The same through these steps to a smaller kernel.
    #[must_use]
    pub fn shrunk(mut self, steps: Vec<Shrink>) -> Self {
        if let Some(last) = steps.last() {
            (self.used[0], self.used[1]) = (last.side, last.side);
            self.transform = Transform::Shrink(steps);
        }
        self
    }

    /// Whether it is just the parameter.
    pub fn is_whole(&self) -> bool {
        self.held == self.used && self.transform == Transform::None
    }

    /// Name of the layer that the parameter belongs to.
    pub fn layer(&self) -> &str {
        self.name.rsplit_once('.').map_or(&self.name, |(layer, _)| layer)
    }

    /// What is read of the parameter: its first values along each axis. A kernel that is shrunk is read with all of its taps.
    pub fn read(&self) -> Shape {
        let mut read = self.used.clone();
        if let Transform::Shrink(_) = self.transform {
            (read[0], read[1]) = (self.held[0], self.held[1]);
        }
        read
    }

    /// What it reads of all values of its parameter, flat both.
    pub fn read_of(&self, whole: Tensor<1>) -> Tensor<1> {
        corner(whole, &self.held, &self.read())
    }

    /// The values that are seen, of what `fetch` hands out: flat, those that a view [reads](View::read). Not yet divided by a spectral
    /// norm.
    pub fn resolve<const D: usize>(&self, fetch: &mut impl FnMut(&View) -> Tensor<1>) -> Tensor<D> {
        let read: Tensor<D> = fetch(self).reshape(extents(&self.read()));
        match &self.transform {
            // The pass divides, as it has the vector.
            Transform::None | Transform::Spectral(_) => read,
            Transform::Standardise => standardise(read),
            Transform::Shrink(steps) => {
                let mut kernel = read;
                for Shrink { side, matrix } in steps {
                    kernel = match matrix {
                        Some(matrix) => shrink(kernel, *side, matrix.resolve::<2>(fetch)),
                        None => centre(kernel, *side),
                    };
                }
                kernel
            }
        }
    }

    /// The same, flat, whatever its rank, 1 to 4.
    pub fn flat(&self, fetch: &mut impl FnMut(&View) -> Tensor<1>) -> Tensor<1> {
        let count: usize = self.used.iter().product();
        match self.held.len() {
            1 => self.resolve::<1>(fetch),
            2 => self.resolve::<2>(fetch).reshape([count]),
            3 => self.resolve::<3>(fetch).reshape([count]),
            _ => self.resolve::<4>(fetch).reshape([count]),
        }
    }

    /// Moves it into `weights`, made up and of just what is seen.
    pub(crate) fn rehouse(&mut self, weights: &mut Weights) {
        *self = View::whole(weights.add_made_up(&self.name, &self.used), self.name.clone(), &self.used);
    }
}

fn standardise<const D: usize>(weight: Tensor<D>) -> Tensor<D> {
    let dims = weight.dims();
    let outputs = dims[D - 1];
    let inputs = dims.iter().product::<usize>() / outputs.max(1);
    weights::standardise(weight.reshape([1, 1, inputs, outputs])).reshape(dims)
}

/// The centre of `kernel` `[k, k, ..]`, its taps multiplied by `matrix`.
fn shrink<const D: usize>(kernel: Tensor<D>, side: usize, matrix: Tensor<2>) -> Tensor<D> {
    let mut dims = kernel.dims();
    let rest = dims[2..].iter().product::<usize>();
    let kernel = kernel.reshape([dims[0], dims[1], rest]);
    (dims[0], dims[1]) = (side, side);
    weights::kernel_transform(kernel, side, matrix).reshape(dims)
}

/// The centre of `kernel` `[k, k, ..]`.
fn centre<const D: usize>(kernel: Tensor<D>, side: usize) -> Tensor<D> {
    let dims = kernel.dims();
    let first = (dims[0] - side) / 2;
    kernel.slice::<[std::ops::Range<usize>; D]>(std::array::from_fn(|axis| {
        if axis < 2 { first..first + side } else { 0..dims[axis] }
    }))
}

/// Running statistics as a batch norm sees them: of its first channels.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StatsView {
    /// Which.
    pub stats: StatsId,
    /// Dotted name of the batch norm.
    pub name: Arc<str>,
    /// Channels that are kept.
    pub held: usize,
    /// Channels that are seen.
    pub used: usize,
}

impl StatsView {
    /// Name of the tensor of means in files.
    pub fn mean_name(&self) -> String {
        format!("{}.running_mean", self.name)
    }

    /// Name of the tensor of variances in files.
    pub fn var_name(&self) -> String {
        format!("{}.running_var", self.name)
    }

    pub(crate) fn rehouse(&mut self, weights: &mut Weights) {
        *self =
            StatsView { stats: weights.add_stats(self.name.to_string(), self.used), held: self.used, ..self.clone() };
    }
}
