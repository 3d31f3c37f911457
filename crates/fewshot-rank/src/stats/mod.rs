//! How sure is a number? Intervals around accuracies and around differences of them, and what more training would bring.
//!
//! An accuracy is a share of images, so it is as sure as the images are many. [`wilson`] says how sure one is, [`difference`]
//! how sure the lead of one network over another, [`difference_over_seeds`] the same where both were trained with several
//! seeds, and [`LearningCurve`] continues the accuracies of a training. All intervals are at 95 % unless said otherwise, all
//! shares are from 0 to 1 (0.01 is one percentage point), and nothing depends on anything but the arguments.

mod curve;
mod interval;
mod proportion;
mod seeds;

#[cfg(test)]
mod curve_tests;

pub use curve::{CurvePoint, Gain, LearningCurve};
pub use interval::{Difference, NORMAL_95};
pub use proportion::{difference, wilson};
pub use seeds::difference_over_seeds;
