//! A small network of fully connected layers that gives one number.

use burn::tensor::{Device, Tensor, TensorData, activation};

use crate::nets::{Init, NamedValues, ParamId, Weights, WeightsError};

/// Layers with ReLU between them, and a last one without shift.
#[derive(Debug, Clone)]
pub struct Perceptron {
    /// All its parameters.
    pub weights: Weights,
    layers: Vec<Layer>,
}

#[derive(Debug, Clone)]
struct Layer {
    inputs: usize,
    outputs: usize,
    matrix: ParamId,
    /// None in the last one.
    shift: Option<ParamId>,
}

impl Perceptron {
    /// For so many inputs, with hidden layers of these widths.
    pub fn new(inputs: usize, hidden: &[usize], device: &Device, seed: u64) -> Self {
        let mut weights = Weights::new(device.clone(), seed);
        let mut layers = Vec::with_capacity(hidden.len() + 1);
        let mut before = inputs;
        for (index, &outputs) in hidden.iter().chain(&[1]).enumerate() {
            let init = Init::Uniform { fan_in: before };
            let matrix = weights.add_param(matrix_name(index), &[before, outputs], init);
            let is_last = index == hidden.len();
            let shift = (!is_last).then(|| weights.add_param(format!("predictor.{index}.bias"), &[outputs], init));
            layers.push(Layer { inputs: before, outputs, matrix, shift });
            before = outputs;
        }
        Self { weights, layers }
    }

    /// As many inputs as the one has that left these values.
    pub fn inputs_of(values: &NamedValues) -> Result<usize, WeightsError> {
        let first = matrix_name(0);
        let shape = values.get(&first).map(|matrix| matrix.shape());
        shape.and_then(|shape| shape.first().copied()).ok_or(WeightsError::Missing(first))
    }

    /// One number per row `[rows]`, with the given parameters: tracked ones, when gradients are wanted.
    pub fn run(&self, parameters: &[Tensor<1>], rows: &[&[f32]]) -> Tensor<1> {
        let tracked = parameters.iter().any(|parameter| parameter.is_autodiff());
        let inputs = self.layers.first().map_or(0, |layer| layer.inputs);
        let x = Tensor::<2>::from_data(TensorData::new(rows.concat(), [rows.len(), inputs]), self.weights.device());
        let mut x = if tracked { x.autodiff() } else { x };
        for Layer { inputs, outputs, matrix, shift } in &self.layers {
            x = x.matmul(parameters[matrix.index()].clone().reshape([*inputs, *outputs]));
            if let Some(shift) = shift {
                x = activation::relu(x + parameters[shift.index()].clone().reshape([1, *outputs]));
            }
        }
        x.reshape([rows.len()])
    }
}

fn matrix_name(layer: usize) -> String {
    format!("predictor.{layer}.weight")
}
