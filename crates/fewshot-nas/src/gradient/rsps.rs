//! Random search with parameter sharing (Li and Talwalkar, 2019): uniform paths train the weights; of random
//! architectures the one that scores best wins.

use fewshot_space::{Arch, Region, random};
use serde_json::Value;

use super::{At, Chosen, ForwardMacs, GradientError, GradientMethod, Judge, Labelled, Learner, MethodSettings, Seen};
use crate::nets::{NamedValues, Net, WeightsError};

/// RSPS on one supernet.
pub struct Rsps {
    region: Region,
    candidates: usize,
    seed: u64,
}

/// RSPS.
pub fn build(settings: &MethodSettings, net: &Net, seed: u64) -> Result<Box<dyn GradientMethod>, GradientError> {
    Ok(Box::new(Rsps { region: net.region().clone(), candidates: settings.candidates, seed }))
}

impl GradientMethod for Rsps {
    fn step(
        &mut self,
        learner: &mut Learner,
        train: &Labelled,
        _: Option<&Labelled>,
        at: At,
    ) -> Result<Seen, GradientError> {
        let arch = self.region.sample(&mut random::stream(self.seed, "rsps path", at.epoch, at.step))?;
        Ok(Seen { train: learner.descend_path(train, arch, at)?, val: None })
    }

    fn reads_validation(&self, _: u64, _: u64) -> bool {
        false
    }

    /// Always uniform.
    fn beliefs(&self, _: u64) -> Vec<Vec<f64>> {
        let row = |(index, decision): (usize, &fewshot_space::Decision)| {
            let allowed = self.region.allowed(index);
            let share = 1.0 / allowed.len().max(1) as f64;
            (0..decision.options.len()).map(|option| if allowed.contains(option) { share } else { 0.0 }).collect()
        };
        self.region.space().decisions().iter().enumerate().map(row).collect()
    }

    fn choose(&mut self, learner: &mut Learner, judge: &Judge) -> Result<Chosen, GradientError> {
        let draw = |index| self.region.sample(&mut random::stream(self.seed, "rsps candidate", index, 0));
        let candidates: Vec<Arch> = (0..self.candidates as u64).map(draw).collect::<Result<_, _>>()?;
        judge.best(&mut learner.net, &candidates)
    }

    fn epoch_macs(&self, _: u64, images: f64, forward: &ForwardMacs) -> f64 {
        3.0 * images * forward.path
    }

    fn to_values(&self) -> Result<NamedValues, WeightsError> {
        Ok(NamedValues::new())
    }

    fn state(&self) -> Value {
        Value::Null
    }

    fn restore(&mut self, _: &NamedValues, _: &Value) -> Result<(), GradientError> {
        Ok(())
    }

    fn inherit(&mut self, _: &NamedValues, _: &Region) -> Result<(), GradientError> {
        Ok(())
    }
}
