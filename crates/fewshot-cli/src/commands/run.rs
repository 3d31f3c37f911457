//! Runs begun, gone on with and shown, whatever they do.

use std::path::PathBuf;
use std::sync::Arc;

use fewshot_nas::device;
use fewshot_nas::experiments::{self, CheckedRecipe, ExperimentError, Moved, Outcome, Recipe, Session};
use fewshot_nas::run::{Interrupt, Launcher, Progress, RunReader};

use super::folders::{fresh_folder, is_run};
use super::launch::launcher;
use super::outcome::{end, shown};
use super::series::Series;
use super::{print, use_threads};
use crate::args::{ReportArgs, ResumeArgs, RunArgs};
use crate::console::say;
use crate::failure::Failure;
use crate::report;
use crate::terminal::Terminal;

pub fn resume(args: ResumeArgs) -> Result<(), Failure> {
    let Some(series) = Series::within(&args.run) else { return end(&resumed(&args)?, &args.run, args.json) };
    let mut told = series.told(args.json);
    for run in &series.runs {
        say(format_args!("run: {}", run.display()));
        told.tell(run, &resumed(&ResumeArgs { run: run.clone(), ..args.clone() })?)?;
    }
    series.lacks().iter().for_each(say);
    told.end()
}

/// Goes on with a run to its end.
pub fn resumed(args: &ResumeArgs) -> Result<Outcome, Failure> {
    let recipe = RunReader::open(&args.run)?.recipe::<Recipe>()?.checked().map_err(ExperimentError::from)?;
    use_threads(recipe.common.threads)?;
    let moved = Moved { data: args.data.clone(), truth: args.truth.clone() };
    let launcher = launcher(&args.launch, &args.device, &recipe.common)?;
    in_session(&args.device, launcher.as_ref(), |session| experiments::resume(&args.run, &moved, session))
}

pub fn report(args: ReportArgs) -> Result<(), Failure> {
    let Some(series) = Series::within(&args.run) else {
        return print(&shown(&report::write(&args.run, args.out.as_deref())?));
    };
    if args.out.is_some() {
        let hint = format!("--out is for the page of one run, and these are several: name one of {}", series.named());
        return Err(Failure::Usage(hint));
    }
    series.runs.iter().try_for_each(|run| print(&shown(&report::write(run, None)?)))
}

/// Begins a run, takes it to its end, and tells what that is.
pub fn begin(recipe: CheckedRecipe, args: &RunArgs) -> Result<(), Failure> {
    let (out, outcome) = begun(recipe, args)?;
    end(&outcome, &out, args.json)
}

/// Begins a run and takes it to its end; where, and what that is.
pub fn begun(recipe: CheckedRecipe, args: &RunArgs) -> Result<(PathBuf, Outcome), Failure> {
    let kind = || format!("{:?}", recipe.kind()).to_lowercase();
    let out = args.out.clone().unwrap_or_else(|| fresh_folder(&kind()));
    let launcher = launcher(&args.launch, &args.device, &recipe.common)?;
    use_threads(recipe.common.threads)?;
    say(format_args!("run: {}", out.display()));
    let started = in_session(&args.device, launcher.as_ref(), |session| experiments::start(recipe, &out, session));
    let outcome = started.inspect_err(|_| {
        if is_run(&out) {
            say(format_args!("what is done is kept: `fewshot resume {}` goes on", out.display()));
        }
    })?;
    Ok((out, outcome))
}

fn in_session(
    device: &str,
    launcher: &dyn Launcher,
    work: impl FnOnce(&Session<'_>) -> Result<Outcome, ExperimentError>,
) -> Result<Outcome, Failure> {
    let device = device::by_name(device).map_err(|error| Failure::Usage(error.to_string()))?;
    let terminal = Arc::new(Terminal::new());
    let heard = Arc::clone(&terminal);
    let interrupt = Interrupt::install(move |line| heard.line(line))?;
    Ok(work(&Session::new(device, &interrupt, terminal.as_ref()).launched_by(launcher))?)
}
