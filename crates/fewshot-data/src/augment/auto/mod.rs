//! AutoAugment: one of 25 pairs of operations for each image, found by search on CIFAR-10.

mod draw;
mod form;
pub(super) mod levels;
pub(super) mod policy;

pub use draw::AutoAugment;
pub use form::AutoForm;
