//! Runs that several processes share: launching, working, looking.

use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use fewshot_guard::{counted, printable};
use fewshot_nas::device;
use fewshot_nas::experiments::{self, ExperimentError, Recipe, Session};
use fewshot_nas::recipe::{CommonRecipe, LaunchRecipe};
use fewshot_nas::run::{
    InProcess, Installed, Interrupt, Launcher, LocalWorkers, Patience, Progress, Queue, Requeued, RunReader, SlurmJobs,
    SlurmSettings, StageState, StageStatus, Survey, WorkerSeat, is_interrupted, requeue_this_job,
};
use serde_json::{Value, json};

use super::outcome::shown;
use super::queue::{self, LastSeen, Shown};
use super::series::Series;
use super::{print, print_json, use_threads};
use crate::args::{LaunchArgs, StatusArgs, Where, WorkArgs};
use crate::console::say;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// A job that its time limit ends goes on in another one, so often.
const MOST_REQUEUES: u32 = 20;
/// Lines of a log that are shown of a stage that failed.
const LOG_LINES: usize = 5;
/// How often `--watch` looks.
const WATCH_EVERY: Duration = Duration::from_secs(2);

/// The launcher that was asked for, for workers of a run of this recipe whose tensors live on `device`.
///
/// # Errors
/// When flags are given that only another launcher has.
pub fn launcher(args: &LaunchArgs, device: &str, recipe: &CommonRecipe) -> Result<Box<dyn Launcher>, Failure> {
    let of_one = [
        ("--workers", args.workers.is_some(), Where::Local, "local"),
        ("--sbatch-args", !args.sbatch_args.is_empty(), Where::Slurm, "slurm"),
        ("--prologue", !args.prologue.is_empty(), Where::Slurm, "slurm"),
        ("--wrapper", args.wrapper.is_some(), Where::Slurm, "slurm"),
    ];
    if let Some((flag, .., name)) = of_one.into_iter().find(|(_, is_given, of, _)| *is_given && args.launch != *of) {
        return Err(Failure::Usage(format!("{flag} is for --launch {name}: add that, or leave it out")));
    }
    let program = std::env::current_exe()?;
    let device = device.to_string();
    let cores = || available_parallelism().map_or(1, usize::from);
    Ok(match args.launch {
        Where::Here => Box::new(InProcess),
        Where::Local => {
            let workers = args.workers.map_or_else(cores, |workers| workers as usize);
            let threads = if recipe.threads == 0 { cores() } else { recipe.threads };
            let command = move |seat: &WorkerSeat<'_>| {
                let mut command = Command::new(&program);
                command.arg("work").arg(seat.run).arg("--with-parent").arg("--log").arg(seat.log);
                command.arg("--threads").arg((threads / seat.workers).max(1).to_string()).args(["--device", &device]);
                command
            };
            Box::new(LocalWorkers::new(workers, Patience::default(), command))
        }
        Where::Slurm => {
            let settings = slurm_settings(args, &recipe.launch)?;
            let command = move |run: &Path| {
                let words = [&program.display().to_string(), "work", &run.display().to_string(), "--device", &device];
                words.map(str::to_string).to_vec()
            };
            Box::new(SlurmJobs::new(settings, Patience::default(), &Installed::PATIENT, command))
        }
    })
}

/// How jobs are submitted, as the recipe and then the flags say it.
fn slurm_settings(args: &LaunchArgs, recipe: &LaunchRecipe) -> Result<SlurmSettings, Failure> {
    // Of two that say the same the later one counts.
    let mut sbatch_args = recipe.sbatch_args();
    for text in &args.sbatch_args {
        sbatch_args.extend(words("--sbatch-args", text)?);
    }
    let wrapper = match &args.wrapper {
        Some(text) => words("--wrapper", text)?,
        None => recipe.wrapper.clone(),
    };
    let settings = SlurmSettings {
        sbatch_args,
        prologue: recipe.prologue.iter().chain(&args.prologue).cloned().collect(),
        wrapper,
        stages_per_task: (recipe.stages_per_task > 0).then_some(recipe.stages_per_task),
        ..SlurmSettings::default()
    };
    settings.check().map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(settings)
}

/// The words of a flag's value, as a shell splits them.
fn words(flag: &str, text: &str) -> Result<Vec<String>, Failure> {
    let hint = || format!("{flag} `{text}`: a quote that begins there does not end, or nothing follows the last \\");
    shlex::split(text).ok_or_else(|| Failure::Usage(hint()))
}

/// Works on stages of a run as one of several processes.
pub fn work(args: WorkArgs) -> Result<(), Failure> {
    let recipe = RunReader::open(&args.run)?.recipe::<Recipe>()?.checked().map_err(ExperimentError::from)?;
    // Whoever asked for no number of cores got some all the same.
    let of_job = ["SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"];
    let of_job = of_job.into_iter().find_map(|name| std::env::var(name).ok()?.parse::<usize>().ok());
    let threads = args.threads.map(|threads| threads as usize).or(of_job).unwrap_or(recipe.common.threads);
    use_threads(threads)?;
    let device = device::by_name(&args.device).map_err(|error| Failure::Usage(error.to_string()))?;
    let terminal = Arc::new(Terminal::new());
    let heard = Arc::clone(&terminal);
    let interrupt = Interrupt::install(move |line| heard.line(line))?;
    interrupt.heed_time_limit()?;
    if args.with_parent {
        let asked = interrupt.clone();
        let wait = move || {
            // Whether it ends or fails: nobody is there any more.
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            asked.request();
        };
        std::thread::Builder::new().name(String::from("parent")).spawn(wait)?;
    }
    let names: Vec<&str> = args.stage.iter().map(String::as_str).collect();
    let named = (!names.is_empty()).then_some(names.as_slice());
    let session = Session::new(device, &interrupt, terminal.as_ref());
    let worked = experiments::work(&args.run, named, args.log.as_deref(), &session);
    if let Err(error) = &worked
        && is_interrupted(error)
        && interrupt.is_limited()
    {
        let anew = "the driver, or `fewshot resume`, submits it anew";
        say(match requeue_this_job(&Installed::PATIENT, MOST_REQUEUES) {
            Requeued::Yes => String::from("the time of this job is up: it is queued again"),
            Requeued::NoJob => String::from("the time of this process is up"),
            Requeued::Spent { times } => {
                format!("the time of this job is up, and it was queued again {times} times: {anew}")
            }
            Requeued::Not { why } => format!("the time of this job is up, and it is not queued again ({why}): {anew}"),
        });
    }
    Ok(worked?)
}

/// Shows how the stages of a run stand, or those of each run of a series.
pub fn status(args: StatusArgs) -> Result<(), Failure> {
    let series = Series::within(&args.run);
    let folders = series.as_ref().map_or_else(|| vec![args.run.clone()], |series| series.runs.clone());
    let mut runs = folders.iter().map(|folder| Watched::open(folder)).collect::<Result<Vec<_>, _>>()?;
    loop {
        let seen = runs.iter_mut().map(Watched::look).collect::<Result<Vec<_>, _>>()?;
        if args.json {
            let objects: Vec<Value> = seen.iter().map(Look::object).collect();
            return match (&series, objects.first()) {
                (None, Some(only)) => print_json(only),
                (Some(series), _) => print_json(&series.object(&objects)),
                (None, None) => Ok(()),
            };
        }
        print(&text(&seen, series.as_ref()))?;
        if !args.watch || seen.iter().all(Look::is_done) {
            return Ok(());
        }
        print("")?;
        std::thread::sleep(WATCH_EVERY);
    }
}

/// A run that is looked at, again and again.
struct Watched {
    run: RunReader,
    survey: Survey,
    queue: LastSeen,
}

impl Watched {
    fn open(folder: &Path) -> Result<Self, Failure> {
        let run = RunReader::open(folder)?;
        Ok(Self { run, survey: Survey::new(Patience::default()), queue: LastSeen::default() })
    }

    fn look(&mut self) -> Result<Look<'_>, Failure> {
        let Self { run, survey, queue } = self;
        // Before the folder, which is right: what has ended since is seen there.
        let queue = queue.look(run)?;
        Ok(Look { run, stages: survey.look_on(run)?, queue })
    }
}

/// How a run stands.
struct Look<'a> {
    run: &'a RunReader,
    stages: Vec<StageStatus>,
    queue: &'a Queue,
}

impl Look<'_> {
    fn is_done(&self) -> bool {
        !self.stages.is_empty() && self.stages.iter().all(|stage| stage.state == StageState::Done)
    }

    fn object(&self) -> Value {
        let stages: Vec<Shown<'_>> = self.stages.iter().map(|stage| Shown::new(stage, self.queue)).collect();
        json!({ "run": self.run.path(), "stages": stages, "queue": self.queue })
    }
}

/// The tables of all runs that are looked at, each under its folder where they are a series.
fn text(seen: &[Look<'_>], series: Option<&Series>) -> String {
    let Some(series) = series else { return seen.iter().map(table).collect() };
    let tables = seen.iter().map(|look| format!("{}\n{}", shown(look.run.path()), table(look)));
    tables.chain(series.lacks()).collect::<Vec<_>>().join("\n\n")
}

/// A line per stage, and what the log says of those that failed.
fn table(Look { run, stages, queue }: &Look<'_>) -> String {
    if stages.is_empty() {
        return String::from("no stage has begun yet");
    }
    let width = stages.iter().map(|stage| stage.name.len()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for stage in stages {
        let (word, rest) = in_words(stage);
        let job = Shown::new(stage, queue).job_in_words();
        let rest =
            [Some(rest).filter(|rest| !rest.is_empty()), job].into_iter().flatten().collect::<Vec<_>>().join("; ");
        lines.push(format!("{:width$}  {word:8}{rest}", stage.name).trim_end().to_string());
        if let StageState::Failed { claim, .. } = &stage.state {
            let log = claim.holder.log.as_ref().map(|log| run.path().join(log));
            lines.extend(log.iter().flat_map(|log| last_lines(log)).map(|line| format!("{:width$}    | {line}", "")));
        }
    }
    let count = |is_counted: fn(&StageState) -> bool| stages.iter().filter(|stage| is_counted(&stage.state)).count();
    let (done, working) =
        (count(|state| *state == StageState::Done), count(|state| matches!(state, StageState::Working { .. })));
    lines.push(format!("{done} of {} done, {working} being worked on", counted(stages.len(), "stage")));
    lines.extend(queue::in_words(queue));
    lines.join("\n")
}

fn in_words(stage: &StageStatus) -> (&'static str, String) {
    let attempt = |attempts: u64| if attempts > 1 { format!(", attempt {attempts}") } else { String::new() };
    match &stage.state {
        StageState::Done => ("done", String::new()),
        StageState::Begun => ("begun", String::from("by a process that has the whole run, or had it")),
        StageState::Ready { attempts: 0 } => ("ready", String::new()),
        StageState::Ready { attempts } => ("ready", format!("cut, after {}", counted(attempts, "attempt"))),
        StageState::Working { claim, attempts } => {
            let who = printable::line(&claim.holder.in_words()).to_string();
            ("working", format!("{who} since {}{}", printable::line(&claim.since), attempt(*attempts)))
        }
        StageState::Failed { claim, attempts } => {
            let note = claim.note.as_deref().unwrap_or("no word of why");
            ("failed", format!("{}{}", printable::line(note), attempt(*attempts)))
        }
        StageState::Waiting { on } => {
            let more = if on.len() > 3 { format!(" and {} more", on.len() - 3) } else { String::new() };
            ("waiting", format!("for {}{more}", on.iter().take(3).cloned().collect::<Vec<_>>().join(", ")))
        }
    }
}

fn last_lines(log: &Path) -> Vec<String> {
    // A log that is not there says nothing.
    let text = fewshot_guard::read_file(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].iter().map(|line| printable::line(line).to_string()).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        launch: LaunchArgs,
    }

    fn settings(recipe: &LaunchRecipe, flags: &[&str]) -> Result<SlurmSettings, String> {
        let flags = Flags::parse_from(["", "--launch", "slurm"].iter().chain(flags));
        slurm_settings(&flags.launch, recipe).map_err(|failure| failure.to_string())
    }

    #[test]
    fn flags_are_read_as_a_shell_does_and_come_behind_the_recipe() {
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let recipe = LaunchRecipe {
            cpus: 4,
            at_once: 9,
            stages_per_task: 3,
            prologue: texts(&["module load a"]),
            wrapper: texts(&["apptainer", "exec", "image.sif"]),
            ..Default::default()
        };
        let of_recipe = settings(&recipe, &[]).unwrap();
        assert_eq!(of_recipe.sbatch_args, ["--cpus-per-task=4", "--array=%9"]);
        assert_eq!(of_recipe.stages_per_task, Some(3));
        assert_eq!(of_recipe.wrapper, recipe.wrapper);
        let quoted = "--comment='two words' --mem=\"4 G\"";
        let flags = ["--sbatch-args", quoted, "--sbatch-args", "-a %2", "--prologue", "x='1", "--wrapper", "run 'b c'"];
        let both = settings(&recipe, &flags).unwrap();
        let behind = ["--comment=two words", "--mem=4 G", "-a", "%2"];
        assert_eq!(both.sbatch_args[2..], behind);
        assert_eq!(both.prologue, ["module load a", "x='1"], "lines are the job's shell's");
        assert_eq!(both.wrapper, ["run", "b c"]);
        assert!(settings(&recipe, &["--wrapper", ""]).unwrap().wrapper.is_empty());
        for flags in [["--sbatch-args", "--comment='two words"], ["--wrapper", "run \\"]] {
            let error = settings(&recipe, &flags).unwrap_err();
            assert!(error.contains(flags[0]) && error.contains(flags[1]) && error.contains("does not end"), "{error}");
        }
        let error = settings(&recipe, &["--sbatch-args", "--array=0-9%4"]).unwrap_err();
        assert!(error.contains("`--array=0-9%4`") && error.contains("`--array=%4`"), "{error}");
    }
}
