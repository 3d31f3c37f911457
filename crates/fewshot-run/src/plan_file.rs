//! What is kept of the plan that a run was begun with.

use serde::{Deserialize, Serialize};

/// Holds the plan that the run was begun with.
pub(super) const PLAN: &str = "plan.json";

/// Marks a stage as done, in its folder; no output of a stage may have this name.
pub(super) const DONE: &str = "done.json";

/// `plan.json`.
#[derive(Serialize, Deserialize, PartialEq)]
pub(super) struct PlanFile {
    pub(super) run_toml_sha256: String,
    pub(super) stages: Vec<StageEntry>,
}

/// A stage as it stands there.
#[derive(Serialize, Deserialize, PartialEq)]
pub(super) struct StageEntry {
    pub(super) name: String,
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<String>,
}

/// The first difference between two lists of stages, in words.
pub(super) fn difference(old: &[StageEntry], new: &[StageEntry]) -> Option<String> {
    for (number, (old, new)) in (1..).zip(old.iter().zip(new)) {
        if old.name != new.name {
            return Some(format!("stage {number} was `{}`, is now `{}`", old.name, new.name));
        }
        if old != new {
            return Some(format!("stage `{}` has other inputs or outputs now", old.name));
        }
    }
    let (was, is) = (old.len(), new.len());
    (was != is).then(|| format!("it had {was} stages, now {is}"))
}
