//! From feature maps to one row of values per image.

use fewshot_kernels as kernels;
use fewshot_space::Cost;

use super::Operation;
use crate::geometry::Size;
use crate::layers::LinearLayer;
use crate::pass::{Feature, Inputs, Pass};
use crate::view::View;
use crate::weights::Weights;
use crate::write::{AttributeProto, OnnxNode, TorchNode, WriteError};

/// Mean over height and width: from here on there is one row of values per image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GlobalAvgPool;

impl Operation for GlobalAvgPool {
    fn label(&self) -> String {
        "global_avg_pool".to_string()
    }

    fn size(&self, inputs: &[Size]) -> Size {
        [1, 1, inputs[0][2]]
    }

    fn keeps_zeros(&self) -> bool {
        true
    }

    fn run(&self, _: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        Feature::Rows(kernels::global_avg_pool(inputs.map()))
    }

    fn onnx(&self, node: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        let pooled = format!("{}_pooled", node.out);
        node.writer.push("GlobalAveragePool", node.inputs, pooled.clone(), Vec::new());
        node.writer.push("Flatten", vec![pooled], node.out, vec![AttributeProto::int("axis", 1)]);
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        Ok(format!("{}.mean((2, 3))", node.inputs[0]))
    }
}

/// `x · weight + bias` of rows, with `NAME.weight` `[input, output]` and `NAME.bias` `[output]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Linear {
    /// `[input, output]`.
    pub weight: View,
    /// `[output]`.
    pub bias: View,
}

impl From<&LinearLayer> for Linear {
    fn from(layer: &LinearLayer) -> Self {
        let LinearLayer { weight, bias } = layer.clone();
        Self { weight, bias }
    }
}

impl Operation for Linear {
    fn label(&self) -> String {
        format!("linear {}", self.weight.used[1])
    }

    fn size(&self, _: &[Size]) -> Size {
        [1, 1, self.weight.used[1]]
    }

    fn cost(&self, _: Size) -> Cost {
        Cost::linear(self.weight.used[0], self.weight.used[1])
    }

    fn rehouse(&mut self, weights: &mut Weights) {
        self.weight.rehouse(weights);
        self.bias.rehouse(weights);
    }

    fn run(&self, pass: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        let x = inputs.rows();
        let weight = pass.view::<2>(&self.weight);
        let bias = pass.view::<1>(&self.bias);
        Feature::Rows(kernels::linear(x, weight, bias))
    }

    fn onnx(&self, mut node: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        for view in [&self.weight, &self.bias] {
            let values = node.writer.values(view)?;
            node.inputs.push(node.writer.floats(&view.name, &view.used, &values));
        }
        node.writer.push("Gemm", node.inputs, node.out, Vec::new());
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        let make = format!("nn.Linear({}, {})", self.weight.used[0], self.weight.used[1]);
        Ok(format!("self.{}({})", node.code.layer(self.weight.layer(), make), node.inputs[0]))
    }
}
