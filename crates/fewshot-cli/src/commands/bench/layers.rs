//! Networks written as one function over the kernels, for spaces that the engine cannot train yet.

use burn::tensor::{Device, Tensor};
use fewshot_kernels::{self as kernels, Conv, Norm, Normed};
use fewshot_nas::nets::optim::{Optimizer, Sgd};
use fewshot_nas::nets::{Init, Leaf, Leaves, Trained, Weights};
use fewshot_nas::task::Classification;
use fewshot_nas::train::{Objective, StepRecord, TrainConfig, descend};

use super::images::{CHANNELS, SIDE};

/// The forward function of a network: images `[batch, height, width, channels]` to logits `[batch, classes]`.
pub type Forward = Box<dyn Fn(&mut Layers, Tensor<4>) -> Tensor<2>>;

/// A network and its optimizer.
pub struct Composed {
    forward: Forward,
    layers: Layers,
    optimizer: Optimizer<Sgd>,
    task: Classification,
}

impl Composed {
    /// Runs `forward` once on a single black image, which makes its weights.
    pub fn new(forward: Forward, config: &TrainConfig, device: &Device, seed: u64) -> Self {
        let mut layers = Layers::new(device, seed);
        let _ = forward(&mut layers, Tensor::zeros([1, SIDE, SIDE, CHANNELS], device));
        let optimizer = Optimizer::new(&layers.weights, config.rule(), config.limits());
        Self { forward, layers, optimizer, task: Classification { smoothing: config.label_smoothing } }
    }

    /// Trainable values.
    pub fn parameters(&self) -> u64 {
        self.layers.weights.count()
    }

    /// One training step, the update being the engine's own.
    pub fn step(&mut self, images: Tensor<4>, labels: &[u32], lr: f64) -> StepRecord {
        self.layers.begin();
        let logits = (self.forward)(&mut self.layers, images);
        let leaves = std::mem::take(&mut self.layers.leaves);
        let Self { layers, optimizer, task, .. } = self;
        let trained = Trained { logits, auxiliary: Vec::new(), leaves };
        descend(optimizer, &mut layers.weights, trained, &Objective::labels(task, labels), lr)
    }
}

/// Weights in the order in which a forward function asks for them; each is made at the first pass.
pub struct Layers {
    weights: Weights,
    /// Running mean and variance of the batch norms with an affine part, in order.
    stats: Vec<[Tensor<1>; 2]>,
    leaves: Leaves,
    stats_used: usize,
}

impl Layers {
    fn new(device: &Device, seed: u64) -> Self {
        Self { weights: Weights::new(device.clone(), seed), stats: Vec::new(), leaves: Vec::new(), stats_used: 0 }
    }

    fn begin(&mut self) {
        self.leaves.clear();
        self.stats_used = 0;
    }

    fn param<const D: usize>(&mut self, shape: [usize; D], init: Init) -> Tensor<D> {
        let index = self.leaves.len();
        if index == self.weights.params().len() {
            self.weights.add_param(format!("w{index}"), &shape, init);
        }
        let leaf = self.weights.params()[index].value.clone().autodiff().require_grad();
        self.leaves.push(Some(Leaf::whole(leaf.clone())));
        leaf.reshape(shape)
    }

    fn norm_spec(&mut self, channels: usize) -> Norm {
        let scale = self.param([channels], Init::Constant(1.0));
        let shift = self.param([channels], Init::Constant(0.0));
        Norm::batch().with_affine(scale, shift)
    }

    /// Moves the running statistics of the next batch norm, as the engine and PyTorch do in training.
    fn observe(&mut self, normed: Normed) -> Tensor<4> {
        let [batch, height, width, _] = normed.out.dims();
        let values = (batch * height * width) as f64;
        let batch = [normed.mean.inner(), normed.var.inner().mul_scalar(values / (values - 1.0).max(1.0))];
        match self.stats.get_mut(self.stats_used) {
            None => self.stats.push(batch),
            Some(stats) => {
                for (running, batch) in stats.iter_mut().zip(batch) {
                    *running = running.clone().mul_scalar(0.9).add(batch.mul_scalar(0.1));
                }
            }
        }
        self.stats_used += 1;
        normed.out
    }

    fn conv_weight(&mut self, kernel: usize, input: usize, output: usize) -> Tensor<4> {
        self.param([kernel, kernel, input, output], Init::Uniform { fan_in: kernel * kernel * input })
    }

    /// Dense convolution of `kernel`×`kernel` to `output` channels, then batch norm without affine part and running
    /// statistics, added to `sum` when there is one.
    pub fn conv_plain_norm(
        &mut self,
        x: Tensor<4>,
        kernel: usize,
        output: usize,
        conv: Conv,
        sum: Option<Tensor<4>>,
    ) -> Tensor<4> {
        let weight = self.conv_weight(kernel, x.dims()[3], output);
        kernels::conv_bn(x, weight, conv, Norm::batch(), sum).out
    }

    /// The same with a full batch norm.
    pub fn conv_norm(
        &mut self,
        x: Tensor<4>,
        kernel: usize,
        output: usize,
        conv: Conv,
        sum: Option<Tensor<4>>,
    ) -> Tensor<4> {
        let weight = self.conv_weight(kernel, x.dims()[3], output);
        let norm = self.norm_spec(output);
        let normed = kernels::conv_bn(x, weight, conv, norm, sum);
        self.observe(normed)
    }

    /// Full batch norm alone.
    pub fn norm(&mut self, x: Tensor<4>) -> Tensor<4> {
        let norm = self.norm_spec(x.dims()[3]);
        let normed = kernels::batch_norm(x, norm);
        self.observe(normed)
    }

    /// Depthwise convolution of `kernel`×`kernel`.
    pub fn depthwise(&mut self, x: Tensor<4>, kernel: usize, conv: Conv) -> Tensor<4> {
        let weight = self.param([kernel, kernel, x.dims()[3]], Init::Uniform { fan_in: kernel * kernel });
        kernels::depthwise_conv2d(x, weight, conv)
    }

    /// Linear layer to `output` values, with bias.
    pub fn linear(&mut self, x: Tensor<2>, output: usize) -> Tensor<2> {
        let init = Init::Uniform { fan_in: x.dims()[1] };
        let weight = self.param([x.dims()[1], output], init);
        let bias = self.param([output], init);
        kernels::linear(x, weight, bias)
    }

    /// 1×1 convolution to `output` channels without bias and without batch norm.
    pub fn pointwise(&mut self, x: Tensor<4>, output: usize) -> Tensor<4> {
        let weight = self.conv_weight(1, x.dims()[3], output);
        kernels::conv2d(x, weight, Conv::same(1))
    }
}
