//! ENAS (Pham et al., 2018): a controller draws the paths that train the weights, and learns from how well they score.

use fewshot_space::{Region, random};
use serde::Deserialize;
use serde_json::Value;

use super::controller::{Controller, Written, reinforce};
use super::learner::taken;
use super::{
    At, Chosen, Feeds, ForwardMacs, GradientError, GradientMethod, Judge, Labelled, Learner, MethodSettings, Seen,
};
use crate::nets::optim::{Adam, Optimizer};
use crate::nets::{NamedValues, Net, WeightsError, to_vec};

/// Architectures per update of the controller.
const SAMPLES: usize = 20;
/// Weight of the entropy in the reward. The advantage carries no gradient: the published code let it through here.
const ENTROPY: f64 = 1e-4;
/// Share of the baseline of the epoch before.
const BASELINE: f64 = 0.99;
/// Architectures drawn to tell what the controller prefers.
const DRAWN: usize = 200;

/// ENAS on one supernet.
pub struct Enas {
    controller: Controller,
    adam: Optimizer<Adam>,
    lr: f64,
    /// The last baseline of the epoch before; none in the first.
    baseline: Option<f64>,
    candidates: usize,
    updates: usize,
    batch: usize,
    seed: u64,
}

/// What is kept besides tensors.
#[derive(Debug, Deserialize)]
struct Kept {
    steps: u64,
    baseline: Option<f64>,
}

/// ENAS.
pub fn build(settings: &MethodSettings, net: &Net, seed: u64) -> Result<Box<dyn GradientMethod>, GradientError> {
    let controller = Controller::new(net.region(), net.weights().device(), seed);
    let adam = settings.arch.optimizer(&controller.weights);
    let MethodSettings { candidates, updates, .. } = *settings;
    let batch = settings.train.batch;
    Ok(Box::new(Enas { controller, adam, lr: settings.arch.lr, baseline: None, candidates, updates, batch, seed }))
}

impl Enas {
    fn drawn(&self, count: usize, purpose: &str, a: u64, b: u64) -> Written {
        let mut rng = random::stream(self.seed, purpose, a, b);
        self.controller.sample(&self.controller.weights.values(), count, &mut rng)
    }
}

impl GradientMethod for Enas {
    fn step(
        &mut self,
        learner: &mut Learner,
        train: &Labelled,
        _: Option<&Labelled>,
        at: At,
    ) -> Result<Seen, GradientError> {
        let arch = self.drawn(1, "enas path", at.epoch, at.step).archs.remove(0);
        Ok(Seen { train: learner.descend_path(train, arch, at)?, val: None })
    }

    /// The validation images are read at the end of the epoch.
    fn reads_validation(&self, _: u64, _: u64) -> bool {
        false
    }

    fn end_epoch(&mut self, learner: &mut Learner, feeds: &Feeds, epoch: u64) -> Result<(), GradientError> {
        if !self.controller.has_choice() {
            return Ok(());
        }
        let mut images = feeds.validation(epoch * (self.updates * SAMPLES) as u64);
        let mut last = self.baseline;
        for update in 0..self.updates as u64 {
            let leaves = self.controller.weights.leaves();
            let mut rng = random::stream(self.seed, "enas controller", epoch, update);
            let Written { archs, log_probability, entropy } = self.controller.sample(&leaves, SAMPLES, &mut rng);
            let mut advantages = Vec::new();
            for (arch, entropy) in archs.into_iter().zip(to_vec(&entropy.inner())) {
                let batch = learner.upload(images.next());
                let measured = learner.measure(&batch, arch)? / batch.labels.len() as f64;
                let quality = learner.task.metric().score(measured);
                let reward = quality + ENTROPY * f64::from(entropy);
                let baseline = self.baseline.map_or(quality, |old| BASELINE * old + (1.0 - BASELINE) * reward);
                advantages.push(reward - baseline);
                last = Some(baseline);
            }
            let device = self.controller.weights.device().clone();
            let mut gradients = reinforce(log_probability, &advantages, &device).backward();
            let gradients = taken(&leaves, &mut gradients);
            let (weights, lr) = (&mut self.controller.weights, self.lr);
            self.adam.step(weights, gradients.into_iter().map(Some).collect(), lr);
        }
        self.baseline = last;
        Ok(())
    }

    /// Frequencies among architectures that the controller draws.
    fn beliefs(&self, epoch: u64) -> Vec<Vec<f64>> {
        let archs = self.drawn(DRAWN, "enas beliefs", epoch, 0).archs;
        let decisions = archs.first().map_or(0, |arch| arch.options().len());
        let widths = self.controller.widths();
        let row = |decision: usize| {
            let mut counts = vec![0_usize; widths[decision]];
            archs.iter().for_each(|arch| counts[arch.get(decision)] += 1);
            counts.into_iter().map(|count| count as f64 / DRAWN as f64).collect()
        };
        (0..decisions).map(row).collect()
    }

    fn choose(&mut self, learner: &mut Learner, judge: &Judge) -> Result<Chosen, GradientError> {
        let candidates = self.drawn(self.candidates, "enas candidates", 0, 0).archs;
        judge.best(&mut learner.net, &candidates)
    }

    /// A step of the weights costs 3 forward passes of a path; the controller scores a batch per architecture.
    fn epoch_macs(&self, _: u64, images: f64, forward: &ForwardMacs) -> f64 {
        (3.0 * images + (self.updates * SAMPLES * self.batch) as f64) * forward.path
    }

    fn to_values(&self) -> Result<NamedValues, WeightsError> {
        let mut values = self.controller.weights.to_values()?;
        values.extend(self.adam.to_values(&self.controller.weights)?);
        Ok(values)
    }

    fn state(&self) -> Value {
        serde_json::json!({ "steps": self.adam.steps(), "baseline": self.baseline })
    }

    fn restore(&mut self, values: &NamedValues, state: &Value) -> Result<(), GradientError> {
        let kept = Kept::deserialize(state).map_err(|error| GradientError::State(error.to_string()))?;
        self.controller.weights.load_values(values)?;
        self.adam.restore(&self.controller.weights, values, kept.steps)?;
        self.baseline = kept.baseline;
        Ok(())
    }

    /// The controller is of the whole space, whatever the region.
    fn inherit(&mut self, values: &NamedValues, _: &Region) -> Result<(), GradientError> {
        Ok(self.controller.weights.load_values(values)?)
    }
}
