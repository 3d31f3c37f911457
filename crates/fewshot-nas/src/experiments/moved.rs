//! Data that lies elsewhere now than when a run began: it is known by its content, and need only be pointed at.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::recipe::{Experiment, Recipe};
use crate::lab::{self, ExperimentError};
use crate::recipe::CommonRecipe;
use crate::run::{RunError, RunReader};

/// Where data of a run is that has moved; kept in the run's folder for later processes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// The table of truths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth: Option<PathBuf>,
}

impl Moved {
    /// Where data of a run is now: where it is `given` for, and else where the run was told last.
    ///
    /// # Errors
    /// When what the run keeps of it is not as it was written.
    pub fn of(run: &RunReader, given: &Moved) -> Result<Moved, RunError> {
        Ok(given.clone().or(run.moved()?.unwrap_or_default()))
    }

    /// These places, and those of `older` where there are none.
    #[must_use]
    pub fn or(self, older: Moved) -> Moved {
        Moved { data: self.data.or(older.data), truth: self.truth.or(older.truth) }
    }

    /// Puts them into a recipe.
    pub fn apply(&self, recipe: &mut Recipe) {
        let absolute = |path: &Path| lab::absolute(&path.display().to_string());
        if let Some(data) = &self.data {
            recipe.common.data.path = absolute(data);
        }
        if let Some(path) = &self.truth {
            let truth = &mut recipe.common.ranking.truth;
            let before = std::mem::replace(truth, absolute(path));
            if let Experiment::Strategies(own) = &mut recipe.experiment
                && !before.is_empty()
            {
                own.modes.iter_mut().filter(|mode| mode.table == before).for_each(|mode| mode.table.clone_from(truth));
            }
        }
    }
}

/// Adds to an error how data can be pointed at that is not where the recipe says.
pub fn explained(error: ExperimentError, recipe: &CommonRecipe, run: &Path) -> ExperimentError {
    let is_gone = |path: &str| !path.is_empty() && !Path::new(path).exists();
    let flag = match &error {
        ExperimentError::Data(_) if is_gone(&recipe.data.path) => "--data PATH",
        ExperimentError::Table(_) if is_gone(&recipe.ranking.truth) => "--truth FILE",
        _ => return error,
    };
    ExperimentError::Gone { source: Box::new(error), command: "resume", run: run.display().to_string(), flag }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::recipe::Layers;

    #[test]
    fn what_moved_takes_the_place_of_what_the_recipe_says() {
        let mut recipe = Layers::preset("quick").unwrap().resolve().unwrap().into_inner();
        let before = recipe.clone();
        Moved::default().apply(&mut recipe);
        assert_eq!(recipe, before);
        let older = Moved { data: Some("/old".into()), truth: Some("/old.csv".into()) };
        let moved = Moved { data: Some("/new".into()), truth: None }.or(older);
        moved.apply(&mut recipe);
        assert_eq!((recipe.common.data.path.as_str(), recipe.common.ranking.truth.as_str()), ("/new", "/old.csv"));
    }
}
