//! How sure is a number? Intervals around accuracies and around differences of them, and what more training would bring.
//!
//! An accuracy is a share of images, so it is as sure as the images are many. [`wilson`] says how sure one is, [`difference`]
//! how sure the lead of one network over another, [`difference_over_seeds`] the same where both were trained with several
//! seeds, and [`LearningCurve`] continues the accuracies of a training. All intervals are at 95 % unless said otherwise, all
//! shares are from 0 to 1 (0.01 is one percentage point), and nothing depends on anything but the arguments.

mod curve;
mod proportion;
mod seeds;

#[cfg(test)]
mod curve_tests;

pub use curve::{CurvePoint, Gain, LearningCurve};
pub use proportion::{difference, wilson};
pub use seeds::difference_over_seeds;

use serde::{Deserialize, Serialize};

/// The 97.5 % point of the standard normal distribution: 95 % lie within this many deviations.
pub const NORMAL_95: f64 = 1.959_963_984_540_054;

/// By how much one accuracy is above another, and how sure that is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The first minus the second, as shares: -1 to 1, where 0.012 is 1.2 percentage points.
    pub points: f64,
    /// Its 95 % interval, lower end first, in the same unit.
    pub interval: [f64; 2],
}

impl Difference {
    /// Whether the interval holds 0: two networks that are equally good would differ as much often enough.
    pub fn may_be_chance(&self) -> bool {
        let [lower, upper] = self.interval;
        lower <= 0.0 && upper >= 0.0
    }
}
