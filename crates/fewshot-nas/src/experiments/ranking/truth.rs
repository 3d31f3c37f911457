//! The truth of the compared networks: that of a table, or what they reach when the ranking trains them alone.

use fewshot_space::{Arch, Region};

use super::compared::Compared;
use super::result::Randoms;
use crate::experiments::mean_spread::MeanSpread;
use crate::lab::{ExperimentError, Lab, tau_between};
use crate::run::{Handle, Stage, StageContext};
use crate::stages::{Network, NetworkRow, train_and_test};

/// Stage that trains the compared networks alone, each with every seed of the truth: network by network.
pub static ALONE: Handle<Vec<NetworkRow>> = Handle::new("truth");

/// The stages that make the truth.
pub fn stages(compared: &Compared) -> Vec<Stage<'_>> {
    let seeds = compared.lab.recipe().ranking.alone;
    let of_arch = move |arch: &Arch| {
        let arch = arch.clone();
        (0..seeds).map(move |repetition| Network { arch: arch.clone(), repetition })
    };
    let networks: Vec<Network> = compared.archs.iter().flat_map(of_arch).collect();
    compared.dealt_out(networks.len()).stages(&ALONE, |handle, pieces| {
        let (networks, own) = (networks.clone(), pieces.collect::<Vec<usize>>());
        Stage::of(handle, move |context| train_and_test(&compared.lab, context, &networks, &own))
    })
}

/// What is known of the compared networks.
pub struct Truths {
    /// What it is and where it comes from, in words.
    pub title: String,
    /// That of each network.
    pub of_each: Vec<f64>,
    /// How well two seeds of the truth agree, where there are two.
    pub ceiling: Option<f64>,
    /// Whether it was made here, in per cent.
    is_own: bool,
}

impl Truths {
    /// As the table has it, or the stage that made it.
    pub fn known(compared: &Compared, context: &StageContext<'_>) -> Result<Self, ExperimentError> {
        let Compared { lab, archs, .. } = compared;
        let seeds = lab.recipe().ranking.alone;
        if seeds == 0 {
            let truth = lab.truth().ok_or(ExperimentError::NoTruth)?;
            let (title, of_each, ceiling) = (truth.title(), truth.of(archs)?, truth.ceiling(archs)?);
            return Ok(Self { title, of_each, ceiling, is_own: false });
        }
        let columns = columns(&context.value(&ALONE)?, seeds);
        let mean = |index: usize| columns.iter().map(|column| column[index]).sum::<f64>() / columns.len() as f64;
        let of_seeds = if seeds == 1 { String::new() } else { format!(", mean of {seeds} seeds") };
        Ok(Self {
            title: format!("test accuracy in % of these networks, trained alone in this run{of_seeds}"),
            of_each: (0..archs.len()).map(mean).collect(),
            ceiling: tau_between(&columns)?,
            is_own: true,
        })
    }

    /// What random networks within the limits are worth: those of the compared ones that this run trained alone.
    pub fn randoms(&self, compared: &Compared) -> Option<Randoms> {
        if !self.is_own {
            return None;
        }
        let whole = compared.lab.partition().whole();
        let each = compared.archs.iter().zip(&self.of_each);
        let within: Vec<f64> = each.filter(|(arch, _)| whole.contains(arch)).map(|(_, &truth)| truth).collect();
        let best = within.iter().copied().reduce(f64::max)?;
        let MeanSpread { mean, spread } = MeanSpread::of(&within)?;
        Some(Randoms { networks: within.len(), mean, spread, best, truths: within })
    }
}

/// Per seed of the truth its column, in per cent.
fn columns(networks: &[NetworkRow], seeds: u64) -> Vec<Vec<f64>> {
    let seeds = seeds.max(1) as usize;
    (0..seeds).map(|seed| networks.iter().skip(seed).step_by(seeds).map(NetworkRow::percent).collect()).collect()
}

/// `count` networks to compare. `within` of them keep the limits, the others do not; where that is 0, all do.
///
/// # Errors
/// When there are not as many.
pub fn drawn(lab: &Lab, count: usize, within: usize) -> Result<Vec<Arch>, ExperimentError> {
    if within == 0 {
        return lab.random_archs("ranked networks", count);
    }
    let limited = lab.partition().whole();
    let mut archs = lab.random_archs("ranked networks", within)?;
    let all = Region::full(limited.space().clone());
    let others =
        lab.random_archs_of(&all, "ranked networks beyond the limits", count - within, |arch| !limited.contains(arch))?;
    if archs.len() < within || others.len() < count - within {
        let (found, beyond, limits) = (archs.len(), others.len(), limited.label());
        return Err(ExperimentError::TooFewNetworks { within, wanted: count, found, beyond, limits });
    }
    archs.extend(others);
    Ok(archs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_the_truth_are_those_of_its_seeds() {
        let network =
            |test_accuracy: f64| NetworkRow { arch: String::new(), seed: 0, test_accuracy, params: 1, macs: 1 };
        let networks: Vec<NetworkRow> = [0.1, 0.2, 0.3, 0.4].map(network).into();
        assert_eq!(columns(&networks, 1), [[10.0, 20.0, 30.0, 40.0]]);
        assert_eq!(columns(&networks, 2), [[10.0, 30.0], [20.0, 40.0]]);
    }
}
