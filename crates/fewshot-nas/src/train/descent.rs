//! The second half of a training step: loss, gradients, update.

use burn::tensor::{Device, Tensor};
use serde::{Serialize, Serializer};

use crate::nets::optim::{Optimizer, Rule};
use crate::nets::{Slope, Trained, Weights, to_vec};
use crate::task::{Targets, Task};

/// What a step saw before its update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepRecord {
    /// Mean loss of the batch, by what its targets say.
    pub loss: f64,
    /// Sum over the images of what the task's metric is the mean of: of a classification, how many were given their class.
    pub measured: f64,
}

/// What a step goes after.
#[derive(Debug, Clone, Copy)]
pub struct Objective<'a> {
    /// What networks are trained for.
    pub task: &'a dyn Task,
    /// What the batch asks for.
    pub targets: Targets<'a>,
    /// What the loss of each auxiliary head counts, beside 1 for the network's own.
    pub auxiliary: f64,
    /// Where there is a teacher: what it answered to the batch, `[images, numbers]`, and what being unlike it counts, beside 1 for
    /// the loss by the targets.
    pub lesson: Option<(&'a Tensor<2>, f64)>,
}

impl<'a> Objective<'a> {
    /// One label for each image, and nothing besides.
    pub fn labels(task: &'a dyn Task, labels: &'a [u32]) -> Self {
        Self { task, targets: Targets::labels(labels), auxiliary: 0.0, lesson: None }
    }

    /// The loss `[1]` of answers by the targets, with its graph, and what it says.
    pub(crate) fn loss(&self, answers: Tensor<2>, device: &Device) -> (Tensor<1>, StepRecord) {
        let measured = self.task.measure(&to_vec(&answers.clone().inner()), self.targets.labels);
        let loss = self.task.loss(answers, &self.targets, device);
        let value = to_vec(&loss.clone().inner()).first().copied().unwrap_or(f32::NAN);
        (loss, StepRecord { loss: f64::from(value), measured })
    }

    /// What a forward pass saw, and the gradient of each parameter that it used, by index; none of a loss that is not finite. What
    /// auxiliary heads and a teacher add to the loss trains and is not told.
    pub fn gradients(&self, trained: Trained, device: &Device) -> (StepRecord, Option<Slopes>) {
        let Trained { logits, auxiliary, leaves } = trained;
        let lesson = self.lesson.map(|(taught, weight)| {
            let imitation = self.task.imitation(logits.clone(), taught.clone());
            imitation.mul_scalar(weight)
        });
        let (mut loss, seen) = self.loss(logits, device);
        if !seen.loss.is_finite() {
            return (seen, None);
        }
        for answers in auxiliary {
            loss = loss + self.task.loss(answers, &self.targets, device).mul_scalar(self.auxiliary);
        }
        if let Some(lesson) = lesson {
            loss = loss + lesson;
        }
        let mut gradients = loss.backward();
        (seen, Some(leaves.into_iter().map(|leaf| leaf?.slope(&mut gradients)).collect()))
    }
}

/// Gradient of each parameter, by index; `None` where it was not used.
pub type Slopes = Vec<Option<Slope>>;

/// One step from what a forward pass over `weights` gave. A loss that is not finite changes nothing.
pub fn descend<R: Rule>(
    optimizer: &mut Optimizer<R>,
    weights: &mut Weights,
    trained: Trained,
    objective: &Objective<'_>,
    lr: f64,
) -> StepRecord {
    let device = weights.device().clone();
    let (seen, gradients) = objective.gradients(trained, &device);
    if let Some(gradients) = gradients {
        optimizer.step(weights, gradients, lr);
    }
    seen
}

/// Adds the gradients of another pass, parameter by parameter.
pub(super) fn add(sums: &mut Slopes, gradients: Slopes) {
    for (sum, gradient) in sums.iter_mut().zip(gradients) {
        *sum = match (sum.take(), gradient) {
            (Some(sum), Some(gradient)) => Some(sum.plus(gradient)),
            (sum, gradient) => sum.or(gradient),
        };
    }
}

/// Writes a sum as an integer where it is one, as sums of images that were given their class always were.
pub(crate) fn whole_if_possible<S: Serializer>(sum: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if *sum >= 0.0 && sum.fract() == 0.0 && *sum < 2f64.powi(53) {
        return (*sum as u64).serialize(serializer);
    }
    sum.serialize(serializer)
}
