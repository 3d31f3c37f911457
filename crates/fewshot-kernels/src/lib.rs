//! Channels-last operations for training small convolutional networks on processors.
//!
//! A feature map is `[batch, height, width, channels]` (NHWC), a convolution's weight is
//! `[kernel_height, kernel_width, channels_in, channels_out]` (HWIO), everything is `f32`.
//! Each operation works on every Burn backend through [`portable`], which composes Burn's own
//! tensor operations, and has a hand-written forward and backward for Burn's `Flex` backend.
//! The public functions choose by the device of the tensors they are given.
//!
//! Every size of a tensor must be at least 1: an empty batch has no mean, and nobody means it. All
//! functions but [`sgd_step`] and [`sum_squares`] panic with the shape otherwise, on each backend.
//!
//! Two properties hold on `Flex`: the result does not depend on the number of threads (work is
//! cut into pieces by shape alone and partial sums are merged in a fixed order), and values that
//! are not finite stay not finite.
#![warn(missing_docs)]
#![warn(unsafe_op_in_unsafe_fn)]

mod api;
mod flex;
mod kernels;
mod memory;
mod params;
pub mod portable;
mod shortage;
pub mod simd;
pub mod weights;

pub use api::*;
pub use params::{Conv, Norm, Normed, Sgd, Stats};
pub use shortage::OneLine;

/// Runs `work` on one of the threads that the kernels use.
///
/// A kernel that is called from any other thread hands its work over and is woken at its end, twice
/// some ten microseconds; from one of theirs it just begins. Wrap whole loops over passes.
pub fn on_kernel_threads<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| work())
}
