//! A network of one architecture as a list of operations: what it computes, without the code that computes it here.

use fewshot_space::Cost;

/// Index of a value of a [`Graph`]: that of the node which makes it.
pub type Value = usize;

/// One architecture as operations on feature maps, in an order in which they can be run.
///
/// A graph knows no memory layout: sizes are height, width and channels, convolutions and linear layers name tensors in
/// the layout that [`Weights`](super::Weights) keep them in.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// Height, width and channels of an input image.
    pub image: [usize; 3],
    /// The operations. The first is [`Op::Image`]; each reads earlier ones only; the last makes the logits.
    pub nodes: Vec<Node>,
}

/// One operation and what it reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What is computed.
    pub op: Op,
    /// What from: as many values as the operation needs.
    pub inputs: Vec<Value>,
}

/// An operation of a [`Graph`]. `layer` is the dotted name of a layer, whose tensors are called `LAYER.weight` and so on.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// The images, values from 0 to 1.
    Image,
    /// `(x - mean) / std` per channel.
    Normalise {
        /// Mean of each channel.
        mean: Vec<f32>,
        /// Standard deviation of each channel, above 0.
        std: Vec<f32>,
    },
    /// Convolution with `LAYER.weight` `[kernel, kernel, input, output]`, and `LAYER.bias` `[output]` where there is one.
    Conv {
        /// Its name.
        layer: String,
        /// Side of the kernel.
        kernel: usize,
        /// Channels in.
        input: usize,
        /// Channels out.
        output: usize,
        /// Step between windows.
        stride: usize,
        /// Zeros around the image, on each side.
        padding: usize,
        /// Whether a bias is added.
        bias: bool,
    },
    /// Depthwise convolution with `LAYER.weight` `[kernel, kernel, channels]`, and `LAYER.bias` `[channels]` where there is one:
    /// every channel by itself.
    Depthwise {
        /// Its name.
        layer: String,
        /// Side of the kernel.
        kernel: usize,
        /// Channels.
        channels: usize,
        /// Step between windows.
        stride: usize,
        /// Zeros around the image, on each side.
        padding: usize,
        /// Whether a bias is added.
        bias: bool,
    },
    /// `scale · (x - running_mean) / √(running_var + ε) + shift` per channel; scale 1 and shift 0 where `affine` is false.
    BatchNorm {
        /// Its name.
        layer: String,
        /// Channels.
        channels: usize,
        /// Whether there are `LAYER.scale` and `LAYER.shift`.
        affine: bool,
        /// Added to the variance.
        eps: f32,
    },
    /// `max(x, 0)`.
    Relu,
    /// The sum of two feature maps.
    Add,
    /// Mean over square windows; padding does not count in the divisor.
    AvgPool(Window),
    /// Maximum over square windows; padding is never the maximum.
    MaxPool(Window),
    /// Channels of zeros, appended.
    PadChannels {
        /// How many.
        added: usize,
    },
    /// Zeros of the input's size.
    Zeros,
    /// Mean over height and width: from here on there is one row of values per image.
    GlobalAvgPool,
    /// `x · weight + bias` with `LAYER.weight` `[input, output]` and `LAYER.bias` `[output]`.
    Linear {
        /// Its name.
        layer: String,
        /// Values in.
        input: usize,
        /// Values out.
        output: usize,
    },
}

/// Height, width and channels of a value; rows of values are 1x1 pixels.
pub type Size = [usize; 3];

impl Op {
    /// The size of what it makes of values of these sizes.
    pub fn output(&self, inputs: &[Size]) -> Size {
        let [height, width, channels] = inputs.first().copied().unwrap_or_default();
        match self {
            Op::Conv { kernel, output, stride, padding, .. } => {
                let window = Window { kernel: *kernel, stride: *stride, padding: *padding };
                [window.steps(height), window.steps(width), *output]
            }
            Op::Depthwise { kernel, stride, padding, .. } => {
                let window = Window { kernel: *kernel, stride: *stride, padding: *padding };
                [window.steps(height), window.steps(width), channels]
            }
            Op::AvgPool(window) | Op::MaxPool(window) => [window.steps(height), window.steps(width), channels],
            Op::PadChannels { added } => [height, width, channels + added],
            Op::GlobalAvgPool => [1, 1, channels],
            Op::Linear { output, .. } => [1, 1, *output],
            Op::Image | Op::Normalise { .. } | Op::BatchNorm { .. } | Op::Relu | Op::Add | Op::Zeros => {
                [height, width, channels]
            }
        }
    }

    /// What it costs where it makes a value of this size.
    pub fn cost(&self, output: Size) -> Cost {
        let size = (output[0], output[1]);
        let with_bias = |cost: Cost, bias: bool, channels: usize| match bias {
            true => cost + Cost { macs: 0, params: channels as u64 },
            false => cost,
        };
        match self {
            Op::Conv { kernel, input, output, bias, .. } => {
                with_bias(Cost::conv(*kernel, *input, *output, size), *bias, *output)
            }
            Op::Depthwise { kernel, channels, bias, .. } => {
                with_bias(Cost::depthwise(*kernel, *channels, size), *bias, *channels)
            }
            Op::BatchNorm { channels, affine: true, .. } => Cost::batch_norm(*channels),
            Op::Linear { input, output, .. } => Cost::linear(*input, *output),
            _ => Cost::ZERO,
        }
    }
}

/// Where a pool looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Side of the window.
    pub kernel: usize,
    /// Step between windows.
    pub stride: usize,
    /// Pixels around the image, on each side.
    pub padding: usize,
}

impl Window {
    /// Places that the window takes along a side of so many pixels.
    pub fn steps(self, side: usize) -> usize {
        (side + 2 * self.padding).saturating_sub(self.kernel) / self.stride.max(1) + 1
    }
}

impl Graph {
    /// The size of every value, in order.
    pub fn sizes(&self) -> Vec<Size> {
        let mut sizes = vec![self.image; self.nodes.len().min(1)];
        for node in self.nodes.iter().skip(1) {
            let inputs: Vec<Size> = node.inputs.iter().map(|&input| sizes[input]).collect();
            sizes.push(node.op.output(&inputs));
        }
        sizes
    }

    /// What the operations that are there cost. [`Space::cost`](fewshot_space::Space::cost) counts those too that the logits do
    /// not depend on.
    pub fn cost(&self) -> Cost {
        self.nodes.iter().zip(self.sizes()).map(|(node, size)| node.op.cost(size)).sum()
    }

    /// The value that each image's logits are.
    pub fn logits(&self) -> Value {
        self.nodes.len().saturating_sub(1)
    }

    /// How many nodes read `value`.
    pub fn readers(&self, value: Value) -> usize {
        self.nodes.iter().filter(|node| node.inputs.contains(&value)).count()
    }

    /// The same without nodes that the logits do not depend on.
    #[must_use]
    pub fn pruned(self) -> Graph {
        let mut needed = vec![false; self.nodes.len()];
        for index in (0..self.nodes.len()).rev() {
            needed[index] |= index == self.logits() || index == 0;
            if needed[index] {
                self.nodes[index].inputs.iter().for_each(|&input| needed[input] = true);
            }
        }
        let mut place = vec![0; self.nodes.len()];
        let mut nodes = Vec::new();
        for (index, node) in self.nodes.into_iter().enumerate().filter(|(index, _)| needed[*index]) {
            place[index] = nodes.len();
            nodes.push(Node { op: node.op, inputs: node.inputs.iter().map(|&input| place[input]).collect() });
        }
        Graph { image: self.image, nodes }
    }
}
