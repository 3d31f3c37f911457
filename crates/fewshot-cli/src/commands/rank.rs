//! `fewshot rank`

use std::path::Path;
use std::sync::Arc;

use fewshot_guard::{counted, printable};
use fewshot_nas::experiments::{ExperimentError, HistoryEntry, RankingResult, Recipe, space_of};
use fewshot_nas::families::{self, Settings, Skeleton};
use fewshot_nas::rank::RankReport;
use fewshot_nas::recipe::Kind;
use fewshot_nas::run::RunReader;
use fewshot_nas::table::Table;
use fewshot_space::Space;
use serde::Serialize;

use super::settings::given;
use super::{print, print_json};
use crate::args::{Lower, RankArgs};
use crate::console::say;
use crate::failure::Failure;

pub fn rank(args: RankArgs) -> Result<(), Failure> {
    let truth = args.truth.as_deref().zip(args.truth_column.as_deref());
    let (lower_scores, lower_truth) = match args.lower_is_better {
        None => (false, false),
        Some(Lower::Scores) => (true, false),
        Some(Lower::Truth) => (false, true),
        Some(Lower::Both) => (true, true),
    };
    match (&args.run, truth) {
        (Some(_), None) if args.lower_is_better.is_some() => {
            Err(Failure::Usage("--lower-is-better is for tables: this run knows its own scores and truth".to_string()))
        }
        (Some(run), None) => stored(run, args.json),
        (Some(_), Some(_)) if lower_scores => {
            Err(Failure::Usage("the scores of a run are better when higher: --lower-is-better=truth".to_string()))
        }
        (Some(run), Some((file, column))) => {
            if !args.settings.pairs.is_empty() {
                let message = "--set is for the space of tables: a run knows the settings of its own";
                return Err(Failure::Usage(message.to_string()));
            }
            let (table, space) = searched(run)?;
            let scores = Side { table, column: "score".to_string(), lower: false };
            compare(&scores, &Side::read(file, column, &space, lower_truth)?, &space, args.json)
        }
        (None, Some((truth, truth_column))) => {
            let space = space(&args.space, given(&args.space, &args.settings)?)?;
            let missing = || Failure::Usage("--scores FILE and --score-column COLUMN say what to rank".to_string());
            let file = args.scores.as_deref().ok_or_else(missing)?;
            let column = args.score_column.as_deref().ok_or_else(missing)?;
            let scores = Side::read(file, column, &space, lower_scores)?;
            compare(&scores, &Side::read(truth, truth_column, &space, lower_truth)?, &space, args.json)
        }
        (None, None) if args.scores.is_some() => {
            Err(Failure::Usage("--truth FILE and --truth-column COLUMN give the truth".to_string()))
        }
        (None, None) => {
            let message = "name what to rank: a run that compared scores with the truth (`fewshot rank RUN`), or tables with --scores FILE \
                           --score-column COLUMN --truth FILE --truth-column COLUMN";
            Err(Failure::Usage(message.to_string()))
        }
    }
}

/// The result of a run that compared scores with the truth.
fn stored(run: &Path, json: bool) -> Result<(), Failure> {
    let reader = RunReader::open(run)?;
    let recipe: Recipe = reader.recipe()?;
    if recipe.kind() != Kind::Ranking {
        let message = "this run trained no networks for the truth: add --truth FILE --truth-column COLUMN";
        return Err(Failure::Usage(message.to_string()));
    }
    let result: Option<RankingResult> = reader.result()?;
    let unfinished = || Failure::Usage(format!("the run has not ended: `fewshot resume {}`", run.display()));
    let result = result.ok_or_else(unfinished)?;
    if json { print_json(&result) } else { print(&result.to_string()) }
}

/// What a search scored, repeats once, and the space that it searched.
fn searched(run: &Path) -> Result<(Table, Arc<dyn Space>), Failure> {
    let reader = RunReader::open(run)?;
    let history = reader.history::<HistoryEntry>()?;
    if history.is_empty() {
        let run = run.display();
        return Err(Failure::Usage(format!("{run} has scored no networks, or not yet: name the run of a search")));
    }
    let space: Arc<dyn Space> = space_of(&reader)?.blueprint().clone();
    let mut table = Table::new(space.clone(), format!("scores of {}", run.display()));
    for entry in history {
        let arch = space.parse(&entry.arch).map_err(ExperimentError::from)?;
        if table.get(&arch).is_none() {
            table.insert(&arch, entry.score)?;
        }
    }
    Ok((table, space))
}

/// One side of a comparison: its numbers, what they are called, and which way is better.
struct Side {
    table: Table,
    column: String,
    lower: bool,
}

impl Side {
    /// The numbers of a column of a file.
    fn read(file: &Path, column: &str, space: &Arc<dyn Space>, lower: bool) -> Result<Self, Failure> {
        Ok(Self { table: Table::read(file, space, column)?, column: column.to_string(), lower })
    }

    /// What was read, in words.
    fn title(&self) -> String {
        let way = if self.lower { "lower" } else { "higher" };
        format!("{}, {way} is better", printable::line(self.table.title()))
    }

    /// Says on standard error how the file was taken where that could be otherwise.
    fn tell(&self, flag: &str) {
        let title = self.table.title();
        for note in self.table.notes() {
            say(format_args!("{title}: {note}"));
        }
        if !self.lower && sounds_like_loss(&self.column) {
            say(format_args!(
                "{title}: taken as higher is better; if it is a loss or an error, add --lower-is-better={flag}"
            ));
        }
    }

    /// The numbers so that higher is better.
    fn turned(&self, mut numbers: Vec<f64>) -> Vec<f64> {
        if self.lower {
            numbers.iter_mut().for_each(|number| *number = -*number);
        }
        numbers
    }
}

/// Whether a column is named like something of which less is better.
fn sounds_like_loss(column: &str) -> bool {
    let column = column.to_lowercase();
    let words = column.split(|c: char| !c.is_alphanumeric());
    words.into_iter().any(|word| {
        ["loss", "error", "err", "nll", "ppl", "perplexity", "rmse", "mse", "mae", "latency", "entropy"].contains(&word)
    })
}

/// A comparison as JSON.
#[derive(Serialize)]
struct Compared<'a> {
    /// Columns in which lower is better.
    lower_is_better: Vec<&'a str>,
    /// Architectures that only the scores have.
    only_scores: usize,
    /// Architectures that only the truth has.
    only_truth: usize,
    #[serde(flatten)]
    report: RankReport,
}

fn compare(scores: &Side, truth: &Side, space: &Arc<dyn Space>, json: bool) -> Result<(), Failure> {
    scores.tell("scores");
    truth.tell("truth");
    let joined = scores.table.join(&truth.table)?;
    let (left, right) = (scores.turned(joined.left), truth.turned(joined.right));
    let mut report = RankReport::new(space, &joined.archs, &left, &right)?;
    if truth.lower {
        report = report.with_negated_truths();
    }
    for (count, side) in [(joined.only_left, scores), (joined.only_right, truth)] {
        if count > 0 {
            say(format_args!("left out: {} only in {}", counted(count, "architecture"), side.table.title()));
        }
    }
    if json {
        let sides = [("scores", scores.lower), ("truth", truth.lower)];
        let lower_is_better = sides.into_iter().filter(|(_, lower)| *lower).map(|(side, _)| side).collect();
        return print_json(&Compared {
            lower_is_better,
            only_scores: joined.only_left,
            only_truth: joined.only_right,
            report,
        });
    }
    let table = report.table(&scores.column, &truth.column);
    print(&format!("scores: {}\ntruth: {}\n{table}", scores.title(), truth.title()))
}

/// A space with its published skeleton, but for these settings: costs are those of the benchmark's networks.
fn space(name: &str, settings: Settings) -> Result<Arc<dyn Space>, Failure> {
    let skeleton = Skeleton { settings, ..Skeleton::of_images([32, 32, 3], 10) };
    Ok(families::open(name, skeleton).map_err(ExperimentError::from)?.blueprint().clone())
}
