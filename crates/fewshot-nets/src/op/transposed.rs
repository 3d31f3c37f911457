//! Transposed convolutions.

use fewshot_kernels as kernels;
use fewshot_space::Cost;

use super::Operation;
use super::conv::shape;
use crate::geometry::{Size, Window};
use crate::layers::ConvLayer;
use crate::pass::{Feature, Inputs, Pass};
use crate::view::View;
use crate::weights::Weights;
use crate::write::{OnnxNode, TorchNode, WriteError, conv_arguments, conv_attributes, input_first};

/// A transposed convolution with `NAME.weight` `[kernel, kernel, input, output]`, and `NAME.bias` `[output]` where there is one: each
/// pixel adds its kernel to the output, `stride` pixels further from one to the next. 2×2 with stride 2 doubles height and width.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TransposedConv {
    /// `[kernel height, kernel width, input, output]`.
    pub weight: View,
    /// `[output]`.
    pub bias: Option<View>,
    /// The window of the convolution whose transpose it is; square.
    pub window: Window,
}

impl From<&ConvLayer> for TransposedConv {
    fn from(layer: &ConvLayer) -> Self {
        let ConvLayer { weight, bias, window } = layer.clone();
        Self { weight, bias, window }
    }
}

impl TransposedConv {
    fn kernel(&self) -> kernels::Conv {
        kernels::Conv {
            stride: self.window.stride,
            padding: self.window.padding[0],
            dilation: self.window.dilation,
            relu_input: false,
        }
    }

    fn sides(&self) -> Option<[usize; 4]> {
        self.weight.used.as_slice().try_into().ok()
    }
}

impl Operation for TransposedConv {
    fn label(&self) -> String {
        let bias = if self.bias.is_some() { " bias" } else { "" };
        format!("transposed{}/{}{bias} {}", shape(self.window), self.window.stride, self.weight.used[3])
    }

    fn size(&self, inputs: &[Size]) -> Size {
        let [height, width, _] = inputs[0];
        let grown = |side: usize, kernel: usize| self.kernel().transposed_size(side, kernel).unwrap_or(1);
        [grown(height, self.window.kernel[0]), grown(width, self.window.kernel[1]), self.weight.used[3]]
    }

    /// Each pixel that is read is multiplied by the whole kernel. Where windows do not overlap, as with 2×2 and stride 2, these are
    /// as many pixels as the output has windows.
    fn cost(&self, output: Size) -> Cost {
        let Some([height, width, input, channels]) = self.sides() else { return Cost::ZERO };
        let read = self.window.steps([output[0], output[1]]);
        let conv = Cost::conv(1, input * height * width, channels, (read[0], read[1]));
        conv + if self.bias.is_some() { Cost::bias(channels) } else { Cost::ZERO }
    }

    fn keeps_zeros(&self) -> bool {
        self.bias.is_none()
    }

    fn rehouse(&mut self, weights: &mut Weights) {
        self.weight.rehouse(weights);
        self.bias.iter_mut().for_each(|bias| bias.rehouse(weights));
    }

    fn run(&self, pass: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        let weight = pass.view::<4>(&self.weight);
        let out = kernels::transposed_conv2d(inputs.map(), weight, self.kernel());
        Feature::Map(match &self.bias {
            Some(bias) => kernels::add_bias(out, pass.view(bias)),
            None => out,
        })
    }

    fn onnx(&self, mut node: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        let Some(sides) = self.sides() else { return Err(WriteError::shape(&self.weight)) };
        let [height, width, input, output] = sides;
        let turned = input_first(&node.writer.values(&self.weight)?, sides);
        node.inputs.push(node.writer.floats(&self.weight.name, &[input, output, height, width], &turned));
        if let Some(bias) = &self.bias {
            let values = node.writer.values(bias)?;
            node.inputs.push(node.writer.floats(&bias.name, &[output], &values));
        }
        node.writer.push("ConvTranspose", node.inputs, node.out, conv_attributes(self.window));
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        let Some([_, _, input, output]) = self.sides() else { return Err(WriteError::shape(&self.weight)) };
        let arguments = conv_arguments(self.window, 1, self.bias.is_some());
        let make = format!("nn.ConvTranspose2d({input}, {output}, {arguments})");
        Ok(format!("self.{}({})", node.code.layer(self.weight.layer(), make), node.inputs[0]))
    }
}
