//! One forward pass: hands layers their weights, and decides which statistics batch norms use.

use burn::tensor::Tensor;
use fewshot_kernels::{self as kernels, Conv, Norm, Normed, Stats};

use super::layers::{ConvLayer, DepthwiseLayer, EPS, LinearLayer, MOMENTUM, NormLayer, ReluConvNorm};
use super::memo::Memo;
use super::weights::{ParamId, Weights};

/// Which mean and variance the batch norms of a pass use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormMode {
    /// Those of the batch; running statistics move towards them. For training.
    Train,
    /// Those of the batch; nothing is kept.
    Batch,
    /// Running statistics; batch norms without them use the batch.
    Running,
    /// Those of the batch, which are also averaged into a [`Calibration`].
    Collect,
    /// Those of the [`Calibration`].
    Calibrated,
}

/// Statistics of every batch norm on one path, averaged over some training batches: mean of batch means, and mean of
/// the (biased) variances within batches, both weighted by batch size; the rule of Once-for-All.
#[derive(Debug, Clone, Default)]
pub struct Calibration {
    entries: Vec<Option<CalibrationEntry>>,
}

#[derive(Debug, Clone)]
struct CalibrationEntry {
    mean: Tensor<1>,
    var: Tensor<1>,
    images: f64,
}

impl Calibration {
    #[cfg(test)]
    pub(super) fn variance(&self, index: usize) -> Vec<f32> {
        self.entries[index].as_ref().map(|entry| super::to_vec(&entry.var)).unwrap_or_default()
    }

    fn observe(&mut self, Observation { index, mean, var, images }: Observation) {
        if self.entries.len() <= index {
            self.entries.resize(index + 1, None);
        }
        self.entries[index] = Some(match self.entries[index].take() {
            None => CalibrationEntry { mean, var, images },
            Some(old) => {
                let total = old.images + images;
                CalibrationEntry {
                    mean: blend(old.mean, mean, images / total),
                    var: blend(old.var, var, images / total),
                    images: total,
                }
            }
        });
    }
}

/// What one batch norm saw of one batch.
#[derive(Debug, Clone)]
pub(super) struct Observation {
    /// Position of the batch norm in the network.
    index: usize,
    mean: Tensor<1>,
    var: Tensor<1>,
    images: f64,
}

/// `(1 − share)·old + share·new`.
fn blend(old: Tensor<1>, new: Tensor<1>, share: f64) -> Tensor<1> {
    old.mul_scalar(1.0 - share).add(new.mul_scalar(share))
}

/// A forward pass over one network.
pub struct Pass<'a> {
    weights: &'a mut Weights,
    mode: NormMode,
    calibration: Option<&'a mut Calibration>,
    /// Tracked copies of the parameters used so far, so that their gradients can be fetched; training only.
    leaves: Option<Vec<Option<Tensor<1>>>>,
    memo: Option<&'a mut Memo>,
    /// What went into the calibration so far, to go into those of other architectures too; with a memo only.
    seen: Vec<Observation>,
}

impl<'a> Pass<'a> {
    /// A pass whose parameters collect gradients, with batch statistics.
    pub fn train(weights: &'a mut Weights) -> Self {
        let leaves = Some(vec![None; weights.params.len()]);
        Self { weights, mode: NormMode::Train, calibration: None, leaves, memo: None, seen: Vec::new() }
    }

    /// A training pass whose parameters collect no gradients: only what else is tracked does.
    pub fn train_frozen(weights: &'a mut Weights) -> Self {
        Self { leaves: None, ..Self::train(weights) }
    }

    /// A pass that builds no graph. `Collect` and `Calibrated` need a calibration.
    /// It takes what `memo` has of other architectures, and leaves there what it computes.
    pub fn score(
        weights: &'a mut Weights,
        mode: NormMode,
        calibration: Option<&'a mut Calibration>,
        memo: Option<&'a mut Memo>,
    ) -> Self {
        Self { weights, mode, calibration, leaves: None, memo, seen: Vec::new() }
    }

    /// Whether feature maps are kept for other architectures: [`Pass::memo`] then saves work, and costs memory.
    pub fn has_memo(&self) -> bool {
        self.memo.is_some()
    }

    /// The value of `compute`, from an earlier architecture where it is known.
    ///
    /// `key` must say all that the value depends on besides the weights and the images: the same key, the same
    /// operations of the same layers on the same inputs. Without a memo this is `compute` alone.
    pub fn memo(&mut self, key: &[u8], compute: impl FnOnce(&mut Self) -> Tensor<4>) -> Tensor<4> {
        if let Some(memo) = self.memo.as_mut()
            && let Some((value, seen)) = memo.get(key)
        {
            let seen = seen.to_vec();
            seen.into_iter().for_each(|observation| self.record(observation));
            return value;
        }
        let before = self.seen.len();
        let value = compute(self);
        if let Some(memo) = &mut self.memo {
            memo.put(key, value.clone(), self.seen[before..].to_vec());
        }
        value
    }

    fn record(&mut self, observation: Observation) {
        if self.memo.is_some() {
            self.seen.push(observation.clone());
        }
        if let Some(calibration) = &mut self.calibration {
            calibration.observe(observation);
        }
    }

    /// Ends a training pass: the tracked leaf of every parameter that it used, by index.
    pub fn into_leaves(self) -> Vec<Option<Tensor<1>>> {
        self.leaves.unwrap_or_default()
    }

    fn param<const D: usize>(&mut self, id: ParamId, shape: [usize; D]) -> Tensor<D> {
        let value = &self.weights.params[id.0].value;
        let flat = match &mut self.leaves {
            None => value.clone(),
            Some(leaves) => leaves[id.0].get_or_insert_with(|| value.clone().autodiff().require_grad()).clone(),
        };
        flat.reshape(shape)
    }

    /// The first `used` values per axis of a parameter of shape `held`.
    fn part<const D: usize>(&mut self, id: ParamId, held: [usize; D], used: [usize; D]) -> Tensor<D> {
        let whole = self.param(id, held);
        if held == used { whole } else { whole.slice(used.map(|extent| 0..extent)) }
    }

    fn norm_spec(&mut self, layer: &NormLayer) -> Norm {
        let affine = layer
            .affine
            .map(|(scale, shift)| (self.param(scale, [layer.channels]), self.param(shift, [layer.channels])));
        let fixed = match self.mode {
            NormMode::Train | NormMode::Batch | NormMode::Collect => None,
            NormMode::Running => layer.stats.map(|id| {
                let stats = &self.weights.stats[id.0];
                (stats.mean.clone(), stats.var.clone())
            }),
            NormMode::Calibrated => self
                .calibration
                .as_ref()
                .and_then(|c| c.entries.get(layer.index)?.as_ref())
                .map(|entry| (entry.mean.clone(), entry.var.clone())),
        };
        let stats = match fixed {
            Some((mean, var)) => Stats::Fixed { mean, var },
            None => Stats::Batch,
        };
        Norm { affine, stats, eps: EPS }
    }

    fn observe(&mut self, layer: &NormLayer, normed: &Normed) {
        let [batch, height, width, _] = normed.out.dims();
        match (self.mode, layer.stats) {
            (NormMode::Train, Some(id)) => {
                let values = (batch * height * width) as f64;
                // PyTorch normalises with the biased variance but keeps the unbiased one.
                let unbiased = normed.var.clone().inner().mul_scalar(values / (values - 1.0).max(1.0));
                let stats = &mut self.weights.stats[id.0];
                stats.mean = blend(stats.mean.clone(), normed.mean.clone().inner(), MOMENTUM);
                stats.var = blend(stats.var.clone(), unbiased, MOMENTUM);
            }
            (NormMode::Collect, _) => {
                let (mean, var) = (normed.mean.clone().inner(), normed.var.clone().inner());
                self.record(Observation { index: layer.index, mean, var, images: batch as f64 });
            }
            _ => {}
        }
    }

    /// Convolution alone. `[batch, height, width, in]` → `[batch, ⌈height/stride⌉, ⌈width/stride⌉, out]`.
    pub fn conv(&mut self, layer: &ConvLayer, x: Tensor<4>) -> Tensor<4> {
        let weight = self.part(layer.weight, layer.held, layer.shape);
        kernels::conv2d(x, weight, geometry(layer, false))
    }

    /// Depthwise convolution alone, of `max(x, 0)` where `relu` is set: every channel by itself.
    /// `[batch, height, width, channels]` → `[batch, ⌈height/stride⌉, ⌈width/stride⌉, channels]`.
    pub fn depthwise(&mut self, layer: &DepthwiseLayer, x: Tensor<4>, relu: bool) -> Tensor<4> {
        let weight = self.part(layer.weight, layer.held, layer.shape);
        let conv = Conv { stride: layer.stride, padding: layer.shape[0] / 2, dilation: 1, relu_input: relu };
        kernels::depthwise_conv2d(x, weight, conv)
    }

    /// Convolution → batch norm, without a ReLU before it (the stem).
    pub fn conv_norm(&mut self, conv: &ConvLayer, norm: &NormLayer, x: Tensor<4>) -> Tensor<4> {
        self.fused(conv, norm, x, false, None)
    }

    /// ReLU → convolution → batch norm, added to `sum` when there is one.
    pub fn relu_conv_norm(&mut self, layer: &ReluConvNorm, x: Tensor<4>, sum: Option<Tensor<4>>) -> Tensor<4> {
        self.fused(&layer.conv, &layer.norm, x, true, sum)
    }

    fn fused(
        &mut self,
        conv: &ConvLayer,
        norm: &NormLayer,
        x: Tensor<4>,
        relu: bool,
        sum: Option<Tensor<4>>,
    ) -> Tensor<4> {
        let weight = self.part(conv.weight, conv.held, conv.shape);
        let spec = self.norm_spec(norm);
        let normed = kernels::conv_bn(x, weight, geometry(conv, relu), spec, sum);
        self.observe(norm, &normed);
        normed.out
    }

    /// [`Pass::relu_conv_norm`] whose output is turned into `scale · output + shift`, both `[1]`, before it is added to
    /// `sum`. The batch norm does that on the way, so that a weighed convolution costs no more than a plain one.
    pub fn weighed_conv(
        &mut self,
        layer: &ReluConvNorm,
        x: Tensor<4>,
        scale: &Tensor<1>,
        shift: Option<&Tensor<1>>,
        sum: Option<Tensor<4>>,
    ) -> Tensor<4> {
        let weight = self.part(layer.conv.weight, layer.conv.held, layer.conv.shape);
        let mut spec = self.norm_spec(&layer.norm);
        let (scale, shift) = self.per_channel(layer.norm.channels, scale, shift);
        spec.affine = Some(match spec.affine {
            None => (scale, shift),
            Some((own, offset)) => (own * scale.clone(), offset * scale + shift),
        });
        let normed = kernels::conv_bn(x, weight, geometry(&layer.conv, true), spec, sum);
        self.observe(&layer.norm, &normed);
        normed.out
    }

    /// `scale · x + shift`, both `[1]`: a batch norm of mean 0 and variance 1 is just that, and its gradients are tested.
    pub fn weighed(&self, x: Tensor<4>, scale: &Tensor<1>, shift: Option<&Tensor<1>>) -> Tensor<4> {
        let [.., channels] = x.dims();
        let (mean, var) = (self.filled(0.0, channels), self.filled(1.0, channels));
        let affine = Some(self.per_channel(channels, scale, shift));
        kernels::batch_norm(x, Norm { affine, stats: Stats::Fixed { mean, var }, eps: 0.0 }).out
    }

    fn per_channel(&self, channels: usize, scale: &Tensor<1>, shift: Option<&Tensor<1>>) -> (Tensor<1>, Tensor<1>) {
        let shift = shift.map_or_else(|| self.filled(0.0, channels), |shift| shift.clone().expand([channels]));
        (scale.clone().expand([channels]), shift)
    }

    fn filled(&self, value: f32, channels: usize) -> Tensor<1> {
        super::tensor(vec![value; channels], self.weights.device())
    }

    /// Batch norm alone.
    pub fn norm(&mut self, layer: &NormLayer, x: Tensor<4>) -> Tensor<4> {
        let spec = self.norm_spec(layer);
        let normed = kernels::batch_norm(x, spec);
        self.observe(layer, &normed);
        normed.out
    }

    /// Linear layer with bias. `[batch, in]` → `[batch, out]`.
    pub fn linear(&mut self, layer: &LinearLayer, x: Tensor<2>) -> Tensor<2> {
        let weight = self.part(layer.weight, layer.held, layer.shape);
        let bias = self.param(layer.bias, [layer.shape[1]]);
        kernels::linear(x, weight, bias)
    }
}

fn geometry(layer: &ConvLayer, relu_input: bool) -> Conv {
    Conv { stride: layer.stride, padding: layer.shape[0] / 2, dilation: 1, relu_input }
}
