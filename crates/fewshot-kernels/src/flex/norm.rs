//! Batch norm on `Flex`.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn_flex::FlexTensor;

use super::parts::NormParts;
use super::tensors::{dims, vector};
use crate::kernels::fused::OutputGradient;
use crate::kernels::moments::Moments;
use crate::kernels::norm::{self, Added, Fold, Repeated};
use crate::memory::{Buffer, contiguous, elements, elements_mut};
use crate::simd::{Level, level};

/// The parts of a batch norm, read out of their tensors.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub scale: Option<Vec<f32>>,
    pub shift: Option<Vec<f32>>,
    /// Mean and variance from outside.
    pub fixed: Option<[Vec<f32>; 2]>,
    pub eps: f32,
}

fn values(tensor: FlexTensor) -> Vec<f32> {
    elements(&contiguous(tensor)).to_vec()
}

impl Settings {
    pub(super) fn new(
        scale: Option<FlexTensor>,
        shift: Option<FlexTensor>,
        mean: Option<FlexTensor>,
        var: Option<FlexTensor>,
        eps: f32,
    ) -> Self {
        Self {
            scale: scale.map(values),
            shift: shift.map(values),
            fixed: mean.zip(var).map(|(mean, var)| [values(mean), values(var)]),
            eps,
        }
    }

    pub(super) fn from_parts(parts: NormParts<Flex>, eps: f32) -> Self {
        Self::new(
            parts.scale.into_option(),
            parts.shift.into_option(),
            parts.mean.into_option(),
            parts.var.into_option(),
            eps,
        )
    }
}

/// One application of batch norm: its statistics and factors.
#[derive(Debug, Clone)]
pub(super) struct Applied {
    pub mean: Vec<f32>,
    pub var: Vec<f32>,
    /// `1 / sqrt(var + eps)`.
    rstd: Vec<f32>,
    scale: Option<Vec<f32>>,
    shift: Option<Vec<f32>>,
    /// Whether the statistics are the batch's own.
    own: bool,
}

fn singles(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}

impl Applied {
    /// From the batch's moments, or without them from the statistics given.
    pub(super) fn new(settings: Settings, moments: Option<Moments>) -> Self {
        let Settings { scale, shift, fixed, eps } = settings;
        let rstd = |var: f64| (1.0 / (var + f64::from(eps)).sqrt()) as f32;
        let (own, mean, var, rstd) = match (fixed, moments) {
            (Some([mean, var]), _) => {
                let rstd = var.iter().map(|var| rstd(f64::from(*var))).collect();
                (false, mean, var, rstd)
            }
            (None, Some(Moments { mean, var })) => {
                let rstd = var.iter().map(|var| rstd(*var)).collect();
                (true, singles(&mean), singles(&var), rstd)
            }
            (None, None) => (true, Vec::new(), Vec::new(), Vec::new()),
        };
        Self { mean, var, rstd, scale, shift, own }
    }

    fn scale(&self, channel: usize) -> f32 {
        self.scale.as_ref().map_or(1.0, |scale| scale[channel])
    }

    /// Factor and constant of each channel: `out = factor * y + constant`.
    pub(super) fn factors(&self) -> [Repeated; 2] {
        let factors: Vec<f32> = (0..self.rstd.len()).map(|c| self.rstd[c] * self.scale(c)).collect();
        let constants: Vec<f32> = (0..self.rstd.len())
            .map(|c| {
                let shift = self.shift.as_ref().map_or(0.0, |shift| shift[c]);
                // In one rounding: the product may be large and nearly cancel.
                (f64::from(shift) - f64::from(self.mean[c]) * f64::from(factors[c])) as f32
            })
            .collect();
        [Repeated::new(&factors), Repeated::new(&constants)]
    }

    /// `y = normalise(y) + add` in place.
    pub(super) fn normalise_in_place(&self, level: Level, y: &mut [f32], image: usize, add: Option<&[f32]>) {
        let [by_a, constant] = self.factors();
        norm::scale(level, None, &by_a, &constant, add.map_or(Added::Nothing, Added::Other), y, image);
    }

    /// `to = normalise(y)`.
    pub(super) fn write(&self, level: Level, y: &[f32], to: &mut [f32], image: usize) {
        let [by_a, constant] = self.factors();
        norm::scale(level, Some(y), &by_a, &constant, Added::Nothing, to, image);
    }

    /// `out = normalise(y) + add`, into the buffer of `add` where nothing else holds it.
    pub(super) fn normalise(&self, level: Level, y: &[f32], dims: [usize; 4], add: Option<FlexTensor>) -> FlexTensor {
        let [by_a, constant] = self.factors();
        let image = dims[1] * dims[2] * dims[3];
        let run = |added: Added<'_>, to: &mut [f32]| {
            norm::scale(level, Some(y), &by_a, &constant, added, to, image);
        };
        match add.map(contiguous) {
            None => {
                let mut out = Buffer::new(y.len());
                run(Added::Nothing, &mut out);
                out.into_tensor(dims)
            }
            Some(mut add) => {
                if let Some(to) = elements_mut(&mut add) {
                    run(Added::Target, to);
                    return add;
                }
                let mut out = Buffer::new(y.len());
                run(Added::Other(elements(&add)), &mut out);
                out.into_tensor(dims)
            }
        }
    }

    /// The way of the gradient back: through the normalisation, with the gradients of scale and
    /// shift.
    pub(super) fn backward(&self, level: Level, g: &[f32], y: &[f32], image: usize) -> Back {
        let channels = self.mean.len();
        let sums = norm::gradient_sums(level, g, y, &self.mean, image);
        let count = (g.len() / channels.max(1)) as f64;
        let (mut by_g, mut by_y, mut constant) = (Vec::new(), Vec::new(), Vec::new());
        let (mut scale, mut shift) = (Vec::new(), Vec::new());
        for (c, [sum, product]) in sums.into_iter().enumerate() {
            let rstd = f64::from(self.rstd[c]);
            let factor = rstd * f64::from(self.scale(c));
            scale.push((product * rstd) as f32);
            shift.push(sum as f32);
            // dy = factor * (g - mean(g) - (y - mean) * rstd^2 * mean(g * (y - mean)))
            let slope = -factor * rstd * rstd * product / count;
            by_g.push(factor as f32);
            by_y.push(slope as f32);
            constant.push((-factor * sum / count - slope * f64::from(self.mean[c])) as f32);
        }
        Back {
            own: self.own,
            zero: Repeated::new(&vec![0.0; channels]),
            fold: Fold { by_a: Repeated::new(&by_g), by_b: Repeated::new(&by_y), constant: Repeated::new(&constant) },
            scale,
            shift,
        }
    }

    /// The statistics as tensors.
    pub(super) fn statistics(&self) -> (FlexTensor, FlexTensor) {
        (vector(&self.mean), vector(&self.var))
    }
}

/// The gradient's way through one batch norm.
pub(super) struct Back {
    own: bool,
    zero: Repeated,
    fold: Fold,
    /// Gradient of the scale.
    pub scale: Vec<f32>,
    /// Gradient of the shift.
    pub shift: Vec<f32>,
}

impl Back {
    /// The gradient of the input, to be computed where it is used.
    pub(super) fn gradient<'a>(&'a self, g: &'a [f32], y: &'a [f32]) -> OutputGradient<'a> {
        if self.own {
            OutputGradient::Normed { g, y, fold: &self.fold }
        } else {
            OutputGradient::Scaled { g, by_g: &self.fold.by_a, zero: &self.zero }
        }
    }

    /// `to` = the gradient of the input.
    pub(super) fn input(&self, level: Level, g: &[f32], y: &[f32], to: &mut [f32], image: usize) {
        if self.own {
            norm::combine_batch(level, g, y, &self.fold, to, image);
        } else {
            let by_g = &self.fold.by_a;
            norm::scale(level, Some(g), by_g, &self.zero, Added::Nothing, to, image);
        }
    }
}

/// Forward pass: the output and what was applied.
pub(super) fn forward(x: &FlexTensor, settings: Settings) -> (FlexTensor, Applied) {
    let level = level();
    let dims = dims::<4>(x);
    let x = elements(x);
    let image = dims[1] * dims[2] * dims[3];
    let moments = settings.fixed.is_none().then(|| norm::moments(level, x, image, dims[3]));
    let applied = Applied::new(settings, moments);
    (applied.normalise(level, x, dims, None), applied)
}

/// Gradient of batch norm with respect to input, scale and shift.
#[derive(Debug)]
pub(super) struct BatchNormBackward;

impl Backward<Flex, 3> for BatchNormBackward {
    type State = (FlexTensor, Applied);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [node_x, node_scale, node_shift] = ops.parents;
        let (x, applied) = ops.state;
        let g = contiguous(grads.consume::<Flex>(&ops.node));
        let level = level();
        let dims = dims::<4>(&x);
        let image = dims[1] * dims[2] * dims[3];
        let back = applied.backward(level, elements(&g), elements(&x), image);
        if let Some(node) = node_scale {
            grads.register::<Flex>(node.id, vector(&back.scale));
        }
        if let Some(node) = node_shift {
            grads.register::<Flex>(node.id, vector(&back.shift));
        }
        if let Some(node) = node_x {
            let mut dx = Buffer::new(elements(&x).len());
            back.input(level, elements(&g), elements(&x), &mut dx, image);
            grads.register::<Flex>(node.id, dx.into_tensor(dims));
        }
    }
}
