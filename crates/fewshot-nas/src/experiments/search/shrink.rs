//! Progressive shrinking: the supernet's training, a stage for each phase.

use crate::lab::{ExperimentError, Lab};
use crate::nets::Path;
use crate::recipe::shrink::{largest, passes};
use crate::run::{Handle, Stage, StageContext};
use crate::stages::{Phase, Trained, load, train_phases, training_stage};
use crate::train::{Teacher, TrainConfig};

/// The stage of a phase; that of the last one is the supernet's.
fn handle(lab: &Lab, phase: usize, last: &Handle<Trained>) -> Handle<Trained> {
    let phases = &lab.recipe().shrink;
    if phase + 1 == phases.len() { last.clone() } else { Handle::named(format!("shrink-{}", phases[phase].name)) }
}

/// The stages of all phases; `last` is the one that leaves the supernet.
pub fn stages<'a>(lab: &'a Lab, last: &Handle<Trained>) -> Vec<Stage<'a>> {
    let phases = &lab.recipe().shrink;
    let handles: Vec<Handle<Trained>> = (0..phases.len()).map(|phase| handle(lab, phase, last)).collect();
    let mut stages = Vec::with_capacity(phases.len());
    for index in 0..phases.len() {
        let before = index.checked_sub(1).map(|before| handles[before].clone());
        let taught = (phases[index].distill > 0.0).then(|| handles[0].clone());
        let mut needed: Vec<String> = before.iter().chain(&taught).map(|stage| stage.name().to_string()).collect();
        needed.dedup();
        let stage = training_stage(&handles[index], move |context| train_phase(lab, context, index, before.as_ref()));
        stages.push(stage.after(needed));
    }
    stages
}

/// Trains phase `index` from the weights of the one before it.
fn train_phase(
    lab: &Lab,
    context: &StageContext<'_>,
    index: usize,
    before: Option<&Handle<Trained>>,
) -> Result<Trained, ExperimentError> {
    let phases = &lab.recipe().shrink;
    let (phase, whole) = (&phases[index], lab.partition().whole());
    let mut net = lab.fresh_supernet(whole);
    if let Some(before) = before {
        net = load(context, before, net)?;
        if phase.sort {
            net.sort_channels(&phases[index - 1].region(whole)?);
        }
    }
    let config = phase.config(&lab.recipe().supernet, phases.iter().map(|phase| phase.share).sum());
    let seed = |what: &str| lab.seed(&format!("supernet {what}, phase {}", phase.name));
    let loader = lab.search_loader(&config, seed("images"))?;
    // The last phase trains what is searched, within its limits.
    let region = if index + 1 == phases.len() { whole.clone() } else { phase.region(whole)? };
    let teacher = teacher(lab, context, &config)?;
    let phase = [Phase { until: config.epochs, region: Some(&region), loader: &loader, judge: None }];
    let trained = train_phases(context, net, &config, &phase, teacher, seed("paths"))?;
    Ok(Trained {
        region: region.label(),
        networks: region.size().ok().and_then(|size| u64::try_from(size).ok()),
        ..trained
    })
}

/// The stage whose network teaches, where this training is taught.
pub fn teaching(lab: &Lab, config: &TrainConfig) -> Option<Handle<Trained>> {
    let phases = &lab.recipe().shrink;
    // The supernet of a single phase has learnt from nobody, and teaches nobody.
    let is_taught = config.distill > 0.0 && phases.len() > 1;
    is_taught.then(|| Handle::named(format!("shrink-{}", phases[0].name)))
}

/// The largest network, as the first phase left it.
pub fn teacher(
    lab: &Lab,
    context: &StageContext<'_>,
    config: &TrainConfig,
) -> Result<Option<Teacher>, ExperimentError> {
    let Some(stage) = teaching(lab, config) else { return Ok(None) };
    let whole = lab.partition().whole();
    let net = load(context, &stage, lab.fresh_supernet(whole))?;
    Ok(Some(Teacher::new(net, Path::Shared(largest(whole)))?))
}

/// How many plain passes a step of the supernet takes on average over its phases, and one of a sub-supernet.
pub fn passes_per_step(lab: &Lab) -> (f64, f64) {
    let recipe = lab.recipe();
    let children = passes(recipe.children.paths, teaching(lab, &recipe.children).is_some());
    let shares: f64 = recipe.shrink.iter().map(|phase| phase.share).sum();
    let of_phases: f64 = recipe.shrink.iter().map(|phase| phase.share * phase.passes()).sum();
    let supernet = if recipe.shrink.is_empty() { passes(recipe.supernet.paths, false) } else { of_phases / shares };
    (supernet, children)
}
