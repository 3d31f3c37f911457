//! The script of a job array, and how it is submitted.

use super::super::sharing::LOGS;
use super::arguments::Arguments;
use super::settings::SlurmSettings;
use crate::spread::SpreadError;

/// One job array: tasks, each of which works on some stages, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Array<'a> {
    /// Like no other job's.
    pub(super) name: &'a str,
    pub(super) tasks: &'a [Vec<String>],
    /// Tasks of other arrays that must have ended well, as `ARRAY_TASK`.
    pub(super) after: &'a [String],
}

/// The script: the task's stages, lines of the user's, and the worker, or what runs it, in place of the shell, so that signals reach it.
/// `command` is the worker's without its stages and its log.
pub(super) fn script(array: &Array<'_>, command: &[String], settings: &SlurmSettings) -> String {
    let mut lines = vec![
        String::from("#!/bin/bash"),
        String::from("# Written by fewshot. What is done is told by the run's folder, not by how this ends."),
        // The stages of each task. Their names are of a-z, 0-9, - and _ alone.
        String::from("stages=("),
    ];
    lines.extend(array.tasks.iter().map(|stages| format!("  '{}'", stages.join(" "))));
    lines.push(String::from(")"));
    lines.push(String::from("task=${SLURM_ARRAY_TASK_ID:?this is no task of an array}"));
    lines.extend(settings.prologue.iter().cloned());
    lines.push(String::from("arguments=()"));
    lines.push(String::from("for stage in ${stages[$task]}; do arguments+=(--stage \"$stage\"); done"));
    let words: Vec<String> = settings.wrapper.iter().chain(command).map(|word| quoted(word)).collect();
    let log = format!("{}/{}.$task.log", LOGS, array.name);
    lines.push(format!("exec {} --log \"{log}\" \"${{arguments[@]}}\"", words.join(" ")));
    lines.join("\n") + "\n"
}

/// The arguments of `sbatch`. Those of the user come first, since of two that say the same the later one counts.
///
/// # Errors
/// As [`SlurmSettings::check`].
pub(super) fn submission(array: &Array<'_>, run: &str, settings: &SlurmSettings) -> Result<Vec<String>, SpreadError> {
    let Arguments { words: mut arguments, at_once } = Arguments::read(&settings.sbatch_args)?;
    let at_once = at_once.map(|number| format!("%{number}")).unwrap_or_default();
    arguments.extend([
        String::from("--parsable"),
        format!("--job-name={}", array.name),
        format!("--array=0-{}{at_once}", array.tasks.len().saturating_sub(1)),
        format!("--chdir={run}"),
        // Within that folder: where a machine does not see it, the job fails instead of working elsewhere.
        format!("--output={}/{}.%a.log", LOGS, array.name),
        String::from("--open-mode=append"),
        String::from("--requeue"),
        // To the worker, which has taken the place of the batch shell.
        format!("--signal=B:USR1@{}", settings.grace.as_secs()),
    ]);
    if !array.after.is_empty() {
        // Each task by its name: an array of which a task ever failed never satisfies, even if that was tried again.
        arguments.push(format!("--dependency=afterok:{}", array.after.join(":")));
        arguments.push(String::from("--kill-on-invalid-dep=yes"));
    }
    Ok(arguments)
}

/// A word as the shell reads it back.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_task_becomes_the_worker_on_its_stages() {
        let tasks = [vec![String::from("child-0"), String::from("child-1")], vec![String::from("child-2")]];
        let array = Array { name: "fewshot-a-1", tasks: &tasks, after: &[] };
        let command = ["printf", "<%s>", "it's $HOME"].map(String::from);
        let prologue = ["echo ready", "export PLACE=\"in a container\""].map(String::from).to_vec();
        let mut settings = SlurmSettings { prologue, ..SlurmSettings::default() };
        let text = script(&array, &command, &settings);
        let said = |text: &str, task: Option<&str>| {
            let mut shell = Command::new("bash");
            shell.args(["-c", text]).env_remove("SLURM_ARRAY_TASK_ID");
            task.map(|task| shell.env("SLURM_ARRAY_TASK_ID", task));
            let output = shell.output().unwrap();
            (output.status.success(), String::from_utf8(output.stdout).unwrap())
        };
        let expected = "ready\n<it's $HOME><--log><logs/fewshot-a-1.0.log><--stage><child-0><--stage><child-1>";
        assert_eq!(said(&text, Some("0")), (true, expected.to_owned()));
        let expected = "ready\n<it's $HOME><--log><logs/fewshot-a-1.1.log><--stage><child-2>";
        assert_eq!(said(&text, Some("1")), (true, expected.to_owned()));
        assert_eq!(said(&text, None), (false, String::new()));
        // What runs the worker gets its words as they are, and what the lines before it set.
        settings.wrapper = ["sh", "-c", "printf '%s: ' \"$PLACE\" && exec \"$@\"", "$HOME"].map(String::from).to_vec();
        let expected = "ready\nin a container: <it's $HOME><--log><logs/fewshot-a-1.1.log><--stage><child-2>";
        assert_eq!(said(&script(&array, &command, &settings), Some("1")), (true, expected.to_owned()));
    }

    #[test]
    fn what_is_needed_wins_over_what_the_user_says() {
        let tasks = vec![vec![String::from("a")]; 3];
        let after = ["7_0", "7_2"].map(String::from);
        let array = Array { name: "n", tasks: &tasks, after: &after };
        let sbatch_args = ["--partition=gpu", "--job-name=mine"].map(String::from).to_vec();
        let mut settings = SlurmSettings { sbatch_args, ..SlurmSettings::default() };
        let arguments = submission(&array, "/runs/a", &settings).unwrap();
        assert_eq!(arguments[0], "--partition=gpu");
        let last = arguments.iter().rfind(|argument| argument.starts_with("--job-name=")).unwrap();
        assert_eq!(last, "--job-name=n");
        for wanted in ["--array=0-2", "--open-mode=append", "--dependency=afterok:7_0:7_2", "--chdir=/runs/a"] {
            assert!(arguments.iter().any(|argument| argument == wanted), "{wanted}: {arguments:?}");
        }
        let first = submission(&Array { after: &[], ..array.clone() }, "/runs/a", &settings).unwrap();
        assert!(!first.iter().any(|argument| argument.contains("dep")), "{first:?}");
        // Which tasks there are is ours to say, how many run at once is not.
        settings.sbatch_args.extend(["-a", "%2"].map(String::from));
        let arguments = submission(&array, "/runs/a", &settings).unwrap();
        let arrays = |argument: &&String| argument.starts_with("--array") || argument.starts_with("-a");
        assert_eq!(arguments.iter().filter(arrays).collect::<Vec<_>>(), ["--array=0-2%2"]);
    }
}
