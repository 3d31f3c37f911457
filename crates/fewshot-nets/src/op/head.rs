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

/// Sum over height and width: from here on there is one row of values per image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GlobalSumPool;

impl Operation for GlobalSumPool {
    fn label(&self) -> String {
        "global_sum_pool".to_string()
    }

    fn size(&self, inputs: &[Size]) -> Size {
        [1, 1, inputs[0][2]]
    }

    fn keeps_zeros(&self) -> bool {
        true
    }

    fn run(&self, _: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        Feature::Rows(kernels::global_sum_pool(inputs.map()))
    }

    fn onnx(&self, node: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        let OnnxNode { writer, mut inputs, out, .. } = node;
        inputs.push(writer.ints("rows_and_columns", &[2, 3]));
        writer.push("ReduceSum", inputs, out, vec![AttributeProto::int("keepdims", 0)]);
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        Ok(format!("{}.sum((2, 3))", node.inputs[0]))
    }
}

/// Rows of `height · width · channels` values as maps, pixel by pixel: where a generator goes from numbers to images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ToMap {
    /// Of the map.
    pub size: Size,
}

impl Operation for ToMap {
    fn label(&self) -> String {
        let [height, width, channels] = self.size;
        format!("to_map {height}x{width}x{channels}")
    }

    fn size(&self, _: &[Size]) -> Size {
        self.size
    }

    fn keeps_zeros(&self) -> bool {
        true
    }

    fn run(&self, _: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        let rows = inputs.rows();
        let (batch, [height, width, channels]) = (rows.dims()[0], self.size);
        Feature::Map(rows.reshape([batch, height, width, channels]))
    }

    fn onnx(&self, node: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        let OnnxNode { writer, mut inputs, out, .. } = node;
        let [height, width, channels] = self.size.map(|extent| extent as i64);
        inputs.push(writer.ints(&format!("{out}_shape"), &[0, height, width, channels]));
        let pixels = format!("{out}_pixels");
        writer.push("Reshape", inputs, pixels.clone(), Vec::new());
        writer.push("Transpose", vec![pixels], out, vec![AttributeProto::ints("perm", vec![0, 3, 1, 2])]);
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        let [height, width, channels] = self.size;
        Ok(format!("{}.reshape(-1, {height}, {width}, {channels}).permute(0, 3, 1, 2)", node.inputs[0]))
    }
}

/// `x · weight + bias` of rows, with `NAME.weight` `[input, output]` and, where there is one, `NAME.bias` `[output]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Linear {
    /// `[input, output]`.
    pub weight: View,
    /// `[output]`.
    pub bias: Option<View>,
    /// Whether adding the bias counts as multiply-adds ([`LinearLayer::counts_bias`]).
    pub counts_bias: bool,
}

impl From<&LinearLayer> for Linear {
    fn from(layer: &LinearLayer) -> Self {
        let LinearLayer { weight, bias, counts_bias } = layer.clone();
        Self { weight, bias, counts_bias }
    }
}

impl Operation for Linear {
    fn label(&self) -> String {
        let bias = if self.bias.is_some() { "" } else { " unbiased" };
        format!("linear{bias} {}", self.weight.used[1])
    }

    fn size(&self, _: &[Size]) -> Size {
        [1, 1, self.weight.used[1]]
    }

    fn cost(&self, _: Size) -> Cost {
        let (inputs, outputs) = (self.weight.used[0], self.weight.used[1]);
        let weight = Cost::conv(1, inputs, outputs, (1, 1));
        match (&self.bias, self.counts_bias) {
            (None, _) => weight,
            (Some(_), true) => Cost::linear(inputs, outputs),
            (Some(_), false) => weight + Cost::bias(outputs),
        }
    }

    fn rehouse(&mut self, weights: &mut Weights) {
        self.weight.rehouse(weights);
        self.bias.iter_mut().for_each(|bias| bias.rehouse(weights));
    }

    fn run(&self, pass: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        let x = inputs.rows();
        let weight = pass.view::<2>(&self.weight);
        Feature::Rows(match &self.bias {
            Some(bias) => kernels::linear(x, weight, pass.view(bias)),
            None => x.matmul(weight),
        })
    }

    fn onnx(&self, mut node: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        for view in std::iter::once(&self.weight).chain(&self.bias) {
            let values = node.writer.values(view)?;
            node.inputs.push(node.writer.floats(&view.name, &view.used, &values));
        }
        node.writer.push("Gemm", node.inputs, node.out, Vec::new());
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        let bias = if self.bias.is_some() { "" } else { ", bias=False" };
        let make = format!("nn.Linear({}, {}{bias})", self.weight.used[0], self.weight.used[1]);
        Ok(format!("self.{}({})", node.code.layer(self.weight.layer(), make), node.inputs[0]))
    }
}
