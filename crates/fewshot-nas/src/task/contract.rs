//! What a task is.

use std::fmt::Debug;

use burn::tensor::{Device, Tensor};
use fewshot_data::Batch;

use super::Metric;

/// What a batch asks of the networks that read its images.
#[derive(Debug, Clone, Copy)]
pub struct Targets<'a> {
    /// One label per image; of mixed ones, that of the image that others were mixed into.
    pub labels: &'a [u32],
    /// Where images were mixed: the batch, which knows how much each is of each class.
    pub mixed: Option<&'a Batch>,
}

impl<'a> Targets<'a> {
    /// One label for each image.
    pub fn labels(labels: &'a [u32]) -> Self {
        Self { labels, mixed: None }
    }

    /// What a batch says.
    pub fn of(batch: &'a Batch) -> Self {
        Self { labels: &batch.labels, mixed: (!batch.mixed.is_empty()).then_some(batch) }
    }
}

/// What networks are trained for.
///
/// A network answers each image with a row of numbers. [`check_task`](super::testing::check_task) is the suite of every task.
pub trait Task: Debug + Send + Sync {
    /// What networks are judged by: the mean of [`Task::measure`] over images.
    fn metric(&self) -> Metric;

    /// How far answers `[images, numbers]` are from their targets, `[1]`, the mean over the images, with its graph. Tensors that it
    /// needs are made on `device`.
    fn loss(&self, answers: Tensor<2>, targets: &Targets<'_>, device: &Device) -> Tensor<1>;

    /// How far answers `[images, numbers]` are from those that a teacher gave to the same images, `[1]`, likewise. The teacher's
    /// are constants.
    fn imitation(&self, answers: Tensor<2>, teacher: Tensor<2>) -> Tensor<1>;

    /// The sum over images of what the metric is the mean of, from their answers row by row.
    fn measure(&self, answers: &[f32], labels: &[u32]) -> f64;

    /// The sum over images of the logarithm of how likely a network's answers make their targets: minus the loss, without
    /// anything that only helps to train. It also counts how sure a network is, so it tells networks apart that the metric on few
    /// images does not.
    fn log_likelihood(&self, answers: &[f32], labels: &[u32]) -> f64;
}
