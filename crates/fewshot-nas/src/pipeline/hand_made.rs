//! Networks as one would make them by hand, at the user's limits: what a search has to be better than.

use std::sync::Arc;

use fewshot_space::stages::{DEPTH, STEMS, WIDTHS};
use fewshot_space::{Arch, Cost, Feature, Filter, Space, StageBlock, StageSpace};
use serde::{Deserialize, Serialize};

use super::kept::{self, Epochs};
use super::stages::{self, Trained};
use super::{Lab, PipelineError};
use crate::estimate::ScoreSet;
use crate::nets::{Blueprint, Net};
use crate::run::{Stage, StageContext};

/// A hand-made network.
#[derive(Debug, Clone)]
pub struct HandMade {
    /// `plain`, `residual` or `separable`.
    pub name: &'static str,
    /// In the space `stages`.
    pub arch: Arch,
}

/// A hand-made network, trained as the found one for all of the budget, and tested.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// `plain`, `residual` or `separable`.
    pub name: String,
    /// In the space `stages`.
    pub arch: String,
    /// Multiply-adds per image.
    pub macs: u64,
    /// Trainable parameters.
    pub params: u64,
    /// Epochs that it was trained, on all training images.
    pub epochs: u64,
    /// Top-1 accuracy on the test images, 0 to 1.
    pub test_accuracy: f64,
}

/// The kinds: name, block, and blocks per stage.
const KINDS: [(&str, StageBlock, [usize; 3]); 3] = [
    ("plain", StageBlock::Conv, [1, 1, 1]),
    ("residual", StageBlock::Residual, [1, 1, 1]),
    ("separable", StageBlock::Separable(3), [1, 2, 2]),
];
/// Channels of the first stage below which one would rather shrink the image at once.
const NARROW: usize = 16;

/// One network per kind that keeps the limits: of all widths the largest, behind the stem that shrinks the image least and still
/// leaves room for [`NARROW`] channels. A kind of which none is small enough is left out.
pub fn within(space: &dyn Space, limits: &[Filter]) -> Vec<HandMade> {
    let fits = |arch: &Arch| limits.iter().all(|limit| limit.feature.of(space, arch) <= limit.max);
    let of_kind = |(name, block, depths): (&'static str, StageBlock, [usize; 3])| {
        debug_assert!(depths.iter().all(|depth| (1..=DEPTH).contains(depth)));
        let widest = |stem: usize| {
            let archs = WIDTHS.iter().map(|&width| (width, StageSpace::by_hand(stem, width, block, depths)));
            archs.rev().find(|(_, arch)| fits(arch))
        };
        let candidates: Vec<(usize, Arch)> = STEMS.iter().filter_map(|&stem| widest(stem)).collect();
        let roomy = candidates.iter().find(|(width, _)| *width >= NARROW);
        let (_, arch) = roomy.or_else(|| candidates.iter().max_by_key(|(width, _)| *width))?;
        Some(HandMade { name, arch: arch.clone() })
    };
    KINDS.into_iter().filter_map(of_kind).collect()
}

/// Upper limits of a search, as filters.
pub fn upper_limits(filters: &[Filter]) -> Vec<Filter> {
    filters.iter().map(|filter| Filter::at_most(filter.feature, filter.max)).collect()
}

/// Those of the limits that can be told without timing anything.
pub fn static_limits(filters: &[Filter]) -> Vec<Filter> {
    upper_limits(filters).into_iter().filter(|filter| filter.feature != Feature::Latency).collect()
}

/// The stages that train them.
pub fn stages<'a>(lab: &'a Lab, winner: &'static str) -> Result<Vec<Stage<'a>>, PipelineError> {
    if !lab.recipe().standalone.references {
        return Ok(Vec::new());
    }
    let stage = |network: HandMade| {
        let stage =
            stages::training_stage(stage_name(network.name), move |context| train(lab, context, &network.arch, winner));
        // After it, so that the kept network is there first.
        stage.after([winner])
    };
    Ok(lab.references()?.into_iter().map(stage).collect())
}

/// Names of those stages.
pub fn stage_names(lab: &Lab) -> Result<Vec<String>, PipelineError> {
    match lab.recipe().standalone.references {
        true => Ok(lab.references()?.iter().map(|network| stage_name(network.name)).collect()),
        false => Ok(Vec::new()),
    }
}

fn stage_name(name: &str) -> String {
    format!("reference-{name}")
}

fn network(lab: &Lab, arch: &Arch) -> Result<Net, PipelineError> {
    let blueprint: Arc<dyn Blueprint> = lab.stage_space().clone();
    Ok(Net::standalone(blueprint, arch, lab.device(), lab.seed("alone weights"))?)
}

/// By the recipe of the kept network, on all training images from the start: who makes a network by hand has no search to hold
/// images out for.
fn train(lab: &Lab, context: &StageContext<'_>, arch: &Arch, winner: &str) -> Result<Trained, PipelineError> {
    let net = network(lab, arch)?;
    let kept: Trained = context.input(winner)?;
    let budget = lab.recipe().budget.decides_epochs().then(|| lab.recipe().budget.seconds());
    let epochs =
        kept::epochs(lab, context, &net, arch, Epochs { same_as: kept.history.len() as u64, seconds: budget })?;
    let config = kept::config(lab, epochs, epochs);
    let loader = lab.alone_loader(&config, lab.seed("alone images"))?;
    let trained = stages::train(context, net, &config, &loader, lab.seed("alone paths"))?;
    Ok(Trained { arch: Some(lab.stage_space().format(arch)), ..trained })
}

/// Tests them.
pub fn test(lab: &Lab, context: &StageContext<'_>, set: &ScoreSet) -> Result<Vec<Reference>, PipelineError> {
    if !lab.recipe().standalone.references {
        return Ok(Vec::new());
    }
    let space = lab.stage_space();
    let tested = lab.references()?.into_iter().map(|HandMade { name, arch }| {
        let trained: Trained = context.input(&stage_name(name))?;
        let mut net = stages::load(context, &stage_name(name), network(lab, &arch)?)?;
        let test_accuracy = set.accuracy(&mut net, &arch, crate::estimate::NormPolicy::Running)?;
        let Cost { macs, params } = space.cost(&arch);
        let epochs = trained.history.len() as u64;
        Ok(Reference { name: name.to_string(), arch: space.format(&arch), macs, params, epochs, test_accuracy })
    });
    tested.collect()
}

#[cfg(test)]
mod tests {
    use fewshot_space::StageSkeleton;

    use super::*;

    #[test]
    fn they_fill_the_limit_and_keep_it() {
        let skeleton = StageSkeleton { image_height: 32, image_width: 32, channels_in: 3, classes: 5 };
        let space = StageSpace::new(skeleton);
        for limit in [400_000, 3_000_000, 20_000_000, 100_000_000] {
            let made = within(&space, &[Filter::at_most(Feature::Macs, limit)]);
            assert_eq!(made.iter().map(|network| network.name).collect::<Vec<_>>(), ["plain", "residual", "separable"]);
            for network in made {
                let macs = space.cost(&network.arch).macs;
                assert!(macs <= limit && 3 * macs >= limit, "{} has {macs} of {limit}", space.format(&network.arch));
            }
        }
        assert!(within(&space, &[Filter::at_most(Feature::Macs, 1000)]).is_empty());
    }
}
