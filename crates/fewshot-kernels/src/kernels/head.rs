//! Softmax cross entropy.

use rayon::prelude::*;

/// Mean cross entropy of a batch, and the softmax of each row written to `softmax`.
///
/// A label outside the classes makes the loss NaN.
pub(crate) fn cross_entropy(
    logits: &[f32],
    labels: &[usize],
    classes: usize,
    smoothing: f32,
    softmax: &mut [f32],
) -> f32 {
    let losses: Vec<f64> = softmax
        .par_chunks_exact_mut(classes)
        .zip(logits.par_chunks_exact(classes))
        .zip(labels)
        .with_min_len(64)
        .map(|((softmax, logits), &label)| loss_of_label(logits, label, smoothing, softmax))
        .collect();
    (losses.iter().sum::<f64>() / labels.len() as f64) as f32
}

/// The largest logit of a row, the sum of the logits less that, and the logarithm of the softmax's denominator.
struct Row {
    top: f32,
    sum: f64,
    log_total: f64,
}

impl Row {
    /// Writes the softmax of a row.
    fn softmax(logits: &[f32], softmax: &mut [f32]) -> Self {
        // `f32::max` would drop NaN; the sum below brings it back.
        let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let (mut total, mut sum) = (0.0f64, 0.0f64);
        for (p, logit) in softmax.iter_mut().zip(logits) {
            let shifted = logit - top;
            *p = shifted.exp();
            total += f64::from(*p);
            sum += f64::from(shifted);
        }
        for p in softmax.iter_mut() {
            *p = (f64::from(*p) / total) as f32;
        }
        Self { top, sum, log_total: total.ln() }
    }

    /// The logarithm of the softmax of one of its logits.
    fn log(&self, logit: f32) -> f64 {
        f64::from(logit - self.top) - self.log_total
    }
}

fn loss_of_label(logits: &[f32], label: usize, smoothing: f32, softmax: &mut [f32]) -> f64 {
    let row = Row::softmax(logits, softmax);
    let Some(hit) = logits.get(label) else {
        return f64::NAN;
    };
    let hit = row.log(*hit);
    let all = row.sum / logits.len() as f64 - row.log_total;
    -(f64::from(1.0 - smoothing) * hit + f64::from(smoothing) * all)
}

/// Gradient of [`cross_entropy`] with respect to the logits, times `g`.
pub(crate) fn cross_entropy_backward(
    softmax: &[f32],
    labels: &[usize],
    classes: usize,
    smoothing: f32,
    g: f32,
    to: &mut [f32],
) {
    let scale = g / labels.len() as f32;
    let everywhere = smoothing / classes as f32;
    for ((to, softmax), &label) in to.chunks_exact_mut(classes).zip(softmax.chunks_exact(classes)).zip(labels) {
        for (to, p) in to.iter_mut().zip(softmax) {
            *to = (p - everywhere) * scale;
        }
        match to.get_mut(label) {
            Some(to) => *to -= (1.0 - smoothing) * scale,
            None => to.fill(f32::NAN),
        }
    }
}

/// A target with `smoothing` of it spread over all classes.
fn smooth(target: f32, smoothing: f32, classes: usize) -> f64 {
    f64::from(1.0 - smoothing) * f64::from(target) + f64::from(smoothing) / classes as f64
}

/// Mean cross entropy of a batch whose targets are `[batch, classes]`, and the softmax of each row written to `softmax`.
pub(crate) fn soft_cross_entropy(
    logits: &[f32],
    targets: &[f32],
    classes: usize,
    smoothing: f32,
    softmax: &mut [f32],
) -> f32 {
    let rows = softmax.par_chunks_exact_mut(classes).zip(logits.par_chunks_exact(classes));
    let losses = rows.zip(targets.par_chunks_exact(classes)).with_min_len(64).map(|((softmax, logits), targets)| {
        let row = Row::softmax(logits, softmax);
        let loss =
            logits.iter().zip(targets).map(|(logit, target)| smooth(*target, smoothing, classes) * row.log(*logit));
        -loss.sum::<f64>()
    });
    let losses: Vec<f64> = losses.collect();
    (losses.iter().sum::<f64>() / losses.len() as f64) as f32
}

/// Gradient of [`soft_cross_entropy`] with respect to the logits, times `g`.
pub(crate) fn soft_cross_entropy_backward(
    softmax: &[f32],
    targets: &[f32],
    classes: usize,
    smoothing: f32,
    g: f32,
    to: &mut [f32],
) {
    let scale = f64::from(g) / (softmax.len() / classes) as f64;
    let rows = to.chunks_exact_mut(classes).zip(softmax.chunks_exact(classes)).zip(targets.chunks_exact(classes));
    for ((to, softmax), targets) in rows {
        let total: f64 = targets.iter().map(|target| smooth(*target, smoothing, classes)).sum();
        for ((to, p), target) in to.iter_mut().zip(softmax).zip(targets) {
            *to = ((f64::from(*p) * total - smooth(*target, smoothing, classes)) * scale) as f32;
        }
    }
}
