//! Every operation of this crate composed of Burn's own tensor operations.
//!
//! This runs on each backend and is differentiated by Burn itself. It is what the public
//! functions do outside `Flex`, and the oracle that the tests hold the fast kernels against.

mod activation;
mod conv;
mod head;
mod maps;
mod norm;
mod optim;
mod pool;
mod weights;

pub use activation::{hardsigmoid, hardswish, relu, relu6, sigmoid, tanh};
pub use conv::{add_bias, conv2d, conv2d_bias, depthwise_conv2d, transposed_conv2d};
pub use head::{cross_entropy, linear, soft_cross_entropy};
pub use maps::{add, concat, pad_channels, scale_channels, scale_samples};
pub use norm::{batch_norm, conv_bn, instance_norm};
pub use optim::{sgd_step, sum_squares};
pub use pool::{
    avg_pool2d, global_avg_pool, global_sum_pool, max_pool2d, subsample, upsample_bilinear, upsample_nearest,
};
pub use weights::standardise;
