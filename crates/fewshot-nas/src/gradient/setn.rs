//! SETN (Dong and Yang, 2019): uniform paths train the weights, the mixed network trains α, and the best of the likeliest
//! architectures wins.

use fewshot_space::{Arch, Region, random};
use serde_json::Value;

use super::learner::Slopes;
use super::{
    Alpha, At, Chosen, ForwardMacs, GradientError, GradientMethod, Judge, Labelled, Learner, MethodSettings, Rivals,
    Seen,
};
use crate::nets::{NamedValues, Net, WeightsError};

/// Largest region whose architectures are ranked.
const LISTED: u128 = 1 << 20;

/// SETN on one supernet.
pub struct Setn {
    alpha: Alpha,
    candidates: usize,
    seed: u64,
}

/// SETN.
pub fn build(settings: &MethodSettings, net: &Net, seed: u64) -> Result<Box<dyn GradientMethod>, GradientError> {
    let size = net.region().size()?;
    if size > LISTED {
        return Err(GradientError::Unlisted(size));
    }
    let alpha = Alpha::new(net, &settings.arch, seed, Rivals::default())?;
    Ok(Box::new(Setn { alpha, candidates: settings.candidates, seed }))
}

impl Setn {
    /// The likeliest architectures of the region, by Σ log p(option); the likeliest first.
    fn likeliest(&self, net: &Net) -> Vec<Arch> {
        let logs: Vec<Vec<f64>> =
            self.alpha.probabilities().iter().map(|row| row.iter().map(|p| p.ln()).collect()).collect();
        let likelihood = |arch: &Arch| -> f64 {
            arch.options().iter().zip(&logs).map(|(&option, row)| row[usize::from(option)]).sum()
        };
        let mut all: Vec<(f64, Arch)> = net.region().iter().map(|arch| (likelihood(&arch), arch)).collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        all.into_iter().take(self.candidates).map(|(_, arch)| arch).collect()
    }
}

impl GradientMethod for Setn {
    fn step(
        &mut self,
        learner: &mut Learner,
        train: &Labelled,
        val: Option<&Labelled>,
        at: At,
    ) -> Result<Seen, GradientError> {
        let arch = learner.net.region().sample(&mut random::stream(self.seed, "setn path", at.epoch, at.step))?;
        let train = learner.descend_path(train, arch, at)?;
        let Some(val) = val else { return Ok(Seen { train, val: None }) };
        let leaves = self.alpha.leaves();
        let mix = self.alpha.relaxed(&leaves);
        let Slopes { seen, arch, .. } = learner.slopes(val, &mix, &leaves, false, at)?;
        self.alpha.step(arch);
        Ok(Seen { train, val: Some(seen) })
    }

    fn beliefs(&self, _: u64) -> Vec<Vec<f64>> {
        self.alpha.probabilities()
    }

    fn choose(&mut self, learner: &mut Learner, judge: &Judge) -> Result<Chosen, GradientError> {
        let candidates = self.likeliest(&learner.net);
        judge.best(&mut learner.net, &candidates)
    }

    /// A step of the weights costs 3 forward passes of a path, α's 2 of the mixed network.
    fn epoch_macs(&self, _: u64, images: f64, forward: &ForwardMacs) -> f64 {
        images * (3.0 * forward.path + 2.0 * forward.mixed)
    }

    fn to_values(&self) -> Result<NamedValues, WeightsError> {
        self.alpha.to_values()
    }

    fn state(&self) -> Value {
        self.alpha.state()
    }

    fn restore(&mut self, values: &NamedValues, state: &Value) -> Result<(), GradientError> {
        self.alpha.restore(values, state)
    }

    fn inherit(&mut self, values: &NamedValues, of: &Region) -> Result<(), GradientError> {
        self.alpha.inherit(values, of)
    }
}
