//! What a classifier's step is judged by: cross entropy, and how many images are right.

use burn::tensor::{Device, Int, Tensor, TensorData};
use fewshot_kernels as kernels;

use crate::nets::optim::{Optimizer, Rule};
use crate::nets::{Leaves, Weights, to_vec};

/// What a step saw before its update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepRecord {
    /// Mean loss of the batch.
    pub loss: f64,
    /// Images whose largest logit was at their label.
    pub correct: u64,
}

/// The second half of a training step, from the logits `[batch, classes]` and leaves of a forward pass over `weights`: loss,
/// gradients, update. A loss that is not finite changes nothing.
pub fn descend<R: Rule>(
    optimizer: &mut Optimizer<R>,
    weights: &mut Weights,
    logits: Tensor<2>,
    leaves: Leaves,
    labels: &[u32],
    label_smoothing: f64,
    lr: f64,
) -> StepRecord {
    let (loss, seen) = loss(logits, labels, label_smoothing, weights.device());
    if seen.loss.is_finite() {
        let mut gradients = loss.backward();
        let gradients = leaves.into_iter().map(|leaf| leaf?.grad_remove(&mut gradients)).collect();
        optimizer.step(weights, gradients, lr);
    }
    seen
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
