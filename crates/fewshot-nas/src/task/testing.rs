//! The suite of every task.

use std::cmp::Ordering;

use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;

use fewshot_space::random;

use super::{Metric, Targets, Task};
use crate::nets::to_vec;

/// Images of a batch.
const IMAGES: usize = 6;
/// Change by which slopes are taken, large enough for the rounding of f32.
const STEP: f32 = 1e-2;

/// Checks what training and scoring rely on: that losses are means over images and have the right slopes, that sums add up, that a
/// teacher is imitated, that the likelihood is what the loss says, that the metric is ordered and written as it says. `plain` is the
/// same task without anything that only helps to train; mostly it is the task itself. `width` is how many numbers answer an image,
/// and labels are below `labels`.
///
/// # Panics
/// With what is wrong.
pub fn check_task(task: &dyn Task, plain: &dyn Task, width: usize, labels: u32) {
    check_metric(&task.metric());
    let mut rng = random::stream(1, "task suite", 0, 0);
    let mut draw = |count: usize| -> Vec<f32> { (0..count).map(|_| rng.random_range(-1.0..1.0)).collect() };
    let (answers, teacher) = (draw(IMAGES * width), draw(IMAGES * width));
    let labels: Vec<u32> = (0..IMAGES as u32).map(|image| image % labels).collect();
    let targets = |labels: &[u32], answers: &[f32]| {
        let answers = tensor(answers, width);
        value(&task.loss(answers, &Targets::labels(labels), &Device::flex()))
    };
    check_mean(&answers, &labels, width, targets);
    let loss = |answers: Tensor<2>| task.loss(answers, &Targets::labels(&labels), &Device::flex());
    check_slopes("loss", &answers, width, loss);
    let towards = tensor(&teacher, width);
    let imitation = |answers: Tensor<2>| task.imitation(answers, towards.clone());
    check_slopes("imitation", &answers, width, imitation);
    let at_teacher = slopes(&teacher, width, imitation);
    assert!(at_teacher.iter().all(|slope| slope.abs() < 1e-5), "imitation is not least at the teacher: {at_teacher:?}");
    assert!(
        value(&imitation(towards.clone())) < value(&imitation(tensor(&answers, width))),
        "imitation: any is as good"
    );
    for (name, sum) in
        [("measure", task.measure(&answers, &labels)), ("likelihood", task.log_likelihood(&answers, &labels))]
    {
        assert!(sum.is_finite(), "{name} is {sum}");
    }
    check_sums(task, &answers, &labels, width);
    check_likelihood(task, plain, &answers, &labels, width);
    check_descent(task, answers, &labels, width);
}

fn check_metric(metric: &Metric) {
    assert!(!metric.name.is_empty() && metric.scale > 0.0, "{metric:?}");
    assert!(metric.text(0.5, 2).ends_with(metric.unit) && metric.heading().starts_with(metric.name));
    assert_eq!(metric.compare(0.25, 0.25), Ordering::Equal);
    assert_ne!(metric.compare(0.25, 0.75), metric.compare(0.75, 0.25));
    assert_eq!(metric.compare(0.25, 0.75), metric.score(0.25).total_cmp(&metric.score(0.75)));
    assert!(metric.worst_score().is_finite() && metric.worst_score() <= metric.score(0.25));
}

/// The mean of two batches of one size is that of both together.
fn check_mean(answers: &[f32], labels: &[u32], width: usize, loss: impl Fn(&[u32], &[f32]) -> f64) {
    let half = IMAGES / 2;
    let (first, second) = answers.split_at(half * width);
    let of_halves = (loss(&labels[..half], first) + loss(&labels[half..], second)) / 2.0;
    let of_all = loss(labels, answers);
    assert!((of_halves - of_all).abs() < 1e-5 * (1.0 + of_all.abs()), "no mean over images: {of_halves}, {of_all}");
}

/// Sums over images are sums, and no image counts for another.
fn check_sums(task: &dyn Task, answers: &[f32], labels: &[u32], width: usize) {
    let rows = || answers.chunks(width).zip(labels);
    let measured: f64 = rows().map(|(row, &label)| task.measure(row, &[label])).sum();
    let likelihood: f64 = rows().map(|(row, &label)| task.log_likelihood(row, &[label])).sum();
    let close = |a: f64, b: f64| (a - b).abs() < 1e-9 * (1.0 + a.abs());
    assert!(close(measured, task.measure(answers, labels)), "measure is no sum over images");
    assert!(close(likelihood, task.log_likelihood(answers, labels)), "likelihood is no sum over images");
}

/// The logarithm of the likelihood is minus the loss, as a sum over images.
fn check_likelihood(task: &dyn Task, plain: &dyn Task, answers: &[f32], labels: &[u32], width: usize) {
    let loss = value(&plain.loss(tensor(answers, width), &Targets::labels(labels), &Device::flex()));
    let likelihood = task.log_likelihood(answers, labels) / labels.len() as f64;
    assert!((loss + likelihood).abs() < 1e-5 * (1.0 + loss.abs()), "likelihood {likelihood} for a loss of {loss}");
}

/// Going down the slope of the loss makes targets likelier, and the metric better or no worse.
fn check_descent(task: &dyn Task, mut answers: Vec<f32>, labels: &[u32], width: usize) {
    let before = (task.log_likelihood(&answers, labels), task.measure(&answers, labels));
    for _ in 0..200 {
        let slopes = slopes(&answers, width, |answers| task.loss(answers, &Targets::labels(labels), &Device::flex()));
        answers.iter_mut().zip(slopes).for_each(|(answer, slope)| *answer -= slope);
    }
    let after = (task.log_likelihood(&answers, labels), task.measure(&answers, labels));
    assert!(after.0 > before.0, "less loss makes targets less likely: {before:?}, {after:?}");
    assert_eq!(
        task.metric().compare(before.1, after.1),
        Ordering::Less,
        "less loss is no better: {before:?}, {after:?}"
    );
}

fn check_slopes(name: &str, answers: &[f32], width: usize, loss: impl Fn(Tensor<2>) -> Tensor<1>) {
    for (place, slope) in slopes(answers, width, &loss).into_iter().enumerate() {
        let at = |sign: f32| {
            let mut moved = answers.to_vec();
            moved[place] += sign * STEP;
            value(&loss(tensor(&moved, width)))
        };
        let numeric = (at(1.0) - at(-1.0)) / (2.0 * f64::from(STEP));
        assert!((numeric - f64::from(slope)).abs() < 1e-3, "{name}, slope {place}: {slope} for {numeric}");
    }
}

fn slopes(answers: &[f32], width: usize, loss: impl Fn(Tensor<2>) -> Tensor<1>) -> Vec<f32> {
    let leaf = tensor(answers, width).autodiff().require_grad();
    let mut gradients = loss(leaf.clone()).backward();
    to_vec(&leaf.grad_remove(&mut gradients).expect("a loss that depends on the answers"))
}

fn tensor(answers: &[f32], width: usize) -> Tensor<2> {
    let shape = [answers.len() / width, width];
    Tensor::from_data(TensorData::new(answers.to_vec(), shape), &Device::flex())
}

fn value(loss: &Tensor<1>) -> f64 {
    let loss = if loss.is_autodiff() { loss.clone().inner() } else { loss.clone() };
    f64::from(to_vec(&loss)[0])
}
