//! What an interval at 95 % is, and a difference that has one.

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
