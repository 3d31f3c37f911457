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
        .map(|((softmax, logits), &label)| row(logits, label, smoothing, softmax))
        .collect();
    (losses.iter().sum::<f64>() / labels.len() as f64) as f32
}

fn row(logits: &[f32], label: usize, smoothing: f32, softmax: &mut [f32]) -> f64 {
    // `f32::max` would drop NaN; the sum below brings it back.
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut total = 0.0f64;
    let mut sum = 0.0f64;
    for (p, logit) in softmax.iter_mut().zip(logits) {
        let shifted = logit - top;
        *p = shifted.exp();
        total += f64::from(*p);
        sum += f64::from(shifted);
    }
    for p in softmax.iter_mut() {
        *p = (f64::from(*p) / total) as f32;
    }
    let log_total = total.ln();
    let Some(hit) = logits.get(label) else {
        return f64::NAN;
    };
    let hit = f64::from(hit - top) - log_total;
    let all = sum / logits.len() as f64 - log_total;
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
