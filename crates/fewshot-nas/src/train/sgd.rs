//! SGD with momentum, weight decay and clipping over a network's flat parameter list.

use burn::tensor::{Device, Int, Tensor, TensorData};
use fewshot_kernels::{self as kernels, Sgd as Rule};

use super::config::{TrainConfig, Unsampled};
use crate::nets::{Leaves, NamedValues, Param, Weights, WeightsError, host, tensor, to_vec};

/// Prefix of the velocities in a checkpoint.
const VELOCITY: &str = "velocity/";

/// What a step saw before its update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepRecord {
    /// Mean loss of the batch.
    pub loss: f64,
    /// Images whose largest logit was at their label.
    pub correct: u64,
}

/// The optimizer's state: one velocity per parameter that has had a gradient.
#[derive(Debug, Clone)]
pub struct Sgd {
    velocity: Vec<Option<Tensor<1>>>,
}

impl Sgd {
    /// A fresh optimizer for these weights. Build it after all weights are in place: it covers every parameter.
    pub fn new(weights: &Weights) -> Self {
        Self { velocity: vec![None; weights.params().len()] }
    }

    /// The velocity of each parameter that has had a gradient.
    pub(crate) fn velocity(&self) -> &[Option<Tensor<1>>] {
        &self.velocity
    }

    /// The second half of a training step, from the logits `[batch, classes]` and leaves of a forward pass over
    /// `weights`: loss, gradients, clipping, update. A loss that is not finite changes nothing.
    pub fn descend(
        &mut self,
        weights: &mut Weights,
        logits: Tensor<2>,
        leaves: Leaves,
        labels: &[u32],
        config: &TrainConfig,
        lr: f64,
    ) -> StepRecord {
        let (loss, seen) = loss(logits, labels, config.label_smoothing, weights.device());
        if seen.loss.is_finite() {
            let mut gradients = loss.backward();
            let grads = leaves.into_iter().map(|leaf| leaf?.grad_remove(&mut gradients)).collect();
            self.step(weights, grads, config, lr);
        }
        seen
    }

    /// The update alone. `grads` holds one gradient per parameter, or `None` where the path did not use it.
    ///
    /// g ← clip(g) + wd·w; v ← momentum·v + g (v = g the first time); w ← w − lr·(g + momentum·v) with Nesterov, else
    /// w − lr·v. Clipping scales all gradients so that their joint norm is at most `clip`; decay is added after it.
    pub fn step(&mut self, weights: &mut Weights, mut grads: Vec<Option<Tensor<1>>>, config: &TrainConfig, lr: f64) {
        if config.clip > 0.0 {
            let norm = grads.iter().flatten().map(|g| kernels::sum_squares(g.clone())).sum::<f64>().sqrt();
            if norm > config.clip {
                let scale = config.clip / norm;
                grads.iter_mut().flatten().for_each(|g| *g = g.clone().mul_scalar(scale));
            }
        }
        let rule = Rule {
            lr: lr as f32,
            momentum: config.momentum as f32,
            nesterov: config.nesterov,
            weight_decay: config.weight_decay as f32,
        };
        let of_vectors = Rule { weight_decay: if config.decay_norms { rule.weight_decay } else { 0.0 }, ..rule };
        for ((param, velocity), grad) in weights.params_mut().iter_mut().zip(&mut self.velocity).zip(grads) {
            let drifts = config.unsampled == Unsampled::Decay && velocity.is_some();
            let grad = match grad {
                Some(grad) => grad,
                None if drifts => param.value.zeros_like(),
                None => continue,
            };
            // Scales, shifts and biases have one axis.
            let rule = if param.shape.len() > 1 { &rule } else { &of_vectors };
            let (value, next) = kernels::sgd_step(param.value.clone(), grad, velocity.take(), rule);
            param.value = value;
            *velocity = Some(next);
        }
    }

    /// Host copies of the velocities, under `velocity/NAME`.
    ///
    /// # Errors
    /// When a tensor cannot be read back from the device in full.
    pub fn to_values(&self, weights: &Weights) -> Result<NamedValues, WeightsError> {
        let mut values = NamedValues::new();
        for (param, velocity) in weights.params().iter().zip(&self.velocity) {
            if let Some(velocity) = velocity {
                let name = format!("{VELOCITY}{}", param.name);
                let tensor = host(&name, &param.shape, velocity)?;
                values.insert(name, tensor);
            }
        }
        Ok(values)
    }

    /// The optimizer of a checkpoint; parameters without a stored velocity have had no gradient yet.
    ///
    /// # Errors
    /// When a velocity has another size than its parameter.
    pub fn from_values(weights: &Weights, values: &NamedValues) -> Result<Self, WeightsError> {
        let restore = |param: &Param| {
            let name = format!("{VELOCITY}{}", param.name);
            let Some(stored) = values.get(&name) else { return Ok(None) };
            let expected = param.shape.iter().product();
            let found = stored.data().len();
            if found != expected {
                return Err(WeightsError::Size { name, found, expected });
            }
            Ok(Some(tensor(stored.data().to_vec(), weights.device())))
        };
        Ok(Self { velocity: weights.params().iter().map(restore).collect::<Result<_, _>>()? })
    }
}

/// Mean cross entropy `[1]` of logits `[batch, classes]`, with its graph, and what it says.
pub(crate) fn loss(logits: Tensor<2>, labels: &[u32], smoothing: f64, device: &Device) -> (Tensor<1>, StepRecord) {
    let targets: Vec<i32> = labels.iter().map(|&label| label as i32).collect();
    let targets = Tensor::<1, Int>::from_data(TensorData::new(targets, [labels.len()]), device);
    let classes = logits.dims()[1];
    let correct = count_correct(&to_vec(&logits.clone().inner()), classes, labels);
    let loss = kernels::cross_entropy(logits, targets, smoothing as f32);
    let value = to_vec(&loss.clone().inner()).first().copied().unwrap_or(f32::NAN);
    (loss, StepRecord { loss: f64::from(value), correct })
}

/// How many images have their largest logit, of those row by row, at their label (the first of equal logits counts).
pub(crate) fn count_correct(logits: &[f32], classes: usize, labels: &[u32]) -> u64 {
    let hits = logits.chunks(classes.max(1)).zip(labels).filter(|(row, label)| likeliest(row) as u32 == **label);
    hits.count() as u64
}

/// Sum over rows of the logarithm of the probability that the logits, row by row, give the label.
pub(crate) fn log_likelihood(logits: &[f32], classes: usize, labels: &[u32]) -> f64 {
    let of_row = |(row, &label): (&[f32], &u32)| {
        let top = f64::from(row[likeliest(row)]);
        let sum: f64 = row.iter().map(|&value| (f64::from(value) - top).exp()).sum();
        f64::from(row[label as usize]) - top - sum.ln()
    };
    logits.chunks(classes.max(1)).zip(labels).map(of_row).sum()
}

/// The class with the largest logit; of equal ones the first.
pub(crate) fn likeliest(logits: &[f32]) -> usize {
    let mut best = 0;
    for (class, value) in logits.iter().enumerate() {
        if *value > logits[best] {
            best = class;
        }
    }
    best
}
