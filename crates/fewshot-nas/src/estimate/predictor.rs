//! A predictor of scores: a small network that has seen some networks' scores, and tells those of others at once.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use fewshot_kernels as kernels;
use fewshot_space::{Arch, Space, random};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::perceptron::Perceptron;
use super::{EstimateError, Estimator};
use crate::nets::optim::{Adam, Limits, Optimizer};
use crate::nets::{NamedValues, NetError, tensor, to_vec};
use crate::rank::Paired;

/// Widths of the hidden layers (Once-for-All's).
const HIDDEN: [usize; 3] = [400; 3];
/// Networks of a step.
const BATCH: usize = 256;
/// Epochs at most. Optimizer and schedule of Once-for-All's are not published.
const EPOCHS: u64 = 200;
/// Epochs without a better one on the networks that are held out, after which it ends.
const PATIENCE: u64 = 20;
/// One network in so many is held out.
const HELD_OUT: usize = 5;
const LR: f64 = 1e-3;
const ADAM: Adam = Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8 };
const LIMITS: Limits = Limits { weight_decay: 1e-4, ..Limits::NONE };
/// Networks that are predicted at a time.
const AT_A_TIME: usize = 4096;
/// Stands before the names of the values of the best epoch.
const BEST: &str = "best/";

/// Networks and their scores, as numbers.
#[derive(Debug, Clone, Default)]
struct Examples {
    inputs: Vec<Vec<f32>>,
    scores: Vec<f64>,
}

impl Examples {
    fn of(space: &dyn Space, scored: &[&(Arch, f64)]) -> Self {
        let (inputs, scores) = scored.iter().map(|(arch, score)| (space.encode(arch), *score)).unzip();
        Self { inputs, scores }
    }
}

/// A predictor that learns: three hidden layers of 400 with ReLU, from the mean score of what it learns from; squared error, Adam
/// (rate 0.001, decay 0.0001), at most 200 epochs in batches of 256. A fifth of the networks is held out, and the epoch that predicts
/// these best is kept.
#[derive(Debug)]
pub struct PredictorFit {
    net: Perceptron,
    adam: Optimizer<Adam>,
    /// What the last layer is added to.
    base: f64,
    learnt: Examples,
    held_out: Examples,
    /// Of the best epoch.
    best: Vec<Tensor<1>>,
    progress: FitProgress,
    seed: u64,
}

/// Where a [`PredictorFit`] stands; with its tensors this is the whole state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct FitProgress {
    /// Epochs done.
    pub epochs: u64,
    /// Updates done.
    updates: u64,
    /// The best of them, from 1; 0 before the first.
    pub best_epoch: u64,
    /// Mean squared error of the best one on what is held out.
    pub error: f64,
    /// Mean score of what is learnt from, which predictions are added to.
    base: f64,
}

/// How well a predictor does on the networks that were held out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Foresight {
    /// Networks that were scored for it.
    pub pairs: usize,
    /// Those of them that it did not learn from.
    pub held_out: usize,
    /// Kendall's tau-b of predictions and scores of these; absent where one of both orders nothing.
    pub tau_b: Option<f64>,
    /// Root of the mean squared error on these.
    pub error: f64,
    /// Epochs that it learnt.
    pub epochs: u64,
}

impl PredictorFit {
    /// Before the first epoch, from networks and their scores.
    ///
    /// # Errors
    /// [`EstimateError::NoPairs`] when there are fewer than two.
    pub fn new(space: &dyn Space, scored: &[(Arch, f64)], device: &Device, seed: u64) -> Result<Self, EstimateError> {
        let mut shuffled: Vec<&(Arch, f64)> = scored.iter().collect();
        shuffled.shuffle(&mut random::stream(seed, "predictor split", 0, 0));
        if shuffled.len() < 2 {
            return Err(EstimateError::NoPairs(shuffled.len()));
        }
        let held_out = (shuffled.len() / HELD_OUT).max(1);
        let learnt = Examples::of(space, &shuffled[held_out..]);
        let base = learnt.scores.iter().sum::<f64>() / learnt.scores.len() as f64;
        let net = Perceptron::new(learnt.inputs[0].len(), &HIDDEN, device, seed);
        Ok(Self {
            adam: Optimizer::new(&net.weights, ADAM, LIMITS),
            best: net.weights.values(),
            net,
            base,
            learnt,
            held_out: Examples::of(space, &shuffled[..held_out]),
            progress: FitProgress { error: f64::MAX, base, ..FitProgress::default() },
            seed,
        })
    }

    /// Where it stands.
    pub fn progress(&self) -> &FitProgress {
        &self.progress
    }

    /// Whether there is nothing more to learn.
    pub fn is_done(&self) -> bool {
        let FitProgress { epochs, best_epoch, .. } = self.progress;
        epochs >= EPOCHS || epochs >= best_epoch + PATIENCE
    }

    /// One epoch.
    pub fn learn(&mut self) {
        let mut order: Vec<usize> = (0..self.learnt.scores.len()).collect();
        order.shuffle(&mut random::stream(self.seed, "predictor batches", self.progress.epochs, 0));
        kernels::on_kernel_threads(|| order.chunks(BATCH).for_each(|batch| self.step(batch)));
        self.progress.epochs += 1;
        let predicted = predicted(&self.net, &self.net.weights.values(), &self.held_out.inputs, self.base);
        let squares = predicted.iter().zip(&self.held_out.scores).map(|(a, b)| (a - b) * (a - b));
        let error = squares.sum::<f64>() / predicted.len() as f64;
        // What is no number is never better.
        if error < self.progress.error {
            (self.progress.error, self.progress.best_epoch) = (error, self.progress.epochs);
            self.best = self.net.weights.values();
        }
    }

    fn step(&mut self, batch: &[usize]) {
        let rows: Vec<&[f32]> = batch.iter().map(|&place| self.learnt.inputs[place].as_slice()).collect();
        let wanted = batch.iter().map(|&place| (self.learnt.scores[place] - self.base) as f32).collect();
        let leaves = self.net.weights.leaves();
        let off = self.net.run(&leaves, &rows) - tensor(wanted, self.net.weights.device()).autodiff();
        let mut gradients = (off.clone() * off).mean().backward();
        let gradients = leaves.iter().map(|leaf| leaf.grad_remove(&mut gradients)).collect();
        self.adam.step(&mut self.net.weights, gradients, LR);
        self.progress.updates += 1;
    }

    /// All tensors of the state.
    ///
    /// # Errors
    /// When one cannot be read back from the device.
    pub fn to_values(&self) -> Result<NamedValues, EstimateError> {
        let mut best = self.net.weights.clone();
        best.set_values(self.best.clone());
        let mut values = best.to_values().map_err(NetError::from)?;
        values = values.into_iter().map(|(name, value)| (format!("{BEST}{name}"), value)).collect();
        values.extend(self.net.weights.to_values().map_err(NetError::from)?);
        values.extend(self.adam.to_values(&self.net.weights).map_err(NetError::from)?);
        Ok(values)
    }

    /// Goes on from a stored state of a fit to the same networks.
    ///
    /// # Errors
    /// When it belongs to something else.
    pub fn restore(&mut self, values: &NamedValues, progress: FitProgress) -> Result<(), EstimateError> {
        let mut best = self.net.weights.clone();
        best.load_values(&of_best(values)).map_err(NetError::from)?;
        self.net.weights.load_values(values).map_err(NetError::from)?;
        self.adam.restore(&self.net.weights, values, progress.updates).map_err(NetError::from)?;
        (self.best, self.progress) = (best.values(), progress);
        Ok(())
    }

    /// How well the best epoch does on what is held out.
    pub fn foresight(&self) -> Foresight {
        let predicted = predicted(&self.net, &self.best, &self.held_out.inputs, self.base);
        let paired = Paired::new(&predicted, &self.held_out.scores, |place| format!("network {place}"));
        Foresight {
            pairs: self.learnt.scores.len() + self.held_out.scores.len(),
            held_out: self.held_out.scores.len(),
            tau_b: paired.ok().and_then(|paired| paired.tau_b()),
            error: self.progress.error.sqrt(),
            epochs: self.progress.epochs,
        }
    }
}

/// Predicts scores of networks from their [encodings](Space::encode).
#[derive(Debug)]
pub struct Predictor {
    space: Arc<dyn Space>,
    net: Perceptron,
    base: f64,
}

impl Predictor {
    /// The best epoch of a fit that left this state.
    ///
    /// # Errors
    /// When it is of another kind of networks.
    pub fn load(
        space: Arc<dyn Space>,
        values: &NamedValues,
        progress: &FitProgress,
        device: &Device,
    ) -> Result<Self, EstimateError> {
        let values = of_best(values);
        let inputs = Perceptron::inputs_of(&values).map_err(NetError::from)?;
        let mut net = Perceptron::new(inputs, &HIDDEN, device, 0);
        net.weights.load_values(&values).map_err(NetError::from)?;
        Ok(Self { space, net, base: progress.base })
    }
}

impl Estimator for Predictor {
    fn estimate(&mut self, archs: &[Arch]) -> Result<Vec<f64>, EstimateError> {
        let inputs: Vec<Vec<f32>> = archs.iter().map(|arch| self.space.encode(arch)).collect();
        let scores = predicted(&self.net, &self.net.weights.values(), &inputs, self.base);
        match scores.iter().position(|score| !score.is_finite()) {
            Some(place) => Err(EstimateError::NotFinite(self.space.format(&archs[place]))),
            None => Ok(scores),
        }
    }
}

fn of_best(values: &NamedValues) -> NamedValues {
    let best = values.iter().filter_map(|(name, value)| Some((name.strip_prefix(BEST)?.to_string(), value.clone())));
    best.collect()
}

fn predicted(net: &Perceptron, parameters: &[Tensor<1>], inputs: &[Vec<f32>], base: f64) -> Vec<f64> {
    let rows: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
    let of_some =
        |rows: &[&[f32]]| to_vec(&net.run(parameters, rows)).into_iter().map(move |off| base + f64::from(off));
    kernels::on_kernel_threads(|| rows.chunks(AT_A_TIME).flat_map(of_some).collect())
}

#[cfg(test)]
mod tests {
    use fewshot_space::{OfaMbv3Skeleton, OfaMbv3Space, Region};

    use super::*;

    fn space() -> Arc<OfaMbv3Space> {
        Arc::new(OfaMbv3Space::new(OfaMbv3Skeleton::tiny()).unwrap())
    }

    /// Networks drawn by decision, whose score rises with kernels and expansions, unevenly and with a term of two.
    fn scored(count: u64) -> Vec<(Arch, f64)> {
        let space = space();
        let region = Region::full(space.clone());
        let score = |arch: &Arch| {
            let numbers = space.encode(arch);
            let sum: f32 = numbers.iter().enumerate().map(|(place, number)| number * ((place * 7) % 11) as f32).sum();
            f64::from(0.5 + sum / 400.0 + 0.05 * numbers[0] * numbers[5])
        };
        let draw = |draw| region.sample_by_decision(&mut random::stream(3, "scored", draw, 0)).unwrap();
        (0..count).map(draw).map(|arch| (arch.clone(), score(&arch))).collect()
    }

    fn fit(scored: &[(Arch, f64)]) -> PredictorFit {
        PredictorFit::new(space().as_ref(), scored, &Device::flex(), 5).unwrap()
    }

    #[test]
    fn a_fifth_is_held_out_and_its_order_is_learnt() {
        let all = scored(700);
        let mut fit = fit(&all[..600]);
        while !fit.is_done() {
            fit.learn();
        }
        let foresight = fit.foresight();
        assert_eq!((foresight.pairs, foresight.held_out), (600, 120));
        assert!(foresight.tau_b.unwrap() > 0.85 && foresight.error < 0.02, "{foresight:?}");
        assert!(foresight.epochs <= fit.progress().best_epoch + PATIENCE && foresight.epochs <= EPOCHS);
        // As it is read back, it predicts networks that it never saw.
        let values = fit.to_values().unwrap();
        let mut predictor = Predictor::load(space(), &values, fit.progress(), &Device::flex()).unwrap();
        let (archs, truths): (Vec<Arch>, Vec<f64>) = all[600..].iter().cloned().unzip();
        let scores = predictor.estimate(&archs).unwrap();
        let tau = Paired::new(&scores, &truths, |place| place.to_string()).unwrap().tau_b().unwrap();
        assert!(tau > 0.85, "{tau}");
        let few = predictor.estimate(&archs[..3]).unwrap();
        assert!(few.iter().zip(&scores).all(|(few, score)| (few - score).abs() < 1e-6), "{few:?}");
    }

    #[test]
    fn a_fit_goes_on_bit_for_bit_where_it_was_cut() {
        let all = scored(60);
        let mut uncut = fit(&all);
        (0..6).for_each(|_| uncut.learn());
        for cut in [0, 1, 4] {
            let mut first = fit(&all);
            (0..cut).for_each(|_| first.learn());
            let kept = serde_json::to_string(first.progress()).unwrap();
            let mut second = fit(&all);
            second.restore(&first.to_values().unwrap(), serde_json::from_str(&kept).unwrap()).unwrap();
            (cut..6).for_each(|_| second.learn());
            assert_eq!(second.to_values().unwrap(), uncut.to_values().unwrap(), "cut {cut}");
            assert_eq!((second.progress(), second.foresight()), (uncut.progress(), uncut.foresight()));
        }
    }

    #[test]
    fn one_network_teaches_nothing() {
        let error = PredictorFit::new(space().as_ref(), &scored(1), &Device::flex(), 5).unwrap_err().to_string();
        assert!(error.contains("scoring.predictor"), "{error}");
    }
}
