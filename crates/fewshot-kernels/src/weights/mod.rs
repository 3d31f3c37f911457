//! Weights as functions of other weights: what a layer uses is not always what is stored and trained.
//!
//! Each function is differentiable and takes and returns weights in the order of the convolutions, whose last axis is that of the
//! filters.

mod kernel;
mod spectral;
mod standardise;

pub use kernel::kernel_transform;
pub use spectral::{Spectral, spectral_norm};
pub use standardise::standardise;
