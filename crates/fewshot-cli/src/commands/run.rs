//! Runs begun, gone on with and shown, whatever they do.

use std::path::PathBuf;
use std::sync::Arc;

use fewshot_nas::device;
use fewshot_nas::experiments::{self, CheckedRecipe, ExperimentError, Moved, Outcome, Recipe, Session};
use fewshot_nas::run::{Interrupt, Launcher, Progress, RunReader};

use super::launch::launcher;
use super::outcome::{end, shown};
use super::{print, use_threads};
use crate::args::{ReportArgs, ResumeArgs, RunArgs};
use crate::console::say;
use crate::failure::Failure;
use crate::report;
use crate::terminal::Terminal;

/// The settings of a run, in its folder.
pub(super) const RUN_FILE: &str = "run.toml";

pub fn resume(args: ResumeArgs) -> Result<(), Failure> {
    let recipe = RunReader::open(&args.run)?.recipe::<Recipe>()?.checked().map_err(ExperimentError::from)?;
    use_threads(recipe.common.threads)?;
    let moved = Moved { data: args.data, truth: args.truth };
    let launcher = launcher(&args.launch, &args.device, &recipe.common)?;
    let outcome =
        in_session(&args.device, launcher.as_ref(), |session| experiments::resume(&args.run, &moved, session))?;
    end(&outcome, &args.run, args.json)
}

pub fn report(args: ReportArgs) -> Result<(), Failure> {
    let path = report::write(&args.run, args.out.as_deref())?;
    print(&shown(&path))
}

pub(super) fn begin(recipe: CheckedRecipe, args: &RunArgs) -> Result<(), Failure> {
    let kind = || format!("{:?}", recipe.kind()).to_lowercase();
    let out = args.out.clone().unwrap_or_else(|| fresh_folder(&kind()));
    let launcher = launcher(&args.launch, &args.device, &recipe.common)?;
    use_threads(recipe.common.threads)?;
    say(format_args!("run: {}", out.display()));
    let started = in_session(&args.device, launcher.as_ref(), |session| experiments::start(recipe, &out, session));
    let outcome = started.inspect_err(|_| {
        if out.join(RUN_FILE).exists() {
            say(format_args!("what is done is kept: `fewshot resume {}` goes on", out.display()));
        }
    })?;
    end(&outcome, &out, args.json)
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

/// `runs/KIND-N` with the first free N.
pub(super) fn fresh_folder(what: &str) -> PathBuf {
    let mut number = 1;
    loop {
        let folder = PathBuf::from(format!("runs/{what}-{number}"));
        if !folder.exists() {
            return folder;
        }
        number += 1;
    }
}
