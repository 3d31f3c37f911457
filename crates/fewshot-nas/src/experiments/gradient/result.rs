//! What gradient-based searches end with.

use std::fmt;

use fewshot_guard::{counted, printable};
use serde::{Deserialize, Serialize};

use super::flags::{Flag, Skips};
use crate::experiments::mean_spread::MeanSpread;
use crate::gradient::EpochSeen;
use crate::stages::{NetworkRow, Reached};

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
    /// Random networks that were trained alone by the same recipe as what was found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub random_networks: Vec<NetworkRow>,
    /// Methods in which zeros compete with the operations of an edge.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zeros: Vec<String>,
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
    /// What each supernet found; of a search strategy its finalists.
    pub parts: Vec<PartRow>,
    /// Supernets that were trained, where these are not as many as `parts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supernets: Option<usize>,
    /// Architectures that a search strategy asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluations: Option<usize>,
    /// Epochs of networks alone by which the choice was made, together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choosing_epochs: Option<u64>,
    /// The chosen network trained alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkRow>,
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
    /// Skips of each cell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skips: Vec<Skips>,
    /// Skips in the first kind of cell (the normal one) of what the method would have chosen after each epoch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skips_by_epoch: Vec<usize>,
    /// How the network did when the parts were compared by networks trained alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone: Option<Reached>,
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
    /// Supernets that were trained for it.
    pub fn supernets(&self) -> usize {
        self.supernets.unwrap_or(self.parts.len())
    }

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
        if !self.zeros.is_empty() {
            let names: Vec<_> = self.zeros.iter().map(|name| printable::line(name)).collect();
            writeln!(f, "zeros compete on every edge in {}; they are never chosen\n", names.join(", "))?;
        }
        if self.rows.iter().any(|row| row.network.is_some()) {
            return self.write_networks(f);
        }
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
            let cost = format!("{} | {} | {macs:.3}", row.supernets(), row.epochs);
            let flags = self.flags(arm);
            writeln!(f, "| {method} | {mode} | {cost} | {truth} | {share} | {parts} | {random} | {flags} |")?;
        }
        if let Some(RandomRow { networks, mean, quantiles: [low, first, median, third, high], best }) = &self.random {
            writeln!(f, "| one random network | - | - | - | - | {mean:.2} | 50 % | - | - | - |\n")?;
            writeln!(
                f,
                "of all {}: 5 % below {low:.2}, 25 % {first:.2}, median {median:.2}, 75 % {third:.2}, \
                 95 % {high:.2}, best {best:.2}",
                counted(networks, "network")
            )?;
        }
        Ok(())
    }
}

impl GradientResult {
    /// A table of what was found by the networks that were trained alone.
    fn write_networks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let judged = crate::lab::metric().heading();
        let titles = format!("test {judged} | parameters | multiply-adds, M | skips | flags");
        writeln!(f, "| method | mode | supernets | epochs in all | Tera-MACs | {titles} |")?;
        writeln!(f, "|{}", "---|".repeat(10))?;
        for arm in self.arms() {
            let Some(row) = self.rows_of(arm).next() else { continue };
            let network = |of: fn(&NetworkRow) -> f64| text(self.mean(arm, |row| row.network.as_ref().map(of)));
            let macs = self.mean(arm, |row| Some(row.macs)).map_or(0.0, |mean| mean.mean) / 1e12;
            let skips = text(self.mean(arm, |row| Some(row.parts.get(row.chosen)?.skips.first()?.skips as f64)));
            let (method, mode) = (printable::line(arm.0), printable::line(arm.1));
            let cost = format!("{} | {} | {macs:.3}", row.supernets(), row.epochs);
            let (accuracy, params) = (network(NetworkRow::percent), network(|network| network.params as f64));
            let own = network(|network| network.macs as f64 / 1e6);
            writeln!(
                f,
                "| {method} | {mode} | {cost} | {accuracy} | {params} | {own} | {skips} | {} |",
                self.flags(arm)
            )?;
        }
        let random =
            |of: fn(&NetworkRow) -> f64| text(MeanSpread::of(&self.random_networks.iter().map(of).collect::<Vec<_>>()));
        if !self.random_networks.is_empty() {
            let count = self.random_networks.len();
            let numbers: [fn(&NetworkRow) -> f64; 3] =
                [NetworkRow::percent, |network| network.params as f64, |network| network.macs as f64 / 1e6];
            let [accuracy, params, macs] = numbers.map(random);
            writeln!(f, "| {count} random networks | - | - | - | - | {accuracy} | {params} | {macs} | - | - |")?;
        }
        Ok(())
    }
}

fn text(value: Option<MeanSpread>) -> String {
    value.map_or_else(|| "-".to_string(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(mixed_accuracy: Option<f64>, path_accuracy: f64) -> PartRow {
        let (region, arch) = ("whole".to_string(), String::new());
        let flags = vec![Flag::Dead];
        let (truth, random_truth) = (Some(50.0), Some(40.0));
        PartRow {
            region,
            arch,
            truth,
            random_truth,
            path_accuracy,
            mixed_accuracy,
            flags,
            history: Vec::new(),
            skips: Vec::new(),
            skips_by_epoch: Vec::new(),
            alone: None,
        }
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
            supernets: None,
            evaluations: None,
            choosing_epochs: None,
            network: None,
        };
        let result = GradientResult {
            space: "nasbench201".into(),
            truth: None,
            images: 10,
            rows: vec![row(0, Some(50.0)), row(1, Some(52.0))],
            random: None,
            seconds: 1.0,
            seeds: vec![0, 1],
            random_networks: Vec::new(),
            zeros: Vec::new(),
        };
        let text = result.to_string();
        let line =
            "| gdas | one-shot | 1 | 5 | 1.000 | 51.00 ± 1.41 | 25 % | 50.00 ± 0.00 | 40.00 ± 0.00 | dead 2 of 2 |";
        assert!(text.contains(line), "{text}");
    }
}
