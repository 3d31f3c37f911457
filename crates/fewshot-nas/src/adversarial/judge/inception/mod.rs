//! The real Inception v3 as the network that judges images, from weights that the user has.

mod blocks;
mod form;
mod input;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use fewshot_data::Shape;
use fewshot_fid::softmax;
use fewshot_kernels::{self as kernels, Conv};
use serde::{Deserialize, Serialize};

use self::blocks::{Block, Layer, Step, blocks};
pub use self::form::Form;
use self::input::{CHANNELS, SIDE, enlarged};
use super::feature_net::{FeatureNet, Looks};
use crate::adversarial::error::GanError;
use crate::nets::to_vec;
use crate::run::{Checkpoint, TensorF32};

/// Numbers per image.
const FEATURES: usize = 2048;
/// Images that go through it together: a batch of eight takes some 300 MB.
const BATCH: usize = 8;
/// Most classes that a file may say.
const MOST_CLASSES: usize = 100_000;
/// What the file calls itself.
const NETWORK: &str = "inception-v3";

/// What the file of its weights says of itself; `tools/inception.py` writes such files from PyTorch's state dicts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    network: String,
    form: Form,
    classes: usize,
}

/// A convolution's weights, with those of the batch norm behind it multiplied in.
#[derive(Debug)]
struct Weights {
    /// `[height, width, channels in, channels out]`.
    kernel: Tensor<4>,
    bias: Tensor<1>,
}

/// Inception v3 (Szegedy et al. 2016, <https://arxiv.org/abs/1512.00567>).
#[derive(Debug)]
pub struct Inception {
    form: Form,
    classes: usize,
    digest: String,
    blocks: Vec<Block>,
    weights: BTreeMap<String, Weights>,
    /// `[features, classes]`.
    last: Tensor<2>,
    last_bias: Tensor<1>,
    device: Device,
}

impl Inception {
    /// Whether a file says that it is one.
    pub fn is_one(checkpoint: &Checkpoint) -> bool {
        checkpoint.meta.get("network").is_some_and(|name| name == NETWORK)
    }

    /// Takes and checks weights that were read; `digest` is that of their file.
    ///
    /// # Errors
    /// [`GanError::Checkpoint`] naming the file and the tensor that is missing or of another shape.
    pub fn new(mut checkpoint: Checkpoint, digest: String, device: &Device) -> Result<Self, GanError> {
        let Facts { form, classes, .. } = checkpoint.meta()?;
        if classes == 0 || classes > MOST_CLASSES {
            return Err(GanError::Inception(format!("it says {classes} classes")));
        }
        let mut take = |name: &str, shape: &[usize]| -> Result<TensorData, GanError> {
            let tensor: TensorF32 = checkpoint.take(name, shape)?;
            if !tensor.data().iter().all(|value| value.is_finite()) {
                return Err(GanError::Inception(format!("tensor `{name}` holds NaN or infinity")));
            }
            Ok(TensorData::new(tensor.into_data(), shape.to_vec()))
        };
        let blocks = blocks();
        let mut weights = BTreeMap::new();
        for (block, layer) in
            blocks.iter().flat_map(|block| block.layers().into_iter().map(move |layer| (block, layer)))
        {
            let name = block.full_name(&layer);
            let [height, width] = layer.kernel;
            let shape = [height, width, layer.channels_in, layer.channels_out];
            let kernel = Tensor::from_data(take(&format!("{name}.weight"), &shape)?, device);
            let bias = Tensor::from_data(take(&format!("{name}.bias"), &[layer.channels_out])?, device);
            weights.insert(name, Weights { kernel, bias });
        }
        let last = Tensor::from_data(take("fc.weight", &[FEATURES, classes])?, device);
        let mut last_bias = Tensor::from_data(take("fc.bias", &[classes])?, device);
        if !form.has_bias() {
            last_bias = last_bias.zeros_like();
        }
        checkpoint.finish()?;
        Ok(Self { form, classes, digest, blocks, weights, last, last_bias, device: device.clone() })
    }

    /// Calls `seen` with the name and the output of each block, `[1, height, width, channels]`, for one image of bytes
    /// `[height, width, 3]`; to compare with other programs.
    ///
    /// # Errors
    /// [`GanError::OtherImages`] for other images.
    pub fn trace(&self, image: &[u8], shape: Shape, mut seen: impl FnMut(&str, &Tensor<4>)) -> Result<(), GanError> {
        let mut x = self.input(image, shape)?;
        seen("input", &x);
        for block in &self.blocks {
            x = self.block(block, x);
            seen(block.label(), &x);
        }
        Ok(())
    }

    fn input(&self, images: &[u8], shape: Shape) -> Result<Tensor<4>, GanError> {
        if ![1, CHANNELS].contains(&shape.channels) || shape.bytes() == 0 || images.is_empty() {
            let expected = String::from("images of 1 or 3 channels, whatever their height and width");
            return Err(GanError::OtherImages { found: shape.to_string(), expected });
        }
        let dims = [images.len() / shape.bytes(), SIDE, SIDE, CHANNELS];
        Ok(Tensor::from_data(TensorData::new(enlarged(images, shape, self.form), dims), &self.device))
    }

    fn block(&self, block: &Block, x: Tensor<4>) -> Tensor<4> {
        let branch = |steps: &Vec<Step>| steps.iter().fold(x.clone(), |x, step| self.step(block, step, x));
        let mut outputs: Vec<Tensor<4>> = block.branches.iter().map(branch).collect();
        match outputs.len() {
            1 => outputs.remove(0),
            _ => kernels::concat(outputs),
        }
    }

    fn step(&self, block: &Block, step: &Step, x: Tensor<4>) -> Tensor<4> {
        match step {
            Step::Conv(layer) => self.conv(block, layer, x),
            Step::Fork(one, other) => {
                kernels::concat(vec![self.conv(block, one, x.clone()), self.conv(block, other, x)])
            }
            Step::AverageOrLargest if self.form == Form::Tensorflow => kernels::max_pool2d(x, 3, 1, 1),
            Step::Average | Step::AverageOrLargest => self.average(x),
            Step::Reduce => kernels::max_pool2d(x, 3, 2, 0),
        }
    }

    fn conv(&self, block: &Block, layer: &Layer, x: Tensor<4>) -> Tensor<4> {
        let weights = &self.weights[&block.full_name(layer)];
        let [height, width] = layer.kernel;
        let (kernel, bias) = (weights.kernel.clone(), weights.bias.clone());
        let [images, rows, columns, _] = x.dims();
        let padding = if layer.is_padded { height.max(width) / 2 } else { 0 };
        let geometry = Conv::valid().with_stride(layer.stride).with_padding(padding);
        let mut y = kernels::conv2d_bias(x, kernel, bias, geometry);
        if height != width {
            // Zeros are added on every side: what they alone made along the short side goes.
            let (top, left) = (padding - height / 2, padding - width / 2);
            y = y.slice([0..images, top..top + rows, left..left + columns, 0..layer.channels_out]);
        }
        kernels::relu(y)
    }

    /// Mean of 3x3 pixels around each.
    fn average(&self, x: Tensor<4>) -> Tensor<4> {
        let [_, rows, columns, _] = x.dims();
        let inside = kernels::avg_pool2d(x, 3, 1, 1);
        match self.form {
            Form::Tensorflow => inside,
            // Zeros beyond the edge count there.
            Form::Torchvision => {
                let count = |at: usize, size: usize| (at.min(1) + (size - 1 - at).min(1) + 1) as f32;
                let share = |row: usize, column: usize| count(row, rows) * count(column, columns) / 9.0;
                let shares: Vec<f32> =
                    (0..rows).flat_map(|row| (0..columns).map(move |column| share(row, column))).collect();
                inside * Tensor::<4>::from_data(TensorData::new(shares, [1, rows, columns, 1]), &self.device)
            }
        }
    }
}

impl FeatureNet for Inception {
    fn names(&self) -> [&'static str; 2] {
        self.form.names()
    }

    fn digest(&self) -> &str {
        &self.digest
    }

    fn features(&self) -> usize {
        FEATURES
    }

    fn classes(&self) -> usize {
        self.classes
    }

    fn look(&mut self, images: &[u8], shape: Shape) -> Result<Looks, GanError> {
        let mut looks = Looks::default();
        for images in images.chunks(shape.bytes().max(1) * BATCH) {
            let input = self.input(images, shape)?;
            let (features, logits) = kernels::on_kernel_threads(|| {
                let pooled = self.blocks.iter().fold(input, |x, block| self.block(block, x));
                let features = kernels::global_avg_pool(pooled);
                let logits = kernels::linear(features.clone(), self.last.clone(), self.last_bias.clone());
                (features, logits)
            });
            looks.features.extend(to_vec(&features));
            looks.probabilities.extend(softmax(&to_vec(&logits), self.classes)?);
        }
        Ok(looks)
    }
}
