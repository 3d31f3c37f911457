//! What an operation is.

use fewshot_space::Cost;

use crate::geometry::Size;
use crate::pass::{Feature, Inputs, Pass};
use crate::weights::Weights;
use crate::write::{OnnxNode, TorchNode, WriteError};

/// What is known of an operation.
pub trait Operation {
    /// The text by which its time is known, without its input's size: `relu conv3x3 norm add 8`. Operations of one text, on
    /// inputs of one size, take as long as each other.
    fn label(&self) -> String;

    /// The size of what it makes of values of these sizes; that of the first, unless it says otherwise.
    fn size(&self, inputs: &[Size]) -> Size {
        inputs[0]
    }

    /// What it costs where it makes a value of this size.
    fn cost(&self, _output: Size) -> Cost {
        Cost::ZERO
    }

    /// Whether zeros come out where nothing but zeros goes in, whatever the weights.
    fn keeps_zeros(&self) -> bool {
        false
    }

    /// Moves what it reads of weights into `weights`, made up and of just the size that is read: to time it.
    fn rehouse(&mut self, _weights: &mut Weights) {}

    /// Computes it.
    fn run(&self, pass: &mut Pass<'_>, inputs: Inputs) -> Feature;

    /// Writes it as ONNX nodes.
    ///
    /// # Errors
    /// When a tensor is missing, or the format has no such operation.
    fn onnx(&self, node: OnnxNode<'_, '_>) -> Result<(), WriteError>;

    /// The PyTorch expression for it.
    ///
    /// # Errors
    /// When there is none.
    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError>;
}
