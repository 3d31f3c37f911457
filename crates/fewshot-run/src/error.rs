//! The errors of runs. Each prints as one line that names the thing and says what to do.

use std::error::Error;
use std::path::Path;

use super::checkpoint_error::CheckpointError;
use super::file_error::FileError;
use super::interrupt::Interrupted;
use super::log::LogError;
use super::spread::SpreadError;
use super::toml_file::TomlError;

/// What the body of a stage may fail with: any error that can cross threads.
///
/// A body that stops because [`super::Interrupt`] was requested returns an error that is, or has
/// somewhere in its `source()` chain, [`Interrupted`].
pub type StageError = Box<dyn Error + Send + Sync>;

/// A set of stages that is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Stage names are folder names too, so they are kept plain.
    #[error("stage name `{name}`: use 1 to 80 of the characters a-z, 0-9, `-`, `_`, the first a letter or digit")]
    Name {
        /// The name as given.
        name: String,
    },
    /// Two stages share a name.
    #[error("two stages are named `{name}`: give each its own name")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// A stage waits for one that is not there.
    #[error("stage `{stage}` waits for `{input}`, which is no stage of this plan (stages: {known})")]
    UnknownInput {
        /// The waiting stage.
        stage: String,
        /// The name that it waits for.
        input: String,
        /// The names that there are, separated by commas.
        known: String,
    },
    /// Stages wait for each other in a circle.
    #[error("stages wait for each other in a circle: {}", circle.join(" <- "))]
    Cycle {
        /// The circle: each waits for the next, and the last is the first again.
        circle: Vec<String>,
    },
    /// An output's name would leave the stage's folder or hide a file of the run's own.
    #[error("stage `{stage}`: output `{output}` must be a plain file name, and not `done.json`")]
    Output {
        /// The stage.
        stage: String,
        /// The output as given.
        output: String,
    },
}

/// A run could not be made, opened or carried on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Reading or writing failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A checkpoint could not be read, written or used.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A line file could not be read or written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// `run.toml` or a recipe is not what it should be.
    #[error(transparent)]
    Toml(#[from] TomlError),
    /// The stages given are no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Several processes share the run, and that went wrong.
    #[error(transparent)]
    Spread(#[from] SpreadError),
    /// The folder of a new run already holds a run.
    #[error("`{path}` already holds a run: go on with it by `fewshot resume {path}`, or choose another folder")]
    Exists {
        /// The run.
        path: String,
    },
    /// The folder of a new run holds something else.
    #[error("`{path}` is not empty (it holds `{found}`) and is no run: choose a new or empty folder")]
    NotEmpty {
        /// The folder.
        path: String,
        /// One of the things in it.
        found: String,
    },
    /// There is no run in the folder.
    #[error("`{path}` is no run: it has no `run.toml` ({})", instead(runs))]
    NotARun {
        /// The folder.
        path: String,
        /// Names of the runs that lie in it.
        runs: Vec<String>,
    },
    /// The run was written by a newer program.
    #[error(
        "`{path}` has format {found}, written by fewshot {program}; this program knows format {known}: use the newer program"
    )]
    NewerFormat {
        /// The run, or a file of it.
        path: String,
        /// Its format.
        found: u32,
        /// The format of this program.
        known: u32,
        /// The program version that wrote it, as it says itself.
        program: String,
    },
    /// The run was written by an older program whose format is no longer read.
    #[error(
        "`{path}` has run format {found}, written by fewshot {program}; this program reads only format {known}: go on with that version, or begin a new run in another folder"
    )]
    OlderFormat {
        /// The run.
        path: String,
        /// Its format.
        found: u32,
        /// The format of this program.
        known: u32,
        /// The program version that wrote it, as it says itself.
        program: String,
    },
    /// Another process holds the run's lock.
    #[error("`{path}` is in use by {holder}: wait for it, or stop it first")]
    InUse {
        /// The run.
        path: String,
        /// The process id in it, where it could be read.
        pid: Option<u32>,
        /// The same in words: "process 123" or "another process".
        holder: String,
    },
    /// The settings cannot be written as TOML.
    #[error("the settings of the run cannot be written as TOML: {reason}")]
    Unwritable {
        /// What the TOML writer said.
        reason: String,
    },
    /// The images are not those that the run began with.
    #[error(
        "the {what} changed since `{path}` began (fingerprint {found}, was {expected}): bring back the old data, say where it is (`fewshot resume {path} --data PATH`, or `--truth FILE` for a table), or begin a new run"
    )]
    DataChanged {
        /// What changed.
        what: &'static str,
        /// The run.
        path: String,
        /// The fingerprint written in `run.toml`.
        expected: String,
        /// The fingerprint of the data now.
        found: String,
    },
    /// `run.toml` was edited after the first start.
    #[error(
        "`{path}` was changed after the run began, and the stages done so far followed the old settings: undo the change, or begin a new run"
    )]
    SettingsChanged {
        /// The `run.toml`.
        path: String,
    },
    /// The program now wants other stages than those the run began with.
    #[error(
        "`{path}` was begun with other stages ({difference}): go on with the program version that began it ({program}), or begin a new run"
    )]
    PlanChanged {
        /// The run.
        path: String,
        /// The first difference in words.
        difference: String,
        /// The program version that began the run.
        program: String,
    },
    /// A JSON file of the run is damaged.
    #[error("`{path}` is damaged ({reason}): {advice}")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
        /// What to do.
        advice: String,
    },
    /// A stage that is done lacks a file that it left.
    #[error(
        "stage `{stage}` is done but its file `{path}` is gone: bring it back, or delete the folder `{folder}` to repeat the stage"
    )]
    MissingOutput {
        /// The stage.
        stage: String,
        /// The file.
        path: String,
        /// The stage's folder.
        folder: String,
    },
    /// A stage ended without one of the files that it promised.
    #[error("stage `{stage}` ended without its output `{output}`: this is a fault of the program")]
    OutputNotMade {
        /// The stage.
        stage: String,
        /// The file name.
        output: String,
    },
    /// A name that is no stage of the plan.
    #[error("`{name}` is no stage of this run (stages: {known})")]
    UnknownStage {
        /// The name as asked for.
        name: String,
        /// The names that there are, separated by commas.
        known: String,
    },
    /// A stage was asked for before its inputs were done.
    #[error("stage `{stage}` cannot run yet: it waits for `{input}`; run that stage first")]
    NotReady {
        /// The stage.
        stage: String,
        /// An input that is not done.
        input: String,
    },
    /// A stage read an input, or an input's file, that it did not declare.
    #[error("stage `{stage}` reads `{input}`, which it did not declare: this is a fault of the program")]
    Undeclared {
        /// The stage.
        stage: String,
        /// What it read: the name of a stage, or `stage/file`.
        input: String,
    },
    /// A stage's input has a form that the stage cannot use.
    #[error(
        "stage `{stage}` cannot use the value of its input `{input}`: {reason}; the run was written by another version of the program"
    )]
    InputForm {
        /// The stage.
        stage: String,
        /// The input.
        input: String,
        /// What the reader said.
        reason: String,
    },
    /// A stage's own error.
    #[error("stage `{stage}`: {source}")]
    Stage {
        /// The stage.
        stage: String,
        /// What its body returned.
        source: StageError,
    },
    /// The run was stopped by Ctrl-C or SIGTERM, its state saved.
    #[error("interrupted: what is done is saved, go on with `fewshot resume {run}`")]
    Interrupted {
        /// The run.
        run: String,
        /// The mark that [`super::is_interrupted`] looks for.
        source: Interrupted,
    },
}

/// What to give for a folder that is no run.
fn instead(runs: &[String]) -> String {
    const SHOWN: usize = 8;
    let more = if runs.len() > SHOWN { format!(" and {} more", runs.len() - SHOWN) } else { String::new() };
    match runs {
        [] => String::from("give the folder that `fewshot search --out` made, or begin one there"),
        _ => format!(
            "give one of those in it: {}{more}",
            runs.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ")
        ),
    }
}

impl RunError {
    /// The stop of this run.
    pub(super) fn interrupted(run: &Path) -> Self {
        Self::Interrupted { run: run.display().to_string(), source: Interrupted }
    }
}
