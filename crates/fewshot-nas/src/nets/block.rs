//! The calls that a network is run by, as things that can be timed one by one.

use std::fmt;

use burn::tensor::{Device, Tensor};
use fewshot_kernels::{self as kernels, Conv, Norm, Stats};

use super::graph::Window;
use super::layers::EPS;

/// One call of a kernel on one image: what it does, and the height, width and channels that it reads.
///
/// Its text is its name: blocks of one name take as long as each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What is called.
    pub call: Call,
    /// Height, width and channels of the input.
    pub input: [usize; 3],
}

/// What a [`Block`] does, in one pass over its input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// A convolution, and what is done on the way.
    Conv {
        /// Side of the kernel; the padding keeps the size at stride 1.
        kernel: usize,
        /// Channels out.
        output: usize,
        /// Step between windows.
        stride: usize,
        /// Whether `max(x, 0)` is read in place of `x`.
        relu: bool,
        /// Whether a batch norm follows.
        norm: bool,
        /// Whether the result is added to another feature map.
        add: bool,
    },
    /// A depthwise convolution.
    Depthwise {
        /// Side of the kernel; the padding keeps the size at stride 1.
        kernel: usize,
        /// Step between windows.
        stride: usize,
        /// Whether `max(x, 0)` is read in place of `x`.
        relu: bool,
    },
    /// Batch norm alone.
    Norm,
    /// `max(x, 0)`.
    Relu,
    /// Sum of two feature maps.
    Add,
    /// Average pool.
    AvgPool(Window),
    /// Max pool.
    MaxPool(Window),
    /// Zero channels, appended.
    PadChannels {
        /// Channels out.
        channels: usize,
    },
    /// A feature map of zeros.
    Zeros,
    /// Mean over height and width.
    GlobalAvgPool,
    /// Linear layer.
    Linear {
        /// Values out.
        output: usize,
    },
}

/// `relu conv3x3 norm add 8 of 16x16x8`, `avg_pool3x3/1 of 16x16x8`.
impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [height, width, channels] = self.input;
        match &self.call {
            Call::Conv { kernel, output, stride, relu, norm, add } => {
                let [relu, norm, add] = [(*relu, "relu "), (*norm, " norm"), (*add, " add")]
                    .map(|(is_there, word)| if is_there { word } else { "" });
                let stride = if *stride > 1 { format!("/{stride}") } else { String::new() };
                write!(f, "{relu}conv{kernel}x{kernel}{stride}{norm}{add} {output}")?;
            }
            Call::Depthwise { kernel, stride, relu } => {
                let relu = if *relu { "relu " } else { "" };
                write!(f, "{relu}depthwise{kernel}x{kernel}/{stride}")?;
            }
            Call::Norm => write!(f, "norm")?,
            Call::Relu => write!(f, "relu")?,
            Call::Add => write!(f, "add")?,
            Call::AvgPool(Window { kernel, stride, .. }) => write!(f, "avg_pool{kernel}x{kernel}/{stride}")?,
            Call::MaxPool(Window { kernel, stride, .. }) => write!(f, "max_pool{kernel}x{kernel}/{stride}")?,
            Call::PadChannels { channels } => write!(f, "pad {channels}")?,
            Call::Zeros => write!(f, "zeros")?,
            Call::GlobalAvgPool => write!(f, "global_avg_pool")?,
            Call::Linear { output } => write!(f, "linear {output}")?,
        }
        write!(f, " of {height}x{width}x{channels}")
    }
}

impl Block {
    /// The call itself on made-up values, ready to be made again and again.
    pub fn ready(&self, device: &Device) -> Box<dyn FnMut()> {
        let [height, width, channels] = self.input;
        let map = |channels: usize| values(height * width * channels, device).reshape([1, height, width, channels]);
        let x = map(channels);
        match self.call.clone() {
            Call::Conv { kernel, output, stride, relu, norm, add } => {
                let weight = values(kernel * kernel * channels * output, device);
                let weight = weight.reshape([kernel, kernel, channels, output]);
                let conv = Conv { stride, padding: kernel / 2, dilation: 1, relu_input: relu };
                let norm = norm.then(|| fixed_norm(output, device));
                let (height, width) = (height.div_ceil(stride), width.div_ceil(stride));
                let sum = add.then(|| values(height * width * output, device).reshape([1, height, width, output]));
                Box::new(move || {
                    let _out = match &norm {
                        Some(norm) => kernels::conv_bn(x.clone(), weight.clone(), conv, norm.clone(), sum.clone()).out,
                        None => kernels::conv2d(x.clone(), weight.clone(), conv),
                    };
                })
            }
            Call::Depthwise { kernel, stride, relu } => {
                let weight = values(kernel * kernel * channels, device).reshape([kernel, kernel, channels]);
                let conv = Conv { stride, padding: kernel / 2, dilation: 1, relu_input: relu };
                Box::new(move || drop(kernels::depthwise_conv2d(x.clone(), weight.clone(), conv)))
            }
            Call::Norm => {
                let norm = fixed_norm(channels, device);
                Box::new(move || drop(kernels::batch_norm(x.clone(), norm.clone())))
            }
            Call::Relu => Box::new(move || drop(kernels::relu(x.clone()))),
            Call::Add => {
                let other = map(channels);
                Box::new(move || drop(kernels::add(x.clone(), other.clone())))
            }
            Call::AvgPool(Window { kernel, stride, padding }) => {
                Box::new(move || drop(kernels::avg_pool2d(x.clone(), kernel, stride, padding)))
            }
            Call::MaxPool(Window { kernel, stride, padding }) => {
                Box::new(move || drop(kernels::max_pool2d(x.clone(), kernel, stride, padding)))
            }
            Call::PadChannels { channels } => Box::new(move || drop(kernels::pad_channels(x.clone(), channels))),
            Call::Zeros => Box::new(move || drop(x.zeros_like())),
            Call::GlobalAvgPool => Box::new(move || drop(kernels::global_avg_pool(x.clone()))),
            Call::Linear { output } => {
                let x = x.reshape([1, channels]);
                let weight = values(channels * output, device).reshape([channels, output]);
                let bias = values(output, device);
                Box::new(move || drop(kernels::linear(x.clone(), weight.clone(), bias.clone())))
            }
        }
    }
}

/// Values of both signs, none of them so small that arithmetic on it is slow.
fn values(count: usize, device: &Device) -> Tensor<1> {
    super::tensor((0..count).map(|index| 0.1 + (index % 17) as f32 / 16.0 - 0.7).collect(), device)
}

fn fixed_norm(channels: usize, device: &Device) -> Norm {
    let filled = |value: f32| super::tensor(vec![value; channels], device);
    Norm {
        affine: Some((filled(1.0), filled(0.1))),
        stats: Stats::Fixed { mean: filled(0.1), var: filled(1.0) },
        eps: EPS,
    }
}
