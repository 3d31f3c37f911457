//! Dense convolutions, alone or with what stands around them in the same pass over memory.

use fewshot_kernels as kernels;
use fewshot_space::Cost;

use super::{BatchNorm, FactorId, Operation};
use crate::geometry::{Size, Window};
use crate::layers::ConvLayer;
use crate::pass::{Feature, Inputs, Pass};
use crate::view::View;
use crate::weights::Weights;
use crate::write::{OnnxNode, TorchNode, WriteError, conv_arguments, conv_attributes, nhwc_to_nchw};

/// A convolution with `NAME.weight` `[kernel, kernel, input, output]`, and `NAME.bias` `[output]` where there is one. Bodies write
/// it plain; [`fused`](crate::Graph::fused) puts the ReLU before it and the norm, weight and sum behind it into it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Conv {
    /// `[kernel height, kernel width, input, output]`.
    pub weight: View,
    /// `[output]`.
    pub bias: Option<View>,
    /// Where it looks.
    pub window: Window,
    /// Whether it reads `max(x, 0)` in place of `x`.
    pub relu_input: bool,
    /// The batch norm behind it.
    pub norm: Option<BatchNorm>,
    /// The factor and the term that are applied behind the norm.
    pub weighed: Option<(FactorId, Option<FactorId>)>,
    /// Whether a second input is added in the end.
    pub adds: bool,
}

impl From<&ConvLayer> for Conv {
    fn from(layer: &ConvLayer) -> Self {
        let ConvLayer { weight, bias, window } = layer.clone();
        Self { weight, bias, window, relu_input: false, norm: None, weighed: None, adds: false }
    }
}

impl Conv {
    fn output(&self) -> usize {
        self.weight.used[3]
    }

    fn kernel(&self) -> kernels::Conv {
        kernels::Conv {
            stride: self.window.stride,
            padding: self.window.padding[0],
            dilation: self.window.dilation,
            relu_input: self.relu_input,
        }
    }
}

/// Of a window, what is not as usual.
pub(super) fn shape(window: Window) -> String {
    let [height, width] = window.kernel;
    let mut text = format!("{height}x{width}");
    if window.padding != [height / 2 * window.dilation, width / 2 * window.dilation] {
        text += &format!(" pad {}x{}", window.padding[0], window.padding[1]);
    }
    if window.dilation > 1 {
        text += &format!(" dilated {}", window.dilation);
    }
    text
}

impl Operation for Conv {
    fn label(&self) -> String {
        let relu = if self.relu_input { "relu " } else { "" };
        let stride = if self.window.stride > 1 { format!("/{}", self.window.stride) } else { String::new() };
        let bias = if self.bias.is_some() { " bias" } else { "" };
        let norm = if self.norm.is_some() { " norm" } else { "" };
        let add = if self.adds { " add" } else { "" };
        format!("{relu}conv{}{stride}{bias}{norm}{add} {}", shape(self.window), self.output())
    }

    fn size(&self, inputs: &[Size]) -> Size {
        let [height, width, _] = inputs[0];
        let [height, width] = self.window.steps([height, width]);
        [height, width, self.output()]
    }

    fn cost(&self, output: Size) -> Cost {
        let [height, width, input, channels] = self.weight.used[..] else { return Cost::ZERO };
        let params =
            [height, width, input, channels].iter().fold(1_u64, |all, &extent| all.saturating_mul(extent as u64));
        let pixels = (output[0] as u64).saturating_mul(output[1] as u64);
        let conv = Cost { macs: params.saturating_mul(pixels), params };
        let bias = Cost { macs: 0, params: if self.bias.is_some() { channels as u64 } else { 0 } };
        conv + bias + self.norm.as_ref().map_or(Cost::ZERO, |norm| norm.cost(output))
    }

    fn keeps_zeros(&self) -> bool {
        let norm_keeps = self.norm.as_ref().is_none_or(BatchNorm::keeps_zeros);
        let term = self.weighed.as_ref().and_then(|(_, term)| term.as_ref());
        self.bias.is_none() && norm_keeps && term.is_none()
    }

    fn rehouse(&mut self, weights: &mut Weights) {
        self.weight.rehouse(weights);
        self.bias.iter_mut().for_each(|bias| bias.rehouse(weights));
        self.norm.iter_mut().for_each(|norm| norm.rehouse(weights));
    }

    fn run(&self, pass: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        let (x, sum) = (inputs.map(), self.adds.then(|| inputs.map()));
        let weight = pass.view::<4>(&self.weight);
        let (x, geometry) = pass.padded(x, self.window, self.kernel());
        let Some(norm) = &self.norm else {
            return Feature::Map(match &self.bias {
                Some(bias) => kernels::conv2d_bias(x, weight, pass.view(bias), geometry),
                None => kernels::conv2d(x, weight, geometry),
            });
        };
        let mut spec = pass.norm(norm);
        if let Some((factor, term)) = self.weighed {
            spec.affine = Some(pass.weighed_affine(spec.affine, norm.channels(), factor, term));
        }
        let normed = kernels::conv_bn(x, weight, geometry, spec, sum);
        pass.observe(norm, &normed);
        Feature::Map(normed.out)
    }

    fn onnx(&self, mut node: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        let (weight, bias) = folded(&node, &self.weight, self.bias.as_ref(), self.norm.as_ref())?;
        let [height, width, input, output] = self.weight.used[..] else { return Err(WriteError::shape(&self.weight)) };
        let turned = nhwc_to_nchw(&weight, [height, width, input, output]);
        let name = self.weight.name.to_string();
        node.inputs.push(node.writer.floats(&name, &[output, input, height, width], &turned));
        if let Some(bias) = bias {
            let name = format!("{}.bias", self.weight.layer());
            node.inputs.push(node.writer.floats(&name, &[output], &bias));
        }
        node.writer.push("Conv", node.inputs, node.out, conv_attributes(self.window));
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        let [_, _, input, output] = self.weight.used[..] else { return Err(WriteError::shape(&self.weight)) };
        let arguments = conv_arguments(self.window, 1, self.bias.is_some());
        let make = format!("nn.Conv2d({input}, {output}, {arguments})");
        Ok(node.code.convolved(&self.weight, make, self.window, 1, &node.inputs[0]))
    }
}

/// Weight and bias of a convolution, with the norm behind it put into them, computed in double precision.
pub(super) fn folded(
    node: &OnnxNode<'_, '_>,
    weight: &View,
    bias: Option<&View>,
    norm: Option<&BatchNorm>,
) -> Result<(Vec<f32>, Option<Vec<f32>>), WriteError> {
    let weight = node.writer.values(weight)?;
    let bias = bias.map(|bias| node.writer.values(bias)).transpose()?;
    let Some(norm) = norm else { return Ok((weight, bias)) };
    let (factors, terms) = norm.affine(node.writer)?;
    // The output channel runs fastest.
    let scaled = weight.iter().zip(factors.iter().cycle());
    let weight = scaled.map(|(&value, factor)| (f64::from(value) * factor) as f32).collect();
    let bias = bias.unwrap_or_else(|| vec![0.0; terms.len()]);
    let shifted = bias.iter().zip(&factors).zip(&terms);
    let bias = shifted.map(|((&bias, factor), term)| (f64::from(bias) * factor + term) as f32).collect();
    Ok((weight, Some(bias)))
}
