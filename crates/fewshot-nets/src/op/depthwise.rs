//! Depthwise convolutions: every channel by itself.

use fewshot_kernels as kernels;
use fewshot_space::Cost;

use super::conv::{folded, shape};
use super::{BatchNorm, Operation};
use crate::geometry::{Size, Window};
use crate::layers::DepthwiseLayer;
use crate::pass::{Feature, Inputs, Pass};
use crate::view::View;
use crate::weights::Weights;
use crate::write::{AttributeProto, OnnxNode, TorchNode, WriteError, conv_arguments, conv_attributes, nhwc_to_nchw};

/// A depthwise convolution with `NAME.weight` `[kernel, kernel, channels]`. [`fused`](crate::Graph::fused) puts the ReLU before it
/// into it, and, for export alone, the norm behind it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Depthwise {
    /// `[kernel height, kernel width, channels]`.
    pub weight: View,
    /// Where it looks.
    pub window: Window,
    /// Whether it reads `max(x, 0)` in place of `x`.
    pub relu_input: bool,
    /// The batch norm behind it.
    pub norm: Option<BatchNorm>,
}

impl From<&DepthwiseLayer> for Depthwise {
    fn from(layer: &DepthwiseLayer) -> Self {
        let DepthwiseLayer { weight, window } = layer.clone();
        Self { weight, window, relu_input: false, norm: None }
    }
}

impl Depthwise {
    fn channels(&self) -> usize {
        self.weight.used[2]
    }
}

impl Operation for Depthwise {
    fn label(&self) -> String {
        let relu = if self.relu_input { "relu " } else { "" };
        let norm = if self.norm.is_some() { " norm" } else { "" };
        format!("{relu}depthwise{}/{}{norm}", shape(self.window), self.window.stride)
    }

    fn size(&self, inputs: &[Size]) -> Size {
        let [height, width, _] = inputs[0];
        let [height, width] = self.window.steps([height, width]);
        [height, width, self.channels()]
    }

    fn cost(&self, output: Size) -> Cost {
        let params = self.weight.used.iter().fold(1_u64, |all, &extent| all.saturating_mul(extent as u64));
        let pixels = (output[0] as u64).saturating_mul(output[1] as u64);
        let conv = Cost { macs: params.saturating_mul(pixels), params };
        conv + self.norm.as_ref().map_or(Cost::ZERO, |norm| norm.cost(output))
    }

    fn keeps_zeros(&self) -> bool {
        self.norm.as_ref().is_none_or(BatchNorm::keeps_zeros)
    }

    fn rehouse(&mut self, weights: &mut Weights) {
        self.weight.rehouse(weights);
        self.norm.iter_mut().for_each(|norm| norm.rehouse(weights));
    }

    fn run(&self, pass: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        let x = inputs.map();
        let weight = pass.view::<3>(&self.weight);
        let geometry = kernels::Conv {
            stride: self.window.stride,
            padding: self.window.padding[0],
            dilation: self.window.dilation,
            relu_input: self.relu_input,
        };
        let (x, geometry) = pass.padded(x, self.window, geometry);
        let out = kernels::depthwise_conv2d(x, weight, geometry);
        match &self.norm {
            Some(norm) => norm.apply(pass, out),
            None => Feature::Map(out),
        }
    }

    fn onnx(&self, mut node: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        let (weight, bias) = folded(&node, &self.weight, None, self.norm.as_ref())?;
        let [height, width, channels] = self.weight.used[..] else { return Err(WriteError::shape(&self.weight)) };
        // One channel in and as many out as there are channels: the same order as that of a dense one.
        let turned = nhwc_to_nchw(&weight, [height, width, 1, channels]);
        let name = self.weight.name.to_string();
        node.inputs.push(node.writer.floats(&name, &[channels, 1, height, width], &turned));
        if let Some(bias) = bias {
            let name = format!("{}.bias", self.weight.layer());
            node.inputs.push(node.writer.floats(&name, &[channels], &bias));
        }
        let mut attributes = conv_attributes(self.window);
        attributes.push(AttributeProto::int("group", channels as i64));
        node.writer.push("Conv", node.inputs, node.out, attributes);
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        let channels = self.channels();
        let arguments = conv_arguments(self.window, channels, false);
        let make = format!("nn.Conv2d({channels}, {channels}, {arguments})");
        Ok(node.code.convolved(&self.weight, make, self.window, channels, &node.inputs[0]))
    }
}
