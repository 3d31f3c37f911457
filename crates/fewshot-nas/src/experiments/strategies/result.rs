//! What a comparison of strategies ends with.

use std::fmt;

use fewshot_guard::{counted, printable};
use serde::{Deserialize, Serialize};

use super::replay::Replay;

/// What a run of kind `strategies` ends with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StrategiesResult {
    /// The space.
    pub space: String,
    /// What the truth is, in words.
    pub truth: String,
    /// Architectures of the space.
    pub networks: usize,
    /// The greatest truth of any.
    pub best_truth: f64,
    /// Evaluations of each search, repeats counted.
    pub evaluations: usize,
    /// Searches per strategy and mode.
    pub runs: u64,
    /// Evaluations after which tables show where a search stands.
    pub marks: Vec<usize>,
    /// One per mode and strategy, mode by mode, in the order of the recipe.
    pub rows: Vec<StrategyRow>,
    /// Working time of all processes of the run.
    pub seconds: f64,
    /// The first run's seed; they count up.
    pub seed: u64,
}

/// One strategy with one source of scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StrategyRow {
    /// Its name.
    pub strategy: String,
    /// What scored.
    pub mode: String,
    /// Its curves.
    pub points: Vec<CurvePoint>,
    /// Microseconds per evaluation in the strategy itself, asking and telling: those of the fastest run, as others may have
    /// waited for the processor.
    pub microseconds: f64,
}

/// Where the searches of a row stand after some evaluations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Evaluations, repeats counted.
    pub evaluations: usize,
    /// The best truth among all visited, which no search can know.
    pub oracle: Quantiles,
    /// The truth of the best-scored.
    pub picked: Quantiles,
    /// Mean number of different architectures visited.
    pub distinct: f64,
}

/// Mean and quantiles over runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// Mean.
    pub mean: f64,
    /// What a tenth of the runs stays below.
    pub q10: f64,
    /// What a tenth of the runs stays above.
    pub q90: f64,
}

impl Quantiles {
    /// Of at least one value; quantiles between two values are interpolated.
    fn of(mut values: Vec<f64>) -> Quantiles {
        values.sort_unstable_by(f64::total_cmp);
        let quantile = |share: f64| {
            let place = share * (values.len() - 1) as f64;
            let (low, high) = (values[place.floor() as usize], values[place.ceil() as usize]);
            low + (high - low) * place.fract()
        };
        Quantiles { mean: mean(&values), q10: quantile(0.1), q90: quantile(0.9) }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

impl StrategyRow {
    /// From the searches of all runs, at least one.
    pub(super) fn new(strategy: &str, mode: &str, grid: &[usize], runs: &[Replay]) -> StrategyRow {
        let point = |(at, &evaluations): (usize, &usize)| {
            let of = |value: fn(&Replay) -> &Vec<f64>| runs.iter().map(|run| value(run)[at]).collect::<Vec<f64>>();
            let distinct: Vec<f64> = runs.iter().map(|run| run.distinct[at] as f64).collect();
            CurvePoint {
                evaluations,
                oracle: Quantiles::of(of(|run| &run.oracle)),
                picked: Quantiles::of(of(|run| &run.picked)),
                distinct: mean(&distinct),
            }
        };
        let seconds = runs.iter().map(|run| run.seconds).fold(f64::INFINITY, f64::min);
        let evaluations = grid.last().copied().unwrap_or(1) as f64;
        StrategyRow {
            strategy: strategy.to_string(),
            mode: mode.to_string(),
            points: grid.iter().enumerate().map(point).collect(),
            microseconds: 1e6 * seconds / evaluations,
        }
    }

    /// Where the searches stand after so many evaluations, one of the marks.
    pub fn at(&self, evaluations: usize) -> Option<&CurvePoint> {
        self.points.iter().find(|point| point.evaluations == evaluations)
    }
}

impl StrategiesResult {
    /// Names of the modes, in the order of the recipe.
    pub fn modes(&self) -> Vec<&str> {
        let mut modes: Vec<&str> = self.rows.iter().map(|row| row.mode.as_str()).collect();
        modes.dedup();
        modes
    }

    /// The rows of one mode.
    pub fn rows_of<'a>(&'a self, mode: &'a str) -> impl Iterator<Item = &'a StrategyRow> {
        self.rows.iter().filter(move |row| row.mode == mode)
    }

    /// All curves as the text of a CSV file.
    pub(super) fn curves(&self) -> csv::Result<Vec<u8>> {
        let mut text = csv::Writer::from_writer(Vec::new());
        let numbers = ["oracle", "picked"].map(|curve| ["mean", "q10", "q90"].map(|of| format!("{curve}_{of}")));
        let header = ["mode", "strategy", "evaluations"].map(str::to_string).into_iter();
        text.write_record(header.chain(numbers.into_iter().flatten()).chain(["distinct_mean".to_string()]))?;
        for row in &self.rows {
            for CurvePoint { evaluations, oracle, picked, distinct } in &row.points {
                let numbers = [oracle.mean, oracle.q10, oracle.q90, picked.mean, picked.q10, picked.q90, *distinct];
                let head = [row.mode.clone(), row.strategy.clone(), evaluations.to_string()];
                text.write_record(head.into_iter().chain(numbers.map(|number| number.to_string())))?;
            }
        }
        text.into_inner().map_err(|error| error.into_error().into())
    }
}

/// Markdown tables: both curves and the number of different architectures at the marks, each beside random search.
impl fmt::Display for StrategiesResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { networks, space, truth, runs, seed, best_truth, .. } = self;
        let (space, truth) = (printable::line(space), printable::line(truth));
        writeln!(
            f,
            "{} of {space}; truth: {truth}, best {best_truth:.2}; {} from seed {seed}",
            counted(networks, "network"),
            counted(runs, "run")
        )?;
        let marks = self.marks.iter().map(|mark| mark.to_string()).collect::<Vec<_>>().join(" | ");
        for mode in self.modes() {
            let table = |f: &mut fmt::Formatter<'_>, title: &str, last: &str, cell: &dyn Fn(&CurvePoint) -> String| {
                writeln!(f, "\n**{}**: {title}\n", printable::line(mode))?;
                writeln!(f, "| strategy | {marks} |{last}")?;
                writeln!(f, "|{}{}", "---|".repeat(self.marks.len() + 1), if last.is_empty() { "" } else { "---|" })?;
                for row in self.rows_of(mode) {
                    let cells = self.marks.iter().filter_map(|&mark| row.at(mark)).map(cell);
                    let cells = cells.collect::<Vec<_>>().join(" | ");
                    let time = format!(" {:.1} |", row.microseconds);
                    writeln!(
                        f,
                        "| {} | {cells} |{}",
                        printable::line(&row.strategy),
                        if last.is_empty() { "" } else { &time }
                    )?;
                }
                Ok(())
            };
            let quantiles = |of: &Quantiles| format!("{:.2} [{:.2}, {:.2}]", of.mean, of.q10, of.q90);
            let picked = "truth of the best-scored so far, mean and [10 %, 90 %] over runs";
            table(f, picked, "", &|point| quantiles(&point.picked))?;
            let oracle = "best truth visited so far (an oracle: no search knows it), mean";
            table(f, oracle, "", &|point| format!("{:.2}", point.oracle.mean))?;
            let distinct = "different architectures among the evaluations";
            table(f, distinct, " µs per evaluation |", &|point| format!("{:.0}", point.distinct))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_interpolated() {
        let quantiles = Quantiles::of((0..=20).rev().map(f64::from).collect());
        assert_eq!(quantiles, Quantiles { mean: 10.0, q10: 2.0, q90: 18.0 });
        assert_eq!(Quantiles::of(vec![3.0, 4.0]).q10, 3.1);
        assert_eq!(Quantiles::of(vec![5.0]), Quantiles { mean: 5.0, q10: 5.0, q90: 5.0 });
    }

    #[test]
    fn tables_show_both_curves_at_the_marks() {
        let run = |seed: u64, best: f64| Replay {
            seed,
            oracle: vec![80.0, 90.0 + best],
            picked: vec![70.0, 75.0],
            distinct: vec![10, 15 + seed],
            seconds: 1e-3,
        };
        let row = StrategyRow::new("random", "few \"shot\"", &[10, 20], &[run(0, 1.0), run(1, 2.0)]);
        assert!((row.microseconds - 50.0).abs() < 1e-9);
        let result = StrategiesResult {
            space: "cell1296".into(),
            truth: "table t".into(),
            networks: 1296,
            best_truth: 95.0,
            evaluations: 20,
            runs: 2,
            marks: vec![20],
            rows: vec![row],
            seconds: 1.0,
            seed: 0,
        };
        let text = result.to_string();
        for line in
            ["| random | 75.00 [75.00, 75.00] |", "| random | 91.50 |", "| random | 16 | 50.0 |", "**few \"shot\"**"]
        {
            assert!(text.contains(line), "{line}: {text}");
        }
        let curves = String::from_utf8(result.curves().unwrap()).unwrap();
        assert!(
            curves.starts_with("mode,strategy,evaluations,oracle_mean,oracle_q10,oracle_q90,picked_mean"),
            "{curves}"
        );
        assert!(curves.contains("\"few \"\"shot\"\"\",random,20,91.5,91.1,91.9,75,75,75,15.5\n"), "{curves}");
    }
}
