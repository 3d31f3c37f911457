//! Score against truth, network by network.

use std::path::Path;
use std::sync::Arc;

use fewshot_guard::read_file;
use fewshot_nas::experiments::{RankingResult, RankingRow};
use fewshot_nas::families;
use fewshot_nas::run::{FileError, RunError};
use fewshot_space::{Arch, Space};
use maud::{Markup, html};

use super::super::chart::{COLOURS, Colour, Dot, Scale, Series, Shape, Xy};
use super::super::numbers::grouped;
use super::super::page::{figure, figures};
use super::arms::{Arm, name};
use super::tables::truth_is_share;

/// Points drawn at most in one chart.
const POINTS: usize = 2000;

/// `scores.csv`: per network its truth and, per arm, split and seed, its score.
pub struct Scores {
    columns: Vec<String>,
    archs: Vec<String>,
    /// Per network, the numbers of the columns; NaN where a cell holds none.
    numbers: Vec<Vec<f64>>,
}

impl Scores {
    /// Reads the file; nothing where there is none.
    ///
    /// # Errors
    /// When it cannot be read or is no table.
    pub fn read(path: &Path) -> Result<Option<Scores>, RunError> {
        match read_file(path) {
            Ok(bytes) => Ok(Some(Scores::parse(&bytes).map_err(|error| FileError::new("read", path, error.into()))?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FileError::new("read", path, error).into()),
        }
    }

    /// The table in `bytes`, whose first column names the architectures.
    pub fn parse(bytes: &[u8]) -> Result<Scores, csv::Error> {
        let mut reader = csv::Reader::from_reader(bytes);
        let columns = reader.headers()?.iter().skip(1).map(str::to_string).collect();
        let (mut archs, mut numbers) = (Vec::new(), Vec::new());
        for record in reader.records() {
            let record = record?;
            archs.push(record.get(0).unwrap_or_default().to_string());
            numbers.push(record.iter().skip(1).map(|cell| cell.parse().unwrap_or(f64::NAN)).collect());
        }
        Ok(Scores { columns, archs, numbers })
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// Architecture, score and truth of each network; of many, every so-manieth.
    fn pairs(&self, score: usize, truth: usize) -> impl Iterator<Item = (&str, f64, f64)> {
        let step = self.archs.len().div_ceil(POINTS).max(1);
        let number = |row: &[f64], column: usize| row.get(column).copied().unwrap_or(f64::NAN);
        let rows = self.archs.iter().zip(&self.numbers).step_by(step);
        rows.map(move |(arch, row)| (arch.as_str(), number(row, score), number(row, truth)))
    }
}

/// Below which truth networks are left out, so that a few dead ones do not press all others into a line: nothing, unless
/// the worst twentieth takes up more than half of the range.
fn floor(truths: &[f64]) -> Option<f64> {
    let mut sorted: Vec<f64> = truths.iter().copied().filter(|truth| truth.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let (worst, best, bar) = (sorted.first()?, sorted.last()?, sorted.get(sorted.len() / 20)?);
    (bar - worst > 0.5 * (best - worst)).then_some(*bar)
}

/// One chart per arm, of its first run.
pub fn body(result: &RankingResult, arms: &[Arm<'_>], scores: &Scores) -> Option<Markup> {
    let truth = scores.column("truth")?;
    let space: Option<Arc<dyn Space>> = families::default_space(&result.space).ok().map(|space| space as _);
    let share = truth_is_share(result);
    let truths: Vec<f64> = scores.pairs(truth, truth).map(|(_, truth, _)| truth).collect();
    let floor = floor(&truths);
    let inside = |truth: f64| floor.is_none_or(|floor| truth >= floor);
    let shown = truths.iter().filter(|truth| inside(**truth)).count();
    let chart = |arm: &Arm<'_>| {
        let row = arm.rows.first()?;
        let score = scores.column(&format!("{}/{}/s{}", row.arm, row.split, row.seed))?;
        let pairs = scores.pairs(score, truth).filter(|(_, _, truth)| inside(*truth));
        let dots = pairs.map(|(arch, score, truth)| {
            let truth = if share { 100.0 * truth } else { truth };
            (
                arch,
                Dot {
                    x: 100.0 * score,
                    y: truth,
                    text: format!("score {:.2} %, truth {truth:.2}: {arch}", 100.0 * score),
                },
            )
        });
        let chart = Xy {
            x: Scale::linear("score, %"),
            y: Scale::linear(if share { "truth, %" } else { "truth" }),
            series: series(row, arm.colour, space.as_deref(), dots.collect()),
            marks: Vec::new(),
            alt: format!("Score and truth of each network, {}", arm.name),
        };
        Some(figure(&format!("{} ({})", arm.name, name(&row.split, row.seed)), "", &chart.draw()))
    };
    let charts: Vec<Markup> = arms.iter().filter_map(chart).collect();
    (!charts.is_empty()).then(|| {
        html! {
            p {
                "Each point is a network; the closer the points follow a rising line, the better the order. Of each arm, its first run."
                @if shown < scores.archs.len() {
                    " Shown are " (grouped(shown as u64)) " of " (grouped(scores.archs.len() as u64)) " networks, spread evenly over the table"
                    @if floor.is_some() { ", but for the worst twentieth, which would press all others together" }
                    "."
                }
            }
            (figures(&charts))
        }
    })
}

/// The points in the colour of the sub-supernet that scored them, where that can be told and there are few.
fn series(row: &RankingRow, colour: Colour, space: Option<&dyn Space>, dots: Vec<(&str, Dot)>) -> Vec<Series> {
    let labels: Vec<&str> = row.regions.iter().map(|region| region.region.as_str()).collect();
    let owner = |text: &str| {
        let space = space?;
        let arch = space.parse(text).ok()?;
        labels.iter().position(|label| holds(label, space, &arch))
    };
    let owners: Option<Vec<usize>> = match labels.len() {
        2..=COLOURS => dots.iter().map(|(arch, _)| owner(arch)).collect(),
        _ => None,
    };
    let Some(owners) = owners else {
        let dots = dots.into_iter().map(|(_, dot)| dot).collect();
        return vec![Series { name: String::new(), colour, shape: Shape::Dots(dots) }];
    };
    let one = |(index, label): (usize, &&str)| {
        let own = dots.iter().zip(&owners).filter(|(_, owner)| **owner == index);
        let own = own.map(|((_, dot), _)| dot.clone()).collect();
        Series { name: label.to_string(), colour: Colour::of(index), shape: Shape::Dots(own) }
    };
    labels.iter().enumerate().map(one).collect()
}

/// Whether the architecture is in the region with this label, as far as the label is made of `decision=option|option` and
/// `decision!=option`; a label with anything else holds none.
fn holds(label: &str, space: &dyn Space, arch: &Arch) -> bool {
    label.split(',').all(|condition| {
        let Some((decision, options)) = condition.split_once('=') else {
            return false;
        };
        let (decision, wanted) = match decision.strip_suffix('!') {
            Some(decision) => (decision, false),
            None => (decision, true),
        };
        let Some(index) = space.decisions().iter().position(|known| known.name == decision) else {
            return false;
        };
        let taken = &space.decisions()[index].options[arch.get(index)];
        options.split('|').any(|option| option == taken) == wanted
    })
}

#[cfg(test)]
mod tests {
    use super::super::arms::arms;
    use super::super::fixture;
    use super::*;

    #[test]
    fn each_arm_has_a_chart_with_the_colours_of_its_regions() {
        let (result, scores) = (fixture::result(), fixture::scores());
        let drawn = body(&result, &arms(&result), &scores).unwrap().0;
        assert_eq!(drawn.matches("<figure>").count(), 3);
        assert!(drawn.contains("one-shot, equal cost (seed 0)"));
        assert!(drawn.contains("few-shot (e0, seed 0)") && drawn.contains("</svg>e0=nor_conv_3x3"), "{drawn}");
    }

    #[test]
    fn labels_are_read_back() {
        let space: Arc<dyn Space> = families::default_space("cell1296").unwrap();
        let arch = space.parse("|none~0|+|skip_connect~1|+|none~0|nor_conv_3x3~2|").unwrap();
        for (label, inside) in [
            ("e0=none", true),
            ("e0=none,e1=none", false),
            ("e1=none|skip_connect,e3=nor_conv_3x3", true),
            ("e2!=none", false),
            ("e2!=skip_connect", true),
            ("live_convs<=1", false),
            ("all", false),
        ] {
            assert_eq!(holds(label, space.as_ref(), &arch), inside, "{label}");
        }
    }

    #[test]
    fn a_few_dead_networks_are_left_out() {
        let even: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(floor(&even), None);
        let dead: Vec<f64> = even.iter().map(|truth| if *truth < 4.0 { 10.0 } else { 90.0 + truth / 100.0 }).collect();
        assert_eq!(floor(&dead), Some(90.05));
        assert_eq!((floor(&[]), floor(&[f64::NAN]), floor(&[1.0])), (None, None, None));
    }

    #[test]
    fn many_networks_are_thinned_out_evenly() {
        let text: String = (0..4500).map(|index| format!("a{index},{index},0.5\n")).collect();
        let scores = Scores::parse(format!("arch,truth,x/,s0\n{text}").as_bytes());
        assert!(scores.is_err(), "a row with fewer cells than the header");
        let scores = Scores::parse(format!("arch,truth,x\n{text}").as_bytes()).unwrap();
        let archs: Vec<&str> = scores.pairs(1, 0).map(|(arch, _, _)| arch).collect();
        assert_eq!((archs.len(), archs[1]), (1500, "a3"));
        assert!(Scores::read(Path::new("/no/such/file")).unwrap().is_none());
    }
}
