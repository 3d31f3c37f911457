//! The public functions: each checks its shapes and runs the kernel of the tensors' backend.

use burn::tensor::{Int, Tensor};

use crate::flex::Unary;
use crate::kernels::elementwise::Activation;
use crate::{Conv, Norm, Normed, Sgd, Stats, flex, portable};

/// Panics when a size is 0; see the crate's first page.
fn check_sizes(name: &str, dims: &[usize]) {
    assert!(dims.iter().all(|size| *size > 0), "{name}: every size must be at least 1, the tensor is {dims:?}");
}

/// Panics with both shapes when the weight does not fit the input.
fn check_conv(name: &str, x: [usize; 4], kernel: [usize; 2], [cin, cout]: [usize; 2], conv: Conv) {
    check_sizes(name, &x);
    check_sizes(name, &[kernel[0], kernel[1], cin, cout]);
    assert!(x[3] == cin, "{name}: the input has {} channels, the weight wants {cin}; input {x:?}", x[3]);
    for (size, taps) in [(x[1], kernel[0]), (x[2], kernel[1])] {
        assert!(
            conv.output_size(size, taps).is_some(),
            "{name}: a kernel of {kernel:?} with {conv:?} does not fit an input of {x:?}; \
             enlarge the padding or the image, and keep stride and dilation at least 1"
        );
    }
}

fn check_norm(name: &str, channels: usize, norm: &Norm) {
    let mut parts = Vec::new();
    if let Some((scale, shift)) = &norm.affine {
        parts.extend([("scale", scale.dims()[0]), ("shift", shift.dims()[0])]);
    }
    if let Stats::Fixed { mean, var } = &norm.stats {
        parts.extend([("mean", mean.dims()[0]), ("variance", var.dims()[0])]);
    }
    for (part, length) in parts {
        assert!(length == channels, "{name}: {part} has {length} values for {channels} channels");
    }
}

fn check_pool(name: &str, x: [usize; 4], kernel: usize, stride: usize, padding: usize) {
    check_sizes(name, &x);
    assert!(
        kernel > 0
            && stride > 0
            && 2 * padding <= kernel
            && x[1] + 2 * padding >= kernel
            && x[2] + 2 * padding >= kernel,
        "{name}: kernel {kernel}, stride {stride}, padding {padding} does not fit an input of \
         {x:?}; kernel and stride must be at least 1 and the padding at most half the kernel"
    );
}

/// Dense convolution `[batch, height, width, cin] -> [batch, height', width', cout]`.
///
/// # Shapes
/// `x`: `[batch, height, width, cin]`, `weight`: `[kernel_h, kernel_w, cin, cout]`; the output's
/// height and width are [`Conv::output_size`].
///
/// # Panics
/// When the channels differ or the kernel does not fit the padded image.
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, conv: Conv) -> Tensor<4> {
    let [kernel_h, kernel_w, cin, cout] = weight.dims();
    check_conv("conv2d", x.dims(), [kernel_h, kernel_w], [cin, cout], conv);
    if flex::is_fast(&x) { flex::conv2d(x, weight, conv) } else { portable::conv2d(x, weight, conv) }
}

/// Depthwise convolution: channel `c` of the output sees channel `c` of the input alone.
///
/// # Shapes
/// `x`: `[batch, height, width, channels]`, `weight`: `[kernel_h, kernel_w, channels]`.
///
/// # Panics
/// As [`conv2d`].
pub fn depthwise_conv2d(x: Tensor<4>, weight: Tensor<3>, conv: Conv) -> Tensor<4> {
    let [kernel_h, kernel_w, channels] = weight.dims();
    check_conv("depthwise_conv2d", x.dims(), [kernel_h, kernel_w], [channels, channels], conv);
    if flex::is_fast(&x) {
        flex::depthwise_conv2d(x, weight, conv)
    } else {
        portable::depthwise_conv2d(x, weight, conv)
    }
}

/// Batch norm over batch, height and width; see [`Norm`] for the formula.
///
/// # Panics
/// When a per-channel tensor of `norm` has not as many values as `x` has channels.
pub fn batch_norm(x: Tensor<4>, norm: Norm) -> Normed {
    check_sizes("batch_norm", &x.dims());
    check_norm("batch_norm", x.dims()[3], &norm);
    if flex::is_fast(&x) { flex::batch_norm(x, norm) } else { portable::batch_norm(x, norm) }
}

/// The fused edge of a cell: `[ReLU ->] convolution -> batch norm [-> + add]`.
///
/// Equal to [`conv2d`], [`batch_norm`] and [`add`] in turn, in fewer passes over memory. Pass
/// the sum of the node's earlier edges as `add` and keep no other handle on it: it is then
/// updated in place.
///
/// # Panics
/// As [`conv2d`] and [`batch_norm`], and when `add` has not the output's shape.
pub fn conv_bn(x: Tensor<4>, weight: Tensor<4>, conv: Conv, norm: Norm, add: Option<Tensor<4>>) -> Normed {
    let [kernel_h, kernel_w, cin, cout] = weight.dims();
    check_conv("conv_bn", x.dims(), [kernel_h, kernel_w], [cin, cout], conv);
    check_norm("conv_bn", cout, &norm);
    if let Some(add) = &add {
        let [batch, height, width, _] = x.dims();
        let out = [
            batch,
            conv.output_size(height, kernel_h).unwrap_or(0),
            conv.output_size(width, kernel_w).unwrap_or(0),
            cout,
        ];
        assert!(add.dims() == out, "conv_bn: `add` has shape {:?}, the output {out:?}", add.dims());
    }
    if flex::is_fast(&x) {
        flex::conv_bn(x, weight, conv, norm, add)
    } else {
        portable::conv_bn(x, weight, conv, norm, add)
    }
}

/// The sum of two feature maps; in place where `a` or `b` has no other handle.
///
/// # Panics
/// When the shapes differ.
pub fn add(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
    check_sizes("add", &a.dims());
    assert!(a.dims() == b.dims(), "add: shapes {:?} and {:?} differ", a.dims(), b.dims());
    if flex::is_fast(&a) { flex::add(a, b) } else { portable::add(a, b) }
}

/// `max(x, 0)`; NaN stays NaN.
pub fn relu(x: Tensor<4>) -> Tensor<4> {
    check_sizes("relu", &x.dims());
    if flex::is_fast(&x) { flex::unary(x, Unary::Activation(Activation::Relu)) } else { portable::relu(x) }
}

/// `min(max(x, 0), 6)`.
pub fn relu6(x: Tensor<4>) -> Tensor<4> {
    check_sizes("relu6", &x.dims());
    if flex::is_fast(&x) { flex::unary(x, Unary::Activation(Activation::Relu6)) } else { portable::relu6(x) }
}

/// `min(max(x + 3, 0), 6) / 6`.
pub fn hardsigmoid(x: Tensor<4>) -> Tensor<4> {
    check_sizes("hardsigmoid", &x.dims());
    if flex::is_fast(&x) {
        flex::unary(x, Unary::Activation(Activation::HardSigmoid))
    } else {
        portable::hardsigmoid(x)
    }
}

/// `x * hardsigmoid(x)` ([Howard et al. 2019](https://arxiv.org/abs/1905.02244), section 5.2).
pub fn hardswish(x: Tensor<4>) -> Tensor<4> {
    check_sizes("hardswish", &x.dims());
    if flex::is_fast(&x) { flex::unary(x, Unary::Activation(Activation::HardSwish)) } else { portable::hardswish(x) }
}

/// Average pool over `kernel` x `kernel` windows; padding is not counted in the mean.
///
/// # Panics
/// When the window does not fit or the padding exceeds half the kernel.
pub fn avg_pool2d(x: Tensor<4>, kernel: usize, stride: usize, padding: usize) -> Tensor<4> {
    check_pool("avg_pool2d", x.dims(), kernel, stride, padding);
    if flex::is_fast(&x) {
        flex::unary(x, Unary::Average([kernel, stride, padding]))
    } else {
        portable::avg_pool2d(x, kernel, stride, padding)
    }
}

/// Max pool over `kernel` x `kernel` windows; padding never wins. The gradient goes to the first
/// largest value of each window in row order.
///
/// # Panics
/// As [`avg_pool2d`].
pub fn max_pool2d(x: Tensor<4>, kernel: usize, stride: usize, padding: usize) -> Tensor<4> {
    check_pool("max_pool2d", x.dims(), kernel, stride, padding);
    if flex::is_fast(&x) {
        flex::unary(x, Unary::Max([kernel, stride, padding]))
    } else {
        portable::max_pool2d(x, kernel, stride, padding)
    }
}

/// Mean over height and width: `[batch, height, width, channels] -> [batch, channels]`.
pub fn global_avg_pool(x: Tensor<4>) -> Tensor<2> {
    check_sizes("global_avg_pool", &x.dims());
    if flex::is_fast(&x) { flex::unary(x, Unary::GlobalAverage) } else { portable::global_avg_pool(x) }
}

/// Appends zero channels until there are `channels`.
///
/// # Panics
/// When `x` has more channels than that.
pub fn pad_channels(x: Tensor<4>, channels: usize) -> Tensor<4> {
    check_sizes("pad_channels", &x.dims());
    assert!(channels >= x.dims()[3], "pad_channels: {channels} channels wanted, the input has {} already", x.dims()[3]);
    if flex::is_fast(&x) { flex::unary(x, Unary::PadChannels(channels)) } else { portable::pad_channels(x, channels) }
}

/// Fully connected layer `x * weight + bias`.
///
/// # Shapes
/// `x`: `[batch, in]`, `weight`: `[in, out]`, `bias`: `[out]`; the output is `[batch, out]`.
///
/// # Panics
/// When the shapes do not fit.
pub fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    let ([batch, inputs], [rows, outputs], [shifts]) = (x.dims(), weight.dims(), bias.dims());
    check_sizes("linear", &[batch, inputs, outputs]);
    assert!(
        rows == inputs && shifts == outputs,
        "linear: weight [{rows}, {outputs}] and bias [{shifts}] do not fit an input of [{batch}, {inputs}]"
    );
    portable::linear(x, weight, bias)
}

/// Softmax cross entropy, its mean over the batch, with label smoothing
/// ([Szegedy et al. 2016](https://arxiv.org/abs/1512.00567), section 7):
/// the target is `1 - smoothing` on the label plus `smoothing / classes` everywhere.
///
/// # Shapes
/// `logits`: `[batch, classes]`, `labels`: `[batch]`, each in `0..classes`; the output is `[1]`.
///
/// # Panics
/// When the batch sizes differ.
pub fn cross_entropy(logits: Tensor<2>, labels: Tensor<1, Int>, smoothing: f32) -> Tensor<1> {
    check_sizes("cross_entropy", &logits.dims());
    assert!(
        logits.dims()[0] == labels.dims()[0],
        "cross_entropy: {} rows of logits for {} labels",
        logits.dims()[0],
        labels.dims()[0]
    );
    if flex::is_fast(&logits) {
        flex::cross_entropy(logits, labels, smoothing)
    } else {
        portable::cross_entropy(logits, labels, smoothing)
    }
}

/// Nearest-neighbour upsampling: height and width double.
pub fn upsample_nearest2x(x: Tensor<4>) -> Tensor<4> {
    check_sizes("upsample_nearest2x", &x.dims());
    if flex::is_fast(&x) { flex::unary(x, Unary::Nearest) } else { portable::upsample_nearest2x(x) }
}

/// Bilinear upsampling, corners not aligned (half-pixel centres): height and width double.
pub fn upsample_bilinear2x(x: Tensor<4>) -> Tensor<4> {
    check_sizes("upsample_bilinear2x", &x.dims());
    if flex::is_fast(&x) { flex::unary(x, Unary::Bilinear) } else { portable::upsample_bilinear2x(x) }
}

/// Transposed 2x2 convolution of stride 2: height and width double.
///
/// # Shapes
/// `x`: `[batch, height, width, cin]`, `weight`: `[2, 2, cin, cout]`.
///
/// # Panics
/// When the weight has another shape.
pub fn transposed_conv2x2(x: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
    let [kernel_h, kernel_w, cin, cout] = weight.dims();
    check_sizes("transposed_conv2x2", &x.dims());
    assert!(
        [kernel_h, kernel_w, cin] == [2, 2, x.dims()[3]] && cout > 0,
        "transposed_conv2x2: weight {:?} does not fit an input of {:?}",
        weight.dims(),
        x.dims()
    );
    if !flex::is_fast(&x) {
        return portable::transposed_conv2x2(x, weight);
    }
    // Every input pixel makes a 2x2 square of its own: a 1x1 convolution to four times the
    // channels, whose squares are then put in their places.
    let [batch, height, width, _] = x.dims();
    let weight = weight.permute([2, 0, 1, 3]).reshape([1, 1, cin, 4 * cout]);
    flex::conv2d(x, weight, Conv::same(1))
        .reshape([batch, height, width, 2, 2, cout])
        .permute([0, 1, 3, 2, 4, 5])
        .reshape([batch, 2 * height, 2 * width, cout])
}

/// One step of gradient descent: returns the new weight and the new velocity.
///
/// All tensors are without autodiff and of one shape; `velocity` is `None` at the first step.
/// Works in place on the tensors that have no other handle.
///
/// # Panics
/// When the shapes differ.
pub fn sgd_step<const D: usize>(
    w: Tensor<D>,
    grad: Tensor<D>,
    velocity: Option<Tensor<D>>,
    sgd: &Sgd,
) -> (Tensor<D>, Tensor<D>) {
    assert!(
        w.dims() == grad.dims() && velocity.as_ref().is_none_or(|v| v.dims() == w.dims()),
        "sgd_step: weight {:?}, gradient {:?} and velocity must have one shape",
        w.dims(),
        grad.dims()
    );
    let plain = |t: &Tensor<D>| flex::is_fast(t) && !t.device().is_autodiff();
    if plain(&w) && plain(&grad) && velocity.as_ref().is_none_or(plain) {
        flex::sgd_step(w, grad, velocity, sgd)
    } else {
        portable::sgd_step(w, grad, velocity, sgd)
    }
}

/// Sum of the squares of all elements, in double precision and a fixed order.
pub fn sum_squares<const D: usize>(t: Tensor<D>) -> f64 {
    if flex::is_fast(&t) && !t.device().is_autodiff() { flex::sum_squares(t) } else { portable::sum_squares(t) }
}
