//! Adam.

use burn::tensor::Tensor;

use super::{Rule, Step};

/// Adam (Kingma and Ba, 2015) with L2 decay in the gradient, as PyTorch's `Adam(weight_decay)`:
/// g ← g + wd·w; m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; w ← w − lr·m̂/(√v̂ + ε), with m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ).
/// t counts the updates of each parameter by itself, from its first gradient on: one that a path reaches late starts as others did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    /// Share of the mean of gradients that is kept, 0 up to but not including 1.
    pub beta1: f64,
    /// Share of the mean of their squares that is kept, 0 up to but not including 1.
    pub beta2: f64,
    /// Added to the root of the squares, above 0.
    pub eps: f64,
}

impl Rule for Adam {
    fn slots(&self) -> &'static [&'static str] {
        &["adam/mean", "adam/square"]
    }

    fn starts(&self) -> &'static [f64] {
        &[0.0, 0.0]
    }

    fn counts(&self) -> bool {
        true
    }

    fn update(&self, value: Tensor<1>, gradient: Tensor<1>, kept: &mut [Option<Tensor<1>>], step: &Step) -> Tensor<1> {
        let Adam { beta1, beta2, eps } = *self;
        let corrected = |beta: f64| 1.0 - beta.powf(step.count as f64);
        let gradient = gradient + value.clone().mul_scalar(step.weight_decay);
        let [mean, square] = [0, 1].map(|slot: usize| kept[slot].take().unwrap_or_else(|| value.zeros_like()));
        let mean = mean.mul_scalar(beta1) + gradient.clone().mul_scalar(1.0 - beta1);
        let square = square.mul_scalar(beta2) + (gradient.clone() * gradient).mul_scalar(1.0 - beta2);
        let root = square.clone().div_scalar(corrected(beta2)).sqrt().add_scalar(eps);
        let moved = value - (mean.clone() / root).mul_scalar(step.lr / corrected(beta1));
        (kept[0], kept[1]) = (Some(mean), Some(square));
        moved
    }
}
