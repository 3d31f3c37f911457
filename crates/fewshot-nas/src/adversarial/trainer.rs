//! A generator and a discriminator, trained against each other step by step.

use burn::tensor::{Tensor, activation};
use fewshot_kernels as kernels;

use super::config::GanConfig;
use super::error::GanError;
use crate::latent::latent;
use crate::nets::optim::{Adam, Optimizer};
use crate::nets::{DiscriminatorNet, Leaves, NamedValues, Net, NormMode, Path, Weights, to_vec};

/// Prefixes of names in checkpoints.
const GENERATOR: &str = "generator/";
const DISCRIMINATOR: &str = "discriminator/";

/// The two networks and their optimizers.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Makes images of the size of its level.
    pub generator: Net,
    /// Judges them.
    pub discriminator: DiscriminatorNet,
    /// 0, 1, 2: which blocks of the discriminator judge.
    pub level: usize,
    generator_optimizer: Optimizer<Adam>,
    discriminator_optimizer: Optimizer<Adam>,
}

/// Losses of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepLosses {
    /// Of the discriminator: mean max(0, 1 - D(x)) + mean max(0, 1 + D(G(z))).
    pub discriminator: f64,
    /// Of the generator, -mean D(G(z)), where it had a step.
    pub generator: Option<f64>,
}

impl Pair {
    /// Without a past.
    pub fn new(generator: Net, discriminator: DiscriminatorNet, level: usize, config: &GanConfig) -> Self {
        let generator_optimizer = Optimizer::new(generator.weights(), config.rule(), GanConfig::limits());
        let discriminator_optimizer = Optimizer::new(discriminator.weights(), config.rule(), GanConfig::limits());
        Self { generator, discriminator, level, generator_optimizer, discriminator_optimizer }
    }

    /// The same discriminator with a larger generator, whose parameters that were there already go on with the state that Adam has of
    /// them.
    ///
    /// # Errors
    /// When a tensor cannot be read back from the device.
    pub fn grown(self, generator: Net, level: usize, config: &GanConfig) -> Result<Self, GanError> {
        let kept = self.generator_optimizer.to_values(self.generator.weights())?;
        let mut generator_optimizer = Optimizer::new(generator.weights(), config.rule(), GanConfig::limits());
        generator_optimizer.restore(generator.weights(), &kept, self.generator_optimizer.steps())?;
        Ok(Self { generator, level, generator_optimizer, ..self })
    }

    /// A step of the discriminator on `real` and as many generated images, and, with `leads`, one of the generator on so many more;
    /// both along one path. `step` counts the steps of the discriminator, and keys what is drawn.
    ///
    /// # Errors
    /// [`GanError::Diverged`] where a loss is no number; when the path leaves the generator's region.
    pub fn step(
        &mut self,
        real: Tensor<4>,
        path: &Path,
        config: &GanConfig,
        leads: bool,
        (seed, step): (u64, u64),
    ) -> Result<StepLosses, GanError> {
        kernels::on_kernel_threads(|| {
            let discriminator = self.step_discriminator(real, path, config, (seed, step))?;
            let generator = leads.then(|| self.step_generator(path, config, (seed, step))).transpose()?;
            for (network, loss) in [("discriminator", Some(discriminator)), ("generator", generator)] {
                if let Some(loss) = loss.filter(|loss| !loss.is_finite()) {
                    return Err(GanError::Diverged { network, loss, step });
                }
            }
            Ok(StepLosses { discriminator, generator })
        })
    }

    fn step_discriminator(
        &mut self,
        real: Tensor<4>,
        path: &Path,
        config: &GanConfig,
        (seed, step): (u64, u64),
    ) -> Result<f64, GanError> {
        let [batch, ..] = real.dims();
        let latent = self.latent(batch, (seed, step), "discriminator latent");
        let made = self.generator.run(latent, path, NormMode::Train, None)?.into_map();
        let level = self.level;
        // Two passes, as each has a power iteration of its own; their gradients are added in this order.
        let mut side = |images: Tensor<4>, sign: f64| {
            let (judged, leaves) = self.discriminator.train(images, level);
            let loss = activation::relu(judged.mul_scalar(sign).add_scalar(1.0)).mean();
            let value = f64::from(to_vec(&loss.clone().inner()).first().copied().unwrap_or(f32::NAN));
            (value, gradients(&loss, leaves))
        };
        let (of_real, real_gradients) = side(real, -1.0);
        let (of_made, made_gradients) = side(made, 1.0);
        let both = real_gradients.into_iter().zip(made_gradients).map(|pair| match pair {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        });
        let both = both.collect();
        self.discriminator_optimizer.step(self.discriminator.weights_mut(), both, config.lr);
        Ok(of_real + of_made)
    }

    fn step_generator(&mut self, path: &Path, config: &GanConfig, (seed, step): (u64, u64)) -> Result<f64, GanError> {
        let latent = self.latent(config.generator_batch, (seed, step), "generator latent");
        let (made, leaves) = self.generator.run_tracked(latent, path)?;
        let judged = self.discriminator.guide(made.into_map(), self.level);
        let loss = judged.mean().neg();
        let value = f64::from(to_vec(&loss.clone().inner()).first().copied().unwrap_or(f32::NAN));
        let gradients = gradients(&loss, leaves);
        self.generator_optimizer.step(self.generator.weights_mut(), gradients, config.lr);
        Ok(value)
    }

    fn latent(&self, count: usize, (seed, step): (u64, u64), purpose: &str) -> Tensor<2> {
        latent(&self.generator, count, (seed, step, 0), purpose)
    }

    /// All of its state.
    ///
    /// # Errors
    /// When a tensor cannot be read back from the device.
    pub fn to_values(&self) -> Result<NamedValues, GanError> {
        let mut all = NamedValues::new();
        let parts: [(&str, &Weights, &Optimizer<Adam>); 2] = [
            (GENERATOR, self.generator.weights(), &self.generator_optimizer),
            (DISCRIMINATOR, self.discriminator.weights(), &self.discriminator_optimizer),
        ];
        for (prefix, weights, optimizer) in parts {
            let own = weights.to_values()?.into_iter().chain(optimizer.to_values(weights)?);
            all.extend(own.map(|(name, value)| (format!("{prefix}{name}"), value)));
        }
        Ok(all)
    }

    /// Goes on from there, after so many steps of the discriminator and the generator.
    ///
    /// # Errors
    /// When the state is of other networks.
    pub fn restore(&mut self, values: &NamedValues, steps: [u64; 2]) -> Result<(), GanError> {
        let [of_discriminator, of_generator] = steps;
        let own = without_prefix(values, GENERATOR);
        self.generator.weights_mut().load_values(&own)?;
        self.generator_optimizer.restore(self.generator.weights(), &own, of_generator)?;
        let own = without_prefix(values, DISCRIMINATOR);
        self.discriminator.weights_mut().load_values(&own)?;
        self.discriminator_optimizer.restore(self.discriminator.weights(), &own, of_discriminator)?;
        Ok(())
    }

    /// Updates of the discriminator and of the generator since their optimizers were new.
    pub fn steps(&self) -> [u64; 2] {
        [self.discriminator_optimizer.steps(), self.generator_optimizer.steps()]
    }
}

/// Of each leaf that the loss depends on.
fn gradients(loss: &Tensor<1>, leaves: Leaves) -> Vec<Option<Tensor<1>>> {
    let mut gradients = loss.backward();
    leaves.into_iter().map(|leaf| leaf?.grad_remove(&mut gradients)).collect()
}

/// Of a pair's state, the generator's weights and statistics.
pub(super) fn generator_values(values: &NamedValues) -> NamedValues {
    without_prefix(values, GENERATOR)
}

/// The same of the discriminator.
pub(super) fn discriminator_values(values: &NamedValues) -> NamedValues {
    without_prefix(values, DISCRIMINATOR)
}

/// What stands under a prefix, without it.
pub(super) fn without_prefix(values: &NamedValues, prefix: &str) -> NamedValues {
    let own = values.iter().filter_map(|(name, value)| Some((name.strip_prefix(prefix)?.to_string(), value.clone())));
    own.collect()
}
