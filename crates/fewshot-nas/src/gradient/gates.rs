//! ProxylessNAS (Cai, Zhu and Han, ICLR 2019, <https://arxiv.org/abs/1812.00332>): each edge has a gate per operation, of which chance
//! opens one by softmax(α). What is open trains the weights; now and then it tells α, by how much the loss would fall if another were.
//!
//! All gates of a step of α are weights of a mix, 1 or 0, so that gradients by them are those of the mix. What an edge adds is zero
//! where `skip` (or `none`) is open: then nothing is learnt there in that step, as in the published code, although this favours
//! neither.

use std::sync::Arc;

use burn::tensor::Tensor;
use fewshot_space::shares::{draw, softmax};
use fewshot_space::{Arch, Region, random};
use rand::Rng;
use serde::Deserialize;
use serde_json::{Value, json};

use super::alpha::item;
use super::cost_goal::{ExpectedCost, through_softmax};
use super::gate_settings::{GateRule, GateSettings};
use super::learner::Slopes;
use super::likeliest::likeliest;
use super::{
    Alpha, At, Chosen, ForwardMacs, GradientError, GradientMethod, Judge, Labelled, Learner, MethodSettings, Rivals,
    Seen,
};
use crate::nets::{NamedValues, Net, Term, WeightsError, tensor, to_vec};
use crate::task::{Classification, Task};
use crate::train::{ConfigError, StepRecord};

/// Options that add nothing to what an edge passes on anyway.
const ZERO: [&str; 2] = ["skip", "none"];
/// Networks that an update from rewards looks at.
const REWARDED: usize = 10;
/// Share by which the baseline of rewards moves to each new mean.
const BASELINE: f64 = 0.99;

/// ProxylessNAS on one supernet.
pub struct Gates {
    region: Region,
    alpha: Alpha,
    settings: GateSettings,
    goal: Option<ExpectedCost>,
    /// Per row, the place of the option that adds nothing.
    zeros: Vec<Option<usize>>,
    /// Epochs before α's first step.
    resting: u64,
    /// Training images of a step of the weights.
    train_batch: usize,
    seed: u64,
    /// Steps of the weights since then.
    steps: u64,
    /// Of rewards; none before the first.
    baseline: Option<f64>,
    /// The task without smoothing, by which α is judged.
    plain: Arc<dyn Task>,
}

/// What is kept besides tensors and α's own state.
#[derive(Deserialize)]
struct Kept {
    steps: u64,
    baseline: Option<f64>,
}

/// ProxylessNAS, by the rule of the settings.
pub fn build(settings: &MethodSettings, net: &Net, seed: u64) -> Result<Box<dyn GradientMethod>, GradientError> {
    Ok(Box::new(Gates::new(settings, net, seed)?))
}

impl Gates {
    fn new(settings: &MethodSettings, net: &Net, seed: u64) -> Result<Self, GradientError> {
        let region = net.region().clone();
        let alpha = Alpha::new(net, &settings.arch, seed, Rivals::default())?;
        let gates = settings.gates.clone().ok_or(ConfigError {
            key: "gates",
            value: "none".to_string(),
            allowed: "a table: this method has gates",
        })?;
        let goal = match &gates.cost {
            Some(cost) => Some(ExpectedCost::new(cost, &region, alpha.rows()).ok_or_else(|| ConfigError {
                key: "gates.cost",
                value: format!("a goal for {}", cost.feature.name()),
                allowed: "a goal with a reference, or a limit of the search on the same (a latency limit, for latency_us)",
            })?),
            None => None,
        };
        let decisions = region.space().decisions();
        let is_zero = |decision: usize, option: usize| ZERO.contains(&decisions[decision].options[option].as_str());
        let rows = alpha.rows().iter();
        let zeros = rows.map(|row| row.options.iter().position(|&option| is_zero(row.decision, option))).collect();
        let resting = settings.warm_up_epochs() + gates.rest;
        let plain = Arc::new(Classification { smoothing: 0.0 });
        let train_batch = settings.train.batch;
        let (steps, baseline) = (0, None);
        Ok(Self { alpha, goal, zeros, resting, train_batch, seed, steps, baseline, plain, region, settings: gates })
    }

    /// Whether α learns in this epoch.
    fn is_awake(&self, epoch: u64) -> bool {
        epoch >= self.resting && !self.alpha.rows().is_empty()
    }

    /// Per row, softmax(α).
    fn shares(&self) -> Vec<Vec<f64>> {
        self.alpha.values().iter().map(|row| softmax(&to_vec(row))).collect()
    }

    /// The architecture in which each row takes one of its options; the rest is settled.
    fn arch(&self, places: &[usize]) -> Arch {
        let decisions = self.region.space().decisions().len();
        let mut options: Vec<u8> =
            (0..decisions).map(|decision| self.region.allowed(decision).first().unwrap_or(0) as u8).collect();
        for (row, &place) in self.alpha.rows().iter().zip(places) {
            options[row.decision] = row.options[place] as u8;
        }
        Arch::new(options)
    }

    /// One step of α on `batch`, judged without smoothing; `None` where rewards are all that is looked at.
    fn learn(&mut self, learner: &mut Learner, batch: &Labelled, at: At) -> Result<Option<StepRecord>, GradientError> {
        let smoothed = std::mem::replace(&mut learner.task, self.plain.clone());
        let learnt = match self.settings.rule {
            GateRule::Reinforce => self.learn_from_rewards(learner, batch, at).map(|()| None),
            GateRule::TwoPaths | GateRule::AllPaths => self.learn_from_gates(learner, batch, at).map(Some),
        };
        learner.task = smoothed;
        learnt
    }

    fn learn_from_gates(
        &mut self,
        learner: &mut Learner,
        batch: &Labelled,
        at: At,
    ) -> Result<StepRecord, GradientError> {
        let mut rng = random::stream(self.seed, "gates alpha", at.epoch, at.step);
        let shares = self.shares();
        let compared: Vec<Compared> =
            shares.iter().map(|shares| Compared::draw(self.settings.rule, shares, &mut rng)).collect();
        let (seen, by_gates) = self.by_gates(learner, batch, &compared, at)?;
        let before: Vec<Vec<f32>> = self.alpha.values().iter().map(to_vec).collect();
        self.step(&self.by_alpha(&compared, &by_gates, seen.loss));
        if self.settings.rule == GateRule::TwoPaths {
            self.keep_chances(&compared, &before);
        }
        Ok(seen)
    }

    /// What a batch looks like with these gates open, and per row the gradient of its loss by each gate that is compared.
    fn by_gates(
        &self,
        learner: &mut Learner,
        batch: &Labelled,
        compared: &[Compared],
        at: At,
    ) -> Result<(StepRecord, Vec<Vec<f64>>), GradientError> {
        let device = learner.net.weights().device().clone();
        let gate = |row: &Compared| tensor(row.gates(), &device).autodiff().require_grad();
        let gates: Vec<Tensor<1>> = compared.iter().map(gate).collect();
        let mut rows = compared.iter();
        let mix = self.alpha.blended(&gates, |gates, options| {
            let places = rows.next().map_or(&[][..], |row| &row.places);
            let term = |(gate, &place): (usize, &usize)| Term {
                option: options[place],
                scale: item(gates, gate),
                shift: None,
            };
            places.iter().enumerate().map(term).collect()
        });
        let Slopes { seen, arch, .. } = learner.slopes(batch, &mix, &gates, false, at)?;
        let slopes = arch.iter().map(|row| to_vec(row).into_iter().map(f64::from).collect());
        Ok((seen, slopes.collect()))
    }

    /// Per row, the gradient of the loss, of which the labels make `loss`, by all numbers of α.
    fn by_alpha(&self, compared: &[Compared], by_gates: &[Vec<f64>], loss: f64) -> Vec<Vec<f64>> {
        let all = self.shares();
        // The chances of what is compared, nothing for the rest.
        let within = |(row, all): (&Compared, &Vec<f64>)| {
            let mut shares = vec![0.0; all.len()];
            row.places.iter().zip(&row.shares).for_each(|(&place, &share)| shares[place] = share);
            shares
        };
        let shares: Vec<Vec<f64>> = compared.iter().zip(&all).map(within).collect();
        let (by_loss, by_cost) = match &self.goal {
            Some(goal) => goal.slopes(loss, &shares),
            None => (1.0, shares.iter().map(|row| vec![0.0; row.len()]).collect()),
        };
        let of_row = |row: usize| {
            let mut slopes = vec![0.0; shares[row].len()];
            let compared = &compared[row];
            if self.zeros[row] == Some(compared.open()) {
                return slopes;
            }
            compared.places.iter().zip(&by_gates[row]).for_each(|(&place, &slope)| slopes[place] = by_loss * slope);
            let through = through_softmax(&slopes, &shares[row]);
            through.into_iter().zip(&by_cost[row]).map(|(labels, cost)| labels + cost).collect()
        };
        (0..compared.len()).map(of_row).collect()
    }

    /// One update of α.
    fn step(&mut self, gradients: &[Vec<f64>]) {
        let values = self.alpha.values();
        let of_row = |(row, value): (&Vec<f64>, &Tensor<1>)| {
            tensor(row.iter().map(|&slope| slope as f32).collect(), &value.device())
        };
        let gradients = gradients.iter().zip(&values).map(of_row).collect();
        self.alpha.step(gradients);
    }

    /// Gives the two operations of each row together the chance that they had before the update.
    fn keep_chances(&mut self, compared: &[Compared], before: &[Vec<f32>]) {
        let mut values = self.alpha.values();
        for (value, (row, before)) in values.iter_mut().zip(compared.iter().zip(before)) {
            let mut after = to_vec(value);
            let mass = |row_of: &[f32]| row.places.iter().map(|&place| f64::from(row_of[place]).exp()).sum::<f64>();
            let shift = (mass(&after) / mass(before)).ln();
            row.places.iter().for_each(|&place| after[place] = (f64::from(after[place]) - shift) as f32);
            *value = tensor(after, &value.device());
        }
        self.alpha.set_values(values);
    }

    fn learn_from_rewards(&mut self, learner: &mut Learner, batch: &Labelled, at: At) -> Result<(), GradientError> {
        let mut rng = random::stream(self.seed, "gates rewards", at.epoch, at.step);
        let shares = self.shares();
        let mut drawn = Vec::with_capacity(REWARDED);
        for _ in 0..REWARDED {
            let places: Vec<usize> = shares.iter().map(|shares| draw(shares, &mut rng)).collect();
            let measured = learner.measure(batch, self.arch(&places))? / batch.labels.len() as f64;
            let quality = learner.task.metric().score(measured);
            drawn.push((quality * self.goal.as_ref().map_or(1.0, |goal| goal.reward(&places)), places));
        }
        let mean = drawn.iter().map(|(reward, _)| reward).sum::<f64>() / REWARDED as f64;
        let baseline = self.baseline.map_or(mean, |old| old + BASELINE * (mean - old));
        self.baseline = Some(baseline);
        self.step(&by_rewards(&shares, &drawn, baseline));
        Ok(())
    }

    fn choice(&self) -> Result<Arch, GradientError> {
        Ok(likeliest(&self.region, self.alpha.best(), &self.alpha.probabilities())?)
    }
}

/// Per row, the gradient by α of minus the expected reward, from some draws: the mean of (R − b)·∂(−ln p)/∂α.
fn by_rewards(shares: &[Vec<f64>], drawn: &[(f64, Vec<usize>)], baseline: f64) -> Vec<Vec<f64>> {
    let mut slopes: Vec<Vec<f64>> = shares.iter().map(|row| vec![0.0; row.len()]).collect();
    for (reward, places) in drawn {
        let advantage = (reward - baseline) / drawn.len() as f64;
        for ((slopes, shares), &chosen) in slopes.iter_mut().zip(shares).zip(places) {
            for (place, slope) in slopes.iter_mut().enumerate() {
                *slope += advantage * (shares[place] - f64::from(u8::from(place == chosen)));
            }
        }
    }
    slopes
}

/// What is compared on one edge in a step of α.
struct Compared {
    /// Places in the row.
    places: Vec<usize>,
    /// Their chances, with sum 1.
    shares: Vec<f64>,
    /// Which of them is open.
    open: usize,
}

impl Compared {
    fn draw(rule: GateRule, shares: &[f64], rng: &mut impl Rng) -> Self {
        let places: Vec<usize> = match rule {
            GateRule::TwoPaths => {
                let first = draw(shares, rng);
                let mut rest = shares.to_vec();
                rest[first] = 0.0;
                let second = draw(&rest, rng);
                vec![first.min(second), first.max(second)]
            }
            GateRule::AllPaths | GateRule::Reinforce => (0..shares.len()).collect(),
        };
        let sum: f64 = places.iter().map(|&place| shares[place]).sum();
        let shares: Vec<f64> = places.iter().map(|&place| shares[place] / sum.max(f64::MIN_POSITIVE)).collect();
        let open = draw(&shares, rng);
        Self { places, shares, open }
    }

    /// 1 for the one that is open, 0 for the others.
    fn gates(&self) -> Vec<f32> {
        (0..self.places.len()).map(|gate| if gate == self.open { 1.0 } else { 0.0 }).collect()
    }

    /// Place in the row of the one that is open.
    fn open(&self) -> usize {
        self.places[self.open]
    }
}

impl GradientMethod for Gates {
    fn step(
        &mut self,
        learner: &mut Learner,
        train: &Labelled,
        val: Option<&Labelled>,
        at: At,
    ) -> Result<Seen, GradientError> {
        let mut rng = random::stream(self.seed, "gates weights", at.epoch, at.step);
        let places: Vec<usize> = self.shares().iter().map(|shares| draw(shares, &mut rng)).collect();
        let train = learner.descend_path(train, self.arch(&places), at)?;
        let is_due = self.reads_validation(at.epoch, at.step);
        if self.is_awake(at.epoch) {
            self.steps += 1;
        }
        let val = match val.filter(|_| is_due) {
            Some(val) => self.learn(learner, val, at)?,
            None => None,
        };
        Ok(Seen { train, val })
    }

    fn reads_validation(&self, epoch: u64, _: u64) -> bool {
        self.is_awake(epoch) && (self.steps + 1).is_multiple_of(self.settings.every)
    }

    fn beliefs(&self, _: u64) -> Vec<Vec<f64>> {
        self.alpha.probabilities()
    }

    fn leaning(&self) -> Option<Arch> {
        self.choice().ok()
    }

    fn choose(&mut self, learner: &mut Learner, judge: &Judge) -> Result<Chosen, GradientError> {
        let choice = self.choice()?;
        judge.best(&mut learner.net, &[choice])
    }

    /// In forward passes of a path: a step of the weights 3; one of α on two paths 3 and another forward pass; on all paths 2 and the
    /// mixed network's forward pass; by rewards one for each network. α has batches of its own size.
    fn epoch_macs(&self, epoch: u64, images: f64, forward: &ForwardMacs) -> f64 {
        let of_alpha = match self.settings.rule {
            _ if epoch < self.resting => 0.0,
            GateRule::TwoPaths => 4.0 * forward.path,
            GateRule::AllPaths => 2.0 * forward.path + forward.mixed,
            GateRule::Reinforce => REWARDED as f64 * forward.path,
        };
        let batches = self.settings.held_out_batch(self.train_batch) as f64 / self.train_batch as f64;
        images * (3.0 * forward.path + of_alpha * batches / self.settings.every as f64)
    }

    fn to_values(&self) -> Result<NamedValues, WeightsError> {
        self.alpha.to_values()
    }

    fn state(&self) -> Value {
        json!({ "alpha": self.alpha.state(), "steps": self.steps, "baseline": self.baseline })
    }

    fn restore(&mut self, values: &NamedValues, state: &Value) -> Result<(), GradientError> {
        let kept = Kept::deserialize(state).map_err(|error| GradientError::State(error.to_string()))?;
        self.alpha.restore(values, &state["alpha"])?;
        (self.steps, self.baseline) = (kept.steps, kept.baseline);
        Ok(())
    }

    fn inherit(&mut self, values: &NamedValues, of: &Region) -> Result<(), GradientError> {
        self.alpha.inherit(values, of)
    }
}

#[cfg(test)]
#[path = "gates_tests.rs"]
mod tests;
