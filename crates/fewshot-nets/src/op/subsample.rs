//! Every so many pixels.

use fewshot_kernels as kernels;

use super::Operation;
use crate::geometry::Size;
use crate::pass::{Feature, Inputs, Pass};
use crate::write::{OnnxNode, TorchNode, WriteError};

/// Every second pixel of each row and column, from the one at `offset` on; zeros where that lies beyond the image. Sides are halved
/// and rounded up. Two of them, a 1×1 convolution of each, and their concatenation are a factorised reduction (Zoph et al. 2018).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subsample {
    /// Of the first row and column, 0 or 1.
    pub offset: usize,
}

impl Operation for Subsample {
    fn label(&self) -> String {
        format!("subsample {}", self.offset)
    }

    fn size(&self, inputs: &[Size]) -> Size {
        let [height, width, channels] = inputs[0];
        [height.div_ceil(2), width.div_ceil(2), channels]
    }

    fn keeps_zeros(&self) -> bool {
        true
    }

    fn run(&self, _: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        Feature::Map(kernels::subsample(inputs.map(), 2, [self.offset; 2]))
    }

    /// Zeros behind odd sides make them even, so that both offsets find as many pixels.
    fn onnx(&self, node: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        let OnnxNode { writer, mut inputs, out, sizes } = node;
        let [height, width, _] = sizes[0];
        let padded = format!("{out}_padded");
        let pads = [0, 0, 0, 0, 0, 0, (height % 2) as i64, (width % 2) as i64];
        if pads.iter().any(|&pad| pad > 0) {
            inputs.push(writer.ints(&format!("{out}_pads"), &pads));
            let mode = vec![crate::write::AttributeProto::string("mode", "constant")];
            writer.push("Pad", inputs, padded.clone(), mode);
            inputs = vec![padded];
        }
        let first = self.offset as i64;
        let parts = [("first", [first; 2]), ("end", [i64::MAX; 2]), ("axes", [2, 3]), ("step", [2; 2])];
        for (part, values) in parts {
            inputs.push(writer.ints(&format!("{out}_{part}"), &values));
        }
        writer.push("Slice", inputs, out, Vec::new());
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        let [height, width, _] = node.sizes[0];
        let (x, first) = (&node.inputs[0], self.offset);
        Ok(match (height % 2, width % 2) {
            (0, 0) => format!("{x}[:, :, {first}::2, {first}::2]"),
            (rows, columns) => format!("F.pad({x}, (0, {columns}, 0, {rows}))[:, :, {first}::2, {first}::2]"),
        })
    }
}
