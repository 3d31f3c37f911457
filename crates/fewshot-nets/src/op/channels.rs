//! What moves channels about and computes nothing.

use fewshot_kernels as kernels;

use super::Operation;
use crate::geometry::Size;
use crate::pass::{Feature, Inputs, Pass};
use crate::write::{AttributeProto, OnnxNode, TorchNode, WriteError};

/// Channels of zeros, appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PadChannels {
    /// How many there are then.
    pub channels: usize,
}

impl Operation for PadChannels {
    fn label(&self) -> String {
        format!("pad {}", self.channels)
    }

    fn size(&self, inputs: &[Size]) -> Size {
        let [height, width, _] = inputs[0];
        [height, width, self.channels]
    }

    fn keeps_zeros(&self) -> bool {
        true
    }

    fn run(&self, _: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        Feature::Map(kernels::pad_channels(inputs.map(), self.channels))
    }

    fn onnx(&self, mut node: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        let added = self.channels - node.sizes[0][2];
        // Before each axis, then behind each.
        let pads = [0, 0, 0, 0, 0, added as i64, 0, 0];
        let pads = node.writer.ints(&format!("{}_pads", node.out), &pads);
        node.inputs.push(pads);
        // The default, but pnnx (of ncnn) reads no Pad that does not say it.
        node.writer.push("Pad", node.inputs, node.out, vec![AttributeProto::string("mode", "constant")]);
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        let added = self.channels - node.sizes[0][2];
        Ok(format!("F.pad({}, (0, 0, 0, 0, 0, {added}))", node.inputs[0]))
    }
}

/// The channels of several maps of one height and width, one behind the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Concat;

impl Operation for Concat {
    fn label(&self) -> String {
        "concat".to_string()
    }

    fn size(&self, inputs: &[Size]) -> Size {
        let [height, width, _] = inputs[0];
        [height, width, inputs.iter().map(|size| size[2]).sum()]
    }

    fn keeps_zeros(&self) -> bool {
        true
    }

    fn run(&self, _: &mut Pass<'_>, inputs: Inputs) -> Feature {
        Feature::Map(kernels::concat(inputs.maps()))
    }

    fn onnx(&self, node: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        node.writer.push("Concat", node.inputs, node.out, vec![AttributeProto::int("axis", 1)]);
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        Ok(format!("torch.cat(({}), 1)", node.inputs.join(", ")))
    }
}

/// Some channels of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slice {
    /// The first of them.
    pub first: usize,
    /// How many.
    pub channels: usize,
}

impl Operation for Slice {
    fn label(&self) -> String {
        format!("slice {}", self.channels)
    }

    fn size(&self, inputs: &[Size]) -> Size {
        let [height, width, _] = inputs[0];
        [height, width, self.channels]
    }

    fn keeps_zeros(&self) -> bool {
        true
    }

    fn run(&self, _: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        Feature::Map(inputs.map().narrow(3, self.first, self.channels))
    }

    fn onnx(&self, mut node: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        let end = self.first + self.channels;
        for (part, value) in [("first", self.first), ("end", end), ("axis", 1)] {
            let name = node.writer.ints(&format!("{}_{part}", node.out), &[value as i64]);
            node.inputs.push(name);
        }
        node.writer.push("Slice", node.inputs, node.out, Vec::new());
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        Ok(format!("{}[:, {}:{}]", node.inputs[0], self.first, self.first + self.channels))
    }
}

/// Interleaves equal blocks of channels: channel *j* of block *g* goes to place *j·groups + g* (ShuffleNet; PC-DARTS mixes with
/// it the channels that went through the operations with those that did not).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shuffle {
    /// Blocks; they divide the channels.
    pub groups: usize,
}

impl Operation for Shuffle {
    fn label(&self) -> String {
        format!("shuffle {}", self.groups)
    }

    fn keeps_zeros(&self) -> bool {
        true
    }

    fn run(&self, _: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        let x = inputs.map();
        let [batch, height, width, channels] = x.dims();
        let blocks = x.reshape([batch, height, width, self.groups, channels / self.groups]);
        Feature::Map(blocks.swap_dims(3, 4).reshape([batch, height, width, channels]))
    }

    fn onnx(&self, node: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        let OnnxNode { writer, mut inputs, out, sizes, .. } = node;
        let [height, width, channels] = sizes[0].map(|extent| extent as i64);
        let groups = self.groups as i64;
        let [blocks, turned] = ["blocks", "turned"].map(|part| format!("{out}_{part}"));
        inputs.push(writer.ints(&format!("{out}_split"), &[0, groups, channels / groups, height, width]));
        writer.push("Reshape", inputs, blocks.clone(), Vec::new());
        let order = vec![AttributeProto::ints("perm", vec![0, 2, 1, 3, 4])];
        writer.push("Transpose", vec![blocks], turned.clone(), order);
        let whole = writer.ints(&format!("{out}_whole"), &[0, channels, height, width]);
        writer.push("Reshape", vec![turned, whole], out, Vec::new());
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        Ok(format!("F.channel_shuffle({}, {})", node.inputs[0], self.groups))
    }
}
