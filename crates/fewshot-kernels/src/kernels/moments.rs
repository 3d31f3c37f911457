//! Mean and variance of a feature map's channels.

/// Mean and variance per channel.
#[derive(Debug, Clone)]
pub(crate) struct Moments {
    pub mean: Vec<f64>,
    /// Divided by the number of values.
    pub var: Vec<f64>,
}

impl Moments {
    /// Merges the parts in order ([Chan et al. 1983](https://doi.org/10.1080/00031305.1983.10483115)):
    /// each part has `count` values per channel, of which `[shift, sum, sum of squares]` of
    /// `value - shift` are given.
    pub(crate) fn merge(parts: &[[f64; 3]], counts: &[usize], channels: usize) -> Self {
        let (mut mean, mut var) = (vec![0.0; channels], vec![0.0; channels]);
        let mut seen = 0.0;
        for (part, &count) in parts.chunks_exact(channels.max(1)).zip(counts) {
            let count = count as f64;
            let total = seen + count;
            for ((mean, m2), [shift, sum, square]) in mean.iter_mut().zip(&mut var).zip(part) {
                let offset = sum / count;
                let delta = shift + offset - *mean;
                *mean += delta * (count / total);
                *m2 += (square - sum * offset) + delta * delta * (seen * count / total);
            }
            seen = total;
        }
        for m2 in &mut var {
            // Rounding may leave a hair below zero; NaN must stay.
            *m2 = if *m2 < 0.0 { 0.0 } else { *m2 / seen };
        }
        Self { mean, var }
    }
}
