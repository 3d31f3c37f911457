//! The supernets that score: one for the whole region, and one per part that starts from its weights.

use std::sync::Arc;

use serde_json::json;

use super::shrink;
use crate::estimate::{Estimator, FewShot, Fused, OneShot, ScoreSet};
use crate::lab::{ExperimentError, Lab};
use crate::run::{Handle, Stage, StageContext};
use crate::stages::{Phase, Trained, load, train, train_phases, training_stage};

/// Stage that trains the one supernet.
static SUPERNET: Handle<Trained> = Handle::new("supernet");
/// Random architectures that fused scores are ranked against: ranks are then right to a few per cent.
const REFERENCE: usize = 256;

/// The stage that trains sub-supernet `index`.
fn child(index: usize) -> Handle<Trained> {
    Handle::named(format!("child-{index}"))
}

/// Trains the one supernet for the whole region, at once or in phases, and one sub-supernet per part from its weights.
pub fn supernet_stages(lab: &Lab) -> Vec<Stage<'_>> {
    let whole = lab.partition().whole();
    let mut stages = match lab.recipe().shrink.is_empty() {
        false => shrink::stages(lab, &SUPERNET),
        true => vec![training_stage(&SUPERNET, move |context| {
            let config = &lab.recipe().supernet;
            let loader = lab.search_loader(config, lab.seed("supernet images"))?;
            train(context, lab.fresh_supernet(whole), config, &loader, lab.seed("supernet paths"))
        })],
    };
    if lab.is_split() {
        for (index, region) in lab.partition().regions().iter().enumerate() {
            let stage = training_stage(&child(index), move |context| {
                let config = &lab.recipe().children;
                let parent = load(context, &SUPERNET, lab.fresh_supernet(whole))?;
                let (child, transfer) = parent.child(region.clone(), lab.seed("supernet weights"))?;
                context.event("transfer", json!({ "copied": transfer.copied, "fresh": transfer.fresh }))?;
                // Every child sees the images in the same order and differs in its region alone.
                let loader = lab.search_loader(config, lab.seed("child images"))?;
                let teacher = shrink::teacher(lab, context, config)?;
                let phase = [Phase { until: config.epochs, region: None, loader: &loader, judge: None }];
                train_phases(context, child, config, &phase, teacher, lab.seed("child paths"))
            });
            let teacher = shrink::teaching(lab, &lab.recipe().children);
            stages.push(stage.after([&SUPERNET]).after(&teacher.into_iter().collect::<Vec<_>>()));
        }
    }
    stages
}

/// Stages whose supernets score: the sub-supernets, or the one supernet when nothing is split.
pub fn scoring_inputs(lab: &Lab) -> Vec<Handle<Trained>> {
    if lab.is_split() { (0..lab.partition().regions().len()).map(child).collect() } else { vec![SUPERNET.clone()] }
}

/// The estimator over those stages.
fn few_shot(lab: &Lab, context: &StageContext<'_>, set: &Arc<ScoreSet>) -> Result<FewShot, ExperimentError> {
    let scoring = &lab.recipe().scoring;
    let config = if lab.is_split() { &lab.recipe().children } else { &lab.recipe().supernet };
    let fine_tune = lab.fine_tune(&scoring.fine_tune, config, 0)?;
    let one_shot =
        |net| OneShot::new(net, set.clone(), scoring.norm).measured(scoring.measure).fine_tuned(fine_tune.clone());
    let members = scoring_inputs(lab)
        .iter()
        .zip(lab.partition().regions())
        .map(|(stage, region)| Ok(one_shot(load(context, stage, lab.fresh_supernet(region))?)))
        .collect::<Result<Vec<_>, ExperimentError>>()?;
    Ok(FewShot::new(lab.partition().clone(), members))
}

/// The supernets' scores, or those fused with structure, ranked against random architectures of the searched region.
pub fn estimator(
    lab: &Lab,
    context: &StageContext<'_>,
    set: &Arc<ScoreSet>,
) -> Result<Box<dyn Estimator>, ExperimentError> {
    let supernets = few_shot(lab, context, set)?;
    if !lab.recipe().scoring.fused {
        return Ok(Box::new(supernets));
    }
    let reference = lab.random_archs("fusion reference", REFERENCE)?;
    Ok(Box::new(Fused::new(supernets, lab.alone_space().clone(), &reference)?))
}
