//! Hand-made networks beside the found one, trained by the same recipe.

use std::sync::Arc;

use fewshot_space::{Arch, Cost, Space};
use serde::{Deserialize, Serialize};

use super::kept::{self, Epochs, WINNER};
use crate::estimate::{NormPolicy, ScoreSet};
use crate::lab::{ExperimentError, HandMade, Lab};
use crate::nets::{Blueprint, Net};
use crate::run::{Handle, Stage, StageContext};
use crate::stages::{Trained, load, train_on_all, training_stage};

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

/// Those that the recipe asks for, each with the stage that trains it.
pub fn wanted(lab: &Lab) -> Result<Vec<(HandMade, Handle<Trained>)>, ExperimentError> {
    if !lab.recipe().standalone.references {
        return Ok(Vec::new());
    }
    let handle = |network: &HandMade| Handle::named(format!("reference-{}", network.name));
    Ok(lab.references()?.into_iter().map(|network| (network.clone(), handle(&network))).collect())
}

/// The stages that train them.
pub fn stages(lab: &Lab) -> Result<Vec<Stage<'_>>, ExperimentError> {
    let stage = |(network, handle): (HandMade, Handle<Trained>)| {
        let stage = training_stage(&handle, move |context| train(lab, context, &network.arch));
        // After it, so that the kept network is there first.
        stage.after([&WINNER])
    };
    Ok(wanted(lab)?.into_iter().map(stage).collect())
}

fn network(lab: &Lab, arch: &Arch) -> Result<Net, ExperimentError> {
    let blueprint: Arc<dyn Blueprint> = lab.stage_space().clone();
    Ok(Net::standalone(blueprint, arch, lab.device(), lab.seed("alone weights"))?)
}

/// By the recipe of the kept network, on all training images from the start: who makes a network by hand has no search to hold
/// images out for.
fn train(lab: &Lab, context: &StageContext<'_>, arch: &Arch) -> Result<Trained, ExperimentError> {
    let net = network(lab, arch)?;
    let kept = context.value(&WINNER)?;
    let budget = lab.recipe().budget.decides_epochs().then(|| lab.recipe().budget.seconds());
    let epochs =
        kept::epochs(lab, context, &net, arch, Epochs { same_as: kept.history.len() as u64, seconds: budget })?;
    train_on_all(lab, context, net, lab.stage_space().format(arch), epochs)
}

/// Tests them.
pub fn test(lab: &Lab, context: &StageContext<'_>, set: &ScoreSet) -> Result<Vec<Reference>, ExperimentError> {
    let space = lab.stage_space();
    let tested = wanted(lab)?.into_iter().map(|(HandMade { name, arch }, stage)| {
        let trained = context.value(&stage)?;
        let mut net = load(context, &stage, network(lab, &arch)?)?;
        let test_accuracy = set.metric(&mut net, &arch, NormPolicy::Running)?;
        let Cost { macs, params } = space.cost(&arch);
        let epochs = trained.history.len() as u64;
        Ok(Reference { name: name.to_string(), arch: space.format(&arch), macs, params, epochs, test_accuracy })
    });
    tested.collect()
}
