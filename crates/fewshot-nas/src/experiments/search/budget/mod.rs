//! How a budget of time is shared, from what some training steps take on this machine.
//!
//! | part | share |
//! |---|---|
//! | the one supernet | 8 % |
//! | sub-supernets together | 6 %; where that is less than an epoch each there is no split, and the supernet has it |
//! | scoring | 6 % |
//! | finalists that are not kept | at most a fifth of what the kept network gets, unless it gets all the epochs that are chosen |
//! | the kept network, its time as a finalist included | what is left, at least half, for [`MOST_EPOCHS`](crate::stages::MOST_EPOCHS) at most |
//!
//! Where scoring gets too little for the fewest networks, these are scored on fewer images. Where one epoch of the supernet would take
//! more than 30 % of the budget, or one of the kept network more than half, fewer images are used.
//!
//! Without a limit, networks may be as large as to be trained for as many epochs as show two million images, but for 30 epochs at
//! least and 200 at most.

mod asked;
mod limit;
mod rates;
mod told;

pub(super) use asked::scored_images;
pub use told::announcement;

use fewshot_guard::counted;

use self::asked::{compared, is_split};
use self::limit::unlimited;
use self::rates::{Costs, Rates, times};
use self::told::limits;
use super::finalists::lost_epochs;
use super::shrink::passes_per_step;
use crate::lab::{ExperimentError, Lab};
use crate::recipe::{BudgetPlan, CommonRecipe, SplitRecipe};
use crate::stages::{
    MOST_EPOCHS, MOST_HELD, Passed, REST, affordable_epochs, fill, fit_warmup, rungs, short, unneeded,
};

/// Shares of the budget.
const SUPERNET: f64 = 0.08;
const SUB_SUPERNETS: f64 = 0.06;
const SCORING: f64 = 0.06;
/// Most of the kept network's time that other finalists take.
const LOST: f64 = 0.2;
/// Networks scored: fewest and most.
const SCORED: (f64, f64) = (24.0, 400.0);
/// Most of the budget that one epoch takes, of the supernet and of the kept network.
const ONE_EPOCH: (f64, f64) = (0.3, 0.5);
/// Fewest training images of each class that are used.
const LEAST_OF_CLASS: usize = 20;
/// Fewest images to score on: with less an accuracy says too little.
const LEAST_SCORED_ON: usize = 100;

/// On how many images of `all` to score where there is time for `affordable` networks on all, fewer than the fewest; `None` where all
/// will do.
fn fewer_images(all: usize, affordable: f64) -> Option<usize> {
    share_of(all, affordable / SCORED.0, LEAST_SCORED_ON)
}

/// A share of `all`, but `least`; `None` where that is all.
fn share_of(all: usize, share: f64, least: usize) -> Option<usize> {
    let images = ((all as f64 * share) as usize).max(least);
    (share < 1.0 && images < all).then_some(images)
}

/// The recipe with everything that its budget decides, and the plan in it.
pub fn planned(lab: &Lab, passed: &Passed) -> Result<CommonRecipe, ExperimentError> {
    let mut planning = Planning::begin(lab);
    planning.limit_size()?;
    let rates = Rates::measure(&planning.lab, planning.budget)?;
    planning.share(&rates, passed)
}

/// A recipe whose open settings are being chosen, one after the other.
struct Planning {
    /// Laid out by what has been chosen of limits, images and stages.
    lab: Lab,
    /// With all that has been chosen.
    recipe: CommonRecipe,
    /// In seconds.
    budget: f64,
    /// What was chosen, in words.
    told: Vec<String>,
}

impl Planning {
    fn begin(lab: &Lab) -> Self {
        let recipe = lab.recipe().clone();
        Self { lab: lab.clone(), budget: recipe.budget.seconds(), recipe, told: Vec::new() }
    }

    /// Lays the images out anew by what has been chosen.
    fn lay_out(&mut self) -> Result<(), ExperimentError> {
        self.lab = self.lab.again(self.recipe.clone())?;
        Ok(())
    }

    /// A limit on multiply-adds where the user set none.
    fn limit_size(&mut self) -> Result<(), ExperimentError> {
        let Some(limit) = unlimited(&self.lab, self.budget)? else { return Ok(()) };
        self.recipe.search.max_macs = limit;
        self.told.push(format!("no limit was given: networks of at most {} multiply-adds are searched", short(limit)));
        self.lay_out()
    }

    /// All that is chosen by what steps take.
    fn share(mut self, rates: &Rates, passed: &Passed) -> Result<CommonRecipe, ExperimentError> {
        let given = self.recipe.clone();
        self.use_fewer_images(rates)?;
        self.leave_stages_out(&rates.costs(&self.lab, &self.recipe)?)?;
        let costs = rates.costs(&self.lab, &self.recipe)?;
        self.choose_supernets(&costs);
        self.choose_scored(&costs);
        let spent = times(&self.lab, &self.recipe, rates, false)?;
        let left = self.budget * (1.0 - REST) - passed.until_now();
        self.choose_alone(&costs, left - spent.supernet - spent.sub_supernets - spent.search);
        self.fit_rises(&given);
        self.told.extend(limits(&self.lab)?);
        let fixed_epochs = given.standalone.train.epochs != 0;
        let times = times(&self.lab, &self.recipe, rates, fixed_epochs)?;
        let plan = BudgetPlan { measuring: passed.before, fixed_epochs, told: self.told, ..times };
        self.recipe.budget.plan = Some(plan);
        Ok(self.recipe)
    }

    /// Uses some of the images where an epoch of all takes too long, and no epochs are given.
    fn use_fewer_images(&mut self, rates: &Rates) -> Result<(), ExperimentError> {
        if self.recipe.supernet.epochs > 0 || self.recipe.standalone.train.epochs > 0 {
            return Ok(());
        }
        let costs = rates.costs(&self.lab, &self.recipe)?;
        let share =
            (ONE_EPOCH.0 * self.budget / costs.supernet_epoch).min(ONE_EPOCH.1 * self.budget / costs.alone_epoch.kept);
        let all = self.lab.training_images();
        let least = LEAST_OF_CLASS * self.lab.images().classes().len();
        let Some(images) = share_of(all, share, least) else { return Ok(()) };
        self.told.push(format!("{images} of {all} training images are used: there is no time for an epoch of all"));
        self.recipe.data.used = images;
        self.lay_out()
    }

    /// The share of the one supernet, which has that of its parts where there are none.
    fn supernet_share(&self) -> f64 {
        if is_split(&self.recipe) { SUPERNET } else { SUPERNET + SUB_SUPERNETS }
    }

    /// Leaves out the split, and the phases of the supernet, where their share is less than an epoch of each.
    fn leave_stages_out(&mut self, costs: &Costs) -> Result<(), ExperimentError> {
        let parts = self.lab.partition().regions().len() as f64;
        let (step, child_step) = passes_per_step(&self.lab);
        let of_parts = parts * child_step * costs.supernet_epoch;
        if self.lab.is_split() && self.recipe.children.epochs == 0 && SUB_SUPERNETS * self.budget < of_parts {
            self.recipe.split = SplitRecipe::default();
            self.told.push("nothing is split: the time is too short for an epoch of each sub-supernet".to_string());
        }
        let of_phases = self.recipe.shrink.len() as f64 * step * costs.supernet_epoch;
        if self.recipe.supernet.epochs == 0 && self.supernet_share() * self.budget < of_phases {
            self.recipe.shrink.clear();
            self.told.push(
                "the supernet has all of its networks from the first step: the time is too short for its phases".into(),
            );
        }
        self.lay_out()
    }

    /// The epochs of supernet and sub-supernets.
    fn choose_supernets(&mut self, costs: &Costs) {
        let parts = self.lab.partition().regions().len() as f64;
        let (step, child_step) = passes_per_step(&self.lab);
        let (whole, of_parts) = (self.supernet_share() * self.budget, SUB_SUPERNETS * self.budget);
        fill(&mut self.recipe.supernet.epochs, whole / (step * costs.supernet_epoch));
        fill(&mut self.recipe.children.epochs, of_parts / (parts * child_step * costs.supernet_epoch));
    }

    /// How many networks are scored, and on how many images.
    fn choose_scored(&mut self, costs: &Costs) {
        if self.recipe.search.budget != 0 {
            return;
        }
        let affordable = SCORING * self.budget / costs.score;
        if let Some(images) = fewer_images(scored_images(&self.lab, &self.recipe), affordable) {
            self.recipe.scoring.images = images;
            let of = if self.recipe.scoring.sees_test() { "test" } else { "held-out" };
            self.told.push(format!(
                "scores are those on {}: the time is too short for more",
                counted(images, &format!("{of} image"))
            ));
        }
        self.recipe.search.budget = affordable.clamp(SCORED.0, SCORED.1) as usize;
    }

    /// The epochs of the kept network, and how many networks it is chosen from, in the `left` seconds.
    fn choose_alone(&mut self, costs: &Costs, left: f64) {
        let epoch = &costs.alone_epoch;
        let halving = self.recipe.standalone.halving;
        let given = self.recipe.standalone.train.epochs;
        let lost = |finalists: usize, epochs: u64| lost_epochs(finalists, epochs, halving) as f64 * epoch.judged;
        let fits = |finalists: usize, epochs: u64| {
            let (lost, kept) = (lost(finalists, epochs), epochs as f64 * epoch.kept);
            // With the most epochs that are chosen the kept network loses none to the others.
            let is_fair = lost <= LOST * kept || epochs == MOST_EPOCHS;
            // Who gives the epochs has decided on the time too.
            given != 0 || (is_fair && lost + kept <= left)
        };
        let longest = if given == 0 { affordable_epochs(left / epoch.kept) } else { given };
        let shortest = if given == 0 { 1 } else { given };
        let with = |finalists: usize| {
            let epochs = (shortest..=longest).rev().find(|&epochs| fits(finalists, epochs))?;
            Some((finalists, epochs))
        };
        let most = compared(&self.recipe);
        let (finalists, epochs) = (2..=most).rev().find_map(with).unwrap_or((1, longest));
        if finalists < most {
            let asked = counted(self.recipe.search.finalists, "finalist");
            self.told.push(format!("{finalists} of {asked}: there is no time for more"));
            self.recipe.search.finalists = finalists;
        }
        if given == 0 && epochs == MOST_EPOCHS {
            let affordable = (left - lost(finalists, epochs)) / epoch.kept;
            self.told.extend(unneeded("standalone.train", affordable, epoch.kept));
        }
        // The rate must not fall while finalists are chosen: how long the training will be is known only then.
        let chosen = rungs(finalists, epochs, halving).pop().unwrap_or(0) as f64 / epochs as f64;
        let train = &mut self.recipe.standalone.train;
        train.epochs = epochs;
        train.hold = train.hold.max(chosen).min(MOST_HELD);
    }

    /// Fits the rise of each rate to epochs that were not `given`.
    fn fit_rises(&mut self, given: &CommonRecipe) {
        let (has_phases, is_split) = (!self.recipe.shrink.is_empty(), is_split(&self.recipe));
        let trainings = [
            ("supernet", &mut self.recipe.supernet, given.supernet.epochs == 0, !has_phases),
            ("children", &mut self.recipe.children, given.children.epochs == 0, is_split),
            ("standalone.train", &mut self.recipe.standalone.train, given.standalone.train.epochs == 0, true),
        ];
        for (key, train, is_chosen, is_read) in trainings {
            if is_read {
                self.told.extend(fit_warmup(key, train, is_chosen));
            }
        }
    }
}

#[cfg(test)]
mod tests;
