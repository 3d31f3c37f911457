//! α: one row of numbers per decision with a choice.

use std::sync::Arc;

use burn::tensor::{Tensor, activation};
use fewshot_space::shares::softmax;
use fewshot_space::{Arch, Region, Relaxed, RelaxedRow};
use serde_json::{Value, json};

use super::{ArchSettings, GradientError};
use crate::nets::optim::{Adam, Optimizer};
use crate::nets::{Blend, Init, Mix, NamedValues, Net, Term, Weights, WeightsError, to_vec};
use crate::run::TensorF32;

/// Standard deviation of α at the start.
const DEVIATION: f32 = 1e-3;

/// What is weighed besides the options of each row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rivals {
    /// Zeros, against the options of a row: they take part in the softmax and are never chosen (DARTS in its own space). Their
    /// number is the first of the row.
    pub zeros: bool,
    /// The edges that meet in a node, against each other (PC-DARTS' edge normalisation).
    pub edges: bool,
}

/// The architecture's parameters of a region, shared by all cells, with their optimizer. Decisions that the region has
/// settled have none.
#[derive(Debug, Clone)]
pub struct Alpha {
    region: Region,
    /// What its numbers stand for, as the space says.
    relaxed: Arc<dyn Relaxed>,
    /// Decisions whose edges meet in a node, where these are weighed.
    sums: Vec<Vec<usize>>,
    /// Groups of rows whose edges meet in a node and share weights that sum to 1 (PC-DARTS' edge normalisation).
    nodes: Vec<Node>,
    /// Whether rows have a number for zeros.
    zeros: bool,
    /// The rows, then one β per group.
    weights: Weights,
    adam: Optimizer<Adam>,
    lr: f64,
}

impl Alpha {
    /// α of a network's region, near 0.
    ///
    /// # Errors
    /// When the network's space has no mixed forward pass.
    pub fn new(net: &Net, settings: &ArchSettings, seed: u64, rivals: Rivals) -> Result<Self, GradientError> {
        let region = net.region().clone();
        let mut weights = Weights::new(net.weights().device().clone(), seed);
        let relaxed: Arc<dyn Relaxed> = region.space().relaxed(region.product()).into();
        for row in relaxed.rows() {
            weights.add_param(
                row_name(&region, row),
                &[usize::from(rivals.zeros) + row.options.len()],
                Init::Normal { deviation: DEVIATION },
            );
        }
        let sums = if rivals.edges { net.sums()? } else { Vec::new() };
        let nodes = nodes(&sums, relaxed.rows());
        for (index, node) in nodes.iter().enumerate() {
            weights.add_param(node_name(index), &[node.rows.len()], Init::Normal { deviation: DEVIATION });
        }
        let adam = settings.optimizer(&weights);
        Ok(Self { region, relaxed, sums, nodes, zeros: rivals.zeros, weights, adam, lr: settings.lr })
    }

    /// Tracked copies of all parameters; what is made of them by [`Alpha::relaxed`] or [`Alpha::blended`] has gradients.
    pub fn leaves(&self) -> Vec<Tensor<1>> {
        self.weights.leaves()
    }

    /// The parameters, outside any graph.
    pub fn values(&self) -> Vec<Tensor<1>> {
        self.weights.values()
    }

    /// DARTS' relaxation: every edge is Σ softmax(α)·option(x). Zeros add nothing.
    pub fn relaxed(&self, parameters: &[Tensor<1>]) -> Mix {
        let mut mix = self.blended(parameters, |row, options| {
            let p = activation::softmax(row.clone(), 0);
            let zeros = usize::from(self.zeros);
            let term = |(place, &option): (usize, &usize)| Term { option, scale: item(&p, zeros + place), shift: None };
            options.iter().enumerate().map(term).collect()
        });
        for (node, beta) in self.nodes.iter().zip(&parameters[self.rows().len()..]) {
            let share = activation::softmax(beta.clone(), 0);
            for (place, &row) in node.rows.iter().enumerate() {
                if let Blend::Sum { whole, .. } = &mut mix.blends[self.rows()[row].decision] {
                    *whole = Some(item(&share, place));
                }
            }
        }
        mix
    }

    /// A mix with the terms that `terms` makes of each row and its options.
    pub fn blended(&self, parameters: &[Tensor<1>], mut terms: impl FnMut(&Tensor<1>, &[usize]) -> Vec<Term>) -> Mix {
        let decisions = 0..self.region.space().decisions().len();
        let settled = |decision| Blend::Only(self.region.allowed(decision).first().unwrap_or(0));
        let mut blends: Vec<Blend> = decisions.map(settled).collect();
        for (row, numbers) in self.rows().iter().zip(parameters) {
            blends[row.decision] = Blend::Sum { terms: terms(numbers, &row.options), whole: None };
        }
        Mix { blends }
    }

    /// One update by the gradients of [`Alpha::leaves`].
    pub fn step(&mut self, gradients: Vec<Tensor<1>>) {
        self.adam.step(&mut self.weights, gradients.into_iter().map(Some).collect(), self.lr);
    }

    /// Per decision, softmax(α) of each option of the space, whose sum is less than 1 where zeros compete; where nothing is
    /// weighed, equal shares of what the region allows.
    pub fn probabilities(&self) -> Vec<Vec<f64>> {
        let decisions = self.region.space().decisions();
        let unweighed = |(index, decision): (usize, &fewshot_space::Decision)| {
            let allowed = self.region.allowed(index);
            let share = 1.0 / allowed.len().max(1) as f64;
            (0..decision.options.len()).map(|option| if allowed.contains(option) { share } else { 0.0 }).collect()
        };
        let mut all: Vec<Vec<f64>> = decisions.iter().enumerate().map(unweighed).collect();
        for (row, shares) in self.rows().iter().zip(self.shares()) {
            all[row.decision].fill(0.0);
            row.options.iter().zip(shares).for_each(|(&option, share)| all[row.decision][option] = share);
        }
        all
    }

    /// The architecture that the space derives from the numbers.
    pub fn best(&self) -> Arch {
        let mut strengths = vec![1.0; self.rows().len()];
        for (node, beta) in self.nodes.iter().zip(self.weights.values().into_iter().skip(self.rows().len())) {
            node.rows.iter().zip(softmax(&to_vec(&beta))).for_each(|(&row, share)| strengths[row] = share);
        }
        let shares: Vec<Vec<f64>> = self.shares().collect();
        self.relaxed.derive(&shares, (!self.nodes.is_empty()).then_some(&strengths[..]))
    }

    /// What has a row of numbers, in their order.
    pub fn rows(&self) -> &[RelaxedRow] {
        self.relaxed.rows()
    }

    /// Of each row's options, softmax(α).
    fn shares(&self) -> impl Iterator<Item = Vec<f64>> {
        let zeros = usize::from(self.zeros);
        let options = move |row: Tensor<1>| softmax(&to_vec(&row)).split_off(zeros);
        self.weights.values().into_iter().take(self.rows().len()).map(options)
    }

    /// Its tensors, those of the optimizer included.
    ///
    /// # Errors
    /// When a tensor cannot be read back.
    pub fn to_values(&self) -> Result<NamedValues, WeightsError> {
        let mut values = self.weights.to_values()?;
        values.extend(self.adam.to_values(&self.weights)?);
        Ok(values)
    }

    /// The rest of its state.
    pub fn state(&self) -> Value {
        json!({ "updates": self.adam.steps() })
    }

    /// Goes on from a stored state.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn restore(&mut self, values: &NamedValues, state: &Value) -> Result<(), GradientError> {
        let updates = state.get("updates").and_then(Value::as_u64);
        let updates = updates.ok_or_else(|| GradientError::State("the number of updates is missing".to_string()))?;
        self.weights.load_values(values)?;
        Ok(self.adam.restore(&self.weights, values, updates)?)
    }

    /// Takes over what the α of a region `of` that encloses this one has among `values`: of each row the numbers of the options that
    /// are left, of each node those of the edges that still have a choice. The optimizer stays as it is.
    ///
    /// # Errors
    /// When `values` are not of such an α.
    pub fn inherit(&mut self, values: &NamedValues, of: &Region) -> Result<(), GradientError> {
        let theirs = of.space().relaxed(of.product());
        let their_nodes = nodes(&self.sums, theirs.rows());
        let mut inherited = NamedValues::new();
        let mut take = |own: String, name: &str, places: Vec<Option<usize>>| -> Result<(), GradientError> {
            let lacks =
                || GradientError::State(format!("`{name}` of the larger region is missing or has another length"));
            let row = values.get(name).ok_or_else(lacks)?.data();
            let number = |place: Option<usize>| place.and_then(|place| row.get(place).copied()).ok_or_else(lacks);
            let taken: Vec<f32> = places.into_iter().map(number).collect::<Result<_, _>>()?;
            let shape = vec![taken.len()];
            inherited.insert(own, TensorF32::new(shape, taken).map_err(|_| lacks())?);
            Ok(())
        };
        let zeros = usize::from(self.zeros);
        for row in self.rows() {
            // Where a larger region has no choice this one has none.
            let Some(their) = theirs.rows().iter().find(|their| their.decision == row.decision) else { continue };
            let place = |option: &usize| Some(zeros + their.options.iter().position(|other| other == option)?);
            let places = (0..zeros).map(Some).chain(row.options.iter().map(place)).collect();
            let name = row_name(&self.region, row);
            take(name.clone(), &name, places)?;
        }
        for (index, node) in self.nodes.iter().enumerate() {
            let Some(at) = their_nodes.iter().position(|their| their.sum == node.sum) else { continue };
            let decision_at = |row: &usize| theirs.rows()[*row].decision;
            let place = |&row: &usize| {
                their_nodes[at].rows.iter().position(|their| decision_at(their) == self.rows()[row].decision)
            };
            take(node_name(index), &node_name(at), node.rows.iter().map(place).collect())?;
        }
        let mut all = self.weights.to_values()?;
        all.extend(inherited);
        Ok(self.weights.load_values(&all)?)
    }

    /// Puts other numbers in the place of all.
    pub(super) fn set_values(&mut self, values: Vec<Tensor<1>>) {
        self.weights.set_values(values);
    }
}

/// The edges that meet in a node.
#[derive(Debug, Clone)]
struct Node {
    /// Which of the space's sums it is.
    sum: usize,
    /// Those with a choice, by row.
    rows: Vec<usize>,
}

/// The nodes in which edges with a choice meet: a weight that has nothing beside it is always 1.
fn nodes(sums: &[Vec<usize>], rows: &[RelaxedRow]) -> Vec<Node> {
    let place = |&edge: &usize| rows.iter().position(|row| row.decision == edge);
    let node = |(sum, edges): (usize, &Vec<usize>)| Node { sum, rows: edges.iter().filter_map(place).collect() };
    sums.iter().enumerate().map(node).filter(|node| node.rows.len() > 1).collect()
}

fn row_name(region: &Region, row: &RelaxedRow) -> String {
    format!("alpha.{}", region.space().decisions()[row.decision].name)
}

fn node_name(index: usize) -> String {
    format!("beta.{index}")
}

/// One element `[1]` of a row.
pub(super) fn item(row: &Tensor<1>, place: usize) -> Tensor<1> {
    row.clone().narrow(0, place, 1)
}
