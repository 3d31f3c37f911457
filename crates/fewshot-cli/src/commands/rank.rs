//! `fewshot rank`

use std::path::Path;
use std::sync::Arc;

use fewshot_nas::pipeline::{HistoryEntry, PipelineError, RankingResult};
use fewshot_nas::rank::RankReport;
use fewshot_nas::recipe::{Kind, Recipe};
use fewshot_nas::run::RunReader;
use fewshot_nas::table::Table;
use fewshot_space::{BuiltinSpace, Space};

use super::{print, print_json};
use crate::args::RankArgs;
use crate::failure::Failure;

pub fn rank(args: RankArgs) -> Result<(), Failure> {
    let truth = args.truth.as_deref().zip(args.truth_column.as_deref());
    match (&args.run, truth) {
        (Some(run), None) => stored(run, args.json),
        (Some(run), Some(truth)) => {
            let space = space(&RunReader::open(run)?.recipe::<Recipe>()?.space.name)?;
            let scores = searched(run, &space)?;
            compare(scores, truth, space, args.json)
        }
        (None, Some(truth)) => {
            let space = space(&args.space)?;
            let missing = || Failure::Usage("--scores FILE and --score-column COLUMN say what to rank".to_string());
            let file = args.scores.as_deref().ok_or_else(missing)?;
            let column = args.score_column.as_deref().ok_or_else(missing)?;
            compare(Table::read(file, &space, column)?, truth, space, args.json)
        }
        (None, None) => Err(Failure::Usage("--truth FILE and --truth-column COLUMN give the truth".to_string())),
    }
}

/// The result of a run that compared scores with the truth.
fn stored(run: &Path, json: bool) -> Result<(), Failure> {
    let reader = RunReader::open(run)?;
    let recipe: Recipe = reader.recipe()?;
    if recipe.kind != Kind::Ranking {
        let message = "this run trained no networks for the truth: add --truth FILE --truth-column COLUMN";
        return Err(Failure::Usage(message.to_string()));
    }
    let result: Option<RankingResult> = reader.result()?;
    let unfinished = || Failure::Usage(format!("the run has not ended: `fewshot resume {}`", run.display()));
    let result = result.ok_or_else(unfinished)?;
    if json { print_json(&result) } else { print(&result.to_string()) }
}

/// What a search scored, repeats once.
fn searched(run: &Path, space: &Arc<dyn Space>) -> Result<Table, Failure> {
    let mut table = Table::new(space.clone(), format!("scores of {}", run.display()));
    for entry in RunReader::open(run)?.history::<HistoryEntry>()? {
        let arch = space.parse(&entry.arch).map_err(PipelineError::from)?;
        if table.get(&arch).is_none() {
            table.insert(&arch, entry.score)?;
        }
    }
    Ok(table)
}

fn compare(scores: Table, (truth, column): (&Path, &str), space: Arc<dyn Space>, json: bool) -> Result<(), Failure> {
    let truth = Table::read(truth, &space, column)?;
    let joined = scores.join(&truth)?;
    let report = RankReport::new(&space, &joined.archs, &joined.left, &joined.right)?;
    let unmatched = joined.only_left + joined.only_right;
    if unmatched > 0 {
        eprintln!("{unmatched} architectures are in one of the two tables only and left out");
    }
    if json {
        return print_json(&report);
    }
    print(&format!("scores: {}\ntruth: {}\n{report}", scores.title(), truth.title()))
}

/// A space with its published skeleton: costs are those of the benchmark's networks.
fn space(name: &str) -> Result<Arc<dyn Space>, Failure> {
    Ok(BuiltinSpace::default_for(name).map_err(PipelineError::from)?.space())
}
