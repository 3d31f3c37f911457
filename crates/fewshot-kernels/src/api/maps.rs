//! Feature maps added up, put together and taken apart.

use burn::tensor::Tensor;

use super::check::check_sizes;
use crate::flex::Unary;
use crate::{flex, portable};

/// The sum of two feature maps; in place where `a` or `b` has no other handle.
///
/// # Panics
/// When the shapes differ.
pub fn add(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
    check_sizes("add", &a.dims());
    assert!(a.dims() == b.dims(), "add: shapes {:?} and {:?} differ", a.dims(), b.dims());
    if flex::is_fast(&a) { flex::add(a, b) } else { portable::add(a, b) }
}

/// `x * factors`, a factor for each channel of each image: the last step of squeeze-and-excitation
/// ([Hu et al. 2018](https://arxiv.org/abs/1709.01507), equation 4). Its first steps are [`crate::global_avg_pool`],
/// [`crate::linear`], an activation, [`crate::linear`] and [`crate::sigmoid`] or [`crate::hardsigmoid`].
///
/// # Shapes
/// `x`: `[batch, height, width, channels]`, `factors`: `[batch, channels]`; the output is as `x`.
///
/// # Panics
/// When the shapes do not fit.
pub fn scale_channels(x: Tensor<4>, factors: Tensor<2>) -> Tensor<4> {
    check_sizes("scale_channels", &x.dims());
    let [batch, _, _, channels] = x.dims();
    assert!(
        factors.dims() == [batch, channels],
        "scale_channels: factors {:?} do not fit an input of {:?}",
        factors.dims(),
        x.dims()
    );
    if flex::is_fast(&x) { flex::scale(x, factors, true) } else { portable::scale_channels(x, factors) }
}

/// `x * factors`, a factor for each image. With factors of 0 and `1 / (1 - p)`, drawn with chance `p` of 0, this is drop-path
/// ([Larsson et al. 2017](https://arxiv.org/abs/1605.07648)); so they are constants and get no gradient.
///
/// # Shapes
/// `x`: `[batch, height, width, channels]`, `factors`: `[batch]`; the output is as `x`.
///
/// # Panics
/// When there are not as many factors as images.
pub fn scale_samples(x: Tensor<4>, factors: Tensor<1>) -> Tensor<4> {
    check_sizes("scale_samples", &x.dims());
    let ([batch, ..], [count]) = (x.dims(), factors.dims());
    assert!(count == batch, "scale_samples: {count} factors for {batch} images");
    if flex::is_fast(&x) {
        flex::scale(x, factors.reshape([batch, 1]), false)
    } else {
        portable::scale_samples(x, factors)
    }
}

/// Feature maps side by side: the channels of the first, then those of the second, and so on.
///
/// # Shapes
/// Each map is `[batch, height, width, its channels]`; the output has the sum of their channels.
///
/// # Panics
/// When there is no map, or batch, height or width differ.
pub fn concat(maps: Vec<Tensor<4>>) -> Tensor<4> {
    let Some(first) = maps.first() else { panic!("concat: there must be at least one map") };
    let [batch, height, width, _] = first.dims();
    for map in &maps {
        check_sizes("concat", &map.dims());
        assert!(
            map.dims()[..3] == [batch, height, width],
            "concat: maps of {:?} and {:?} differ in more than channels",
            first.dims(),
            map.dims()
        );
    }
    if maps.iter().all(flex::is_fast) { flex::concat(maps) } else { portable::concat(maps) }
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
