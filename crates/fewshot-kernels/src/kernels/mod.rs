//! The kernels: plain slices in, plain slices out; nothing here knows of Burn.

pub(crate) mod activation;
mod batch;
mod blocks;
pub(crate) mod channels;
pub(crate) mod conv;
pub(crate) mod depthwise;
mod direct;
pub(crate) mod elementwise;
pub(crate) mod fused;
pub(crate) mod head;
pub(crate) mod layout;
pub(crate) mod moments;
pub(crate) mod norm;
pub(crate) mod outer;
pub(crate) mod pack;
pub(crate) mod plan;
mod pointwise;
pub(crate) mod pool;
pub(crate) mod resample;
pub(crate) mod scale;
pub(crate) mod shape;
pub(crate) mod standardise;
pub(crate) mod subsample;
pub(crate) mod tile;
pub(crate) mod transposed;
mod winograd;
