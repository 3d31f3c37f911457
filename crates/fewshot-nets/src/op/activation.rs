//! Functions of single values.

use burn::tensor::Tensor;
use fewshot_kernels as kernels;

use super::Operation;
use crate::pass::{Feature, Inputs, Pass};
use crate::write::{AttributeProto, OnnxNode, TorchNode, WriteError};

/// A function of each value by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `min(max(x + 3, 0), 6) / 6`.
    HardSigmoid,
    /// `x · hard sigmoid(x)`.
    HardSwish,
    /// `1 / (1 + e^-x)`.
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
}

impl Activation {
    fn of<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Activation::Relu => kernels::relu(x),
            Activation::Relu6 => kernels::relu6(x),
            Activation::HardSigmoid => kernels::hardsigmoid(x),
            Activation::HardSwish => kernels::hardswish(x),
            Activation::Sigmoid => kernels::sigmoid(x),
            Activation::Tanh => kernels::tanh(x),
        }
    }
}

impl Operation for Activation {
    fn label(&self) -> String {
        match self {
            Activation::Relu => "relu",
            Activation::Relu6 => "relu6",
            Activation::HardSigmoid => "hard_sigmoid",
            Activation::HardSwish => "hard_swish",
            Activation::Sigmoid => "sigmoid",
            Activation::Tanh => "tanh",
        }
        .to_string()
    }

    fn keeps_zeros(&self) -> bool {
        !matches!(self, Activation::HardSigmoid | Activation::Sigmoid)
    }

    fn run(&self, _: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        match inputs.next() {
            Feature::Map(x) => Feature::Map(self.of(x)),
            Feature::Rows(x) => Feature::Rows(self.of(x)),
        }
    }

    fn onnx(&self, node: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        let OnnxNode { writer, mut inputs, out, .. } = node;
        match self {
            Activation::Relu => writer.push("Relu", inputs, out, Vec::new()),
            Activation::Relu6 => {
                inputs.push(writer.floats("relu6_min", &[], &[0.0]));
                inputs.push(writer.floats("relu6_max", &[], &[6.0]));
                writer.push("Clip", inputs, out, Vec::new());
            }
            Activation::HardSigmoid => {
                let slope = vec![AttributeProto::float("alpha", 1.0 / 6.0), AttributeProto::float("beta", 0.5)];
                writer.push("HardSigmoid", inputs, out, slope);
            }
            Activation::HardSwish => writer.push("HardSwish", inputs, out, Vec::new()),
            Activation::Sigmoid => writer.push("Sigmoid", inputs, out, Vec::new()),
            Activation::Tanh => writer.push("Tanh", inputs, out, Vec::new()),
        }
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        let function = match self {
            Activation::Relu => "relu",
            Activation::Relu6 => "relu6",
            Activation::HardSigmoid => "hardsigmoid",
            Activation::HardSwish => "hardswish",
            Activation::Sigmoid => "sigmoid",
            Activation::Tanh => "tanh",
        };
        let module = if matches!(self, Activation::Sigmoid | Activation::Tanh) { "torch" } else { "F" };
        Ok(format!("{module}.{function}({})", node.inputs[0]))
    }
}
