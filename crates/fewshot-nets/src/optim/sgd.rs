//! Stochastic gradient descent with momentum.

use burn::tensor::Tensor;
use fewshot_kernels as kernels;

use super::{Rule, Step};

/// g ← g + wd·w; v ← momentum·v + g (v = g the first time); w ← w − lr·(g + momentum·v) with Nesterov, else w − lr·v, as in PyTorch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgd {
    /// Share of the velocity that is kept, 0 up to but not including 1.
    pub momentum: f64,
    /// Nesterov's form of it.
    pub nesterov: bool,
}

impl Rule for Sgd {
    fn slots(&self) -> &'static [&'static str] {
        &["velocity"]
    }

    fn starts(&self) -> &'static [f64] {
        &[0.0]
    }

    fn update(&self, value: Tensor<1>, gradient: Tensor<1>, kept: &mut [Option<Tensor<1>>], step: &Step) -> Tensor<1> {
        let rule = kernels::Sgd {
            lr: step.lr as f32,
            momentum: self.momentum as f32,
            nesterov: self.nesterov,
            weight_decay: step.weight_decay as f32,
        };
        let (value, velocity) = kernels::sgd_step(value, gradient, kept[0].take(), &rule);
        kept[0] = Some(velocity);
        value
    }
}
