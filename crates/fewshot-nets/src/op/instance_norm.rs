//! Instance norm.

use fewshot_kernels as kernels;

use super::Operation;
use crate::geometry::Real;
use crate::pass::{Feature, Inputs, Pass};
use crate::write::{AttributeProto, OnnxNode, TorchNode, WriteError};

/// `(x - mean) / √(var + ε)` per channel of each image, over height and width (Ulyanov et al. 2016); no scale, no shift, no running
/// statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InstanceNorm {
    /// Added to the variance, above 0.
    pub eps: Real,
}

impl Operation for InstanceNorm {
    fn label(&self) -> String {
        "instance_norm".to_string()
    }

    fn keeps_zeros(&self) -> bool {
        true
    }

    fn run(&self, _: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        Feature::Map(kernels::instance_norm(inputs.map(), None, self.eps.0))
    }

    fn onnx(&self, node: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        let OnnxNode { writer, mut inputs, out, sizes } = node;
        let [.., channels] = sizes[0];
        for (name, value) in [("ones", 1.0), ("zeros", 0.0)] {
            inputs.push(writer.floats(&format!("{name}_{channels}"), &[channels], &vec![value; channels]));
        }
        writer.push("InstanceNormalization", inputs, out, vec![AttributeProto::float("epsilon", self.eps.0)]);
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        Ok(format!("F.instance_norm({}, eps={:e})", node.inputs[0], self.eps.0))
    }
}
