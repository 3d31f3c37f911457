//! How a budget of time is shared, from what some training steps take on this machine.
//!
//! | part | share |
//! |---|---|
//! | the one supernet | 8 % |
//! | sub-supernets together | 6 %; where that is less than an epoch each there is no split, and the supernet has it |
//! | scoring | 6 % |
//! | finalists that are not kept | at most a fifth of what the kept network gets |
//! | the kept network, its time as a finalist included | what is left, at least half |
//!
//! Where scoring gets too little for the fewest networks, these are scored on fewer images. Where one epoch of the supernet would take
//! more than 30 % of the budget, or one of the kept network more than half, fewer images are used.
//!
//! Without a limit, networks may be as large as to be trained for as many epochs as show [`SEEN`] images, but for 30 epochs at
//! least and 200 at most.

use std::time::{Duration, Instant};

use fewshot_guard::counted;
use fewshot_space::{Feature, Filter, Region, random};

use super::finalists::lost_epochs;
use super::shrink::passes_per_step;
use crate::lab::{ExperimentError, Lab, within};
use crate::recipe::{BudgetPlan, CommonRecipe, SplitRecipe};
use crate::stages::{
    BRIEFLY, Passed, REST, about, alone_epoch_seconds, duration, fill, fit_warmup, rungs, seconds_per_step, short,
    step_of, timing,
};
use crate::train::Sampler;

/// Shares of the budget.
const SUPERNET: f64 = 0.08;
const SUB_SUPERNETS: f64 = 0.06;
const SCORING: f64 = 0.06;
/// Most of the kept network's time that other finalists take.
const LOST: f64 = 0.2;
/// Images that a training should see at least, repeats counted.
const SEEN: f64 = 2e6;
/// Fewest and most epochs that are aimed at where no limit is given.
const EPOCHS: (f64, f64) = (30.0, 200.0);
/// Most multiply-adds per pixel that are chosen where no limit is given.
const MACS_PER_PIXEL: f64 = 40_000.0;
/// Networks scored: fewest and most.
const SCORED: (f64, f64) = (24.0, 400.0);
/// Most of the budget that one epoch takes, of the supernet and of the kept network.
const ONE_EPOCH: (f64, f64) = (0.3, 0.5);
/// Fewest training images of each class that are used.
const LEAST_OF_CLASS: usize = 20;
/// Fewest images to score on: with less an accuracy says too little.
const LEAST_SCORED_ON: usize = 100;
/// Random networks that are timed, and the time after which no other is begun.
const SAMPLES: usize = 4;
const PATIENCE: Duration = Duration::from_secs(3);

/// What training steps take, in seconds.
struct Rates {
    /// Of a network alone: the mean of some random ones.
    alone: f64,
    /// Of a path of the supernet.
    supernet: f64,
}

impl Rates {
    fn measure(lab: &Lab, budget: f64) -> Result<Rates, ExperimentError> {
        Ok(Rates { alone: alone_step(lab)?, supernet: supernet_step(lab, timing(budget))? })
    }

    /// Seconds of an epoch of the supernet, and of scoring one network; a forward pass is a third of a step.
    fn of_supernet(&self, lab: &Lab, recipe: &CommonRecipe) -> (f64, f64) {
        let image = self.supernet / recipe.supernet.batch as f64;
        (image * lab.search_images() as f64, image / 3.0 * scored_images(lab, recipe) as f64)
    }
}

/// Images that a network is scored on.
pub(super) fn scored_images(lab: &Lab, recipe: &CommonRecipe) -> usize {
    match recipe.scoring.images {
        0 => lab.scorable_images(),
        images => images.min(lab.scorable_images()),
    }
}

/// On how many images of `all` to score where there is time for `affordable` networks on all, fewer than the fewest; `None` where all
/// will do.
fn fewer_images(all: usize, affordable: f64) -> Option<usize> {
    share_of(all, affordable / SCORED.0, LEAST_SCORED_ON)
}

/// The recipe with everything that its budget decides, and the plan in it.
pub fn planned(lab: &Lab, passed: &Passed) -> Result<CommonRecipe, ExperimentError> {
    let mut recipe = lab.recipe().clone();
    let budget = recipe.budget.seconds();
    let mut told = Vec::new();
    if let Some(limit) = unlimited(lab, budget)? {
        recipe.search.max_macs = limit;
        told.push(format!("no limit was given: networks of at most {} multiply-adds are searched", short(limit)));
    }
    let lab = lab.again(recipe.clone())?;
    let rates = Rates::measure(&lab, budget)?;
    let lab = match affordable_images(&lab, &rates, budget) {
        Some(images) => {
            let all = lab.training_images();
            told.push(format!("{images} of {all} training images are used: there is no time for an epoch of all"));
            recipe.data.used = images;
            lab.again(recipe.clone())?
        }
        None => lab,
    };
    let (supernet_epoch, score) = rates.of_supernet(&lab, &recipe);
    let parts = lab.partition().regions().len() as f64;
    let (step, child_step) = passes_per_step(&lab);
    if lab.is_split() && recipe.children.epochs == 0 && SUB_SUPERNETS * budget < parts * child_step * supernet_epoch {
        recipe.split = SplitRecipe::default();
        told.push("nothing is split: the time is too short for an epoch of each sub-supernet".to_string());
    }
    let is_split = recipe.split != SplitRecipe::default();
    let share = if is_split { SUPERNET } else { SUPERNET + SUB_SUPERNETS };
    if recipe.supernet.epochs == 0 && share * budget < recipe.shrink.len() as f64 * step * supernet_epoch {
        recipe.shrink.clear();
        told.push(
            "the supernet has all of its networks from the first step: the time is too short for its phases".into(),
        );
    }
    // What of that was left out costs nothing.
    let lab = lab.again(recipe.clone())?;
    let (step, child_step) = passes_per_step(&lab);
    fill(&mut recipe.supernet.epochs, share * budget / (step * supernet_epoch));
    fill(&mut recipe.children.epochs, SUB_SUPERNETS * budget / (parts * child_step * supernet_epoch));
    if recipe.search.budget == 0 {
        let affordable = SCORING * budget / score;
        if let Some(images) = fewer_images(scored_images(&lab, &recipe), affordable) {
            recipe.scoring.images = images;
            let of = if recipe.scoring.sees_test() { "test" } else { "held-out" };
            told.push(format!(
                "scores are those on {}: the time is too short for more",
                counted(images, &format!("{of} image"))
            ));
        }
        recipe.search.budget = affordable.clamp(SCORED.0, SCORED.1) as usize;
    }

    // The epochs of the kept network and of those that it was chosen from, in what is left.
    let spent = times(&lab, &recipe, &rates, false);
    let left = budget * (1.0 - REST) - passed.until_now() - spent.supernet - spent.sub_supernets - spent.search;
    let (lost_epoch, kept_epoch) = alone_epoch_seconds(&lab, rates.alone);
    let halving = recipe.standalone.halving;
    let fixed_epochs = recipe.standalone.train.epochs != 0;
    let fits = |finalists: usize, epochs: u64| {
        let lost = lost_epochs(finalists, epochs, halving) as f64 * lost_epoch;
        let kept = epochs as f64 * kept_epoch;
        // Who gives the epochs has decided on the time too.
        fixed_epochs || (lost <= LOST * kept && lost + kept <= left)
    };
    let longest = match recipe.standalone.train.epochs {
        0 => (left / kept_epoch).floor().max(1.0) as u64,
        given => given,
    };
    let shortest = if fixed_epochs { longest } else { 1 };
    let with = |finalists: usize| {
        let epochs = (shortest..=longest).rev().find(|&epochs| fits(finalists, epochs))?;
        Some((finalists, epochs))
    };
    let most = compared(&recipe);
    let (finalists, epochs) = (2..=most).rev().find_map(with).unwrap_or((1, longest));
    if finalists < most {
        let asked = counted(recipe.search.finalists, "finalist");
        told.push(format!("{finalists} of {asked}: there is no time for more"));
        recipe.search.finalists = finalists;
    }
    // The rate must not fall while finalists are chosen: how long the training will be is known only then.
    let chosen = rungs(finalists, epochs, halving).pop().unwrap_or(0) as f64 / epochs as f64;
    let train = &mut recipe.standalone.train;
    train.epochs = epochs;
    train.hold = train.hold.max(chosen).min(0.9);
    let (has_phases, is_split) = (!recipe.shrink.is_empty(), recipe.split != SplitRecipe::default());
    let given = lab.recipe();
    let trainings = [
        ("supernet", &mut recipe.supernet, given.supernet.epochs == 0, !has_phases),
        ("children", &mut recipe.children, given.children.epochs == 0, is_split),
        ("standalone.train", &mut recipe.standalone.train, given.standalone.train.epochs == 0, true),
    ];
    for (key, train, is_chosen, is_read) in trainings {
        if is_read {
            told.extend(fit_warmup(key, train, is_chosen));
        }
    }
    told.extend(limits(&lab)?);
    recipe.budget.plan =
        Some(BudgetPlan { measuring: passed.before, fixed_epochs, told, ..times(&lab, &recipe, &rates, fixed_epochs) });
    Ok(recipe)
}

/// How many training images there is time for, where an epoch of all is too long; none where it is not, and where epochs are given.
fn affordable_images(lab: &Lab, rates: &Rates, budget: f64) -> Option<usize> {
    let recipe = lab.recipe();
    if recipe.supernet.epochs > 0 || recipe.standalone.train.epochs > 0 {
        return None;
    }
    let (supernet_epoch, _) = rates.of_supernet(lab, recipe);
    let (_, kept_epoch) = alone_epoch_seconds(lab, rates.alone);
    let share = (ONE_EPOCH.0 * budget / supernet_epoch).min(ONE_EPOCH.1 * budget / kept_epoch);
    share_of(lab.training_images(), share, LEAST_OF_CLASS * lab.images().classes().len())
}

/// A share of `all`, but `least`; `None` where that is all.
fn share_of(all: usize, share: f64, least: usize) -> Option<usize> {
    let images = ((all as f64 * share) as usize).max(least);
    (share < 1.0 && images < all).then_some(images)
}

/// Seconds that a search will take on this machine, by some of its steps.
fn estimate(lab: &Lab) -> Result<f64, ExperimentError> {
    let plan = times(lab, lab.recipe(), &Rates::measure(lab, 0.0)?, true);
    Ok(plan.supernet + plan.sub_supernets + plan.search + plan.finalists + plan.kept + plan.beside)
}

/// How long the parts of a search take whose settings are all there. Hand-made networks have the whole budget, unless epochs are
/// fixed: then they train as long as the kept one.
fn times(lab: &Lab, recipe: &CommonRecipe, rates: &Rates, fixed_epochs: bool) -> BudgetPlan {
    let (supernet_epoch, score) = rates.of_supernet(lab, recipe);
    let parts = if recipe.split == SplitRecipe::default() { 0.0 } else { lab.partition().regions().len() as f64 };
    let (lost_epoch, kept_epoch) = alone_epoch_seconds(lab, rates.alone);
    let alone = &recipe.standalone;
    let kept = alone.train.epochs as f64 * kept_epoch;
    let references = if alone.references { lab.references().map_or(0, |made| made.len()) as f64 } else { 0.0 };
    let of_reference = if fixed_epochs { kept } else { recipe.budget.seconds() };
    let verified = recipe.search.verify as f64 * alone.halving * kept;
    let (step, child_step) = passes_per_step(lab);
    BudgetPlan {
        supernet: recipe.supernet.epochs as f64 * step * supernet_epoch,
        sub_supernets: recipe.children.epochs as f64 * parts * child_step * supernet_epoch,
        search: recipe.search.budget as f64 * score,
        finalists: lost_epochs(compared(recipe), alone.train.epochs, alone.halving) as f64 * lost_epoch,
        kept,
        beside: references * of_reference + (alone.randoms + others_of_front(recipe)) as f64 * kept + verified,
        step_ms: 1000.0 * rates.alone,
        supernet_step_ms: 1000.0 * rates.supernet,
        ..BudgetPlan::default()
    }
}

/// Networks that are compared before one is kept, itself included: a front has no finalists.
fn compared(recipe: &CommonRecipe) -> usize {
    if recipe.search.pareto > 0 { 1 } else { recipe.search.finalists.max(1) }
}

/// Networks of the front that are trained besides the kept one, at most.
fn others_of_front(recipe: &CommonRecipe) -> usize {
    recipe.search.pareto.saturating_sub(1)
}

/// What the limits leave of the space, in words.
fn limits(lab: &Lab) -> Result<Vec<String>, ExperimentError> {
    let whole = lab.partition().whole();
    if whole.filters().is_empty() {
        return Ok(Vec::new());
    }
    let upper = |region: Region, filter: &Filter| region.filtered(Filter::at_most(filter.feature, filter.max));
    let within = whole.filters().iter().fold(Region::full(whole.space().clone()), upper).extent()?;
    let (all, searched) = (Region::full(whole.space().clone()).extent()?, whole.extent()?);
    let near = match searched == within {
        true => String::new(),
        false => format!(", and {searched} of these come near enough to it"),
    };
    Ok(vec![format!("{within} of {} of {} keep the limit{near}", counted(all, "network"), whole.space().name())])
}

/// Multiply-adds to allow where the user set no limit and the size of networks is a decision.
fn unlimited(lab: &Lab, budget: f64) -> Result<Option<u64>, ExperimentError> {
    let recipe = lab.recipe();
    let is_open = lab.partition().whole().filters().is_empty() && lab.has_hand_made();
    if !is_open {
        return Ok(None);
    }
    let pixels = (lab.images().height() * lab.images().width()) as f64;
    let probe = Filter::at_most(Feature::Macs, (3000.0 * pixels) as u64);
    let made = within(lab.alone_space().as_ref(), &[probe]);
    let Some(network) = made.first() else { return Ok(None) };
    let train = &recipe.standalone.train;
    let seconds_per_mac = step_of(lab, &network.arch, BRIEFLY)?
        / (train.batch as f64 * lab.alone_space().cost(&network.arch).macs as f64);
    let images = lab.images().len() as f64;
    let epochs = match train.epochs {
        0 => (SEEN / images).clamp(EPOCHS.0, EPOCHS.1),
        epochs => epochs as f64,
    };
    let macs = (0.6 * budget / (epochs * images * seconds_per_mac)).min(MACS_PER_PIXEL * pixels);
    Ok(Some(macs.max(100.0 * pixels) as u64))
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

/// What a run will do with its time, a line each.
pub fn announcement(lab: &Lab) -> Result<Vec<String>, ExperimentError> {
    let recipe = lab.recipe();
    let parts = lab.partition().regions().len();
    let Some(plan) = &recipe.budget.plan else {
        return Ok(vec![about(estimate(lab)?)]);
    };
    let split = match plan.sub_supernets > 0.0 {
        true => {
            let (parts, epochs) = (counted(parts, "sub-supernet"), counted(recipe.children.epochs, "epoch"));
            format!(", {parts} {} ({epochs} each)", duration(plan.sub_supernets))
        }
        false => String::new(),
    };
    let finalists = match compared(recipe) {
        1 => String::new(),
        count => format!("{} {}, ", counted(count, "finalist"), duration(plan.finalists)),
    };
    let mut lines = vec![format!(
        "{} for the kept network: supernet {} ({}){split}, {} scored {}, {finalists}the kept one {} (about {})",
        duration(recipe.budget.seconds()),
        duration(plan.supernet),
        counted(recipe.supernet.epochs, "epoch"),
        counted(recipe.search.budget, "network"),
        duration(plan.search),
        duration(plan.kept),
        counted(recipe.standalone.train.epochs, "epoch"),
    )];
    lines.extend(plan.told.iter().cloned());
    let alone = &recipe.standalone;
    let made_by_hand = match plan.fixed_epochs {
        true => "hand-made networks for as many epochs".to_string(),
        false => format!("hand-made networks for {} each", duration(recipe.budget.seconds())),
    };
    let beside = [
        (alone.references, made_by_hand),
        (
            others_of_front(recipe) > 0,
            format!("up to {} more of the front as long as the kept one", others_of_front(recipe)),
        ),
        (alone.randoms > 0, format!("{} as long as the kept one", counted(alone.randoms, "random one"))),
        (recipe.search.verify > 0, format!("{} verified", recipe.search.verify)),
    ];
    let beside: Vec<String> = beside.into_iter().filter(|(is_there, _)| *is_there).map(|(_, words)| words).collect();
    if plan.beside > 0.0 && !beside.is_empty() {
        let (more, beside) = (duration(plan.beside), beside.join(", "));
        let (purpose, whom) = match others_of_front(recipe) {
            0 => (" to compare with", ""),
            _ => ("", " to compare with"),
        };
        lines.push(format!(
            "then {more} more{purpose}: {beside} (--no-references, --randoms 0, --verify 0: none{whom})"
        ));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_on_as_many_images_as_there_is_time_for() {
        assert_eq!(fewer_images(480, SCORED.0), None);
        assert_eq!(fewer_images(480, SCORED.0 / 2.0), Some(240));
        assert_eq!(fewer_images(480, 0.1), Some(LEAST_SCORED_ON));
        assert_eq!(fewer_images(LEAST_SCORED_ON, 0.1), None);
    }

    #[test]
    fn images_are_left_out_only_where_an_epoch_of_all_is_too_long() {
        assert_eq!(share_of(50_000, 1.2, 200), None);
        assert_eq!(share_of(50_000, 0.25, 200), Some(12_500));
        assert_eq!(share_of(50_000, 1e-9, 200), Some(200));
        assert_eq!(share_of(150, 0.1, 200), None);
    }
}
