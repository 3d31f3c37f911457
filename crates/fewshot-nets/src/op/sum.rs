//! Sums.

use fewshot_kernels as kernels;

use super::Operation;
use crate::pass::{Feature, Inputs, Pass};
use crate::write::{OnnxNode, TorchNode, WriteError};

/// The sum of two feature maps of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Add;

impl Operation for Add {
    fn label(&self) -> String {
        "add".to_string()
    }

    fn keeps_zeros(&self) -> bool {
        true
    }

    fn run(&self, _: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        let (a, b) = (inputs.map(), inputs.map());
        Feature::Map(kernels::add(a, b))
    }

    fn onnx(&self, node: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        node.writer.push("Add", node.inputs, node.out, Vec::new());
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        Ok(node.inputs.join(" + "))
    }
}
