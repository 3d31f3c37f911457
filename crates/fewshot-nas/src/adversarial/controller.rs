//! The controller of one level: an LSTM that writes the decisions of a cell, one after the other (AutoGAN, section 3.3).

use burn::tensor::{Device, Tensor, TensorData, activation};
use fewshot_space::OptionSet;
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use crate::nets::{Init, ParamId, Weights, tensor, to_vec};

/// Width of hidden state and embeddings.
const HIDDEN: usize = 100;

/// Hidden and cell state, [`HIDDEN`] numbers each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LstmState {
    hidden: Vec<f32>,
    cell: Vec<f32>,
}

impl LstmState {
    /// Where nothing was decided yet.
    pub fn zero() -> Self {
        Self { hidden: vec![0.0; HIDDEN], cell: vec![0.0; HIDDEN] }
    }

    /// Whether it is of the width of this controller and all numbers.
    pub fn is_usable(&self) -> bool {
        [&self.hidden, &self.cell]
            .iter()
            .all(|values| values.len() == HIDDEN && values.iter().all(|value| value.is_finite()))
    }
}

/// The controller of one level.
#[derive(Debug, Clone)]
pub struct CellController {
    /// Options of each decision of the cell.
    tokens: Vec<usize>,
    /// All its parameters.
    pub weights: Weights,
    embedding: ParamId,
    input: ParamId,
    hidden: ParamId,
    input_bias: ParamId,
    hidden_bias: ParamId,
    /// Weight and bias per decision.
    decoders: Vec<[ParamId; 2]>,
}

/// The decisions of a cell, as the controller wrote them.
pub struct Written {
    /// An option per decision.
    pub options: Vec<u8>,
    /// Log-probability of each, `[1]`; 0 where there was no choice.
    pub log_probabilities: Vec<Tensor<1>>,
    /// Entropy of what was possible at each, `[1]`; 0 where there was no choice.
    pub entropies: Vec<Tensor<1>>,
    /// The probabilities of all options of each; 0 for those that may not be taken.
    pub probabilities: Vec<Vec<f64>>,
    /// Where it ended.
    pub state: LstmState,
}

impl CellController {
    /// A fresh controller for decisions with so many options each. Weights start as PyTorch's layers do.
    pub fn new(tokens: Vec<usize>, device: &Device, seed: u64) -> Self {
        let mut weights = Weights::new(device.clone(), seed);
        let default = Init::Uniform { fan_in: HIDDEN };
        let mut add = |name: &str, shape: &[usize], init| weights.add_param(name.to_string(), shape, init);
        let embedding = add("embedding", &[tokens.iter().sum(), HIDDEN], Init::Normal { deviation: 1.0 });
        let input = add("lstm.input", &[HIDDEN, 4 * HIDDEN], default);
        let hidden = add("lstm.hidden", &[HIDDEN, 4 * HIDDEN], default);
        let input_bias = add("lstm.input_bias", &[4 * HIDDEN], default);
        let hidden_bias = add("lstm.hidden_bias", &[4 * HIDDEN], default);
        let decoders = tokens.iter().enumerate().map(|(decision, &options)| {
            let mut part = |part: &str, shape: &[usize]| add(&format!("decoders.{decision}.{part}"), shape, default);
            [part("weight", &[HIDDEN, options]), part("bias", &[options])]
        });
        let decoders = decoders.collect();
        Self { tokens, weights, embedding, input, hidden, input_bias, hidden_bias, decoders }
    }

    /// Draws the decisions of a cell from where `start` ends, with the given parameters (tracked ones, when gradients are wanted).
    /// `allowed` says which options may follow those of this cell that are written: the others have no chance, as if there were none
    /// of them, so that what is written is always allowed and its probability is the one that it was drawn with.
    pub fn sample(
        &self,
        parameters: &[Tensor<1>],
        start: &LstmState,
        allowed: impl Fn(&[u8]) -> OptionSet,
        rng: &mut impl Rng,
    ) -> Written {
        let device = self.weights.device();
        let tracked = parameters.iter().any(Tensor::is_autodiff);
        let row = |values: Vec<f32>| {
            let columns = values.len();
            let row = Tensor::<2>::from_data(TensorData::new(values, [1, columns]), device);
            if tracked { row.autodiff() } else { row }
        };
        let matrix = |id: ParamId, rows: usize| {
            let flat = parameters[id.index()].clone();
            let columns = flat.dims()[0] / rows;
            flat.reshape([rows, columns])
        };
        let mut input = row(vec![0.0; HIDDEN]);
        let (mut hidden, mut cell) = (row(start.hidden.clone()), row(start.cell.clone()));
        let mut written = Written {
            options: Vec::new(),
            log_probabilities: Vec::new(),
            entropies: Vec::new(),
            probabilities: Vec::new(),
            state: LstmState::zero(),
        };
        let mut offset = 0;
        for (&options, &[weight, bias]) in self.tokens.iter().zip(&self.decoders) {
            let gates = input.matmul(matrix(self.input, HIDDEN))
                + matrix(self.input_bias, 1)
                + hidden.matmul(matrix(self.hidden, HIDDEN))
                + matrix(self.hidden_bias, 1);
            let gate = |index: usize| gates.clone().narrow(1, index * HIDDEN, HIDDEN);
            let sigmoid = |index: usize| activation::sigmoid(gate(index));
            cell = sigmoid(1) * cell + sigmoid(0) * gate(2).tanh();
            hidden = sigmoid(3) * cell.clone().tanh();
            let logits = hidden.clone().matmul(matrix(weight, HIDDEN)) + matrix(bias, 1);
            let places: Vec<usize> = allowed(&written.options).iter().collect();
            let columns = places.iter().map(|&option| logits.clone().narrow(1, option, 1)).collect();
            let logs = activation::log_softmax(Tensor::cat(columns, 1), 1);
            let probabilities: Vec<f64> =
                to_vec(&logs.clone().inner()).iter().map(|&log| f64::from(log).exp()).collect();
            let place = drawn(&probabilities, rng);
            written.options.push(places[place] as u8);
            written.log_probabilities.push(logs.clone().narrow(1, place, 1).reshape([1]));
            written.entropies.push((logs.clone() * logs.exp()).sum().neg());
            let mut all = vec![0.0; options];
            places.iter().zip(&probabilities).for_each(|(&place, &probability)| all[place] = probability);
            written.probabilities.push(all);
            input = matrix(self.embedding, self.tokens.iter().sum()).narrow(0, offset + places[place], 1);
            offset += options;
        }
        let host = |values: Tensor<2>| to_vec(&if tracked { values.inner() } else { values });
        written.state = LstmState { hidden: host(hidden), cell: host(cell) };
        written
    }
}

/// The place of the option that is drawn.
fn drawn(probabilities: &[f64], rng: &mut impl Rng) -> usize {
    let mut left = rng.random::<f64>();
    for (place, probability) in probabilities.iter().enumerate() {
        left -= probability;
        if left < 0.0 {
            return place;
        }
    }
    probabilities.len() - 1
}

/// How rewards become a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reinforce {
    /// As the published code: the entropy of each decision is part of its own reward, which gradients reach, also through the share of
    /// it that the baseline has taken in, and each reward counts for all decisions. Otherwise its mean is part of one reward for
    /// all, which is a number.
    pub as_published: bool,
}

/// Weight of the entropy in the reward.
const ENTROPY: f64 = 1e-3;
/// Share of the old baseline that is kept.
const KEPT: f64 = 0.9;

impl Reinforce {
    /// The loss of what was written, whose images scored `score`, and the new `baseline`: one number, or one per decision as published.
    /// Before the first reward it is empty, and the first reward is its own baseline.
    pub fn loss(self, written: &Written, score: f64, baseline: &mut Vec<f64>, device: &Device) -> Tensor<1> {
        let host = |value: &Tensor<1>| f64::from(to_vec(&value.clone().inner()).first().copied().unwrap_or(0.0));
        let entropies: Vec<f64> = written.entropies.iter().map(host).collect();
        let count = entropies.len().max(1) as f64;
        let rewards: Vec<f64> = match self.as_published {
            true => entropies.iter().map(|entropy| score + ENTROPY * entropy).collect(),
            false => vec![score + ENTROPY * entropies.iter().sum::<f64>() / count],
        };
        // What is left of a reward beside the baseline that has taken it in, and of its gradient: of the first one nothing.
        let (old, left) = match baseline.len() == rewards.len() {
            true => (baseline.clone(), KEPT),
            false => (rewards.clone(), 0.0),
        };
        baseline.clear();
        baseline.extend(old.iter().zip(&rewards).map(|(old, new)| left * old + (1.0 - left) * new));
        let number = |value: f64| tensor(vec![value as f32], device).autodiff();
        let sum = |terms: &[Tensor<1>]| terms.iter().cloned().reduce(|sum, term| sum + term);
        let Some(log_probability) = sum(&written.log_probabilities) else { return number(0.0) };
        let advantage = match self.as_published {
            true => {
                let terms: Vec<Tensor<1>> = written
                    .entropies
                    .iter()
                    .zip(&old)
                    .map(|(entropy, old)| entropy.clone().mul_scalar(left * ENTROPY) + number(left * (score - old)))
                    .collect();
                sum(&terms).unwrap_or_else(|| number(0.0))
            }
            false => number(rewards[0] - baseline[0]),
        };
        (log_probability * advantage).neg()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gradients by log-probabilities and by entropies of three decisions, of two steps whose images scored so.
    fn gradients(as_published: bool, scores: [f64; 2]) -> [[Vec<f32>; 2]; 2] {
        let device = Device::flex();
        let mut baseline = Vec::new();
        scores.map(|score| {
            let leaves = |values: [f32; 3]| values.map(|value| tensor(vec![value], &device).autodiff().require_grad());
            let (logs, entropies) = (leaves([-0.5, -1.0, -2.0]), leaves([0.25, 0.5, 1.0]));
            let written = Written {
                options: vec![0; 3],
                log_probabilities: logs.to_vec(),
                entropies: entropies.to_vec(),
                probabilities: Vec::new(),
                state: LstmState::zero(),
            };
            let loss = Reinforce { as_published }.loss(&written, score, &mut baseline, &device);
            let mut found = loss.backward();
            [logs, entropies].map(|leaves| {
                let of = |leaf: &Tensor<1>| leaf.grad_remove(&mut found).map_or(0.0, |gradient| to_vec(&gradient)[0]);
                leaves.iter().map(of).collect()
            })
        })
    }

    /// The published baseline begins as the first reward itself, gradient and all, so that nothing is left of it; later ones have taken
    /// in a tenth of the reward that they are subtracted from.
    #[test]
    fn the_published_loss_has_nothing_to_say_at_first_and_nine_tenths_later() {
        let [first, second] = gradients(true, [3.0, 5.0]);
        assert_eq!(first, [vec![0.0; 3], vec![0.0; 3]]);
        // Entropies are as before, so each reward is 2 above its baseline: 0.9 of that for each of three decisions.
        for gradient in &second[0] {
            assert!((gradient + 3.0 * 0.9 * 2.0).abs() < 1e-5, "{second:?}");
        }
        // The sum of the log-probabilities is -3.5.
        for gradient in &second[1] {
            assert!((gradient - 3.5 * 0.9e-3).abs() < 1e-8, "{second:?}");
        }
    }

    #[test]
    fn the_clean_loss_counts_a_reward_once_and_no_gradient_through_it() {
        let [first, second] = gradients(false, [3.0, 5.0]);
        assert_eq!(first, [vec![0.0; 3], vec![0.0; 3]]);
        assert!(second[0].iter().all(|gradient| (gradient + 0.9 * 2.0).abs() < 1e-5), "{second:?}");
        assert_eq!(second[1], [0.0; 3]);
    }
}
