//! What a ranking ends with.

use std::fmt;

use fewshot_guard::{counted, printable};
use serde::{Deserialize, Serialize};

use crate::estimate::Measure;
use crate::experiments::mean_spread::MeanSpread;
use crate::rank::Metrics;
use crate::stages::{NetworkRow, Predicting};
use crate::train::EpochRecord;

/// What a run of kind `ranking` ends with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankingResult {
    /// The space.
    pub space: String,
    /// Networks compared.
    pub networks: usize,
    /// Networks of the truth that the limits left out.
    #[serde(default)]
    pub left_out: usize,
    /// How many of those that are compared keep the limits, where others are compared too; 0: all keep them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub within: usize,
    /// What the truth is and where it comes from, in words.
    pub truth: String,
    /// Mean tau-b between two columns (seeds) of the truth; absent when it has one column.
    pub ceiling: Option<f64>,
    /// Images per score.
    pub images: u64,
    /// Whether those are test images (the published protocol) and not held-out training images.
    #[serde(default)]
    pub on_test: bool,
    /// One row per arm, split and seed.
    pub rows: Vec<RankingRow>,
    /// What costs nothing: #params, #MACs, structure, random.
    pub free: Vec<FreeRow>,
    /// What was found within the limits in the supernets of each arm, trained alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<FoundRow>,
    /// Random networks within the limits, trained alone by the same recipe; where something was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub randoms: Option<Randoms>,
    /// Working time of all processes of the run.
    pub seconds: f64,
    /// The seeds.
    pub seeds: Vec<u64>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// What a search found in the supernets of one arm with one seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoundRow {
    /// The arm's name in the recipe.
    pub arm: String,
    /// What the supernet is split on, as in [`RankingRow::split`].
    pub split: String,
    /// The seed.
    pub seed: u64,
    /// The score of the network.
    pub score: f64,
    /// Architectures that were asked for.
    pub evaluations: usize,
    /// The predictors that were asked, one for each supernet; empty where the supernets themselves were. The score is that of a supernet
    /// in any case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub predictors: Vec<Predicting>,
    /// Share of the random networks within the limits whose test accuracy is lower.
    pub better_than: Option<f64>,
    /// The best-scored network, trained alone and tested.
    pub network: NetworkRow,
}

/// Random networks within the limits, trained alone and tested.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Randoms {
    /// How many.
    pub networks: usize,
    /// Their mean test accuracy in per cent: what a random choice is worth.
    pub mean: f64,
    /// Its standard deviation over them.
    pub spread: Option<f64>,
    /// The best of them.
    pub best: f64,
    /// Of each, the test accuracy in per cent, the mean over its seeds.
    pub truths: Vec<f64>,
}

impl Randoms {
    /// Share of them that are below so many per cent.
    pub fn below(&self, percent: f64) -> f64 {
        let below = self.truths.iter().filter(|truth| **truth < percent).count();
        below as f64 / self.truths.len().max(1) as f64
    }
}

/// A way to order networks without training anything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FreeRow {
    /// What orders them.
    pub method: String,
    /// How well.
    pub metrics: Metrics,
    /// Its tau-b among the networks within the limits ([`RankingResult::within`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tau_b_within: Option<f64>,
}

/// One way to order the networks, trained with one seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankingRow {
    /// The arm's name in the recipe.
    pub arm: String,
    /// What the supernet is split on: `e0`, `e0,e3`, `live_convs`; empty when it is whole.
    pub split: String,
    /// The seed.
    pub seed: u64,
    /// Supernets that score.
    pub supernets: usize,
    /// Epochs of training in all, those of the arm that it starts from included.
    pub epochs: u64,
    /// Multiply-adds of training in all, forward and backward, likewise; steps that networks take of their own included.
    pub macs: f64,
    /// Seconds of training and scoring, each supernet's own added up, likewise.
    pub seconds: f64,
    /// What a score is, in words: `accuracy`, `speed of 128 steps`.
    #[serde(default = "Measure::before_there_was_a_choice")]
    pub scored_by: String,
    /// How well it orders.
    pub metrics: Metrics,
    /// The same for the score fused with structure.
    pub fused: Metrics,
    /// Tau-b of the score among the networks within the limits ([`RankingResult::within`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tau_b_within: Option<f64>,
    /// Name of the arm that its regions are compared with: one supernet of the same kind, the nearest in cost of training. Empty
    /// where there is none.
    #[serde(default)]
    pub beside: String,
    /// One per sub-supernet.
    pub regions: Vec<RegionRow>,
    /// Training curve, the mean over its supernets.
    pub history: Vec<EpochRecord>,
}

/// What one sub-supernet makes of its part of the space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RegionRow {
    /// The part.
    pub region: String,
    /// Networks of it that were compared.
    pub networks: usize,
    /// Mean truth, in its own unit.
    pub mean_truth: f64,
    /// What the sub-supernet makes of them.
    #[serde(flatten)]
    pub own: InPart,
    /// What one supernet makes of the same networks, where there is one to compare with ([`RankingRow::beside`]).
    #[serde(default)]
    pub beside: Option<InPart>,
}

/// What the scores of one arm make of some networks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct InPart {
    /// Tau-b among them; absent where nothing is ordered.
    pub tau_b: Option<f64>,
    /// Mean score, 0 to 1.
    pub mean_score: f64,
}

impl RankingResult {
    /// Names of the arms, in the order of the recipe.
    pub fn arms(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !names.contains(&row.arm.as_str()) {
                names.push(&row.arm);
            }
        }
        names
    }

    /// The rows of one arm: all its splits and seeds.
    pub fn rows_of<'a>(&'a self, arm: &'a str) -> impl Iterator<Item = &'a RankingRow> {
        self.rows.iter().filter(move |row| row.arm == arm)
    }

    /// Mean and spread of a metric over the rows of an arm; `None` when it is undefined in all of them.
    pub fn mean(&self, arm: &str, metric: impl Fn(&RankingRow) -> Option<f64>) -> Option<MeanSpread> {
        MeanSpread::of(&self.rows_of(arm).filter_map(metric).collect::<Vec<_>>())
    }
}

/// A column of metrics: its title, its value, and whether that is a truth, in the truth's unit.
pub type Column = (&'static str, fn(&Metrics) -> Option<f64>, bool);

/// The columns of every table of a ranking.
pub const COLUMNS: [Column; 8] = [
    ("tau-b", |m| m.tau_b, false),
    ("Spearman", |m| m.spearman, false),
    ("P@5%", |m| Some(m.p_at_5), false),
    ("nDCG", |m| m.ndcg, false),
    ("nDCG of truth", |m| m.ndcg_of_truth, false),
    ("tau-b in top 10%", |m| m.tau_top10, false),
    ("truth of the pick", |m| Some(m.truth_of_best), true),
    ("best of ten", |m| Some(m.best_truth_of_top10), true),
];

/// A Markdown table: arms first, each as scored and fused, then what costs nothing.
impl fmt::Display for RankingResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { networks, space, truth, images, seeds, .. } = self;
        let (space, truth) = (printable::line(space), printable::line(truth));
        let kind = if self.on_test { "TEST" } else { "held-out" };
        let (networks, images) = (counted(networks, "network"), counted(images, &format!("{kind} image")));
        writeln!(f, "{networks} of {space}; truth: {truth}; {images} per score")?;
        if self.left_out > 0 {
            writeln!(f, "not within the limits and left out: {} of the truth", counted(self.left_out, "network"))?;
        }
        write!(f, "seeds {seeds:?}; ± is the standard deviation over seeds and splits")?;
        match self.ceiling {
            Some(ceiling) => writeln!(f, "; tau-b between seeds of the truth {ceiling:.3}\n")?,
            None => writeln!(f, "\n")?,
        }
        let titles = COLUMNS.map(|(title, ..)| title).join(" | ");
        writeln!(f, "| method | supernets | epochs in all | Tera-MACs | {titles} |")?;
        writeln!(f, "|{}", "---|".repeat(COLUMNS.len() + 4))?;
        for arm in self.arms() {
            let Some(row) = self.rows_of(arm).next() else { continue };
            let macs = self.mean(arm, |row| Some(row.macs)).map_or(row.macs, |mean| mean.mean) / 1e12;
            let cost = format!("{} | {} | {macs:.2}", row.supernets, row.epochs);
            let line = |of: fn(&RankingRow) -> &Metrics| {
                let cell = |(_, value, is_truth): &Column| text(self.mean(arm, |row| value(of(row))), *is_truth);
                COLUMNS.iter().map(cell).collect::<Vec<_>>().join(" | ")
            };
            let arm = printable::line(arm);
            writeln!(f, "| {arm} | {cost} | {} |", line(|row| &row.metrics))?;
            writeln!(f, "| {arm}, fused | {cost} | {} |", line(|row| &row.fused))?;
        }
        for FreeRow { method, metrics, .. } in &self.free {
            let cell = |(_, value, is_truth): &Column| {
                text(value(metrics).map(|mean| MeanSpread { mean, spread: None }), *is_truth)
            };
            let cells = COLUMNS.iter().map(cell).collect::<Vec<_>>().join(" | ");
            let method = printable::line(method);
            writeln!(f, "| {method} | - | - | - | {cells} |")?;
        }
        self.write_within(f)
    }
}

impl RankingResult {
    /// Mean and spread over the seeds of something of what was found in the supernets of an arm; `None` where nothing was, or nothing
    /// has it.
    pub fn mean_found(&self, arm: &str, of: impl Fn(&FoundRow) -> Option<f64>) -> Option<MeanSpread> {
        MeanSpread::of(&self.found.iter().filter(|row| row.arm == arm).filter_map(of).collect::<Vec<_>>())
    }

    /// What there is within the limits: how well those networks are ordered, and what was found among all.
    fn write_within(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.within == 0 && self.found.is_empty() {
            return Ok(());
        }
        let tau = if self.within == 0 { "tau-b".into() } else { format!("tau-b of {} networks", self.within) };
        let found = "test accuracy of the found one, % | better than random ones, % | its parameters, k | its MACs, M";
        writeln!(f, "\n| within the limits | {tau} | {found} |\n|{}", "---|".repeat(6))?;
        let tau = |row: &RankingRow| if self.within == 0 { row.metrics.tau_b } else { row.tau_b_within };
        for arm in self.arms() {
            let found = |of: fn(&FoundRow) -> Option<f64>| text(self.mean_found(arm, of), true);
            writeln!(
                f,
                "| {} | {} | {} | {} | {} | {} |",
                printable::line(arm),
                text(self.mean(arm, tau), false),
                found(|row| Some(row.network.percent())),
                found(|row| row.better_than.map(|share| 100.0 * share)),
                found(|row| Some(row.network.params as f64 / 1e3)),
                found(|row| Some(row.network.macs as f64 / 1e6)),
            )?;
        }
        for row in &self.free {
            let tau = if self.within == 0 { row.metrics.tau_b } else { row.tau_b_within };
            let tau = text(tau.map(|mean| MeanSpread { mean, spread: None }), false);
            writeln!(f, "| {} | {tau} | - | - | - | - |", printable::line(&row.method))?;
        }
        if let Some(Randoms { networks, mean, spread, best, .. }) = &self.randoms {
            let accuracy = text(Some(MeanSpread { mean: *mean, spread: *spread }), true);
            writeln!(f, "| {networks} random networks | - | {accuracy}, best {best:.2} | - | - | - |")?;
        }
        self.write_predictors(f)
    }

    /// How well the predictors order the networks that they did not learn from.
    fn write_predictors(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.found.iter().all(|row| row.predictors.is_empty()) {
            return Ok(());
        }
        writeln!(
            f,
            "\n| predictors | networks scored for them | held out of these | tau-b on these | error |\n|{}",
            "---|".repeat(5)
        )?;
        for arm in self.arms() {
            let rows = || self.found.iter().filter(|row| row.arm == arm);
            let Some(first) = rows().next().filter(|row| !row.predictors.is_empty()) else { continue };
            let sum = |of: fn(&Predicting) -> usize| first.predictors.iter().map(of).sum::<usize>();
            let all = || rows().flat_map(|row| &row.predictors);
            let mean = |values: Vec<f64>| text(MeanSpread::of(&values), false);
            writeln!(
                f,
                "| {} | {} | {} | {} | {} |",
                printable::line(arm),
                sum(|predicting| predicting.foresight.pairs),
                sum(|predicting| predicting.foresight.held_out),
                mean(all().filter_map(|predicting| predicting.foresight.tau_b).collect()),
                mean(all().map(|predicting| predicting.foresight.error).collect()),
            )?;
        }
        Ok(())
    }
}

fn text(value: Option<MeanSpread>, is_truth: bool) -> String {
    let digits = if is_truth { 2 } else { 3 };
    match value {
        None => "-".to_string(),
        Some(MeanSpread { mean, spread: None }) => format!("{mean:.digits$}"),
        Some(MeanSpread { mean, spread: Some(spread) }) => format!("{mean:.digits$} ± {spread:.digits$}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_stand_with_their_spread() {
        assert_eq!(text(MeanSpread::of(&[1.0, 3.0]), true), "2.00 ± 1.41");
    }
}
