//! The end of a search: the best-scored networks are trained alone, held-out images choose by and by, and the last one left goes
//! on to be the kept network.
//!
//! Successive halving (Jamieson and Talwalkar, AISTATS 2016): all train side by side, and after each rung the worse half is
//! left out. As long as the learning rate does not fall, a finalist is the kept network in its first epochs, so nothing
//! is trained twice. Under a budget of time they are compared after equal times, as they would be used: a network whose steps
//! take half as long is trained for twice the epochs.
//!
//! Held-out images are few, and the best of several accuracies flatters: on 480 images one standard error is two points. So a
//! hand-made network, which is good for reasons besides its accuracy there, is left out only for one that is ahead of it by more than
//! a standard error.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

use fewshot_guard::counted;
use fewshot_space::Arch;
use serde::{Deserialize, Serialize};

use super::found::{HistoryEntry, SEARCH, Scored};
use crate::lab::{ExperimentError, Lab};
use crate::run::{Handle, Stage, StageContext};
use crate::stages::{
    BRIEFLY, CHECKPOINT, Entrant, Rung, affordable_epochs, load_json, race, remembered, rungs, save_json, step_of,
    take_over,
};
use crate::task::Metric;
use crate::train::TrainConfig;

/// Stage that trains finalists and takes one of them.
pub static FINALISTS: Handle<Taken> = Handle::new("finalists");
/// Who is left, in the stage's folder.
const STATE: &str = "rungs.json";
/// How far each is trained, likewise: measured once.
const COURSES: &str = "courses.json";

/// One of the best-scored networks, trained alone on the search-train images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finalist {
    /// The architecture.
    pub arch: String,
    /// Its score: supernet accuracy on held-out training images (under `scoring.on_test`: test images), 0 to 1.
    pub score: f64,
    /// Accuracy of the network trained alone on held-out training images, 0 to 1, when it was left out or taken.
    pub held_out_accuracy: f64,
    /// Epochs that it had been trained then; 0 in results that did not say so yet.
    #[serde(default)]
    pub epochs: u64,
    /// Which hand-made network it is, where it is one: `plain`, `residual`, `separable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<String>,
}

/// What the stage returns.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Taken {
    /// The architecture, as text.
    pub arch: String,
    /// Its score.
    pub score: f64,
    /// What it was chosen from, best-scored first; empty when the best-scored was taken at its word.
    pub finalists: Vec<Finalist>,
    /// Epochs that it has been trained; 0 for none.
    pub epochs: u64,
    /// Epochs that were planned for it, which its learning rate is held by.
    pub planned: u64,
}

/// Rungs of each finalist, and the epochs that are planned for it should it be kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Course {
    rungs: Vec<u64>,
    epochs: u64,
}

/// The stage.
pub fn stage(lab: &Lab) -> Stage<'_> {
    let stage = Stage::of(&FINALISTS, move |context| choose(lab, context)).after([&SEARCH]);
    if count(lab) > 1 { stage.produces([CHECKPOINT]) } else { stage }
}

/// Networks trained alone to choose among; a choice of one needs no training, and a front is not chosen from.
pub fn count(lab: &Lab) -> usize {
    let search = &lab.recipe().search;
    Some(search.finalists).filter(|&count| count > 1 && search.pareto == 0).unwrap_or(0)
}

/// Epochs that all but the kept one are trained, together.
pub fn lost_epochs(finalists: usize, epochs: u64, halving: f64) -> u64 {
    let (mut left, mut before, mut lost) = (finalists as u64, 0, 0);
    for rung in rungs(finalists, epochs, halving) {
        lost += left.saturating_sub(1) * (rung - before);
        (left, before) = (left.div_ceil(2), rung);
    }
    lost
}

/// The best-scored architectures, one of each function, that keep the limit of latency; of equal scores the earlier comes
/// first.
pub fn best_functions(lab: &Lab, history: &[HistoryEntry], count: usize) -> Result<Vec<Scored>, ExperimentError> {
    let space = lab.alone_space();
    let mut order: Vec<&HistoryEntry> = history.iter().collect();
    order.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut seen = BTreeSet::new();
    let mut best = Vec::new();
    for entry in order {
        let arch = space.parse(&entry.arch)?;
        if best.len() < count && seen.insert(space.structure(&arch)) && lab.is_fast_enough(&arch)? {
            best.push(Scored { arch: entry.arch.clone(), score: entry.score });
        }
    }
    match (best.is_empty(), history.is_empty()) {
        (false, _) => Ok(best),
        (true, true) => Err(ExperimentError::NothingScored),
        (true, false) => Err(ExperimentError::TooSlow { limit: lab.recipe().search.max_latency_ms }),
    }
}

/// The best-scored of each part of the split in turn, since scores of one supernet can be compared better than those of several;
/// hand-made networks take the last places.
pub fn finalists(lab: &Lab, history: &[HistoryEntry]) -> Result<Vec<Scored>, ExperimentError> {
    let count = lab.recipe().search.finalists.max(1);
    // Each is timed as a whole where latency is limited.
    let looked_at = if lab.latency().is_some() { 4 * count } else { usize::MAX };
    let best = best_functions(lab, history, if count == 1 { 1 } else { looked_at })?;
    if count == 1 {
        return Ok(best.into_iter().take(1).collect());
    }
    let space = lab.alone_space();
    let hand: Vec<String> = lab.hand_made()?.into_iter().map(|network| space.format(&network.arch)).collect();
    let (made, found): (Vec<Scored>, Vec<Scored>) = best.into_iter().partition(|scored| hand.contains(&scored.arch));
    let mut parts: BTreeMap<usize, VecDeque<Scored>> = BTreeMap::new();
    for scored in found {
        let owner = lab.partition().route(&space.parse(&scored.arch)?).unwrap_or_default();
        parts.entry(owner).or_default().push_back(scored);
    }
    let mut finalists = Vec::new();
    let places = count.saturating_sub(made.len()).max(1);
    while finalists.len() < places && parts.values().any(|part| !part.is_empty()) {
        let mut heads: Vec<Scored> = parts.values_mut().filter_map(VecDeque::pop_front).collect();
        heads.sort_by(|a, b| b.score.total_cmp(&a.score));
        let left = places - finalists.len();
        finalists.extend(heads.into_iter().take(left));
    }
    finalists.extend(made.into_iter().take(count.saturating_sub(places)));
    finalists.sort_by(|a, b| b.score.total_cmp(&a.score));
    Ok(finalists)
}

/// Trains the finalists rung by rung, and takes the last one left.
fn choose(lab: &Lab, context: &StageContext<'_>) -> Result<Taken, ExperimentError> {
    let found = context.value(&SEARCH)?;
    let first = found.best.first().ok_or(ExperimentError::NothingScored)?;
    if count(lab) == 0 {
        let planned = lab.recipe().standalone.train.epochs;
        return Ok(Taken { arch: first.arch.clone(), score: first.score, finalists: Vec::new(), epochs: 0, planned });
    }
    let space = lab.alone_space();
    let archs = found.best.iter().map(|scored| Ok(space.parse(&scored.arch)?));
    let archs = archs.collect::<Result<Vec<Arch>, ExperimentError>>()?;
    let courses = courses(lab, context, &archs)?;
    let metric = lab.task().metric();
    let file = context.file(STATE);
    let mut done: Vec<Rung> = load_json(&file)?.unwrap_or_default();
    let hand = lab.hand_made()?;
    let name_by_hand =
        |index: usize| hand.iter().find(|network| network.arch == archs[index]).map(|network| network.name.to_string());
    let is_by_hand = |index: usize| name_by_hand(index).is_some();
    let survivors = |rung: &Rung| survivors(rung, &metric, lab.judging_images(), is_by_hand);
    let mut left: Vec<usize> = match done.last() {
        Some(rung) => survivors(rung),
        None => (0..archs.len()).collect(),
    };
    let count = courses.first().map_or(0, |course| course.rungs.len());
    for number in done.len()..count {
        let rung = train_rung(lab, context, &archs, &left, &courses, number)?;
        left = survivors(&rung);
        let values = rung.reached.iter().map(|(.., value)| *value);
        if let Some(best) = values.max_by(|a, b| metric.compare(*a, *b)) {
            let text =
                format!("{} of {} left, best {}", left.len(), counted(archs.len(), "finalist"), metric.text(best, 2));
            context.progress().message(&text);
        }
        done.push(rung);
        save_json(&file, &done)?;
    }
    let taken = left.first().copied().unwrap_or(0);
    if let (Some(name), Some(rung)) = (name_by_hand(taken), done.last()) {
        let own = rung.reached.iter().find(|(index, ..)| *index == taken);
        let ahead = rung.reached.iter().find(|(.., value)| own.is_some_and(|(.., own)| value > own));
        if let (Some((.., own)), Some((index, _, value))) = (own, ahead) {
            let error = metric.text(standard_error(*own, lab.judging_images()), 2);
            let (own, value) = (metric.text(*own, 2), metric.text(*value, 2));
            context.progress().line(&format!(
                "the hand-made {name} network ({own}) is kept: {} ({value}) is not ahead by more than the standard error on {}, {error}",
                found.best[*index].arch,
                counted(lab.judging_images(), "held-out image")
            ));
        }
    }
    // For the kept network to go on from.
    take_over(context, &network_file(context, taken), &context.file(CHECKPOINT))?;
    let finalist = |(index, scored): (usize, &Scored)| {
        let last = done.iter().rev().find_map(|rung| rung.reached.iter().find(|(other, ..)| *other == index));
        let (_, epochs, held_out_accuracy) = last.copied().unwrap_or_default();
        let by_hand = name_by_hand(index);
        Finalist { arch: scored.arch.clone(), score: scored.score, held_out_accuracy, epochs, by_hand }
    };
    Ok(Taken {
        arch: found.best[taken].arch.clone(),
        score: found.best[taken].score,
        finalists: found.best.iter().enumerate().map(finalist).collect(),
        epochs: courses[taken].rungs.last().copied().unwrap_or(0),
        planned: courses[taken].epochs,
    })
}

/// The better half of those in `rung`, where a hand-made network counts as better by the standard error of its accuracy on so many
/// images.
fn survivors(rung: &Rung, metric: &Metric, images: usize, is_by_hand: impl Fn(usize) -> bool) -> Vec<usize> {
    let weighed = rung.reached.iter().map(|&(index, epochs, value)| {
        let margin = if is_by_hand(index) { standard_error(value, images) } else { 0.0 };
        (index, epochs, value + margin)
    });
    Rung { reached: weighed.collect() }.survivors(metric)
}

/// Standard error of a share of so many images.
fn standard_error(share: f64, images: usize) -> f64 {
    (share * (1.0 - share)).max(0.0).sqrt() / (images.max(1) as f64).sqrt()
}

fn network_file(context: &StageContext<'_>, index: usize) -> PathBuf {
    context.file(&format!("network-{index}.safetensors"))
}

/// How far each finalist is trained, rung by rung: for equal times under a budget, measured once, else for equal epochs.
fn courses(lab: &Lab, context: &StageContext<'_>, archs: &[Arch]) -> Result<Vec<Course>, ExperimentError> {
    let recipe = &lab.recipe().standalone;
    // One that stands alone is begun too: the kept network goes on from there.
    let course = |epochs: u64| Course { rungs: rungs(archs.len().max(2), epochs, recipe.halving), epochs };
    if !lab.recipe().budget.decides_epochs() {
        return Ok(archs.iter().map(|_| course(recipe.train.epochs.max(1))).collect());
    }
    remembered(&context.file(COURSES), || {
        let seconds = archs.iter().map(|arch| step_of(lab, arch, BRIEFLY));
        let seconds = seconds.collect::<Result<Vec<f64>, ExperimentError>>()?;
        let mean = seconds.iter().sum::<f64>() / seconds.len().max(1) as f64;
        // As many as it may have if it is kept.
        let epochs = |own: &f64| affordable_epochs((recipe.train.epochs as f64 * mean / own).round());
        Ok(seconds.iter().map(|own| course(epochs(own))).collect())
    })
}

/// Trains those that are left to the end of rung `number`, side by side, and judges them.
fn train_rung(
    lab: &Lab,
    context: &StageContext<'_>,
    archs: &[Arch],
    left: &[usize],
    courses: &[Course],
    number: usize,
) -> Result<Rung, ExperimentError> {
    let config = &lab.recipe().standalone.train;
    let loader = lab.judged_loader(config, lab.seed("finalist images"))?;
    let set = lab.judging_set()?;
    let entrant = |&index: &usize| {
        let Course { rungs, epochs } = &courses[index];
        Entrant {
            arch: &archs[index],
            file: network_file(context, index),
            begun: number.checked_sub(1).map_or(0, |before| rungs[before]),
            until: rungs[number],
            // Held and averaged over the same shares of its own epochs.
            config: TrainConfig { epochs: *epochs, ..config.clone() },
            loader: &loader,
            seeds: ["alone weights", "alone paths"].map(|purpose| lab.seed(purpose)),
        }
    };
    let entrants: Vec<Entrant<'_>> = left.iter().map(entrant).collect();
    let what = format!("{}, rung {} of {}", counted(left.len(), "finalist"), number + 1, courses[0].rungs.len());
    let values = race(lab, context, &what, &entrants, &set)?;
    let reached = left.iter().zip(values).map(|(&index, value)| (index, courses[index].rungs[number], value));
    Ok(Rung { reached: reached.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_standard_error_is_two_points_on_480_images() {
        assert!((standard_error(0.75, 480) - 0.01976).abs() < 1e-5);
        assert_eq!(standard_error(1.0, 480), 0.0);
        assert_eq!(standard_error(0.0, 0), 0.0);
    }

    #[test]
    fn a_hand_made_network_gives_way_to_who_is_ahead_by_more_than_a_standard_error() {
        // The second is made by hand; its standard error is 1.98 points.
        let kept = |found: f64| {
            let rung = Rung { reached: vec![(0, 5, found), (1, 9, 0.75)] };
            survivors(&rung, &Metric::ACCURACY, 480, |index| index == 1)
        };
        assert_eq!((kept(0.75), kept(0.769), kept(0.77)), (vec![1], vec![1], vec![0]));
        let rung = Rung { reached: vec![(0, 5, 0.75), (1, 9, 0.75)] };
        assert_eq!(survivors(&rung, &Metric::ACCURACY, 480, |_| false), [0]);
    }

    #[test]
    fn what_is_not_kept_costs_what_it_was_trained() {
        // Seven to epoch 4, three to 8, one to 16.
        assert_eq!(lost_epochs(8, 200, 0.08), 7 * 4 + 3 * 4 + 8);
        assert_eq!(lost_epochs(1, 200, 0.08), 0);
    }
}
