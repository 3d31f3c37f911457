//! The public functions: each checks its shapes and runs the kernel of the tensors' backend.

mod activation;
mod check;
mod conv;
mod head;
mod maps;
mod norm;
mod optim;
mod pool;

pub use activation::{hardsigmoid, hardswish, relu, relu6, sigmoid, tanh};
pub use conv::{add_bias, conv_bn, conv2d, conv2d_bias, depthwise_conv2d, transposed_conv2d};
pub use head::{cross_entropy, linear, soft_cross_entropy};
pub use maps::{add, concat, pad_channels, scale_channels, scale_samples};
pub use norm::{batch_norm, instance_norm};
pub use optim::{sgd_step, sum_squares};
pub use pool::{
    avg_pool2d, global_avg_pool, global_sum_pool, max_pool2d, subsample, upsample_bilinear, upsample_nearest,
};
