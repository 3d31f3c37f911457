//! The moving average of a network's weights and statistics.

use burn::tensor::Tensor;

use crate::nets::{NamedValues, Weights, WeightsError};

/// Prefix of the averages in a checkpoint.
const AVERAGE: &str = "average/";

/// Averages of all parameters, and of all running means and variances: those of the weights that are averaged would lag behind
/// them.
#[derive(Debug, Clone)]
pub struct Average {
    params: Vec<Tensor<1>>,
    stats: Vec<[Tensor<1>; 2]>,
    steps: u64,
}

impl Average {
    /// Starts at these weights.
    pub fn of(weights: &Weights) -> Self {
        Self { params: weights.values(), stats: stats(weights), steps: 0 }
    }

    /// Moves towards the weights after a step, by one part in `horizon` (steps, 1 or more), and by more in the first steps,
    /// so that the start does not count for long.
    pub fn follow(&mut self, weights: &Weights, horizon: f64) {
        self.steps += 1;
        let start = (self.steps as f64 + 9.0) / 9.0;
        let share = 1.0 / horizon.max(1.0).min(start);
        let towards = |own: &mut Tensor<1>, new: &Tensor<1>| {
            *own = own.clone().mul_scalar(1.0 - share).add(new.clone().mul_scalar(share));
        };
        for (own, param) in self.params.iter_mut().zip(weights.params()) {
            towards(own, &param.value);
        }
        for ([mean, var], stats) in self.stats.iter_mut().zip(weights.stats()) {
            towards(mean, &stats.mean);
            towards(var, &stats.var);
        }
    }

    /// Takes the statistics of other weights in the place of averages.
    pub fn take_stats(&mut self, weights: &Weights) {
        self.stats = stats(weights);
    }

    /// Puts the averages in the place of the weights they are of.
    pub fn put_into(&self, weights: &mut Weights) {
        weights.set_values(self.params.clone());
        for (stats, [mean, var]) in weights.stats_mut().iter_mut().zip(&self.stats) {
            (stats.mean, stats.var) = (mean.clone(), var.clone());
        }
    }

    /// Host copies, each under `average/` and its name among the weights.
    ///
    /// # Errors
    /// When a tensor cannot be read back from the device in full.
    pub fn to_values(&self, weights: &Weights) -> Result<NamedValues, WeightsError> {
        let mut averaged = weights.clone();
        self.put_into(&mut averaged);
        let named = averaged.to_values()?;
        Ok(named.into_iter().map(|(name, value)| (format!("{AVERAGE}{name}"), value)).collect())
    }

    /// The averages of a checkpoint, after so many steps.
    ///
    /// # Errors
    /// When one is missing or has another size than what it is of.
    pub fn from_values(weights: &Weights, values: &NamedValues, steps: u64) -> Result<Self, WeightsError> {
        let mut averaged = weights.clone();
        averaged.load_values(&averaged_values(values))?;
        Ok(Self { steps, ..Self::of(&averaged) })
    }
}

/// Running mean and variance of every norm.
fn stats(weights: &Weights) -> Vec<[Tensor<1>; 2]> {
    weights.stats().iter().map(|stats| [stats.mean.clone(), stats.var.clone()]).collect()
}

/// The values by which the network of a checkpoint is judged: averages where it has them, else its weights.
pub(crate) fn averaged_values(values: &NamedValues) -> NamedValues {
    let averages: NamedValues = values
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(AVERAGE)?.to_string(), value.clone())))
        .collect();
    if averages.is_empty() { values.clone() } else { averages }
}
