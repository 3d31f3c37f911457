//! Maps multiplied by factors of their own: per channel of each image, or per image.

use burn::tensor::Tensor;
use fewshot_kernels as kernels;
use fewshot_space::random;
use rand::RngExt;

use super::Operation;
use crate::geometry::Real;
use crate::pass::{Feature, Inputs, Pass};
use crate::write::{AttributeProto, OnnxNode, TorchNode, WriteError};

/// A map times rows of a factor per channel: the last step of squeeze-and-excitation (Hu et al., CVPR 2018).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ScaleChannels;

impl Operation for ScaleChannels {
    fn label(&self) -> String {
        "scale_channels".to_string()
    }

    fn keeps_zeros(&self) -> bool {
        true
    }

    fn run(&self, _: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        let (x, factors) = (inputs.map(), inputs.rows());
        Feature::Map(kernels::scale_channels(x, factors))
    }

    fn onnx(&self, node: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        let OnnxNode { writer, mut inputs, out, sizes } = node;
        let pixels = format!("{out}_factors");
        let shape = writer.ints(&format!("{out}_shape"), &[0, sizes[1][2] as i64, 1, 1]);
        writer.push("Reshape", vec![inputs.remove(1), shape], pixels.clone(), Vec::new());
        inputs.push(pixels);
        writer.push("Mul", inputs, out, Vec::<AttributeProto>::new());
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        Ok(format!("{} * {}[:, :, None, None]", node.inputs[0], node.inputs[1]))
    }
}

/// Drop-path (Larsson et al., ICLR 2017): in training each image's map is left out with a chance that rises with the training, and
/// else divided by the chance that it stays. Bodies write it only where [`GraphBuilder::trains`](crate::GraphBuilder::trains).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DropPath {
    /// Number of its own within the network: it draws by it.
    pub place: usize,
    /// The chance at the end of the training, 0 up to but not including 1.
    pub rate: Real,
}

impl Operation for DropPath {
    fn label(&self) -> String {
        "drop_path".to_string()
    }

    fn keeps_zeros(&self) -> bool {
        true
    }

    fn run(&self, pass: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        let x: Tensor<4> = inputs.map();
        let moment = pass.moment();
        let dropped = f64::from(self.rate.0) * moment.progress;
        if dropped <= 0.0 {
            return Feature::Map(x);
        }
        let mut rng = random::stream(moment.seed, "drop path", moment.step, self.place as u64);
        let kept = (1.0 / (1.0 - dropped)) as f32;
        let factors = (0..x.dims()[0]).map(|_| if rng.random_bool(dropped) { 0.0 } else { kept }).collect();
        Feature::Map(kernels::scale_samples(x, crate::tensor(factors, pass.device())))
    }

    fn onnx(&self, node: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        node.writer.push("Identity", node.inputs, node.out, Vec::new());
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        Ok(node.inputs[0].clone())
    }
}
