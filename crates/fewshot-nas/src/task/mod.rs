//! What networks are trained for: what they should make of a batch, how far they are from it, and what they are judged by.
//!
//! Everything above this (training, scoring, stages, what is told) asks the task. [`Classification`] is the one of the program's
//! experiments on labelled images. Training that is no descent on one network's loss, such as that of a generator against a
//! discriminator, has a trainer of its own and shares the [`Metric`].

mod classification;
mod contract;
mod metric;
pub mod testing;

pub use classification::Classification;
pub(crate) use classification::likeliest;
pub use contract::{Targets, Task};
pub use metric::{Better, Metric};
