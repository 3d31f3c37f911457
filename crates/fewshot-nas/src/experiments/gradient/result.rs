//! What gradient-based searches end with.

use std::fmt;

use fewshot_guard::printable;
use fewshot_space::{Arch, CellOp, Region, Space};
use serde::{Deserialize, Serialize};

use crate::experiments::mean_spread::MeanSpread;
use crate::gradient::EpochSeen;

/// What a run of kind `gradient` ends with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GradientResult {
    /// The space.
    pub space: String,
    /// What the truth is and where it comes from, in words; absent without a table.
    pub truth: Option<String>,
    /// Held-out images that judged what was chosen.
    pub images: u64,
    /// One row per method, mode and seed.
    pub rows: Vec<GradientRow>,
    /// What a random choice is worth.
    pub random: Option<RandomRow>,
    /// Working time of all processes of the run.
    pub seconds: f64,
    /// The seeds.
    pub seeds: Vec<u64>,
}

/// One method in one mode with one seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GradientRow {
    /// The method.
    pub method: String,
    /// The mode's name.
    pub mode: String,
    /// The seed.
    pub seed: u64,
    /// Epochs in all, those of the supernet that it starts from included.
    pub epochs: u64,
    /// Multiply-adds of the search, forward and backward, likewise; judging what was chosen is not counted.
    pub macs: f64,
    /// Training steps, likewise.
    pub steps: u64,
    /// Seconds, each supernet's own added up, likewise.
    pub seconds: f64,
    /// Which part's architecture was taken.
    pub chosen: usize,
    /// Its truth, in the table's unit; absent where the table lacks it.
    pub truth: Option<f64>,
    /// Share of the table's networks whose truth is lower.
    pub better_than: Option<f64>,
    /// What each supernet found.
    pub parts: Vec<PartRow>,
}

/// What one supernet found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartRow {
    /// The part of the space.
    pub region: String,
    /// The architecture.
    pub arch: String,
    /// Its truth.
    pub truth: Option<f64>,
    /// Mean truth of the part: what a random choice in it is worth.
    pub random_truth: Option<f64>,
    /// Accuracy of the architecture in the supernet on held-out images, 0 to 1.
    pub path_accuracy: f64,
    /// Accuracy of the mixed network, where the method trains that.
    pub mixed_accuracy: Option<f64>,
    /// What is wrong with it.
    pub flags: Vec<Flag>,
    /// The search, epoch by epoch.
    pub history: Vec<EpochSeen>,
}

impl PartRow {
    /// What parts are compared by: the accuracy that the method itself looks at while it searches.
    pub fn measure(&self) -> f64 {
        self.mixed_accuracy.unwrap_or(self.path_accuracy)
    }
}

/// The part with the highest measure; of equal ones the first.
pub fn chosen(parts: &[PartRow]) -> usize {
    (0..parts.len()).fold(0, |best, next| if parts[next].measure() > parts[best].measure() { next } else { best })
}

/// What is wrong with an architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// No path leads from input to output.
    Dead,
    /// Nothing but skips is live: the cell is the identity, or a multiple of it.
    AllSkip,
    /// Every edge with a choice became a skip: what the network can do is the split edge alone.
    Collapsed,
}

impl Flag {
    /// Those of an architecture found in `region`.
    pub fn all(space: &dyn Space, region: &Region, arch: &Arch) -> Vec<Flag> {
        let (graph, active) = (space.graph(arch), space.active(arch));
        let is_skip = |decision: usize| space.decisions()[decision].options[arch.get(decision)] == CellOp::Skip.name();
        let relaxed = space.relaxed(region.product());
        let mut free = relaxed.rows().iter().map(|row| row.decision).filter(|&decision| active[decision]).peekable();
        let collapsed = free.peek().is_some() && free.all(is_skip);
        let flags = [
            (Flag::Dead, graph.is_dead()),
            (Flag::AllSkip, !graph.is_dead() && graph.live_ops() == 0),
            (Flag::Collapsed, collapsed),
        ];
        flags.into_iter().filter(|(_, holds)| *holds).map(|(flag, _)| flag).collect()
    }

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Flag::Dead => "dead",
            Flag::AllSkip => "all skip",
            Flag::Collapsed => "collapsed to skips",
        }
    }
}

/// Quantiles of [`RandomRow`].
pub const QUANTILES: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

/// What one random network is worth. (The best of 100 by a supernet's score is the method `rsps`.)
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RandomRow {
    /// Networks of the table.
    pub networks: usize,
    /// Mean truth.
    pub mean: f64,
    /// Truth at 5, 25, 50, 75 and 95 % of the networks.
    pub quantiles: [f64; 5],
    /// The best of all.
    pub best: f64,
}

impl GradientResult {
    /// Every method in every mode, in the order of the recipe.
    pub fn arms(&self) -> Vec<(&str, &str)> {
        let mut arms: Vec<(&str, &str)> = Vec::new();
        for row in &self.rows {
            if !arms.contains(&(&row.method, &row.mode)) {
                arms.push((&row.method, &row.mode));
            }
        }
        arms
    }

    /// The rows of one of them: all its seeds.
    pub fn rows_of<'a>(&'a self, (method, mode): (&'a str, &'a str)) -> impl Iterator<Item = &'a GradientRow> {
        self.rows.iter().filter(move |row| row.method == method && row.mode == mode)
    }

    /// Mean and spread of a number over the seeds of an arm.
    pub fn mean(&self, arm: (&str, &str), of: impl Fn(&GradientRow) -> Option<f64>) -> Option<MeanSpread> {
        MeanSpread::of(&self.rows_of(arm).filter_map(of).collect::<Vec<_>>())
    }

    /// How often what an arm chose has each flag: "dead 1 of 3", or "-".
    pub fn flags(&self, arm: (&str, &str)) -> String {
        let seeds = self.rows_of(arm).count();
        let chosen: Vec<&PartRow> = self.rows_of(arm).filter_map(|row| row.parts.get(row.chosen)).collect();
        let count = |flag: Flag| chosen.iter().filter(|part| part.flags.contains(&flag)).count();
        let found = [Flag::Dead, Flag::AllSkip, Flag::Collapsed].map(|flag| (flag, count(flag)));
        let texts: Vec<String> = found
            .iter()
            .filter(|(_, times)| *times > 0)
            .map(|(flag, times)| format!("{} {times} of {seeds}", flag.name()))
            .collect();
        if texts.is_empty() { "-".to_string() } else { texts.join(", ") }
    }
}

impl GradientRow {
    /// Mean truth over what the parts found.
    pub fn mean_truth_of_parts(&self) -> Option<f64> {
        let truths: Vec<f64> = self.parts.iter().filter_map(|part| part.truth).collect();
        MeanSpread::of(&truths).map(|mean| mean.mean)
    }

    /// What a random choice in the chosen part is worth.
    pub fn random_truth(&self) -> Option<f64> {
        self.parts.get(self.chosen)?.random_truth
    }
}

/// A Markdown table: methods and modes, then what a random choice is worth.
impl fmt::Display for GradientResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { space, images, seeds, .. } = self;
        let (space, truth) = (printable::line(space), printable::line(self.truth.as_deref().unwrap_or("none")));
        writeln!(
            f,
            "{space}; truth: {truth}; {images} held-out images judge; seeds {seeds:?}, ± is their deviation\n"
        )?;
        let titles = "truth of the choice | better than | mean truth of all parts | random in the part | flags";
        writeln!(f, "| method | mode | supernets | epochs in all | Tera-MACs | {titles} |")?;
        writeln!(f, "|{}", "---|".repeat(10))?;
        for arm in self.arms() {
            let Some(row) = self.rows_of(arm).next() else { continue };
            let macs = self.mean(arm, |row| Some(row.macs)).map_or(0.0, |mean| mean.mean) / 1e12;
            let truth = text(self.mean(arm, |row| row.truth));
            let share = self.mean(arm, |row| row.better_than);
            let share = share.map_or_else(|| "-".to_string(), |share| format!("{:.0} %", 100.0 * share.mean));
            let parts = text(self.mean(arm, GradientRow::mean_truth_of_parts));
            let random = text(self.mean(arm, GradientRow::random_truth));
            let (method, mode) = (printable::line(arm.0), printable::line(arm.1));
            let cost = format!("{} | {} | {macs:.3}", row.parts.len(), row.epochs);
            let flags = self.flags(arm);
            writeln!(f, "| {method} | {mode} | {cost} | {truth} | {share} | {parts} | {random} | {flags} |")?;
        }
        if let Some(RandomRow { networks, mean, quantiles: [low, first, median, third, high], best }) = &self.random {
            writeln!(f, "| one random network | - | - | - | - | {mean:.2} | 50 % | - | - | - |\n")?;
            writeln!(
                f,
                "of all {networks} networks: 5 % below {low:.2}, 25 % {first:.2}, median {median:.2}, 75 % {third:.2}, \
                 95 % {high:.2}, best {best:.2}"
            )?;
        }
        Ok(())
    }
}

fn text(value: Option<MeanSpread>) -> String {
    match value {
        None => "-".to_string(),
        Some(MeanSpread { mean, spread: None }) => format!("{mean:.2}"),
        Some(MeanSpread { mean, spread: Some(spread) }) => format!("{mean:.2} ± {spread:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fewshot_space::{OptionSet, nasbench201};

    use super::*;

    #[test]
    fn dead_and_skipping_cells_are_flagged() {
        let space = Arc::new(nasbench201::nasbench201(nasbench201::default_skeleton()));
        let whole = Region::full(space.clone());
        let split = whole.restrict(0, OptionSet::single(3)).unwrap();
        let flags = |region: &Region, options: [u8; 6]| Flag::all(space.as_ref(), region, &Arch::new(options.to_vec()));
        assert_eq!(flags(&whole, [1; 6]), [Flag::AllSkip, Flag::Collapsed]);
        // Skips that lie dead do not save a cell whose one live edge is a skip.
        assert_eq!(flags(&whole, [3, 0, 0, 1, 0, 0]), [Flag::AllSkip]);
        assert_eq!(flags(&whole, [3, 3, 3, 0, 0, 0]), [Flag::Dead]);
        assert_eq!(flags(&split, [3, 1, 1, 1, 1, 1]), [Flag::Collapsed]);
        assert_eq!(flags(&split, [3, 1, 2, 1, 1, 1]), []);
        assert_eq!(flags(&whole, [3, 1, 1, 1, 1, 1]), []);
    }

    fn part(mixed_accuracy: Option<f64>, path_accuracy: f64) -> PartRow {
        let (region, arch) = ("whole".to_string(), String::new());
        let flags = vec![Flag::Dead];
        let (truth, random_truth) = (Some(50.0), Some(40.0));
        PartRow { region, arch, truth, random_truth, path_accuracy, mixed_accuracy, flags, history: Vec::new() }
    }

    #[test]
    fn the_part_with_the_highest_measure_is_taken_and_of_equal_ones_the_first() {
        assert_eq!(chosen(&[part(None, 0.1), part(None, 0.3), part(None, 0.3)]), 1);
        // Methods that train the mixed network look at its accuracy.
        assert_eq!(chosen(&[part(Some(0.5), 0.1), part(Some(0.4), 0.9)]), 0);
        assert_eq!(chosen(&[]), 0);
    }

    #[test]
    fn the_table_counts_flags_over_seeds() {
        let row = |seed, truth| GradientRow {
            method: "gdas".into(),
            mode: "one-shot".into(),
            seed,
            epochs: 5,
            macs: 1e12,
            steps: 10,
            seconds: 1.0,
            chosen: 0,
            truth,
            better_than: Some(0.25),
            parts: vec![part(None, 0.1)],
        };
        let result = GradientResult {
            space: "nasbench201".into(),
            truth: None,
            images: 10,
            rows: vec![row(0, Some(50.0)), row(1, Some(52.0))],
            random: None,
            seconds: 1.0,
            seeds: vec![0, 1],
        };
        let text = result.to_string();
        let line =
            "| gdas | one-shot | 1 | 5 | 1.000 | 51.00 ± 1.41 | 25 % | 50.00 ± 0.00 | 40.00 ± 0.00 | dead 2 of 2 |";
        assert!(text.contains(line), "{text}");
    }
}
