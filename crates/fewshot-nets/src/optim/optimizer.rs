//! A rule at work on all weights.

use burn::tensor::Tensor;
use fewshot_kernels as kernels;

use super::{Rule, Step};
use crate::slope::Slope;
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
    /// Per parameter, its updates so far.
    updates: Vec<u64>,
}

/// Prefix of the names under which the updates of parameters are kept.
const UPDATES: &str = "updates";
/// Such a count is kept as two numbers, by this base: a number of 32 bits holds whole ones below it exactly.
const BASE: u64 = 1 << 24;

impl<R: Rule> Optimizer<R> {
    /// Without a past.
    pub fn new(weights: &Weights, rule: R, limits: Limits) -> Self {
        let kept = vec![vec![None; rule.slots().len()]; weights.params().len()];
        let updates = vec![0; kept.len()];
        Self { rule, limits, steps: 0, kept, updates }
    }

    /// Updates so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// What one slot holds of each parameter.
    pub fn slot(&self, slot: usize) -> impl Iterator<Item = Option<&Tensor<1>>> {
        self.kept.iter().map(move |kept| kept[slot].as_ref())
    }

    /// One update. `gradients` has one per parameter, or `None` where the step did not use it. Of a parameter that was seen in part, the
    /// rest is not used, and treated alike.
    pub fn step<G: Into<Slope>>(&mut self, weights: &mut Weights, gradients: Vec<Option<G>>, lr: f64) {
        let mut gradients: Vec<Option<Slope>> =
            gradients.into_iter().map(|gradient| gradient.map(Into::into)).collect();
        let Limits { weight_decay, decay_norms, clip, drifts } = self.limits;
        if clip > 0.0 {
            let squares = gradients.iter().flatten().map(|gradient| kernels::sum_squares(gradient.values().clone()));
            let norm = squares.sum::<f64>().sqrt();
            if norm > clip {
                let scale = clip / norm;
                gradients = gradients.into_iter().map(|gradient| gradient.map(|it| it.scaled(scale))).collect();
            }
        }
        self.steps += 1;
        // Takes the place of values while they are updated: a tensor that has one handle is updated where it is.
        let none = Tensor::zeros([1], weights.device());
        let own = self.kept.iter_mut().zip(&mut self.updates);
        for ((param, (kept, updates)), gradient) in weights.params_mut().iter_mut().zip(own).zip(gradients) {
            let was_used = kept.iter().any(Option::is_some);
            let gradient = match gradient {
                Some(gradient) if drifts => gradient.into_whole().into(),
                Some(gradient) => gradient,
                None if drifts && was_used => param.value.zeros_like().into(),
                None => continue,
            };
            let weight_decay = if param.shape.len() > 1 || decay_norms { weight_decay } else { 0.0 };
            *updates += 1;
            let step = Step { lr, weight_decay, count: *updates };
            let value = std::mem::replace(&mut param.value, none.clone());
            param.value = match gradient.is_whole() {
                true => self.rule.update(value, gradient.into_whole(), kept, &step),
                false => Self::update_seen(&self.rule, value, gradient, kept, &step),
            };
        }
    }

    /// An update of what was seen of a parameter.
    fn update_seen(
        rule: &R,
        value: Tensor<1>,
        gradient: Slope,
        kept: &mut [Option<Tensor<1>>],
        step: &Step,
    ) -> Tensor<1> {
        let mut of_seen: Vec<Option<Tensor<1>>> =
            kept.iter().map(|kept| kept.as_ref().map(|kept| gradient.seen_of(kept))).collect();
        let seen = rule.update(gradient.seen_of(&value), gradient.values().clone(), &mut of_seen, step);
        for ((kept, of_seen), start) in kept.iter_mut().zip(of_seen).zip(rule.starts()) {
            let whole = kept.take().unwrap_or_else(|| value.full_like(*start));
            *kept = of_seen.map(|of_seen| gradient.put(whole, of_seen));
        }
        gradient.put(value, seen)
    }

    /// Host copies of all that is kept, under `SLOT/NAME`, and `updates/NAME` where the rule counts them.
    ///
    /// # Errors
    /// When a tensor cannot be read back from the device in full.
    pub fn to_values(&self, weights: &Weights) -> Result<NamedValues, WeightsError> {
        let mut values = NamedValues::new();
        for ((param, kept), &updates) in weights.params().iter().zip(&self.kept).zip(&self.updates) {
            if self.rule.counts() && updates > 0 {
                let name = format!("{UPDATES}/{}", param.name);
                let digits = [updates % BASE, updates / BASE].map(|digit| digit as f32);
                let count = host(&name, &[digits.len()], &tensor(digits.to_vec(), weights.device()))?;
                values.insert(name, count);
            }
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

    /// Takes back what a checkpoint of so many steps has; parameters without anything stored have had no gradient yet. An older one does
    /// not say how many updates each had: all steps, then.
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
        let kept = weights.params().iter().map(of_param).collect::<Result<Vec<_>, _>>()?;
        let counted = |(param, kept): (&Param, &Vec<Option<Tensor<1>>>)| -> Result<u64, WeightsError> {
            let name = format!("{UPDATES}/{}", param.name);
            match values.get(&name).map(|stored| stored.data()) {
                Some(&[low, high]) => Ok((low as u64).saturating_add((high as u64).saturating_mul(BASE))),
                Some(other) => Err(WeightsError::Size { name, found: other.len(), expected: 2 }),
                None if kept.iter().any(Option::is_some) => Ok(steps),
                None => Ok(0),
            }
        };
        self.updates = weights.params().iter().zip(&kept).map(counted).collect::<Result<_, _>>()?;
        self.kept = kept;
        self.steps = steps;
        Ok(())
    }
}

impl<R: Rule + Clone> Clone for Optimizer<R> {
    fn clone(&self) -> Self {
        Self {
            rule: self.rule.clone(),
            limits: self.limits,
            steps: self.steps,
            kept: self.kept.clone(),
            updates: self.updates.clone(),
        }
    }
}
