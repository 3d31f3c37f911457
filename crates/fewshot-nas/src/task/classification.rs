//! Images with one class each: cross entropy, and how many are given the right one.

use burn::tensor::activation::softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use fewshot_kernels as kernels;

use super::{Metric, Targets, Task};

/// A row of answers has a logit for each class; labels are classes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Classification {
    /// Share of the target that is spread over all classes while networks are trained, 0 up to but not including 1.
    pub smoothing: f64,
}

impl Task for Classification {
    fn metric(&self) -> Metric {
        Metric::ACCURACY
    }

    fn loss(&self, answers: Tensor<2>, targets: &Targets<'_>, device: &Device) -> Tensor<1> {
        let [batch, classes] = answers.dims();
        match targets.mixed {
            Some(mixed) => {
                let shares = TensorData::new(mixed.targets(classes), [batch, classes]);
                let shares = Tensor::<2>::from_data(shares, device);
                kernels::soft_cross_entropy(answers, shares, self.smoothing as f32)
            }
            None => {
                let labels: Vec<i32> = targets.labels.iter().map(|&label| label as i32).collect();
                let labels = Tensor::<1, Int>::from_data(TensorData::new(labels, [batch]), device);
                kernels::cross_entropy(answers, labels, self.smoothing as f32)
            }
        }
    }

    /// The cross entropy with the teacher's probabilities (Hinton et al. 2015, at temperature 1).
    fn imitation(&self, answers: Tensor<2>, teacher: Tensor<2>) -> Tensor<1> {
        kernels::soft_cross_entropy(answers, softmax(teacher, 1), 0.0)
    }

    /// How many images have their largest logit at their label (the first of equal logits counts).
    fn measure(&self, answers: &[f32], labels: &[u32]) -> f64 {
        let rows = answers.chunks(width(answers, labels)).zip(labels);
        rows.filter(|(row, label)| likeliest(row) as u32 == **label).count() as f64
    }

    fn log_likelihood(&self, answers: &[f32], labels: &[u32]) -> f64 {
        let of_row = |(row, &label): (&[f32], &u32)| {
            let top = f64::from(row[likeliest(row)]);
            let sum: f64 = row.iter().map(|&value| (f64::from(value) - top).exp()).sum();
            f64::from(row[label as usize]) - top - sum.ln()
        };
        answers.chunks(width(answers, labels)).zip(labels).map(of_row).sum()
    }
}

/// Numbers in a row.
fn width(answers: &[f32], labels: &[u32]) -> usize {
    (answers.len() / labels.len().max(1)).max(1)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::to_vec;
    use crate::task::testing::check_task;

    #[test]
    fn the_contract_of_tasks() {
        let plain = Classification::default();
        check_task(&plain, &plain, 5, 5);
        check_task(&Classification { smoothing: 0.1 }, &plain, 3, 3);
    }

    #[test]
    fn a_teacher_s_loss_is_the_cross_entropy_with_its_probabilities() {
        let rows = |data: &[f32]| Tensor::<2>::from_data(TensorData::new(data.to_vec(), [1, 2]), &Device::flex());
        let loss = Classification::default().imitation(rows(&[0.0, 0.0]), rows(&[0.0, 3f32.ln()]));
        // Whatever the teacher says, of even odds it is ln 2.
        assert!((to_vec(&loss)[0] - 2f32.ln()).abs() < 1e-6);
        let loss = to_vec(&Classification::default().imitation(rows(&[0.0, 3f32.ln()]), rows(&[0.0, 3f32.ln()])))[0];
        let entropy = -(0.25f32 * 0.25f32.ln() + 0.75 * 0.75f32.ln());
        assert!((loss - entropy).abs() < 1e-6, "{loss} {entropy}");
    }
}
