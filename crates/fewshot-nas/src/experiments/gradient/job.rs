//! One method in one mode, worked out: parts, epochs, where it starts, what a forward pass costs.

use std::sync::Arc;

use fewshot_space::{Partition, Region, Space, random};
use serde::{Deserialize, Serialize};

use super::recipe::{GradientRecipe, Mode};
use crate::gradient::{EpochSeen, Feeds, ForwardMacs, MethodInfo, MethodSettings, UNIFORM, method};
use crate::lab::{ExperimentError, Lab};
use crate::nets::{Blueprint, Net};
use crate::recipe::SplitRecipe;
use crate::run::Handle;

/// One method in one mode.
pub struct Job {
    /// Its stage, which leaves what was found per seed and part.
    pub stage: Handle<Vec<Found>>,
    /// The method.
    pub info: &'static MethodInfo,
    /// Its settings, with the epochs of each supernet.
    pub settings: MethodSettings,
    /// How it is run.
    pub mode: Mode,
    /// One supernet per part.
    pub partition: Partition,
    /// Stage whose weights it starts from.
    pub parent: Option<Handle<Vec<Found>>>,
    /// Whether others start from its weights.
    pub is_parent: bool,
    /// Whether search strategies score networks in its supernets.
    pub is_hunted: bool,
    /// Whether it trains on all images that nothing is scored on.
    pub sees_unscored: bool,
    /// The space with the skeleton of supernets.
    pub space: Arc<dyn Blueprint>,
}

/// What one supernet's search left.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Found {
    /// The architecture that it ended with.
    pub arch: String,
    /// Its accuracy in the supernet on held-out images, 0 to 1.
    pub path_accuracy: f64,
    /// The accuracy of the mixed network, where the method trains that.
    pub mixed_accuracy: Option<f64>,
    /// Epochs.
    pub epochs: u64,
    /// Training steps.
    pub steps: u64,
    /// Multiply-adds of the search.
    pub macs: f64,
    /// Seconds of the search.
    pub seconds: f64,
    /// The search, epoch by epoch.
    pub history: Vec<EpochSeen>,
}

/// All methods of the recipe in all its modes, those of a method together.
pub fn jobs(lab: &Lab, recipe: &GradientRecipe) -> Result<Vec<Job>, ExperimentError> {
    let (whole, parts) = (lab.parts(&SplitRecipe::default())?, lab.parts(&recipe.split())?);
    let size = &lab.recipe().space;
    let space = lab.space_of(size.width, size.cells, size.reduction)?.blueprint().clone();
    // Said now, and not after the first images: whether such networks can run several options at once.
    Net::catalogue(space.clone(), Region::full(space.clone()), lab.device()).sums()?;
    let mut jobs = Vec::new();
    for settings in &recipe.methods {
        let share = ((settings.train.epochs as f64 * recipe.part_share).round() as u64).max(1);
        let of_part = if settings.part_epochs > 0 { settings.part_epochs } else { share };
        let of_parts = of_part * parts.regions().len() as u64;
        // What few-shot costs in all, where it is run from the weights of one supernet and in no other way.
        let with_before =
            recipe.modes.contains(&Mode::FewShotTransfer) && !recipe.modes.contains(&Mode::FewShotScratch);
        let before = if with_before { settings.train.epochs } else { 0 };
        let info = method(&settings.name)?;
        for &mode in &recipe.modes {
            let stage = |mode: Mode| Handle::named(format!("{}-{}", settings.name, slug(mode)));
            let epochs = settings.train.epochs;
            let mut own = settings.clone();
            if mode == Mode::FewShotTransfer && own.gates.is_some() {
                // The weights that they start from had it.
                own.warm_up = 0.0;
            }
            own.train.epochs = match mode {
                Mode::OneShot => epochs,
                Mode::OneShotEqualEpochs => of_parts + before,
                Mode::FewShotScratch | Mode::FewShotTransfer => of_part,
            };
            jobs.push(Job {
                stage: stage(mode),
                info,
                settings: own,
                mode,
                partition: if mode.is_split() { parts.clone() } else { whole.clone() },
                parent: (mode == Mode::FewShotTransfer).then(|| stage(Mode::OneShot)),
                is_parent: mode == Mode::OneShot && recipe.modes.contains(&Mode::FewShotTransfer),
                is_hunted: recipe.is_hunted(settings),
                sees_unscored: recipe.all_unscored && settings.name == UNIFORM,
                space: space.clone(),
            });
        }
    }
    Ok(jobs)
}

impl Job {
    /// The mode as part of a stage's name.
    pub fn slug(&self) -> &'static str {
        slug(self.mode)
    }
}

fn slug(mode: Mode) -> &'static str {
    match mode {
        Mode::OneShot => "one-shot",
        Mode::OneShotEqualEpochs => "one-shot-equal",
        Mode::FewShotScratch => "scratch",
        Mode::FewShotTransfer => "transfer",
    }
}

impl Job {
    /// What it trains on.
    pub fn feeds(&self, lab: &Lab, repetition: u64) -> Result<Feeds, ExperimentError> {
        let feeds = lab.feeds(&self.settings.train, repetition)?;
        if !self.sees_unscored {
            return Ok(feeds);
        }
        let train = lab.unscored_loader(&self.settings.train, lab.seed_of(repetition, "gradient images"))?;
        Ok(Feeds { train, ..feeds })
    }

    /// How many images that are.
    pub fn images(&self, lab: &Lab) -> Result<usize, ExperimentError> {
        if self.sees_unscored { Ok(lab.unscored()?.len()) } else { Ok(lab.search_images()) }
    }

    /// Files of the weights that later stages read.
    pub fn kept(&self, seeds: u64) -> Vec<String> {
        let parts = 0..self.partition.regions().len();
        let all = (0..seeds).flat_map(|repetition| parts.clone().map(move |part| (repetition, part)));
        match self.is_parent || self.is_hunted {
            true => all.map(|(repetition, part)| self.weights(repetition, part)).collect(),
            false => Vec::new(),
        }
    }

    /// File of the weights of one supernet.
    pub fn weights(&self, repetition: u64, part: usize) -> String {
        match self.is_parent {
            // It has one part.
            true => format!("seed{repetition}.safetensors"),
            false => format!("seed{repetition}-part{part}.safetensors"),
        }
    }
}

/// Draws that tell how likely a decision matters, and what a path costs where not all do.
const DRAWS: u64 = 500;

/// Multiply-adds of one image forward in a supernet over `region`. Where there is a choice, partial channels cost
/// 1/partial² as much. Where an architecture does not use all edges, the cost of a path is the mean over draws.
pub fn forward_macs(space: &dyn Space, region: &Region, partial: usize) -> Result<ForwardMacs, ExperimentError> {
    let relaxed = space.relaxed(region.product());
    let fixed = relaxed.fixed_macs() as f64;
    let share = 1.0 / (partial * partial) as f64;
    let mut macs = ForwardMacs { mixed: fixed, path: fixed };
    for row in 0..relaxed.rows().len() {
        let options = relaxed.macs(row);
        let sum: f64 = options.iter().map(|&macs| share * macs as f64).sum();
        macs.mixed += sum;
        macs.path += sum / options.len() as f64;
    }
    let mut drawn = 0.0;
    let mut leaves_out = false;
    for draw in 0..DRAWS {
        let arch = region.sample(&mut random::stream(0, "path cost", draw, 0))?;
        let active = space.active(&arch);
        leaves_out |= relaxed.rows().iter().any(|row| !active[row.decision]);
        drawn += space.cost(&arch).macs as f64 / DRAWS as f64;
    }
    if leaves_out {
        macs.path = drawn;
    }
    Ok(macs)
}

#[cfg(test)]
mod tests {
    use fewshot_space::{Arch, CellSkeleton, OptionSet, nasbench201};

    use super::*;

    #[test]
    fn forward_passes_cost_what_the_cost_model_says() {
        let space = Arc::new(nasbench201::nasbench201(nasbench201::default_skeleton()));
        let whole = Region::full(space.clone());
        let macs = forward_macs(space.as_ref(), &whole, 1).unwrap();
        // Published: 3.93 M per 1x1 edge, 35.4 M per 3x3 edge; about 55 M for the mean architecture.
        assert!((macs.path / 1e6 - 55.0).abs() < 1.0, "{macs:?}");
        let fixed = macs.path - 6.0 * (3.93e6 + 35.4e6) / 5.0;
        assert!((macs.mixed - fixed - 6.0 * (3.93e6 + 35.4e6)).abs() < 1e6, "{macs:?}");
        let partial = forward_macs(space.as_ref(), &whole, 4).unwrap();
        assert!((partial.mixed - fixed - 6.0 * (3.93e6 + 35.4e6) / 16.0).abs() < 1e6, "{partial:?}");
        // A settled edge works on all channels.
        let split = whole.restrict(0, OptionSet::single(3)).unwrap();
        let split = forward_macs(space.as_ref(), &split, 4).unwrap();
        assert!((split.mixed - fixed - 35.4e6 - 5.0 * (3.93e6 + 35.4e6) / 16.0).abs() < 1e6, "{split:?}");
        // A supernet is counted as large as it is, whatever networks the region is for.
        let narrow = CellSkeleton { width: 8, ..nasbench201::default_skeleton() };
        let narrow = Arc::new(nasbench201::nasbench201(narrow));
        let own = forward_macs(narrow.as_ref(), &Region::full(narrow.clone()), 1).unwrap();
        assert!(own.mixed < 0.5 * macs.mixed);
        assert_eq!(forward_macs(narrow.as_ref(), &whole, 1).unwrap().mixed, own.mixed);
        let arch = Region::single(space.clone(), &Arch::new(vec![3; 6])).unwrap();
        assert_eq!(
            forward_macs(space.as_ref(), &arch, 1).unwrap().path,
            space.cost(&Arch::new(vec![3; 6])).macs as f64
        );
    }
}
