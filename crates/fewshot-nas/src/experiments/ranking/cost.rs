//! What the training of an arm's supernets costs, and how many epochs cost as much as something else.

use fewshot_space::{Partition, Region, Space, random};

use crate::lab::{ExperimentError, Lab};
use crate::recipe::ShrinkPhase;
use crate::recipe::shrink::{largest, passes};
use crate::train::{Sampler, TrainConfig};

/// Paths drawn to know what a training step costs.
const DRAWS: u64 = 500;
/// A training step costs a forward pass three times: the gradients of inputs and of weights take one each.
pub const PASSES: f64 = 3.0;

/// More epochs than a recipe can say.
const MOST_EPOCHS: u64 = 1_000_000;

/// Cost of training.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// Passes over the training images.
    pub epochs: u64,
    /// Multiply-adds, forward and backward.
    pub macs: f64,
}

/// The training of all supernets of an arm, whatever its epochs.
pub enum Training {
    /// In one go: multiply-adds of an epoch.
    AtOnce(f64),
    /// Phase by phase: each with the multiply-adds of one of its epochs.
    InPhases(Vec<(ShrinkPhase, f64)>, TrainConfig),
}

impl Training {
    /// One supernet for each part, taught by the largest network of the region in `teachers` at its place, where there are some.
    pub fn at_once(
        lab: &Lab,
        space: &dyn Space,
        partition: &Partition,
        config: &TrainConfig,
        teachers: &[Region],
    ) -> Result<Self, ExperimentError> {
        let mut macs = 0.0;
        for region in partition.regions() {
            macs += drawn_macs(space, region, config)?;
        }
        Ok(Self::AtOnce(epoch_macs(lab, space, macs, config, teachers)))
    }

    /// The same in the recipe's phases, the first of which teaches the others.
    pub fn in_phases(
        lab: &Lab,
        space: &dyn Space,
        partition: &Partition,
        config: &TrainConfig,
    ) -> Result<Self, ExperimentError> {
        let phases = &lab.recipe().shrink;
        let shares = phases.iter().map(|phase| phase.share).sum();
        let mut each = Vec::with_capacity(phases.len());
        for (index, phase) in phases.iter().enumerate() {
            let mut macs = 0.0;
            let config = phase.config(config, shares);
            for held in partition.regions() {
                let region = if index + 1 == phases.len() { held.clone() } else { phase.region(held)? };
                macs += drawn_macs(space, &region, &config)?;
            }
            let teachers = if phase.distill > 0.0 { partition.regions() } else { &[] };
            each.push((phase.clone(), epoch_macs(lab, space, macs, &config, teachers)));
        }
        Ok(Self::InPhases(each, config.clone()))
    }

    /// Epochs of one supernet in all, where the recipe says so many: each phase has one at least.
    pub fn epochs(&self, said: u64) -> u64 {
        match self {
            Self::AtOnce(_) => said,
            Self::InPhases(each, config) => of_phases(each, config, said).map(|(epochs, _)| epochs).sum(),
        }
    }

    /// Multiply-adds of all supernets, where the recipe says so many epochs.
    pub fn macs(&self, said: u64) -> f64 {
        match self {
            Self::AtOnce(epoch) => said as f64 * epoch,
            Self::InPhases(each, config) => {
                of_phases(each, config, said).map(|(epochs, epoch)| epochs as f64 * epoch).sum()
            }
        }
    }

    /// The epochs that come nearest to so many multiply-adds.
    pub fn epochs_for(&self, macs: f64) -> u64 {
        match self {
            Self::AtOnce(epoch) => (macs / epoch).round().max(1.0) as u64,
            Self::InPhases(..) => {
                // The first that cost as much: more epochs never cost less.
                let (mut below, mut above) = (1, MOST_EPOCHS);
                while below < above {
                    let middle = below + (above - below) / 2;
                    if self.macs(middle) >= macs { above = middle } else { below = middle + 1 }
                }
                let below = (above - 1).max(1);
                if macs - self.macs(below) < self.macs(above) - macs { below } else { above }
            }
        }
    }
}

/// Epochs of each phase, and multiply-adds of one.
fn of_phases<'a>(
    each: &'a [(ShrinkPhase, f64)],
    config: &TrainConfig,
    said: u64,
) -> impl Iterator<Item = (u64, f64)> + 'a {
    let shares = each.iter().map(|(phase, _)| phase.share).sum();
    let config = TrainConfig { epochs: said, ..config.clone() };
    each.iter().map(move |(phase, macs)| (phase.config(&config, shares).epochs, *macs))
}

/// Multiply-adds of the networks of [`DRAWS`] paths, as the sampling draws them.
fn drawn_macs(space: &dyn Space, region: &Region, config: &TrainConfig) -> Result<f64, ExperimentError> {
    let sampler = Sampler::new(region.clone(), config.sampling)?;
    let mut sum = 0.0;
    for draw in 0..DRAWS {
        // One cell stands for all: each is drawn in the same way.
        let path = sampler.draw(1, &mut random::stream(0, "path cost", draw, 0))?;
        sum += space.cost(path.cell(0)).macs as f64;
    }
    Ok(sum)
}

/// Multiply-adds of an epoch whose paths cost `drawn` in [`DRAWS`] draws; teachers look at its images too, and learn nothing.
fn epoch_macs(lab: &Lab, space: &dyn Space, drawn: f64, config: &TrainConfig, teachers: &[Region]) -> f64 {
    let images = lab.search_images() as f64;
    let taught: f64 = teachers.iter().map(|held| space.cost(&largest(held)).macs as f64).sum();
    PASSES * images * (passes(config.paths, false) * drawn) / DRAWS as f64 + images * taught
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::Layers;

    #[test]
    fn epochs_of_phases_come_nearest_to_a_cost() {
        let recipe = Layers::preset("mbconv-ofa-smoke").unwrap().resolve().unwrap();
        let each: Vec<(ShrinkPhase, f64)> =
            recipe.common.shrink.iter().cloned().zip([6.0, 5.0, 7.0, 6.0, 5.0, 4.0]).collect();
        let training = Training::InPhases(each, recipe.common.supernet.clone());
        // Shares 30, 10, 3, 10, 3, 10: of six epochs that would be 2.7, 0.9 and less, and each phase has one at least.
        assert_eq!((training.epochs(6), training.macs(6)), (8, 3.0 * 6.0 + 5.0 + 7.0 + 6.0 + 5.0 + 4.0));
        for said in [1, 6, 22, 100] {
            assert_eq!(training.macs(training.epochs_for(training.macs(said))), training.macs(said));
        }
        // With 68 the first phase has one more.
        let between = (training.macs(67) + training.macs(68)) / 2.0;
        assert_eq!((training.epochs_for(between - 0.1), training.epochs_for(between + 0.1)), (67, 68));
        assert_eq!(training.epochs_for(0.0), 1);
        let at_once = Training::AtOnce(10.0);
        assert_eq!((at_once.epochs_for(44.0), at_once.epochs_for(1.0), at_once.macs(3)), (4, 1, 30.0));
    }
}
