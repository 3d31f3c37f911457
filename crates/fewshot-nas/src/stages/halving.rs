//! Successive halving (Jamieson and Talwalkar, AISTATS 2016): of networks that train alone side by side, the worse half is left out
//! after each rung.

use std::path::PathBuf;

use fewshot_data::TrainLoader;
use fewshot_guard::counted;
use fewshot_space::Arch;
use serde::{Deserialize, Serialize};

use super::state::{load_json, save_json};
use super::training::{Judge, Phase, steps_done, train_in};
use crate::estimate::ScoreSet;
use crate::lab::{ExperimentError, Lab};
use crate::nets::Net;
use crate::run::{StageContext, in_lanes};
use crate::task::Metric;
use crate::train::TrainConfig;

/// Who is left, in the stage's folder.
const STATE: &str = "rungs.json";

/// Values of the task's metric at the end of a rung.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rung {
    /// Network, epochs that it has been trained, and its value on held-out images.
    pub reached: Vec<(usize, u64, f64)>,
}

impl Rung {
    /// The better half, in the order of the networks; of equals the first.
    pub fn survivors(&self, metric: &Metric) -> Vec<usize> {
        let mut order = self.reached.clone();
        order.sort_by(|a, b| metric.compare(b.2, a.2));
        let mut left: Vec<usize> = order.iter().take(order.len().div_ceil(2)).map(|(index, ..)| *index).collect();
        left.sort_unstable();
        left
    }
}

/// Epochs after which `count` networks are halved, until one is left, for a training of `epochs` of which the choice takes the
/// share `halving`; where there are more rungs than epochs, the last ones stand at its end.
pub fn rungs(count: usize, epochs: u64, halving: f64) -> Vec<u64> {
    let rounds = u64::from(count.max(1).next_power_of_two().trailing_zeros());
    let last = ((epochs as f64 * halving).round() as u64).clamp(rounds, epochs.max(rounds));
    (1..=rounds).map(|round| (last >> (rounds - round)).max(round).min(epochs.max(1))).collect()
}

/// How far a network came.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reached {
    /// Epochs that it was trained.
    pub epochs: u64,
    /// Its accuracy on held-out images then, 0 to 1.
    pub accuracy: f64,
}

/// What was decided of a group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Decided {
    /// Per network, how far it came; `None` where it was not trained.
    pub reached: Vec<Option<Reached>>,
    /// The one that is left.
    pub taken: usize,
}

/// What networks are halved on.
pub struct Course<'a> {
    /// How each is trained; its epochs are those of a whole training, and the choice has its own schedule over its share of them.
    pub config: &'a TrainConfig,
    /// The share, above 0 to 1.
    pub halving: f64,
    /// Batches per group.
    pub loaders: Vec<TrainLoader>,
    /// Images that none of these is among.
    pub set: &'a ScoreSet,
}

/// A network in a rung.
pub struct Entrant<'a> {
    pub arch: &'a Arch,
    /// Where it trains, in the stage's folder.
    pub file: PathBuf,
    /// Epochs that it has behind it.
    pub begun: u64,
    /// Epochs that it is trained to.
    pub until: u64,
    /// Its whole training, of which the rung is a part.
    pub config: TrainConfig,
    pub loader: &'a TrainLoader,
    /// Of its first weights, and of its paths.
    pub seeds: [u64; 2],
}

/// Trains networks side by side to the end of their rung; the value of each on `set`, in their order. `what` names the work.
///
/// # Errors
/// When a training fails or is interrupted; what is done is kept in their files.
pub fn race(
    lab: &Lab,
    context: &StageContext<'_>,
    what: &str,
    entrants: &[Entrant<'_>],
    set: &ScoreSet,
) -> Result<Vec<f64>, ExperimentError> {
    let (mut done, mut all) = (0, 0);
    for Entrant { file, begun, until, loader, .. } in entrants {
        let steps = loader.steps_per_epoch() as u64;
        done += steps_done(context, file)?.saturating_sub(begun * steps);
        all += (until - begun) * steps;
    }
    let counter = context.counter(what, "steps", done, Some(all));
    let train = |Entrant { arch, file, until, config, loader, seeds: [weights, paths], .. }: &Entrant<'_>| {
        let judge = Judge { set, arch, every: *until, beside: false };
        let phases = [Phase { until: *until, region: None, loader, judge: Some(&judge) }];
        let net = Net::standalone(lab.alone_blueprint(), arch, lab.device(), *weights)?;
        let trainer = train_in(context, file, &counter, net, config, &phases, *paths)?;
        Ok::<_, ExperimentError>(trainer.progress().history.last().and_then(|last| last.held_out).unwrap_or(0.0))
    };
    let mut values = vec![0.0; entrants.len()];
    in_lanes(context.interrupt(), entrants, train, |position, value| {
        values[position] = value;
        Ok::<_, ExperimentError>(())
    })?;
    Ok(values)
}

/// Halves several groups of networks side by side, each until one of it is left; what that decides, group by group.
/// A group of one is not trained.
///
/// # Errors
/// When a training fails or is interrupted; what is done is kept in the stage's folder.
pub fn halve(
    lab: &Lab,
    context: &StageContext<'_>,
    groups: &[Vec<Arch>],
    course: &Course<'_>,
) -> Result<Vec<Decided>, ExperimentError> {
    let rungs: Vec<Vec<u64>> =
        groups.iter().map(|group| rungs(group.len(), course.config.epochs, course.halving)).collect();
    let most = rungs.iter().map(Vec::len).max().unwrap_or(0);
    let metric = lab.task().metric();
    let file = context.file(STATE);
    let mut done: Vec<Vec<Rung>> = load_json(&file)?.unwrap_or_default();
    for number in done.len()..most {
        let rung = next_rung(lab, context, groups, course, &rungs, &done)?;
        let left: usize = rung.iter().map(|rung| rung.survivors(&metric).len()).sum();
        context.progress().message(&format!("rung {} of {most}: {} left", number + 1, counted(left, "network")));
        done.push(rung);
        save_json(&file, &done)?;
    }
    // What they learned is of no use to anybody now.
    for (group, archs) in groups.iter().enumerate() {
        for index in 0..archs.len() {
            let _ = std::fs::remove_file(network_file(context, group, index));
        }
    }
    let decided = groups.iter().enumerate().map(|(group, archs)| {
        let own: Vec<&Rung> = done.iter().map(|rung| &rung[group]).filter(|rung| !rung.reached.is_empty()).collect();
        let last = |index: usize| {
            let found = own.iter().rev().find_map(|rung| rung.reached.iter().find(|(other, ..)| *other == index));
            found.map(|&(_, epochs, accuracy)| Reached { epochs, accuracy })
        };
        let taken = own.last().and_then(|rung| rung.survivors(&metric).first().copied()).unwrap_or(0);
        Decided { reached: (0..archs.len()).map(last).collect(), taken }
    });
    Ok(decided.collect())
}

fn network_file(context: &StageContext<'_>, group: usize, index: usize) -> PathBuf {
    context.file(&format!("group{group}-network{index}.safetensors"))
}

/// The next rung of every group that has one.
fn next_rung(
    lab: &Lab,
    context: &StageContext<'_>,
    groups: &[Vec<Arch>],
    course: &Course<'_>,
    rungs: &[Vec<u64>],
    done: &[Vec<Rung>],
) -> Result<Vec<Rung>, ExperimentError> {
    let metric = lab.task().metric();
    let (mut places, mut entrants) = (Vec::new(), Vec::new());
    for (group, archs) in groups.iter().enumerate() {
        let Some(&until) = rungs[group].get(done.len()) else { continue };
        let left = done.last().map_or_else(|| (0..archs.len()).collect(), |rung| rung[group].survivors(&metric));
        for index in left {
            places.push((group, index));
            entrants.push(Entrant {
                arch: &archs[index],
                file: network_file(context, group, index),
                begun: done.len().checked_sub(1).map_or(0, |before| rungs[group][before]),
                until,
                // A schedule of its own over the share of the choice.
                config: TrainConfig { epochs: rungs[group].last().copied().unwrap_or(1), ..course.config.clone() },
                loader: &course.loaders[group],
                seeds: ["alone weights", "alone paths"].map(|purpose| lab.seed_of(group as u64, purpose)),
            });
        }
    }
    let values = race(lab, context, "choosing among networks alone", &entrants, course.set)?;
    let mut reached: Vec<Rung> = groups.iter().map(|_| Rung { reached: Vec::new() }).collect();
    for ((&(group, index), entrant), value) in places.iter().zip(&entrants).zip(values) {
        reached[group].reached.push((index, entrant.until, value));
    }
    Ok(reached)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Better;

    #[test]
    fn rungs_double_and_end_with_one_left() {
        assert_eq!(rungs(8, 200, 0.08), [4, 8, 16]);
        assert_eq!(rungs(5, 8, 0.5), [1, 2, 4]);
        assert_eq!(rungs(8, 10, 0.08), [1, 2, 3]);
        assert_eq!(rungs(8, 2, 0.08), [1, 2, 2]);
        assert_eq!(rungs(1, 10, 0.5), [] as [u64; 0]);
        for (count, epochs) in (1..20).flat_map(|count| (1..40).map(move |epochs| (count, epochs))) {
            let rungs = rungs(count, epochs, 0.3);
            let rises = |pair: &[u64]| pair[0] < pair[1] || pair[1] == epochs;
            assert!(rungs.windows(2).all(rises), "{count} {epochs}: {rungs:?}");
            assert!(rungs.iter().all(|rung| (1..=epochs).contains(rung)), "{count} {epochs}: {rungs:?}");
            assert_eq!(rungs.iter().fold(count, |left, _| left.div_ceil(2)), 1, "{count} {epochs}: {rungs:?}");
        }
    }

    #[test]
    fn the_better_half_survives_and_ties_go_to_the_better_scored() {
        let rung = |accuracies: &[f64]| Rung {
            reached: accuracies.iter().enumerate().map(|(index, accuracy)| (index, 1, *accuracy)).collect(),
        };
        assert_eq!(rung(&[0.5, 0.7, 0.6, 0.9]).survivors(&Metric::ACCURACY), [1, 3]);
        assert_eq!(rung(&[0.5, 0.5, 0.5]).survivors(&Metric::ACCURACY), [0, 1]);
        assert_eq!(rung(&[0.2]).survivors(&Metric::ACCURACY), [0]);
        let error = Metric { name: "error", unit: "", scale: 1.0, better: Better::Lower };
        assert_eq!(rung(&[0.5, 0.7, 0.6, 0.9]).survivors(&error), [0, 2]);
    }
}
