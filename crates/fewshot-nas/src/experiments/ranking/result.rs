//! What a ranking ends with.

use std::fmt;

use fewshot_guard::printable;
use serde::{Deserialize, Serialize};

use crate::estimate::Measure;
use crate::experiments::mean_spread::MeanSpread;
use crate::rank::Metrics;
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
    /// Working time of all processes of the run.
    pub seconds: f64,
    /// The seeds.
    pub seeds: Vec<u64>,
}

/// A way to order networks without training anything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FreeRow {
    /// What orders them.
    pub method: String,
    /// How well.
    pub metrics: Metrics,
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
        writeln!(f, "{networks} networks of {space}; truth: {truth}; {images} {kind} images per score")?;
        if self.left_out > 0 {
            writeln!(f, "{} networks of the truth are not within the limits and left out", self.left_out)?;
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
        for FreeRow { method, metrics } in &self.free {
            let cell = |(_, value, is_truth): &Column| {
                text(value(metrics).map(|mean| MeanSpread { mean, spread: None }), *is_truth)
            };
            let cells = COLUMNS.iter().map(cell).collect::<Vec<_>>().join(" | ");
            let method = printable::line(method);
            writeln!(f, "| {method} | - | - | - | {cells} |")?;
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
