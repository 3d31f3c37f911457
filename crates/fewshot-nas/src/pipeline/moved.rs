//! Data that lies elsewhere now than when a run began: it is known by its content, and need only be pointed at.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{PipelineError, truth};
use crate::recipe::Recipe;

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
    /// These places, and those of `older` where there are none.
    #[must_use]
    pub fn or(self, older: Moved) -> Moved {
        Moved { data: self.data.or(older.data), truth: self.truth.or(older.truth) }
    }

    /// Puts them into a recipe.
    pub fn apply(&self, recipe: &mut Recipe) {
        let absolute = |path: &Path| truth::absolute(&path.display().to_string());
        if let Some(data) = &self.data {
            recipe.data.path = absolute(data);
        }
        if let Some(path) = &self.truth {
            let before = std::mem::replace(&mut recipe.ranking.truth, absolute(path));
            for mode in recipe.strategies.modes.iter_mut().filter(|mode| mode.table == before && !before.is_empty()) {
                mode.table.clone_from(&recipe.ranking.truth);
            }
        }
    }
}

/// Adds to an error how data can be pointed at that is not where the recipe says.
pub fn explained(error: PipelineError, recipe: &Recipe, run: &Path) -> PipelineError {
    let is_gone = |path: &str| !path.is_empty() && !Path::new(path).exists();
    let flag = match &error {
        PipelineError::Data(_) if is_gone(&recipe.data.path) => "--data PATH",
        PipelineError::Table(_) if is_gone(&recipe.ranking.truth) => "--truth FILE",
        _ => return error,
    };
    PipelineError::Gone { source: Box::new(error), run: run.display().to_string(), flag }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Layers;

    #[test]
    fn what_moved_takes_the_place_of_what_the_recipe_says() {
        let mut recipe = Layers::preset("quick").unwrap().resolve().unwrap().into_inner();
        let before = recipe.clone();
        Moved::default().apply(&mut recipe);
        assert_eq!(recipe, before);
        let older = Moved { data: Some("/old".into()), truth: Some("/old.csv".into()) };
        let moved = Moved { data: Some("/new".into()), truth: None }.or(older);
        moved.apply(&mut recipe);
        assert_eq!((recipe.data.path.as_str(), recipe.ranking.truth.as_str()), ("/new", "/old.csv"));
    }
}
