//! Random changes of training images, drawn and applied while a batch is made.

mod auto;
mod crop;
mod draw;
mod jitter;
mod key;
mod mix;
mod operation;
mod pillow;
mod settings;
mod spline;

pub use auto::{AutoAugment, AutoForm};
pub use crop::{CentreCrop, ResizedCrop};
pub(crate) use draw::Draw;
pub use jitter::Jitter;
pub(crate) use key::Key;
pub(crate) use mix::Mixture;
pub use mix::{CutMix, MixUp};
pub use settings::Augment;

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod published_tests;
#[cfg(test)]
mod tests;
