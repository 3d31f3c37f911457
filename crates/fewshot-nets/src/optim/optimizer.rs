//! A rule at work on all weights.

use burn::tensor::Tensor;
use fewshot_kernels as kernels;

use super::{Rule, Step};
use crate::values::{NamedValues, WeightsError, host, tensor};
use crate::weights::{Param, Weights};

/// What all rules have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// L2 penalty that is added to the gradient, 0 or more.
    pub weight_decay: f64,
    /// Whether it is for scales, shifts and biases too: they have one axis.
    pub decay_norms: bool,
    /// Largest joint norm of the gradients, which are scaled down to it; 0: any.
    pub clip: f64,
    /// Whether parameters that a step did not use go on as with a gradient of 0, once they were used.
    pub drifts: bool,
}

impl Limits {
    /// No decay, no clipping, and what is not used stays.
    pub const NONE: Limits = Limits { weight_decay: 0.0, decay_norms: true, clip: 0.0, drifts: false };
}

/// A rule at work on the weights of one network. Build it after all weights are in place: it covers every parameter.
#[derive(Debug)]
pub struct Optimizer<R> {
    rule: R,
    limits: Limits,
    steps: u64,
    /// Per parameter, per slot.
    kept: Vec<Vec<Option<Tensor<1>>>>,
}

impl<R: Rule> Optimizer<R> {
    /// Without a past.
    pub fn new(weights: &Weights, rule: R, limits: Limits) -> Self {
        let kept = vec![vec![None; rule.slots().len()]; weights.params().len()];
        Self { rule, limits, steps: 0, kept }
    }

    /// Updates so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// What one slot holds of each parameter.
    pub fn slot(&self, slot: usize) -> impl Iterator<Item = Option<&Tensor<1>>> {
        self.kept.iter().map(move |kept| kept[slot].as_ref())
    }

    /// One update. `gradients` has one per parameter, or `None` where the step did not use it.
    pub fn step(&mut self, weights: &mut Weights, mut gradients: Vec<Option<Tensor<1>>>, lr: f64) {
        let Limits { weight_decay, decay_norms, clip, drifts } = self.limits;
        if clip > 0.0 {
            let squares = gradients.iter().flatten().map(|gradient| kernels::sum_squares(gradient.clone()));
            let norm = squares.sum::<f64>().sqrt();
            if norm > clip {
                let scale = clip / norm;
                gradients.iter_mut().flatten().for_each(|gradient| *gradient = gradient.clone().mul_scalar(scale));
            }
        }
        self.steps += 1;
        for ((param, kept), gradient) in weights.params_mut().iter_mut().zip(&mut self.kept).zip(gradients) {
            let was_used = kept.iter().any(Option::is_some);
            let gradient = match gradient {
                Some(gradient) => gradient,
                None if drifts && was_used => param.value.zeros_like(),
                None => continue,
            };
            let weight_decay = if param.shape.len() > 1 || decay_norms { weight_decay } else { 0.0 };
            let step = Step { lr, weight_decay, count: self.steps };
            param.value = self.rule.update(param.value.clone(), gradient, kept, &step);
        }
    }

    /// Host copies of all that is kept, under `SLOT/NAME`.
    ///
    /// # Errors
    /// When a tensor cannot be read back from the device in full.
    pub fn to_values(&self, weights: &Weights) -> Result<NamedValues, WeightsError> {
        let mut values = NamedValues::new();
        for (param, kept) in weights.params().iter().zip(&self.kept) {
            for (slot, value) in self.rule.slots().iter().zip(kept) {
                if let Some(value) = value {
                    let name = format!("{slot}/{}", param.name);
                    let tensor = host(&name, &param.shape, value)?;
                    values.insert(name, tensor);
                }
            }
        }
        Ok(values)
    }

    /// Takes back what a checkpoint of so many steps has; parameters without anything stored have had no gradient yet.
    ///
    /// # Errors
    /// When something has another size than its parameter.
    pub fn restore(&mut self, weights: &Weights, values: &NamedValues, steps: u64) -> Result<(), WeightsError> {
        let stored = |slot: &str, param: &Param| -> Result<Option<Tensor<1>>, WeightsError> {
            let name = format!("{slot}/{}", param.name);
            let Some(stored) = values.get(&name) else { return Ok(None) };
            let (found, expected) = (stored.data().len(), param.shape.iter().product());
            if found != expected {
                return Err(WeightsError::Size { name, found, expected });
            }
            Ok(Some(tensor(stored.data().to_vec(), weights.device())))
        };
        let slots = self.rule.slots();
        let of_param = |param: &Param| slots.iter().map(|slot| stored(slot, param)).collect::<Result<Vec<_>, _>>();
        self.kept = weights.params().iter().map(of_param).collect::<Result<_, _>>()?;
        self.steps = steps;
        Ok(())
    }
}

impl<R: Rule + Clone> Clone for Optimizer<R> {
    fn clone(&self) -> Self {
        Self { rule: self.rule.clone(), limits: self.limits, steps: self.steps, kept: self.kept.clone() }
    }
}
