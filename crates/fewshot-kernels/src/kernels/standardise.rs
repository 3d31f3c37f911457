//! Weights with mean 0 and deviation 1 per output filter.
//!
//! A weight `[kernel_h, kernel_w, cin, cout]` is to these passes what an image of `cout` channels is to those of a norm.

use super::norm::{self, Added, Fold, Repeated};
use crate::simd::Level;

/// Mean and deviation of each filter.
#[derive(Debug, Clone)]
pub(crate) struct Filters {
    mean: Vec<f64>,
    /// Of the sample: the sum of squares divided by one less than their number, 0 where there is one value only.
    deviation: Vec<f64>,
    eps: f64,
}

fn repeated(values: impl Iterator<Item = f64>) -> Repeated {
    Repeated::new(&values.map(|value| value as f32).collect::<Vec<_>>())
}

/// `to = (weight - mean) / (deviation + eps)` per filter, of which there are `filters`.
pub(crate) fn forward(level: Level, weight: &[f32], filters: usize, eps: f32, to: &mut [f32]) -> Filters {
    let moments = norm::moments(level, weight, weight.len(), filters);
    let count = (weight.len() / filters) as f64;
    let correction = count / (count - 1.0).max(1.0);
    let deviation = moments.var.iter().map(|var| (var * correction).sqrt()).collect();
    let found = Filters { mean: moments.mean, deviation, eps: f64::from(eps) };
    let by_weight = repeated((0..filters).map(|filter| found.factor(filter)));
    let constant = repeated((0..filters).map(|filter| -found.mean[filter] * found.factor(filter)));
    norm::scale(level, Some(weight), &by_weight, &constant, Added::Nothing, to, weight.len());
    found
}

impl Filters {
    fn factor(&self, filter: usize) -> f64 {
        1.0 / (self.deviation[filter] + self.eps)
    }

    /// Gradient of the weight, from that of the result.
    pub(crate) fn backward(&self, level: Level, weight: &[f32], g: &[f32], to: &mut [f32]) {
        let filters = self.mean.len();
        let count = (weight.len() / filters) as f64;
        let mean: Vec<f32> = self.mean.iter().map(|mean| *mean as f32).collect();
        let sums = norm::gradient_sums(level, g, weight, &mean, weight.len());
        // With f = 1 / (deviation + eps):
        // dw = f * (g - mean(g)) - (w - mean) * f^2 / (deviation * (count - 1)) * sum(g * (w - mean))
        let slope = |filter: usize| {
            if self.deviation[filter] == 0.0 {
                // All weights of the filter are the mean.
                return 0.0;
            }
            let factor = self.factor(filter);
            -factor * factor * sums[filter][1] / (self.deviation[filter] * (count - 1.0))
        };
        let constant =
            |filter: usize| -self.factor(filter) * sums[filter][0] / count - slope(filter) * self.mean[filter];
        let fold = Fold {
            by_a: repeated((0..filters).map(|filter| self.factor(filter))),
            by_b: repeated((0..filters).map(slope)),
            constant: repeated((0..filters).map(constant)),
        };
        norm::combine_batch(level, g, weight, &fold, to, weight.len());
    }
}
