//! Batch norm.

use burn::tensor::Tensor;
use fewshot_kernels as kernels;
use fewshot_space::Cost;

use super::{BatchNorm, Operation};
use crate::geometry::Size;
use crate::pass::{Feature, Inputs, Pass};
use crate::weights::Weights;
use crate::write::{AttributeProto, OnnxNode, OnnxWriter, TorchNode, WriteError};

impl BatchNorm {
    pub(super) fn apply(&self, pass: &mut Pass<'_>, x: Tensor<4>) -> Feature {
        let spec = pass.norm(self);
        let normed = kernels::batch_norm(x, spec);
        pass.observe(self, &normed);
        Feature::Map(normed.out)
    }

    /// Per channel, what it multiplies by and then adds: `scale/√(var + ε)` and `shift - mean·scale/√(var + ε)`.
    ///
    /// # Errors
    /// When a tensor is missing, or it has no running statistics.
    pub fn affine(&self, writer: &OnnxWriter<'_>) -> Result<(Vec<f64>, Vec<f64>), WriteError> {
        let stats = self.stats.as_ref().ok_or(WriteError::BatchStatistics)?;
        let mean = writer.part(&stats.mean_name(), self.channels)?;
        let var = writer.part(&stats.var_name(), self.channels)?;
        let (scale, shift) = match &self.affine {
            Some((scale, shift)) => (writer.values(scale)?, writer.values(shift)?),
            None => (vec![1.0; self.channels], vec![0.0; self.channels]),
        };
        let eps = f64::from(self.eps.0);
        let factor = |(&scale, &var): (&f32, &f32)| f64::from(scale) / (f64::from(var) + eps).sqrt();
        let factors: Vec<f64> = scale.iter().zip(&var).map(factor).collect();
        let terms = shift.iter().zip(&mean).zip(&factors);
        let terms = terms.map(|((&shift, &mean), factor)| f64::from(shift) - f64::from(mean) * factor).collect();
        Ok((factors, terms))
    }
}

impl Operation for BatchNorm {
    fn label(&self) -> String {
        "norm".to_string()
    }

    fn cost(&self, _: Size) -> Cost {
        if self.affine.is_some() { Cost::batch_norm(self.channels) } else { Cost::ZERO }
    }

    fn keeps_zeros(&self) -> bool {
        BatchNorm::keeps_zeros(self)
    }

    fn rehouse(&mut self, weights: &mut Weights) {
        if let Some((scale, shift)) = &mut self.affine {
            scale.rehouse(weights);
            shift.rehouse(weights);
        }
        self.stats.iter_mut().for_each(|stats| stats.rehouse(weights));
    }

    fn run(&self, pass: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        self.apply(pass, inputs.map())
    }

    fn onnx(&self, mut node: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        let stats = self.stats.as_ref().ok_or(WriteError::BatchStatistics)?;
        let (scale, shift) = match &self.affine {
            Some((scale, shift)) => (node.writer.values(scale)?, node.writer.values(shift)?),
            None => (vec![1.0; self.channels], vec![0.0; self.channels]),
        };
        let mean = node.writer.part(&stats.mean_name(), self.channels)?;
        let var = node.writer.part(&stats.var_name(), self.channels)?;
        for (part, values) in [("scale", scale), ("shift", shift), ("running_mean", mean), ("running_var", var)] {
            let name = node.writer.floats(&format!("{}.{part}", self.name), &[self.channels], &values);
            node.inputs.push(name);
        }
        let epsilon = vec![AttributeProto::float("epsilon", self.eps.0)];
        node.writer.push("BatchNormalization", node.inputs, node.out, epsilon);
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        if self.stats.is_none() {
            return Err(WriteError::BatchStatistics);
        }
        let affine = if self.affine.is_some() { "" } else { ", affine=False" };
        let make = format!("nn.BatchNorm2d({}, eps={:e}{affine})", self.channels, self.eps.0);
        Ok(format!("self.{}({})", node.code.layer(&self.name, make), node.inputs[0]))
    }
}
