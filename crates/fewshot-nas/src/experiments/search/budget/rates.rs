//! What the parts of a search take on this machine, from some of its steps.

use std::time::{Duration, Instant};

use fewshot_space::random;

use super::asked::{compared, is_split, others_of_front, scored_images};
use crate::experiments::search::finalists::lost_epochs;
use crate::experiments::search::shrink::passes_per_step;
use crate::lab::{ExperimentError, Lab};
use crate::recipe::{BudgetPlan, CommonRecipe};
use crate::stages::{BRIEFLY, EpochSeconds, MOST_EPOCHS, alone_epoch_seconds, seconds_per_step, step_of, timing};
use crate::train::Sampler;

/// Random networks that are timed, and the time after which no other is begun.
const SAMPLES: usize = 4;
const PATIENCE: Duration = Duration::from_secs(3);
/// What a forward pass takes of a training step.
const FORWARD: f64 = 1.0 / 3.0;

/// What training steps take, in seconds.
pub struct Rates {
    /// Of a network alone: the mean of some random ones.
    pub alone: f64,
    /// Of a path of the supernet.
    pub supernet: f64,
}

/// What trainings and scores on the images of a lab take, in seconds.
pub struct Costs {
    /// An epoch of the supernet, along one path a step.
    pub supernet_epoch: f64,
    /// Scoring one network.
    pub score: f64,
    /// An epoch of a network alone.
    pub alone_epoch: EpochSeconds,
}

impl Rates {
    pub fn measure(lab: &Lab, budget: f64) -> Result<Rates, ExperimentError> {
        Ok(Rates { alone: alone_step(lab)?, supernet: supernet_step(lab, timing(budget))? })
    }

    /// What follows for the images of `lab` by the settings of `recipe`. The last step of an epoch may have fewer images than a
    /// whole batch, so epochs are counted in steps.
    pub fn costs(&self, lab: &Lab, recipe: &CommonRecipe) -> Result<Costs, ExperimentError> {
        let steps = lab.search_loader(&recipe.supernet, 0)?.steps_per_epoch();
        let supernet_epoch = self.supernet * steps as f64;
        let image = supernet_epoch / lab.search_images() as f64;
        let score = FORWARD * image * scored_images(lab, recipe) as f64;
        Ok(Costs { supernet_epoch, score, alone_epoch: alone_epoch_seconds(lab, self.alone)? })
    }
}

/// Seconds that a search will take on this machine, by some of its steps.
pub fn estimate(lab: &Lab) -> Result<f64, ExperimentError> {
    let plan = times(lab, lab.recipe(), &Rates::measure(lab, 0.0)?, true)?;
    Ok(plan.supernet + plan.sub_supernets + plan.search + plan.finalists + plan.kept + plan.beside)
}

/// How long the parts of a search take whose settings are all there. Hand-made networks have the whole budget, as far as they need
/// it, unless epochs are fixed: then they train as long as the kept one.
pub fn times(
    lab: &Lab,
    recipe: &CommonRecipe,
    rates: &Rates,
    fixed_epochs: bool,
) -> Result<BudgetPlan, ExperimentError> {
    let Costs { supernet_epoch, score, alone_epoch } = rates.costs(lab, recipe)?;
    let parts = if is_split(recipe) { lab.partition().regions().len() as f64 } else { 0.0 };
    let alone = &recipe.standalone;
    let kept = alone.train.epochs as f64 * alone_epoch.kept;
    let references = if alone.references { lab.references()?.len() as f64 } else { 0.0 };
    let of_reference = match fixed_epochs {
        true => kept,
        false => recipe.budget.seconds().min(MOST_EPOCHS as f64 * alone_epoch.all),
    };
    let verified = recipe.search.verify as f64 * alone.halving * kept;
    let (step, child_step) = passes_per_step(lab);
    Ok(BudgetPlan {
        supernet: recipe.supernet.epochs as f64 * step * supernet_epoch,
        sub_supernets: recipe.children.epochs as f64 * parts * child_step * supernet_epoch,
        search: recipe.search.budget as f64 * score,
        finalists: lost_epochs(compared(recipe), alone.train.epochs, alone.halving) as f64 * alone_epoch.judged,
        kept,
        beside: references * of_reference + (alone.randoms + others_of_front(recipe)) as f64 * kept + verified,
        step_ms: 1000.0 * rates.alone,
        supernet_step_ms: 1000.0 * rates.supernet,
        ..BudgetPlan::default()
    })
}

/// Seconds of a training step of a network alone: the mean of some random ones.
fn alone_step(lab: &Lab) -> Result<f64, ExperimentError> {
    let began = Instant::now();
    let (mut sum, mut count) = (0.0, 0);
    for arch in lab.random_archs("timed networks", SAMPLES)? {
        sum += step_of(lab, &arch, BRIEFLY)?;
        count += 1;
        if began.elapsed() > PATIENCE {
            break;
        }
    }
    Ok(sum / f64::from(count.max(1)))
}

fn supernet_step(lab: &Lab, time: Duration) -> Result<f64, ExperimentError> {
    lab.interrupt().check()?;
    let (config, whole) = (&lab.recipe().supernet, lab.partition().whole());
    let loader = lab.search_loader(config, 0)?;
    let sampler = Sampler::new(whole.clone(), config.sampling)?;
    let net = lab.fresh_supernet(whole);
    seconds_per_step(&net, config, &loader, time, |step| {
        Ok(sampler.draw(net.cells(), &mut random::stream(0, "timed paths", step as u64, 0))?)
    })
}
