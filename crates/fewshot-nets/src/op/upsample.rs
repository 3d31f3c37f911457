//! Maps made larger without weights.

use fewshot_kernels as kernels;

use super::Operation;
use crate::geometry::Size;
use crate::pass::{Feature, Inputs, Pass};
use crate::write::{AttributeProto, OnnxNode, TorchNode, WriteError};

/// How values between pixels are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Interpolation {
    /// Each pixel is repeated.
    Nearest,
    /// Linear along both axes between the centres of pixels (`align_corners=False`).
    Bilinear,
}

/// A map of `factor` times the height and width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Upsample {
    /// How.
    pub interpolation: Interpolation,
    /// 1 or more.
    pub factor: usize,
}

impl Interpolation {
    fn name(self) -> &'static str {
        match self {
            Interpolation::Nearest => "nearest",
            Interpolation::Bilinear => "bilinear",
        }
    }
}

impl Operation for Upsample {
    fn label(&self) -> String {
        format!("{}x{}", self.interpolation.name(), self.factor)
    }

    fn size(&self, inputs: &[Size]) -> Size {
        let [height, width, channels] = inputs[0];
        [height * self.factor, width * self.factor, channels]
    }

    fn keeps_zeros(&self) -> bool {
        true
    }

    fn run(&self, _: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        Feature::Map(match self.interpolation {
            Interpolation::Nearest => kernels::upsample_nearest(inputs.map(), self.factor),
            Interpolation::Bilinear => kernels::upsample_bilinear(inputs.map(), self.factor),
        })
    }

    fn onnx(&self, node: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        let OnnxNode { writer, mut inputs, out, .. } = node;
        let factor = self.factor as f32;
        // The second input, a region of interest, belongs to a mode that is not used.
        inputs.push(String::new());
        inputs.push(writer.floats(&format!("scales_{}", self.factor), &[4], &[1.0, 1.0, factor, factor]));
        let text = AttributeProto::string;
        let attributes = match self.interpolation {
            Interpolation::Nearest => vec![
                text("mode", "nearest"),
                text("coordinate_transformation_mode", "asymmetric"),
                text("nearest_mode", "floor"),
            ],
            Interpolation::Bilinear => {
                vec![text("mode", "linear"), text("coordinate_transformation_mode", "half_pixel")]
            }
        };
        writer.push("Resize", inputs, out, attributes);
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        let corners = match self.interpolation {
            Interpolation::Nearest => "",
            Interpolation::Bilinear => ", align_corners=False",
        };
        let (x, mode) = (&node.inputs[0], self.interpolation.name());
        Ok(format!("F.interpolate({x}, scale_factor={}, mode=\"{mode}\"{corners})", self.factor))
    }
}
