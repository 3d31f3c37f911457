//! The parameters and results of the operations.

use burn::tensor::Tensor;

/// Geometry of a convolution, and whether its input passes a ReLU first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Conv {
    /// Step between output pixels in input pixels, at least 1.
    pub stride: usize,
    /// Rows and columns of zeros added on every side.
    pub padding: usize,
    /// Distance between the kernel's taps in input pixels, at least 1.
    pub dilation: usize,
    /// Whether the convolution reads `max(x, 0)` in place of `x`.
    pub relu_input: bool,
}

impl Conv {
    /// Stride 1, dilation 1, no ReLU, and the padding that keeps the image's size for an odd
    /// `kernel`.
    pub fn same(kernel: usize) -> Self {
        Self { stride: 1, padding: kernel / 2, dilation: 1, relu_input: false }
    }

    /// Stride 1, dilation 1, no ReLU and no padding: the kernel stays inside the image.
    pub fn valid() -> Self {
        Self { stride: 1, padding: 0, dilation: 1, relu_input: false }
    }

    /// The same with this many rows and columns of zeros on every side.
    pub fn with_padding(mut self, padding: usize) -> Self {
        self.padding = padding;
        self
    }

    /// The same with another stride.
    pub fn with_stride(mut self, stride: usize) -> Self {
        self.stride = stride;
        self
    }

    /// The same with another dilation; the padding grows with it so that a `same` convolution
    /// stays one.
    pub fn with_dilation(mut self, dilation: usize) -> Self {
        self.padding = self.padding / self.dilation.max(1) * dilation;
        self.dilation = dilation;
        self
    }

    /// The same with a ReLU on the input.
    pub fn with_relu(mut self) -> Self {
        self.relu_input = true;
        self
    }

    /// Height or width of the output for an input of `size` and a kernel of `kernel` taps, or
    /// `None` when the kernel does not fit into the padded input or stride or dilation is zero.
    pub fn output_size(&self, size: usize, kernel: usize) -> Option<usize> {
        if self.stride == 0 || self.dilation == 0 || kernel == 0 {
            return None;
        }
        let span = self.dilation * (kernel - 1) + 1;
        (size + 2 * self.padding).checked_sub(span).map(|room| room / self.stride + 1)
    }

    /// Height or width of the output of the transposed convolution, the smallest image of which the convolution makes
    /// `size` pixels, or `None` where nothing is left of it or stride or dilation is zero.
    pub fn transposed_size(&self, size: usize, kernel: usize) -> Option<usize> {
        if self.stride == 0 || self.dilation == 0 || kernel == 0 || size == 0 {
            return None;
        }
        let spread = (size - 1) * self.stride + self.dilation * (kernel - 1) + 1;
        spread.checked_sub(2 * self.padding).filter(|size| *size > 0)
    }
}

/// Where batch norm takes its mean and variance from.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant)] // Two handles; a box would cost an allocation per call.
pub enum Stats {
    /// From the batch itself, per channel over batch, height and width; the gradient goes
    /// through them.
    Batch,
    /// From outside, as constants (running statistics); shape `[channels]` each.
    Fixed {
        /// Mean per channel.
        mean: Tensor<1>,
        /// Variance per channel, not negative.
        var: Tensor<1>,
    },
}

/// Batch norm: `(x - mean) / sqrt(var + eps) * scale + shift`
/// ([Ioffe and Szegedy 2015](https://arxiv.org/abs/1502.03167), algorithm 1).
#[derive(Debug, Clone)]
pub struct Norm {
    /// Scale and shift per channel, shape `[channels]` each; `None` for 1 and 0.
    pub affine: Option<(Tensor<1>, Tensor<1>)>,
    /// Source of mean and variance.
    pub stats: Stats,
    /// Added to the variance, above 0; usually `1e-5`.
    pub eps: f32,
}

impl Norm {
    /// Batch statistics, no affine part, `eps = 1e-5`.
    pub fn batch() -> Self {
        Self { affine: None, stats: Stats::Batch, eps: 1e-5 }
    }

    /// The same with an affine part.
    pub fn with_affine(mut self, scale: Tensor<1>, shift: Tensor<1>) -> Self {
        self.affine = Some((scale, shift));
        self
    }

    /// The same with statistics from outside.
    pub fn with_fixed(mut self, mean: Tensor<1>, var: Tensor<1>) -> Self {
        self.stats = Stats::Fixed { mean, var };
        self
    }
}

/// What a batch norm returns.
#[derive(Debug, Clone)]
pub struct Normed {
    /// The normalised feature map, `[batch, height, width, channels]`.
    pub out: Tensor<4>,
    /// The mean that was used, `[channels]`; carries no gradient.
    pub mean: Tensor<1>,
    /// The variance that was used, `[channels]`; for batch statistics the biased one (divided by
    /// the number of values); carries no gradient.
    pub var: Tensor<1>,
}

/// Stochastic gradient descent with momentum in PyTorch's form: `g += weight_decay * w`,
/// `v = momentum * v + g` (`v = g` at the first step), then `w -= lr * (g + momentum * v)` with
/// Nesterov's look-ahead and `w -= lr * v` without.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgd {
    /// Step size, at least 0.
    pub lr: f32,
    /// Share of the last velocity that is kept, 0 to 1.
    pub momentum: f32,
    /// Whether to use Nesterov's look-ahead.
    pub nesterov: bool,
    /// L2 penalty added to the gradient, at least 0.
    pub weight_decay: f32,
}
