//! ENAS' controller: an LSTM that writes architectures, one decision after the other.

use burn::tensor::{Device, Tensor, TensorData, activation};
use fewshot_space::shares::softmax;
use fewshot_space::{Arch, Region};
use rand::{Rng, RngExt};

use crate::nets::{Init, ParamId, Weights, tensor, to_vec};

/// Width of the hidden state.
const HIDDEN: usize = 32;
const LAYERS: usize = 2;
/// Logits are 2.5·tanh(linear(h)/5): no option is ever (nearly) certain.
const BOUND: f64 = 2.5;
const TEMPERATURE: f64 = 5.0;

/// One LSTM layer: weights of input and hidden state `[32, 128]`, their biases `[128]`; gates in PyTorch's order.
#[derive(Debug, Clone)]
struct Layer {
    input: ParamId,
    hidden: ParamId,
    input_bias: ParamId,
    hidden_bias: ParamId,
}

/// The controller of a region.
#[derive(Debug, Clone)]
pub struct Controller {
    region: Region,
    /// Decisions with a choice, and their options.
    rows: Vec<(usize, Vec<usize>)>,
    /// Most options of any decision.
    options: usize,
    /// All its parameters.
    pub weights: Weights,
    start: ParamId,
    embedding: ParamId,
    layers: Vec<Layer>,
    linear: ParamId,
    bias: ParamId,
}

/// Architectures that the controller wrote.
pub struct Written {
    /// The architectures.
    pub archs: Vec<Arch>,
    /// Log-probability of each, `[count]`.
    pub log_probability: Tensor<1>,
    /// Sum over the decisions of the entropy of what was possible, `[count]`.
    pub entropy: Tensor<1>,
}

impl Controller {
    /// A fresh controller.
    pub fn new(region: &Region, device: &Device, seed: u64) -> Self {
        let decisions = region.space().decisions();
        let row = |decision: usize| (decision, region.allowed(decision).iter().collect::<Vec<_>>());
        let rows: Vec<_> = (0..decisions.len()).map(row).filter(|(_, options)| options.len() > 1).collect();
        let options = decisions.iter().map(|decision| decision.options.len()).max().unwrap_or(1);
        let mut weights = Weights::new(device.clone(), seed);
        // ±1/√100 is the published ±0.1; the rest starts as PyTorch's layers do, within ±1/√32.
        let (published, default) = (Init::Uniform { fan_in: 100 }, Init::Uniform { fan_in: HIDDEN });
        let start = weights.add_param("controller.start".into(), &[HIDDEN], published);
        let embedding = weights.add_param("controller.embedding".into(), &[options, HIDDEN], published);
        let layer = |layer: usize| {
            let init = if layer == 0 { published } else { default };
            let mut add = |what: &str, shape: &[usize], init| {
                weights.add_param(format!("controller.lstm.{layer}.{what}"), shape, init)
            };
            Layer {
                input: add("input", &[HIDDEN, 4 * HIDDEN], init),
                hidden: add("hidden", &[HIDDEN, 4 * HIDDEN], init),
                input_bias: add("input_bias", &[4 * HIDDEN], default),
                hidden_bias: add("hidden_bias", &[4 * HIDDEN], default),
            }
        };
        let layers = (0..LAYERS).map(layer).collect();
        let linear = weights.add_param("controller.linear".into(), &[HIDDEN, options], published);
        let bias = weights.add_param("controller.linear_bias".into(), &[options], default);
        Self { region: region.clone(), rows, options, weights, start, embedding, layers, linear, bias }
    }

    /// Whether it has anything to decide.
    pub fn has_choice(&self) -> bool {
        !self.rows.is_empty()
    }

    /// Number of options of each decision of the space.
    pub fn widths(&self) -> Vec<usize> {
        self.region.space().decisions().iter().map(|decision| decision.options.len()).collect()
    }

    /// Writes `count` architectures with the given parameters (tracked ones, when gradients are wanted).
    pub fn sample(&self, parameters: &[Tensor<1>], count: usize, rng: &mut impl Rng) -> Written {
        self.write(parameters, count, |_, probabilities| {
            let mut left = rng.random::<f64>();
            for (place, p) in probabilities.iter().enumerate() {
                left -= p;
                if left < 0.0 {
                    return place;
                }
            }
            probabilities.len() - 1
        })
    }

    /// `pick` chooses among the options of a decision, by their probabilities, for architecture number so-and-so.
    fn write(&self, parameters: &[Tensor<1>], count: usize, mut pick: impl FnMut(usize, &[f64]) -> usize) -> Written {
        let device = self.weights.device();
        let tracked = parameters.iter().any(|parameter| parameter.is_autodiff());
        let constant = |data: Vec<f32>, shape: [usize; 2]| {
            let tensor = Tensor::<2>::from_data(TensorData::new(data, shape), device);
            if tracked { tensor.autodiff() } else { tensor }
        };
        let matrix = |id: ParamId, rows: usize| {
            let flat = parameters[id.index()].clone();
            let columns = flat.dims()[0] / rows;
            flat.reshape([rows, columns])
        };
        let mut input = matrix(self.start, 1).expand([count, HIDDEN]);
        let zeros = constant(vec![0.0; count * HIDDEN], [count, HIDDEN]);
        let mut states = vec![(zeros.clone(), zeros); LAYERS];
        let settled = |decision: usize| self.region.allowed(decision).first().unwrap_or(0) as u8;
        let decisions = self.region.space().decisions().len();
        let mut archs = vec![(0..decisions).map(settled).collect::<Vec<u8>>(); count];
        let mut log_probability = constant(vec![0.0; count], [count, 1]);
        let mut entropy = log_probability.clone();
        for (decision, options) in &self.rows {
            for (layer, (hidden, cell)) in self.layers.iter().zip(&mut states) {
                let gates = input.matmul(matrix(layer.input, HIDDEN))
                    + matrix(layer.input_bias, 1)
                    + hidden.clone().matmul(matrix(layer.hidden, HIDDEN))
                    + matrix(layer.hidden_bias, 1);
                let gate = |index: usize| gates.clone().narrow(1, index * HIDDEN, HIDDEN);
                let sigmoid = |index: usize| activation::sigmoid(gate(index));
                *cell = sigmoid(1) * cell.clone() + sigmoid(0) * gate(2).tanh();
                *hidden = sigmoid(3) * cell.clone().tanh();
                input = hidden.clone();
            }
            let logits = input.matmul(matrix(self.linear, HIDDEN)) + matrix(self.bias, 1);
            let logits = logits.div_scalar(TEMPERATURE).tanh().mul_scalar(BOUND);
            // Options outside of the region are not there.
            let columns = options.iter().map(|&option| logits.clone().narrow(1, option, 1)).collect();
            let logs = activation::log_softmax(Tensor::cat(columns, 1), 1);
            let host = to_vec(&logs.clone().inner());
            let mut chosen = vec![0.0; count * options.len()];
            let mut next = vec![0.0; count * self.options];
            for (index, row) in host.chunks(options.len()).enumerate() {
                let place = pick(index, &softmax(row));
                chosen[index * options.len() + place] = 1.0;
                next[index * self.options + options[place]] = 1.0;
                archs[index][*decision] = options[place] as u8;
            }
            let chosen = constant(chosen, [count, options.len()]);
            log_probability = log_probability + (logs.clone() * chosen).sum_dim(1);
            entropy = entropy - (logs.clone() * logs.exp()).sum_dim(1);
            input = constant(next, [count, self.options]).matmul(matrix(self.embedding, self.options));
        }
        let flat = |column: Tensor<2>| column.reshape([count]);
        Written {
            archs: archs.into_iter().map(Arch::new).collect(),
            log_probability: flat(log_probability),
            entropy: flat(entropy),
        }
    }

    /// Log-probability of each given architecture, `[archs]`.
    #[cfg(test)]
    pub fn log_probability(&self, parameters: &[Tensor<1>], archs: &[Arch]) -> Tensor<1> {
        let mut decision = 0;
        let mut seen = 0;
        self.write(parameters, archs.len(), |index, _| {
            let (at, options) = &self.rows[decision];
            seen += 1;
            if seen % archs.len() == 0 {
                decision += 1;
            }
            options.iter().position(|&option| option == archs[index].get(*at)).unwrap()
        })
        .log_probability
    }
}

/// REINFORCE: −Σ log p(arch)·(reward − baseline)/count, whose gradient is an unbiased estimate of −∇ E[reward].
pub fn reinforce(log_probability: Tensor<1>, advantages: &[f64], device: &Device) -> Tensor<1> {
    let count = advantages.len();
    let factors: Vec<f32> = advantages.iter().map(|advantage| (-advantage / count as f64) as f32).collect();
    let factors = tensor(factors, device).autodiff();
    (log_probability * factors).sum()
}
