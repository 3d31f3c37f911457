//! Pools over square windows.

use fewshot_kernels as kernels;

use super::Operation;
use crate::geometry::{Size, Window};
use crate::pass::{Feature, Inputs, Pass};
use crate::write::{AttributeProto, OnnxNode, TorchNode, WriteError, conv_attributes};

/// Mean over square windows; padding does not count in the divisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AvgPool {
    /// Square and not dilated.
    pub window: Window,
}

/// Maximum over square windows; padding is never the maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MaxPool {
    /// Square and not dilated.
    pub window: Window,
}

fn label(name: &str, window: Window) -> String {
    format!("{name}{0}x{0}/{1}", window.kernel[0], window.stride)
}

fn pooled(window: Window, [height, width, channels]: Size) -> Size {
    let [height, width] = window.steps([height, width]);
    [height, width, channels]
}

impl Operation for AvgPool {
    fn label(&self) -> String {
        label("avg_pool", self.window)
    }

    fn size(&self, inputs: &[Size]) -> Size {
        pooled(self.window, inputs[0])
    }

    fn keeps_zeros(&self) -> bool {
        true
    }

    fn run(&self, _: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        let Window { kernel, stride, padding, .. } = self.window;
        Feature::Map(kernels::avg_pool2d(inputs.map(), kernel[0], stride, padding[0]))
    }

    fn onnx(&self, node: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        let mut attributes = conv_attributes(self.window);
        attributes.push(AttributeProto::int("count_include_pad", 0));
        node.writer.push("AveragePool", node.inputs, node.out, attributes);
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        let Window { kernel, stride, padding, .. } = self.window;
        let x = &node.inputs[0];
        Ok(format!("F.avg_pool2d({x}, {}, {stride}, {}, count_include_pad=False)", kernel[0], padding[0]))
    }
}

impl Operation for MaxPool {
    fn label(&self) -> String {
        label("max_pool", self.window)
    }

    fn size(&self, inputs: &[Size]) -> Size {
        pooled(self.window, inputs[0])
    }

    fn keeps_zeros(&self) -> bool {
        true
    }

    fn run(&self, _: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        let Window { kernel, stride, padding, .. } = self.window;
        Feature::Map(kernels::max_pool2d(inputs.map(), kernel[0], stride, padding[0]))
    }

    fn onnx(&self, node: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        node.writer.push("MaxPool", node.inputs, node.out, conv_attributes(self.window));
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        let Window { kernel, stride, padding, .. } = self.window;
        Ok(format!("F.max_pool2d({}, {}, {stride}, {})", node.inputs[0], kernel[0], padding[0]))
    }
}
