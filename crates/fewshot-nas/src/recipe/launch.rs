//! Where the stages of a run are worked on: into how many its work is cut, and what a cluster is asked for.

use serde::{Deserialize, Serialize};

use crate::train::ConfigError;

/// Most stages that one stage is cut into.
const MOST_SHARDS: usize = 1000;
/// More graphics processors or cores than any machine has.
const MOST_UNITS: u32 = 4096;

/// More tasks than any array has.
const MOST_AT_ONCE: u32 = 100_000;
/// Most lines or words that jobs get, and characters of each.
const MOST_LINES: (usize, usize) = (50, 1000);

/// How a run is spread. Its numbers do not depend on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LaunchRecipe {
    /// Stages that each stage is cut into whose work is many trainings that need nothing of each other (the networks of a truth, the
    /// supernets of an arm), to 1000; 0: none, or, where the run begins with workers or jobs, 64. A run keeps it.
    #[serde(skip_serializing_if = "is_none")]
    pub shards: usize,
    /// Partition of the cluster; empty: the cluster's default, here as in what follows.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub partition: String,
    /// Account that the jobs' time is put down to.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub account: String,
    /// Quality of service.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub qos: String,
    /// Time limit of each job, as Slurm writes it: `4:00:00`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub time: String,
    /// Memory of each job: `16G`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub memory: String,
    /// Features that its machine must have.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub constraint: String,
    /// Graphics processors of each job, to 4096.
    #[serde(skip_serializing_if = "is_zero")]
    pub gpus: u32,
    /// Cores of each job, which are its threads too, to 4096.
    #[serde(skip_serializing_if = "is_zero")]
    pub cpus: u32,
    /// Tasks of one array that run at once, to 100,000; 0: as many as the cluster lets.
    #[serde(skip_serializing_if = "is_zero")]
    pub at_once: u32,
    /// Stages that one task works on, one after the other, to 1000; 0: as many as fill five minutes.
    #[serde(skip_serializing_if = "is_none")]
    pub stages_per_task: usize,
    /// Lines of the job's script before its work, which its shell runs: `module load ..`, `export ..`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prologue: Vec<String>,
    /// Words before the command of the job's worker: `["apptainer", "exec", "image.sif"]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wrapper: Vec<String>,
}

impl LaunchRecipe {
    /// Whether it says nothing.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What it asks a Slurm cluster for, as arguments of `sbatch`.
    pub fn sbatch_args(&self) -> Vec<String> {
        let words = self.words().into_iter().filter(|(_, _, word)| !word.is_empty());
        let words = words.map(|(_, option, word)| format!("--{option}={word}"));
        let gpus = (self.gpus > 0).then(|| format!("--gres=gpu:{}", self.gpus));
        let cpus = (self.cpus > 0).then(|| format!("--cpus-per-task={}", self.cpus));
        let at_once = (self.at_once > 0).then(|| format!("--array=%{}", self.at_once));
        words.chain(gpus).chain(cpus).chain(at_once).collect()
    }

    /// Key, option of `sbatch`, value.
    fn words(&self) -> [(&'static str, &'static str, &str); 6] {
        [
            ("partition", "partition", &self.partition),
            ("account", "account", &self.account),
            ("qos", "qos", &self.qos),
            ("time", "time", &self.time),
            ("memory", "mem", &self.memory),
            ("constraint", "constraint", &self.constraint),
        ]
    }

    /// Checks ranges, and that no value is more than a value.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let fail = |key, value: String, allowed| Err(ConfigError { key, value, allowed });
        if self.shards > MOST_SHARDS {
            return fail("shards", self.shards.to_string(), "0 (none, or 64 with --launch) to 1000");
        }
        if self.stages_per_task > MOST_SHARDS {
            return fail(
                "stages_per_task",
                self.stages_per_task.to_string(),
                "0 (as many as fill five minutes) to 1000",
            );
        }
        if self.at_once > MOST_AT_ONCE {
            return fail("at_once", self.at_once.to_string(), "0 (as many as the cluster lets) to 100000");
        }
        for (key, count) in [("gpus", self.gpus), ("cpus", self.cpus)] {
            if count > MOST_UNITS {
                return fail(key, count.to_string(), "0 (the cluster's default) to 4096");
            }
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.:,-&|*[]()".contains(c);
        for (key, _, word) in self.words() {
            if word.len() > 200 || word.starts_with('-') || !word.chars().all(is_plain) {
                return fail(key, format!("{word:?}"), "letters, digits and _.:,-&|*[]() alone, to 200 of them");
            }
        }
        let (most, longest) = MOST_LINES;
        for (key, lines) in [("prologue", &self.prologue), ("wrapper", &self.wrapper)] {
            if lines.len() > most {
                return fail(key, format!("{} of them", lines.len()), "to 50 texts");
            }
            // What is shown of them must be all that there is.
            let is_line = |line: &&String| line.len() <= longest && !line.chars().any(char::is_control);
            if let Some(line) = lines.iter().find(|line| !is_line(line)) {
                return fail(key, format!("{line:?}"), "texts of one line each, to 1000 characters");
            }
        }
        Ok(())
    }
}

fn is_none(shards: &usize) -> bool {
    *shards == 0
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_becomes_arguments_of_sbatch() {
        assert!(LaunchRecipe::default().sbatch_args().is_empty());
        let text =
            "partition = \"gpu\"\ntime = \"4:00:00\"\nmemory = \"16G\"\ngpus = 2\ncpus = 8\nat_once = 20\nshards = 10";
        let recipe: LaunchRecipe = toml::from_str(text).unwrap();
        recipe.check().unwrap();
        let expected =
            ["--partition=gpu", "--time=4:00:00", "--mem=16G", "--gres=gpu:2", "--cpus-per-task=8", "--array=%20"];
        assert_eq!(recipe.sbatch_args(), expected);
    }

    #[test]
    fn values_are_values_and_in_range() {
        let refused = |recipe: LaunchRecipe| recipe.check().unwrap_err().key;
        assert_eq!(
            refused(LaunchRecipe { partition: String::from("gpu --wrap=x"), ..Default::default() }),
            "partition"
        );
        assert_eq!(refused(LaunchRecipe { account: String::from("a\n#SBATCH"), ..Default::default() }), "account");
        assert_eq!(refused(LaunchRecipe { time: String::from("--uid=0"), ..Default::default() }), "time");
        assert_eq!(refused(LaunchRecipe { shards: 1001, ..Default::default() }), "shards");
        assert_eq!(refused(LaunchRecipe { gpus: 4097, ..Default::default() }), "gpus");
        assert_eq!(refused(LaunchRecipe { at_once: 100_001, ..Default::default() }), "at_once");
        assert_eq!(refused(LaunchRecipe { stages_per_task: 1001, ..Default::default() }), "stages_per_task");
        let lines = |line: &str, count| vec![line.to_owned(); count];
        for line in ["module load x\nrm y", "module\u{1b}[8m", &"x".repeat(1001)] {
            assert_eq!(refused(LaunchRecipe { prologue: lines(line, 1), ..Default::default() }), "prologue", "{line}");
        }
        assert_eq!(refused(LaunchRecipe { wrapper: lines("x", 51), ..Default::default() }), "wrapper");
        LaunchRecipe { prologue: lines("module load x; y=\"$HOME\"", 50), ..Default::default() }.check().unwrap();
    }
}
