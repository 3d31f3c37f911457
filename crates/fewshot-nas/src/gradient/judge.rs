//! Held-out images that say which architecture a search ends with.

use std::sync::Arc;

use burn::tensor::Tensor;
use fewshot_kernels as kernels;
use fewshot_space::Arch;

use super::GradientError;
use crate::estimate::{NormPolicy, ScoreSet};
use crate::nets::{Mix, Net, NormMode, tensor};

/// What a search ends with.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// The architecture.
    pub arch: Arch,
    /// Its accuracy in the supernet, 0 to 1.
    pub path_accuracy: f64,
    /// The accuracy of the mixed network, where the method trains that.
    pub mixed_accuracy: Option<f64>,
}

impl Chosen {
    /// What sub-supernets are compared by: the accuracy that the method itself looks at while it searches.
    pub fn measure(&self) -> f64 {
        self.mixed_accuracy.unwrap_or(self.path_accuracy)
    }
}

/// Scores architectures, all on the same images.
#[derive(Debug, Clone)]
pub struct Judge {
    set: Arc<ScoreSet>,
    policy: NormPolicy,
}

impl Judge {
    /// Scores on `set`.
    pub fn new(set: Arc<ScoreSet>, policy: NormPolicy) -> Self {
        Self { set, policy }
    }

    /// The best of some candidates by the task's metric; the first of equal ones.
    ///
    /// # Errors
    /// When there are no images.
    pub fn best(&self, net: &mut Net, candidates: &[Arch]) -> Result<Chosen, GradientError> {
        let scores = self.set.metrics(net, candidates, self.policy)?;
        let metric = self.set.task().metric();
        let is_better = |next: usize, best: usize| metric.compare(scores[best], scores[next]).is_lt();
        let best = (0..scores.len()).reduce(|best, next| if is_better(next, best) { next } else { best });
        let best = best.ok_or(crate::estimate::EstimateError::NoImages)?;
        Ok(Chosen { arch: candidates[best].clone(), path_accuracy: scores[best], mixed_accuracy: None })
    }

    /// The accuracy of a mix. Batch norms use the batch's statistics, or the running ones where the policy says so:
    /// a mixed network trains as it is scored, so nothing is recalibrated.
    ///
    /// # Errors
    /// When there are no images, or the mix does not fit.
    pub fn mixed(&self, net: &mut Net, mix: &Mix) -> Result<f64, GradientError> {
        let mode = mode_of(self.policy);
        Ok(kernels::on_kernel_threads(|| self.set.metric_of(|images| net.score_mixed(images, mix, mode)))?)
    }

    /// The accuracy of one architecture of a network that runs mixes.
    ///
    /// # Errors
    /// As [`Judge::mixed`].
    pub fn one_hot(&self, net: &mut Net, arch: &Arch) -> Result<f64, GradientError> {
        let one: Tensor<1> = tensor(vec![1.0], net.weights().device());
        let mix = Mix::one_hot(net.region(), arch, &one);
        self.mixed(net, &mix)
    }
}

/// Statistics of batch norms under a policy that recalibrates nothing.
pub fn mode_of(policy: NormPolicy) -> NormMode {
    match policy {
        NormPolicy::Running => NormMode::Running,
        NormPolicy::Batch | NormPolicy::Recalibrated => NormMode::Batch,
    }
}
