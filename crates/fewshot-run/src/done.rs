//! What a finished stage leaves, and whether it is still as it was left.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::checked::{Checked, file_checksum};
use super::error::RunError;
use super::plan_file::{DONE, PLAN, PlanFile, StageEntry};
use super::reader::{RESULT, RunReader, read_json};

/// `done.json`, with a checksum over all of it.
#[derive(Serialize, Deserialize)]
pub(super) struct Done {
    pub(super) stage: String,
    /// Identity of the run; absent in older runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) run: Option<String>,
    pub(super) value: Value,
    /// Checksums of the files in the stage's folder that it produced.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) outputs: Sums,
    /// Checksums of the files in the run's folder that it left; absent in older runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) published: Option<Sums>,
}

/// SHA-256 of files by name.
pub(super) type Sums = BTreeMap<String, String>;

/// A stage of a run, as its folder tells.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedStage {
    /// Its name in the plan.
    pub name: String,
    /// What it returned; `None` while it is not done.
    pub value: Option<Value>,
}

impl RunReader {
    /// The stages of the run in the order of their numbers, without the code that runs them: for those who only want
    /// to see what was done. Empty before the first start.
    ///
    /// # Errors
    /// [`RunError::Damaged`] if `plan.json` or a `done.json` is not as written.
    pub fn stages(&self) -> Result<Vec<RecordedStage>, RunError> {
        let advice = "bring back a copy of it, or begin a new run";
        let Some(plan) = read_json::<PlanFile>(&self.path().join(PLAN), advice)? else {
            return Ok(Vec::new());
        };
        let record = |(number, entry): (usize, StageEntry)| {
            let done = self.done(number, &entry.name)?;
            Ok(RecordedStage { name: entry.name, value: done.map(|done| done.value) })
        };
        (1..).zip(plan.stages).map(record).collect()
    }

    /// The answer of a run that has ended, if that and all that the run published are as they were written: then nothing is left
    /// to do, and nothing that the run once read is needed.
    ///
    /// # Errors
    /// As [`RunReader::stages`]; [`RunError::Damaged`] if the answer is no `T`.
    pub fn ended<T: DeserializeOwned>(&self) -> Result<Option<T>, RunError> {
        let Some(plan) = read_json::<PlanFile>(&self.path().join(PLAN), "bring back a copy of it, or begin a new run")?
        else {
            return Ok(None);
        };
        if plan.run_toml_sha256 != self.settings_checksum() {
            return Ok(None);
        }
        let mut files = BTreeMap::new();
        for (number, entry) in (1..).zip(&plan.stages) {
            // What an older run published is not known.
            let Some(Done { published: Some(published), .. }) = self.done(number, &entry.name)? else {
                return Ok(None);
            };
            // A file is as the last of several stages left it.
            files.extend(published);
        }
        for (name, sum) in &files {
            if !is_intact(self, name, Some(sum))? {
                return Ok(None);
            }
        }
        match self.answer_checksum()? {
            Some(sum) if is_intact(self, RESULT, Some(&sum))? => self.result(),
            _ => Ok(None),
        }
    }

    /// `done.json` of a stage, as this run wrote it.
    pub(super) fn done(&self, number: usize, name: &str) -> Result<Option<Done>, RunError> {
        let folder = self.stage_folder(number, name);
        let path = folder.join(DONE);
        let Some(Checked(done)) = read_json::<Checked<Done>>(&path, &repeat(&folder))? else {
            return Ok(None);
        };
        let whose = match &done {
            Done { stage, .. } if stage != name => format!("the stage `{stage}`"),
            Done { run: Some(run), .. } if run != self.identity() => String::from("another run"),
            _ => return Ok(Some(done)),
        };
        let reason = format!("it belongs to {whose}");
        Err(RunError::Damaged { path: path.display().to_string(), reason, advice: repeat(&folder) })
    }
}

/// The files that a stage published, with their checksums where they were noted.
pub(super) fn files_of(done: &Done, always: &[String]) -> BTreeMap<String, Option<String>> {
    match &done.published {
        Some(sums) => sums.iter().map(|(name, sum)| (name.clone(), Some(sum.clone()))).collect(),
        None => always.iter().map(|name| (name.clone(), None)).collect(),
    }
}

/// Whether a file in the run's folder is there, and as it was written.
pub(super) fn is_intact(run: &RunReader, name: &str, sum: Option<&str>) -> Result<bool, RunError> {
    let path = run.path().join(name);
    match sum {
        _ if !path.is_file() => Ok(false),
        Some(sum) => Ok(file_checksum(&path)? == sum),
        None => Ok(true),
    }
}

pub(super) fn repeat(folder: &Path) -> String {
    format!("delete the folder `{}` to repeat the stage", folder.display())
}
