//! Names in recipes: of spaces, of their decisions and features, of strategies.

use fewshot_space::Feature;

use super::{Kind, Recipe, RecipeError};
use crate::families::{self, Family, Skeleton};
use crate::search;

impl Recipe {
    /// Whether there is what the recipe names. What only some kinds of run read is checked where they do.
    pub(super) fn check_names(&self) -> Result<(), RecipeError> {
        let name = &self.space.name;
        let Ok(space) = families::default_space(name) else {
            return Err(RecipeError::unknown("space.name", "space", name, &families::names()));
        };
        let known = families::family(name).map(Family::settings).unwrap_or_default();
        if let Some(key) = self.space.settings.keys().find(|key| !known.contains_key(*key)) {
            let (key, problem) = (format!("space.settings.{key}"), families::no_setting(key, &known));
            return Err(RecipeError::setting(&*key, format!("{key}: the space {name} has {problem}")));
        }
        let settings = self.space.settings.clone();
        families::open(name, Skeleton { settings, ..Skeleton::of_images([32, 32, 3], 10) })
            .map_err(|error| RecipeError::setting("space.settings", format!("space.settings: {error}")))?;
        let decisions: Vec<&str> = space.decisions().iter().map(|decision| decision.name.as_str()).collect();
        for (index, name) in self.split.decisions.iter().enumerate() {
            if !decisions.contains(&name.as_str()) {
                let (space, known) = (&self.space.name, decisions.join(", "));
                let key = format!("split.decisions[{index}]");
                let problem = format!("{key}: the space {space} has no decision `{name}`; it has {known}");
                return Err(RecipeError::setting(key, problem));
            }
        }
        let feature = &self.split.feature;
        if !feature.is_empty()
            && let Err(error) = feature.parse::<Feature>()
        {
            return Err(RecipeError::setting("split.feature", format!("split.feature: {error}")));
        }
        let strategies: Vec<&str> = search::names().collect();
        let known = |key: &str, name: &str| match strategies.contains(&name) {
            true => Ok(()),
            false => Err(RecipeError::unknown(key, "strategy", name, &strategies)),
        };
        known("search.strategy", &self.search.strategy)?;
        let compared = if self.kind == Kind::Strategies { self.strategies.names.as_slice() } else { &[] };
        let each = |(index, name): (usize, &String)| known(&format!("strategies.names[{index}]"), name);
        compared.iter().enumerate().try_for_each(each)
    }
}
