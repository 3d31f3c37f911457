//! The fast path: the operations as an extension of Burn's `Flex` backend, with their gradients.

mod activation;
mod bias;
mod calls;
mod concat;
mod conv;
mod depthwise;
mod extension;
mod instance_norm;
mod loss;
mod norm;
mod optim;
mod parts;
mod plain;
mod scale;
mod standardise;
mod sum;
mod tensors;
mod tracked;
mod transposed;
mod unary;

pub(crate) use calls::{
    activate, add, add_bias, batch_norm, concat, conv_bn, conv2d, cross_entropy, depthwise_conv2d, instance_norm,
    scale, soft_cross_entropy, standardise, transposed_conv2d, unary,
};
pub(crate) use optim::{sgd_step, sum_squares};
pub(crate) use tensors::is_fast;
pub(crate) use unary::Unary;
