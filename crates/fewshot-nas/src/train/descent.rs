//! What a classifier's step is judged by: cross entropy, and how many images are right.

use burn::tensor::{Device, Int, Tensor, TensorData};
use fewshot_data::Batch;
use fewshot_kernels as kernels;

use crate::nets::optim::{Optimizer, Rule};
use crate::nets::{Trained, Weights, to_vec};

/// What a step saw before its update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepRecord {
    /// Mean loss of the batch.
    pub loss: f64,
    /// Images whose largest logit was at their label.
    pub correct: u64,
}

/// What a classifier should say of the images of a batch.
#[derive(Debug, Clone, Copy)]
pub struct Targets<'a> {
    /// The class of each image; of mixed ones, that of the image that others were mixed into.
    pub labels: &'a [u32],
    /// Where images were mixed: the batch, which knows how much each is of each class.
    pub mixed: Option<&'a Batch>,
    /// Share of the target that is spread over all classes.
    pub smoothing: f64,
    /// What the loss of each auxiliary head counts, beside 1 for the network's own.
    pub auxiliary: f64,
}

impl<'a> Targets<'a> {
    /// One class for each image.
    pub fn classes(labels: &'a [u32], smoothing: f64) -> Self {
        Self { labels, mixed: None, smoothing, auxiliary: 0.0 }
    }

    /// Mean cross entropy `[1]` of logits `[batch, classes]`, with its graph.
    fn cross_entropy(&self, logits: Tensor<2>, device: &Device) -> Tensor<1> {
        let [batch, classes] = logits.dims();
        match self.mixed {
            Some(mixed) => {
                let shares = TensorData::new(mixed.targets(classes), [batch, classes]);
                let shares = Tensor::<2>::from_data(shares, device);
                kernels::soft_cross_entropy(logits, shares, self.smoothing as f32)
            }
            None => {
                let labels: Vec<i32> = self.labels.iter().map(|&label| label as i32).collect();
                let labels = Tensor::<1, Int>::from_data(TensorData::new(labels, [batch]), device);
                kernels::cross_entropy(logits, labels, self.smoothing as f32)
            }
        }
    }
}

/// The second half of a training step, from what a forward pass over `weights` gave: loss, gradients, update. A loss that is not
/// finite changes nothing. The loss of auxiliary heads trains and is not told.
pub fn descend<R: Rule>(
    optimizer: &mut Optimizer<R>,
    weights: &mut Weights,
    trained: Trained,
    targets: &Targets<'_>,
    lr: f64,
) -> StepRecord {
    let Trained { logits, auxiliary, leaves } = trained;
    let device = weights.device().clone();
    let (mut loss, seen) = loss(logits, targets, &device);
    if seen.loss.is_finite() {
        for logits in auxiliary {
            loss = loss + targets.cross_entropy(logits, &device).mul_scalar(targets.auxiliary);
        }
        let mut gradients = loss.backward();
        let gradients = leaves.into_iter().map(|leaf| leaf?.grad_remove(&mut gradients)).collect();
        optimizer.step(weights, gradients, lr);
    }
    seen
}

/// Mean cross entropy `[1]` of logits `[batch, classes]`, with its graph, and what it says.
pub(crate) fn loss(logits: Tensor<2>, targets: &Targets<'_>, device: &Device) -> (Tensor<1>, StepRecord) {
    let classes = logits.dims()[1];
    let correct = count_correct(&to_vec(&logits.clone().inner()), classes, targets.labels);
    let loss = targets.cross_entropy(logits, device);
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
