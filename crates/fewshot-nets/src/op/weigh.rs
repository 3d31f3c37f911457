//! Values with a weight that gradients reach: the edges of relaxed networks.

use burn::tensor::Tensor;
use fewshot_kernels::{self as kernels, Norm, Stats};

use super::{FactorId, Operation};
use crate::pass::{Feature, Inputs, Pass};
use crate::write::{OnnxNode, TorchNode, WriteError};

/// `factor · x + term`, both numbers of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Weigh {
    /// What `x` is multiplied by.
    pub factor: FactorId,
    /// What is added to every element.
    pub term: Option<FactorId>,
}

impl Operation for Weigh {
    fn label(&self) -> String {
        "weigh".to_string()
    }

    fn keeps_zeros(&self) -> bool {
        self.term.is_none()
    }

    /// A batch norm of mean 0 and variance 1 is just that, and its gradients are tested.
    fn run(&self, pass: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        let x: Tensor<4> = inputs.map();
        let [.., channels] = x.dims();
        let (mean, var) = (pass.filled(0.0, channels), pass.filled(1.0, channels));
        let affine = Some(pass.weighed_affine(None, channels, self.factor, self.term));
        Feature::Map(kernels::batch_norm(x, Norm { affine, stats: Stats::Fixed { mean, var }, eps: 0.0 }).out)
    }

    fn onnx(&self, _: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        Err(WriteError::Relaxed)
    }

    fn pytorch(&self, _: TorchNode<'_>) -> Result<String, WriteError> {
        Err(WriteError::Relaxed)
    }
}
