//! One method in one mode, worked out: parts, epochs, where it starts, what a forward pass costs.

use std::sync::Arc;

use fewshot_space::{Partition, Region, Space};
use serde::{Deserialize, Serialize};

use super::recipe::{GradientRecipe, Mode};
use crate::gradient::{EpochSeen, ForwardMacs, MethodInfo, MethodSettings, method};
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
    let split = SplitRecipe { decisions: recipe.split.clone(), ..SplitRecipe::default() };
    let (whole, parts) = (lab.parts(&SplitRecipe::default())?, lab.parts(&split)?);
    let size = &lab.recipe().space;
    let space = lab.space_of(size.width, size.cells, size.reduction)?.blueprint().clone();
    // Said now, and not after the first images: whether such networks can run several options at once.
    Net::catalogue(space.clone(), Region::full(space.clone()), lab.device()).sums()?;
    let mut jobs = Vec::new();
    for settings in &recipe.methods {
        for &mode in &recipe.modes {
            let stage = |mode: Mode| Handle::named(format!("{}-{}", settings.name, slug(mode)));
            let epochs = settings.train.epochs;
            let of_part = ((epochs as f64 * recipe.part_share).round() as u64).max(1);
            let mut own = settings.clone();
            own.train.epochs = match mode {
                Mode::OneShot => epochs,
                Mode::OneShotEqualEpochs => of_part * parts.regions().len() as u64,
                Mode::FewShotScratch | Mode::FewShotTransfer => of_part,
            };
            jobs.push(Job {
                stage: stage(mode),
                info: method(&settings.name)?,
                settings: own,
                mode,
                partition: if mode.is_split() { parts.clone() } else { whole.clone() },
                parent: (mode == Mode::FewShotTransfer).then(|| stage(Mode::OneShot)),
                is_parent: mode == Mode::OneShot && recipe.modes.contains(&Mode::FewShotTransfer),
                space: space.clone(),
            });
        }
    }
    Ok(jobs)
}

fn slug(mode: Mode) -> &'static str {
    match mode {
        Mode::OneShot => "one-shot",
        Mode::OneShotEqualEpochs => "one-shot-equal",
        Mode::FewShotScratch => "scratch",
        Mode::FewShotTransfer => "transfer",
    }
}

/// Multiply-adds of one image forward in a supernet over `region`. Where there is a choice, partial channels cost
/// 1/partial² as much.
pub fn forward_macs(space: &dyn Space, region: &Region, partial: usize) -> ForwardMacs {
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
    macs
}

#[cfg(test)]
mod tests {
    use fewshot_space::{Arch, CellSkeleton, OptionSet, nasbench201};

    use super::*;

    #[test]
    fn forward_passes_cost_what_the_cost_model_says() {
        let space = Arc::new(nasbench201::nasbench201(nasbench201::default_skeleton()));
        let whole = Region::full(space.clone());
        let macs = forward_macs(space.as_ref(), &whole, 1);
        // Published: 3.93 M per 1x1 edge, 35.4 M per 3x3 edge; about 55 M for the mean architecture.
        assert!((macs.path / 1e6 - 55.0).abs() < 1.0, "{macs:?}");
        let fixed = macs.path - 6.0 * (3.93e6 + 35.4e6) / 5.0;
        assert!((macs.mixed - fixed - 6.0 * (3.93e6 + 35.4e6)).abs() < 1e6, "{macs:?}");
        let partial = forward_macs(space.as_ref(), &whole, 4);
        assert!((partial.mixed - fixed - 6.0 * (3.93e6 + 35.4e6) / 16.0).abs() < 1e6, "{partial:?}");
        // A settled edge works on all channels.
        let split = whole.restrict(0, OptionSet::single(3)).unwrap();
        let split = forward_macs(space.as_ref(), &split, 4);
        assert!((split.mixed - fixed - 35.4e6 - 5.0 * (3.93e6 + 35.4e6) / 16.0).abs() < 1e6, "{split:?}");
        // A supernet is counted as large as it is, whatever networks the region is for.
        let narrow = CellSkeleton { width: 8, ..nasbench201::default_skeleton() };
        let narrow = Arc::new(nasbench201::nasbench201(narrow));
        let own = forward_macs(narrow.as_ref(), &Region::full(narrow.clone()), 1);
        assert!(own.mixed < 0.5 * macs.mixed);
        assert_eq!(forward_macs(narrow.as_ref(), &whole, 1).mixed, own.mixed);
        let arch = Region::single(space.clone(), &Arch::new(vec![3; 6])).unwrap();
        assert_eq!(forward_macs(space.as_ref(), &arch, 1).path, space.cost(&Arch::new(vec![3; 6])).macs as f64);
    }
}
