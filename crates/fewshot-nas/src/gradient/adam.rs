//! Adam for the few numbers that describe architectures.

use burn::tensor::Tensor;
use fewshot_kernels as kernels;

use super::ArchSettings;
use crate::nets::{NamedValues, Param, Weights, WeightsError, host, tensor};

/// Prefixes of the state in a checkpoint.
const MEAN: &str = "adam/mean/";
const SQUARE: &str = "adam/square/";

/// Adam (Kingma and Ba, 2015) with L2 decay in the gradient, as PyTorch's `Adam(weight_decay)`:
/// g ← clip(g) + wd·w; m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; w ← w − lr·m̂/(√v̂ + ε), with m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ).
#[derive(Debug, Clone)]
pub struct Adam {
    settings: ArchSettings,
    /// Updates so far.
    pub steps: u64,
    /// m and v of each parameter.
    moments: Vec<(Tensor<1>, Tensor<1>)>,
}

impl Adam {
    /// A fresh optimizer for these parameters.
    pub fn new(weights: &Weights, settings: ArchSettings) -> Self {
        let moments = weights.params().iter().map(|param| (param.value.zeros_like(), param.value.zeros_like()));
        Self { settings, steps: 0, moments: moments.collect() }
    }

    /// One update; `grads` holds one gradient per parameter.
    pub fn step(&mut self, weights: &mut Weights, grads: Vec<Tensor<1>>) {
        let ArchSettings { lr, beta1, beta2, eps, weight_decay, clip } = self.settings;
        let norm = grads.iter().map(|grad| kernels::sum_squares(grad.clone())).sum::<f64>().sqrt();
        let shrink = if clip > 0.0 && norm > clip { clip / norm } else { 1.0 };
        self.steps += 1;
        let corrected = |beta: f64| 1.0 - beta.powf(self.steps as f64);
        let (first, second) = (corrected(beta1), corrected(beta2));
        let mut values = Vec::new();
        for ((param, (mean, square)), grad) in weights.params().iter().zip(&mut self.moments).zip(grads) {
            let grad = grad.mul_scalar(shrink) + param.value.clone().mul_scalar(weight_decay);
            *mean = mean.clone().mul_scalar(beta1) + grad.clone().mul_scalar(1.0 - beta1);
            *square = square.clone().mul_scalar(beta2) + (grad.clone() * grad).mul_scalar(1.0 - beta2);
            let root = square.clone().div_scalar(second).sqrt().add_scalar(eps);
            values.push(param.value.clone() - (mean.clone() / root).mul_scalar(lr / first));
        }
        weights.set_values(values);
    }

    /// Host copies of its tensors.
    ///
    /// # Errors
    /// When a tensor cannot be read back.
    pub fn to_values(&self, weights: &Weights) -> Result<NamedValues, WeightsError> {
        let mut values = NamedValues::new();
        for (Param { name, shape, .. }, (mean, square)) in weights.params().iter().zip(&self.moments) {
            for (prefix, tensor) in [(MEAN, mean), (SQUARE, square)] {
                let name = format!("{prefix}{name}");
                let copy = host(&name, shape, tensor)?;
                values.insert(name, copy);
            }
        }
        Ok(values)
    }

    /// Takes them back.
    ///
    /// # Errors
    /// When one is missing or of another size.
    pub fn restore(&mut self, weights: &Weights, values: &NamedValues, steps: u64) -> Result<(), WeightsError> {
        let read = |prefix: &str, param: &Param| {
            let name = format!("{prefix}{}", param.name);
            let stored = values.get(&name).ok_or_else(|| WeightsError::Missing(name.clone()))?;
            let (found, expected) = (stored.data().len(), param.shape.iter().product());
            if found != expected {
                return Err(WeightsError::Size { name, found, expected });
            }
            Ok(tensor(stored.data().to_vec(), weights.device()))
        };
        let moments = weights.params().iter().map(|param| Ok((read(MEAN, param)?, read(SQUARE, param)?)));
        self.moments = moments.collect::<Result<_, WeightsError>>()?;
        self.steps = steps;
        Ok(())
    }
}
