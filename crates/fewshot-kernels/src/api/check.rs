//! What the public functions ask of the shapes that they are given.

use crate::{Conv, Norm, Stats};

/// Panics when a size is 0; see the crate's first page.
pub(super) fn check_sizes(name: &str, dims: &[usize]) {
    assert!(dims.iter().all(|size| *size > 0), "{name}: every size must be at least 1, the tensor is {dims:?}");
}

/// Panics with both shapes when the weight does not fit the input.
pub(super) fn check_conv(name: &str, x: [usize; 4], kernel: [usize; 2], [cin, cout]: [usize; 2], conv: Conv) {
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

/// Panics with both shapes when the weight does not fit the input of a transposed convolution or nothing of its output is left.
pub(super) fn check_transposed(name: &str, x: [usize; 4], weight: [usize; 4], conv: Conv) {
    let [kernel_h, kernel_w, cin, _] = weight;
    check_sizes(name, &x);
    check_sizes(name, &weight);
    assert!(x[3] == cin, "{name}: the input has {} channels, the weight wants {cin}; input {x:?}", x[3]);
    for (size, taps) in [(x[1], kernel_h), (x[2], kernel_w)] {
        assert!(
            conv.transposed_size(size, taps).is_some(),
            "{name}: a kernel of {:?} with {conv:?} leaves nothing of the output of {x:?}; make the padding smaller, and keep \
             stride and dilation at least 1",
            [kernel_h, kernel_w]
        );
    }
}

/// Panics when a tensor has not a value per channel.
pub(super) fn check_per_channel(name: &str, part: &str, length: usize, channels: usize) {
    assert!(length == channels, "{name}: {part} has {length} values for {channels} channels");
}

pub(super) fn check_norm(name: &str, channels: usize, norm: &Norm) {
    let mut parts = Vec::new();
    if let Some((scale, shift)) = &norm.affine {
        parts.extend([("scale", scale.dims()[0]), ("shift", shift.dims()[0])]);
    }
    if let Stats::Fixed { mean, var } = &norm.stats {
        parts.extend([("mean", mean.dims()[0]), ("variance", var.dims()[0])]);
    }
    for (part, length) in parts {
        check_per_channel(name, part, length, channels);
    }
}

pub(super) fn check_pool(name: &str, x: [usize; 4], kernel: usize, stride: usize, padding: usize) {
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
