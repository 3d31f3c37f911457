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

/// Appends zero channels until there are `channels`.
///
/// # Panics
/// When `x` has more channels than that.
pub fn pad_channels(x: Tensor<4>, channels: usize) -> Tensor<4> {
    check_sizes("pad_channels", &x.dims());
    assert!(channels >= x.dims()[3], "pad_channels: {channels} channels wanted, the input has {} already", x.dims()[3]);
    if flex::is_fast(&x) { flex::unary(x, Unary::PadChannels(channels)) } else { portable::pad_channels(x, channels) }
}
