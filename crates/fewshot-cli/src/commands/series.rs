//! Comparisons of several runs, each in a folder of its own within one.

use std::path::{Path, PathBuf};

use fewshot_nas::experiments::{Outcome, series, series_names};
use fewshot_nas::run::{Answer, RunReader};
use serde_json::{Value, json};

use super::folders::is_run;
use super::outcome::{print_words, shown, write_report};
use super::print_json;
use crate::failure::Failure;

/// A folder that holds runs of a series, and no run itself.
pub struct Series {
    name: &'static str,
    folder: PathBuf,
    /// Those that have begun, in the order of the series.
    pub runs: Vec<PathBuf>,
    /// Names of those that have not.
    missing: Vec<&'static str>,
}

impl Series {
    /// The series in a folder; none where that is a run, or holds no run of any series.
    pub fn within(folder: &Path) -> Option<Self> {
        if is_run(folder) {
            return None;
        }
        series_names().find_map(|name| {
            let (runs, missing): (Vec<&str>, Vec<&str>) =
                series(name)?.iter().partition(|part| is_run(&folder.join(part)));
            let runs: Vec<PathBuf> = runs.into_iter().map(|part| folder.join(part)).collect();
            (!runs.is_empty()).then(|| Self { name, folder: folder.to_path_buf(), runs, missing })
        })
    }

    /// The folders of its runs, to be shown.
    pub fn named(&self) -> String {
        let names: Vec<String> = self.runs.iter().map(|run| shown(run)).collect();
        names.join(", ")
    }

    /// A line about those that have not begun.
    pub fn lacks(&self) -> Option<String> {
        let (missing, name) = (self.missing.join(", "), self.name);
        (!self.missing.is_empty()).then(|| {
            format!(
                "not begun yet: {missing}; the command that began the series (`fewshot reproduce {name} --out {} ..`) begins what is left",
                shown(&self.folder)
            )
        })
    }

    /// What was found of each of its runs, as one JSON object.
    pub fn object(&self, runs: &[Value]) -> Value {
        json!({ "series": self.name, "runs": runs, "missing": self.missing })
    }

    /// To tell what its runs end with.
    pub fn told(&self, json: bool) -> Told {
        Told::new(self.name, json)
    }
}

/// Tells what the runs of a series end with: each when it has, or all together in one JSON object.
pub struct Told {
    name: String,
    json: bool,
    runs: Vec<Value>,
}

impl Told {
    /// For the series called so.
    pub fn new(name: &str, json: bool) -> Self {
        Self { name: name.to_string(), json, runs: Vec::new() }
    }

    /// One more has ended.
    pub fn tell(&mut self, run: &Path, outcome: &Outcome) -> Result<(), Failure> {
        write_report(run);
        if !self.json {
            return print_words(outcome, run);
        }
        let result = serde_json::to_value(Answer::new(outcome))?;
        self.runs.push(json!({ "run": run, "result": result }));
        Ok(())
    }

    /// All have.
    pub fn end(self) -> Result<(), Failure> {
        match self.json {
            true => print_json(&json!({ "format": RunReader::RESULT_FORMAT, "series": self.name, "runs": self.runs })),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::folders::RUN_FILE;
    use super::*;

    #[test]
    fn a_series_is_known_by_the_runs_in_its_folder_in_their_order() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Series::within(dir.path()).is_none());
        for run in ["other", "mbconv-proxyless", "mbconv-ofa"] {
            std::fs::create_dir(dir.path().join(run)).unwrap();
            std::fs::write(dir.path().join(run).join(RUN_FILE), "").unwrap();
            assert_eq!(Series::within(dir.path()).is_some(), run != "other");
        }
        let series = Series::within(dir.path()).unwrap();
        assert_eq!(series.runs, ["mbconv-ofa", "mbconv-proxyless"].map(|run| dir.path().join(run)));
        assert_eq!(series.missing, ["mbconv-gates"]);
        assert!(series.lacks().unwrap().starts_with("not begun yet: mbconv-gates; the command"));
        // A run is no series, whatever lies in it.
        std::fs::write(dir.path().join(RUN_FILE), "").unwrap();
        assert!(Series::within(dir.path()).is_none());
    }
}
