//! The rows of a comparison by arm.

use fewshot_nas::experiments::{MeanSpread, RankingResult, RankingRow};
use maud::{Markup, html};

use super::super::chart::Colour;

/// All rows of one arm: its splits and seeds.
pub struct Arm<'a> {
    /// Its name in the recipe.
    pub name: &'a str,
    /// Its rows, in the order of the result; never empty.
    pub rows: Vec<&'a RankingRow>,
    /// Its colour in all charts.
    pub colour: Colour,
}

/// A number over several rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The mean of the rows that have it.
    pub mean: f64,
    /// The sample standard deviation; absent for a single row.
    pub deviation: Option<f64>,
    /// Its value per row.
    pub values: Vec<f64>,
}

impl Summary {
    /// Of some values; nothing for none.
    pub fn of(values: Vec<f64>) -> Option<Summary> {
        let MeanSpread { mean, spread: deviation } = MeanSpread::of(&values)?;
        Some(Summary { mean, deviation, values })
    }

    /// `0.491 ± 0.012`, with so many decimals and all multiplied by `factor`.
    pub fn text(&self, factor: f64, decimals: usize) -> String {
        let mean = format!("{:.decimals$}", factor * self.mean);
        match self.deviation {
            Some(deviation) => format!("{mean} ± {:.decimals$}", factor * deviation),
            None => mean,
        }
    }

    /// The same for a table, where the deviation stands back.
    pub fn cell(&self, factor: f64, decimals: usize) -> Markup {
        html! {
            (format!("{:.decimals$}", factor * self.mean))
            @if let Some(deviation) = self.deviation { small { " ± " (format!("{:.decimals$}", factor * deviation)) } }
        }
    }
}

impl<'a> Arm<'a> {
    /// A number over the arm's rows; nothing if it is undefined in all of them.
    pub fn summary(&self, of: impl Fn(&RankingRow) -> Option<f64>) -> Option<Summary> {
        Summary::of(self.rows.iter().filter_map(|row| of(row)).collect())
    }

    /// The arm's rows by what the supernet is split on, in the order of the result.
    pub fn splits(&self) -> Vec<Arm<'a>> {
        let mut splits: Vec<Arm<'a>> = Vec::new();
        for row in &self.rows {
            match splits.iter_mut().find(|known| known.rows.iter().any(|other| other.split == row.split)) {
                Some(known) => known.rows.push(row),
                None => splits.push(Arm { name: self.name, rows: vec![row], colour: self.colour }),
            }
        }
        splits
    }

    /// What the supernets are split on; the first of several.
    pub fn split(&self) -> &str {
        self.rows.first().map_or("", |row| &row.split)
    }
}

/// The arms of a comparison, in the order in which they come first.
pub fn arms(result: &RankingResult) -> Vec<Arm<'_>> {
    let arm = |(index, name)| Arm { name, rows: result.rows_of(name).collect(), colour: Colour::of(index) };
    result.arms().into_iter().enumerate().map(arm).collect()
}

/// A row's split and seed in words.
pub fn name(split: &str, seed: u64) -> String {
    if split.is_empty() { format!("seed {seed}") } else { format!("{split}, seed {seed}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_gathered_by_arm_and_split() {
        let result = super::super::fixture::result();
        let arms = arms(&result);
        let names: Vec<&str> = arms.iter().map(|arm| arm.name).collect();
        assert_eq!(names, ["one-shot", "one-shot, equal cost", "few-shot"]);
        let splits: Vec<(String, usize)> =
            arms[2].splits().iter().map(|split| (split.split().to_string(), split.rows.len())).collect();
        assert_eq!(splits, [("e0".to_string(), 2), ("e3".to_string(), 2)]);
    }

    #[test]
    fn a_summary_says_mean_and_deviation() {
        let summary = Summary::of(vec![0.1, 0.3]).unwrap();
        assert_eq!(summary.text(1.0, 3), "0.200 ± 0.141");
        assert_eq!(Summary::of(vec![0.5]).unwrap().text(100.0, 1), "50.0");
        assert_eq!(Summary::of(vec![]), None);
    }
}
