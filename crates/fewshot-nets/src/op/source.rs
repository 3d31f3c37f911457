//! Where values come from: the input, its normalisation, and zeros.

use burn::tensor::Tensor;

use super::Operation;
use crate::geometry::{Real, Size};
use crate::pass::{Feature, Inputs, Pass};
use crate::write::{AttributeProto, OnnxNode, TorchNode, WriteError};

/// What the network is given: images, `[batch, height, width, channels]`. The first operation of every graph.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Input {
    /// Of one image.
    pub size: Size,
}

impl Operation for Input {
    fn label(&self) -> String {
        "input".to_string()
    }

    fn size(&self, _: &[Size]) -> Size {
        self.size
    }

    fn run(&self, _: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        inputs.next()
    }

    fn onnx(&self, _: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        Ok(node.out.to_string())
    }
}

/// `(x - mean) / std` per channel. Loaders do it before a network is run; exported networks do it themselves, so that nobody can
/// forget it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Normalise {
    /// Mean of each channel.
    pub mean: Vec<Real>,
    /// Standard deviation of each channel, above 0.
    pub std: Vec<Real>,
}

impl From<&fewshot_data::Normalise> for Normalise {
    fn from(normalise: &fewshot_data::Normalise) -> Self {
        let reals = |values: &[f32]| values.iter().copied().map(Real).collect();
        Self { mean: reals(&normalise.mean), std: reals(&normalise.std) }
    }
}

impl Normalise {
    /// From values between -1 and 1 to values between 0 and 1, of so many channels.
    pub fn from_both_signs(channels: usize) -> Self {
        Self { mean: vec![Real(-1.0); channels], std: vec![Real(2.0); channels] }
    }
}

fn floats(values: &[Real]) -> Vec<f32> {
    values.iter().map(|value| value.0).collect()
}

impl Operation for Normalise {
    fn label(&self) -> String {
        "normalise".to_string()
    }

    fn run(&self, pass: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        let per_channel = |values: &[Real]| -> Tensor<4> {
            crate::tensor(floats(values), pass.device()).reshape([1, 1, 1, values.len()])
        };
        Feature::Map((inputs.map() - per_channel(&self.mean)) / per_channel(&self.std))
    }

    fn onnx(&self, mut node: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        let per_channel = [1, self.mean.len(), 1, 1];
        let mean = node.writer.floats("mean", &per_channel, &floats(&self.mean));
        node.inputs.push(mean);
        let centred = format!("{}_centred", node.out);
        node.writer.push("Sub", node.inputs, centred.clone(), Vec::new());
        let std = node.writer.floats("std", &per_channel, &floats(&self.std));
        node.writer.push("Div", vec![centred, std], node.out, Vec::new());
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        node.code.buffer("mean", &floats(&self.mean));
        node.code.buffer("std", &floats(&self.std));
        Ok(format!("({} - self.mean) / self.std", node.inputs[0]))
    }
}

/// Zeros of a size of their own, as many as the input has images; no gradient flows through them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Zeros {
    /// Of what is made.
    pub size: Size,
}

impl Operation for Zeros {
    fn label(&self) -> String {
        "zeros".to_string()
    }

    fn size(&self, _: &[Size]) -> Size {
        self.size
    }

    fn keeps_zeros(&self) -> bool {
        true
    }

    fn run(&self, pass: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        let [height, width, channels] = self.size;
        Feature::Map(Tensor::zeros([inputs.next().batch(), height, width, channels], pass.device()))
    }

    fn onnx(&self, mut node: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        if node.sizes[0] == self.size {
            let factor = node.writer.floats(&format!("{}_factor", node.out), &[1, 1, 1, 1], &[0.0]);
            node.inputs.push(factor);
            node.writer.push("Mul", node.inputs, node.out, Vec::new());
            return Ok(());
        }
        // As many images as there are, each of the wanted size.
        let [height, width, channels] = self.size.map(|extent| extent as i64);
        let [shape, batch, wanted] = ["shape", "batch", "wanted"].map(|part| format!("{}_{part}", node.out));
        node.writer.push("Shape", node.inputs, shape.clone(), Vec::new());
        let [first, second, axis] = [("first", [0]), ("second", [1]), ("axis", [0])]
            .map(|(part, values)| node.writer.ints(&format!("{}_{part}", node.out), &values));
        node.writer.push("Slice", vec![shape, first, second, axis], batch.clone(), Vec::new());
        let rest = node.writer.ints(&format!("{}_rest", node.out), &[channels, height, width]);
        node.writer.push("Concat", vec![batch, rest], wanted.clone(), vec![AttributeProto::int("axis", 0)]);
        node.writer.push("ConstantOfShape", vec![wanted], node.out, Vec::new());
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        let x = &node.inputs[0];
        let [height, width, channels] = self.size;
        Ok(match node.sizes[0] == self.size {
            true => format!("torch.zeros_like({x})"),
            false => format!("{x}.new_zeros({x}.shape[0], {channels}, {height}, {width})"),
        })
    }
}
