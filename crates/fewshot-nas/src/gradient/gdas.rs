//! GDAS (Dong and Yang, 2019): every forward pass runs one operation per edge, drawn by Gumbel noise, and the gradient
//! goes straight through the draw.

use burn::tensor::{Tensor, activation};
use fewshot_space::{Arch, Region, random};
use rand::{Rng, RngExt};
use serde_json::Value;

use super::alpha::item;
use super::learner::Slopes;
use super::{
    Alpha, At, Chosen, ForwardMacs, GradientError, GradientMethod, Judge, Labelled, Learner, MethodSettings, Rivals,
    Seen,
};
use crate::nets::{Blend, Mix, NamedValues, Net, Term, WeightsError, tensor, to_vec};

/// Temperature in the first and in the last epoch.
const TEMPERATURE: [f64; 2] = [10.0, 0.1];

/// GDAS on one supernet.
pub struct Gdas {
    alpha: Alpha,
    epochs: u64,
    seed: u64,
}

/// GDAS.
pub fn build(settings: &MethodSettings, net: &Net, seed: u64) -> Result<Box<dyn GradientMethod>, GradientError> {
    let alpha = Alpha::new(net, &settings.arch, seed, Rivals::default())?;
    Ok(Box::new(Gdas { alpha, epochs: settings.train.epochs, seed }))
}

impl Gdas {
    /// Falls linearly from the first epoch to the last.
    fn temperature(&self, epoch: u64) -> f64 {
        let [first, last] = TEMPERATURE;
        first + (last - first) * epoch as f64 / (self.epochs.max(2) - 1) as f64
    }

    /// Standard Gumbel noise for every number of α.
    fn noise(&self, purpose: &str, at: At) -> Vec<Tensor<1>> {
        let mut rng = random::stream(self.seed, purpose, at.epoch, at.step);
        let rows = self.alpha.values();
        let row = rows.iter().map(|row| tensor((0..row.dims()[0]).map(|_| gumbel(&mut rng)).collect(), &row.device()));
        row.collect()
    }
}

/// The drawn operation of each edge, with weight 1; the others enter with weight 0. Gradients are those of
/// y = softmax((log softmax(α) + noise)/temperature): straight through the draw.
pub(super) fn straight_through(alpha: &Alpha, parameters: &[Tensor<1>], noise: &[Tensor<1>], temperature: f64) -> Mix {
    let mut noise = noise.iter();
    alpha.blended(parameters, |row, options| {
        let noise = noise.next().map_or_else(|| row.zeros_like(), |noise| noise.clone());
        let noise = if row.is_autodiff() { noise.autodiff() } else { noise };
        let logits = activation::log_softmax(row.clone(), 0) + noise;
        let y = activation::softmax(logits.div_scalar(temperature), 0);
        let place = largest(&to_vec(&y.clone().inner()));
        let chosen = item(&y, place);
        let others = y.sum() - chosen.clone();
        // x − detach(x) is 0 to the bit, with the gradient of x.
        let scale = (chosen.clone() - chosen.detach()).add_scalar(1.0);
        let shift = others.clone() - others.detach();
        vec![Term { option: options[place], scale, shift: Some(shift) }]
    })
}

/// What a mix of one term per decision runs.
fn path(mix: &Mix) -> Arch {
    let option = |blend: &Blend| match blend {
        Blend::Only(option) => *option as u8,
        Blend::Sum { terms, .. } => terms.first().map_or(0, |term| term.option as u8),
    };
    Arch::new(mix.blends.iter().map(option).collect())
}

/// Always finite, so nothing has to be drawn again.
fn gumbel(rng: &mut impl Rng) -> f32 {
    // 1 − u lies in (0, 1].
    let exponential = -(1.0 - rng.random::<f64>()).ln();
    -exponential.max(f64::MIN_POSITIVE).ln() as f32
}

fn largest(values: &[f32]) -> usize {
    (0..values.len()).fold(0, |best, next| if values[next] > values[best] { next } else { best })
}

impl GradientMethod for Gdas {
    fn step(
        &mut self,
        learner: &mut Learner,
        train: &Labelled,
        val: Option<&Labelled>,
        at: At,
    ) -> Result<Seen, GradientError> {
        let temperature = self.temperature(at.epoch);
        let mix = straight_through(&self.alpha, &self.alpha.values(), &self.noise("gdas weights", at), temperature);
        // With nothing tracked the mix is a path, and a path costs less.
        let train = learner.descend_path(train, path(&mix), at)?;
        let Some(val) = val else { return Ok(Seen { train, val: None }) };
        let leaves = self.alpha.leaves();
        let mix = straight_through(&self.alpha, &leaves, &self.noise("gdas alpha", at), temperature);
        let Slopes { seen, arch, .. } = learner.slopes(val, &mix, &leaves, false, at)?;
        self.alpha.step(arch);
        Ok(Seen { train, val: Some(seen) })
    }

    fn beliefs(&self, _: u64) -> Vec<Vec<f64>> {
        self.alpha.probabilities()
    }

    fn leaning(&self) -> Option<Arch> {
        Some(self.alpha.best())
    }

    fn choose(&mut self, learner: &mut Learner, judge: &Judge) -> Result<Chosen, GradientError> {
        judge.best(&mut learner.net, &[self.alpha.best()])
    }

    /// A step of the weights costs 3 forward passes of a path, α's 2.
    fn epoch_macs(&self, _: u64, images: f64, forward: &ForwardMacs) -> f64 {
        5.0 * images * forward.path
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
