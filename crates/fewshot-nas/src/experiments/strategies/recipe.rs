//! What a comparison of search strategies compares.

use serde::{Deserialize, Serialize};

use crate::recipe::{RecipeError, known_strategy};
use crate::search::Random;
use crate::train::ConfigError;

/// The strategies, and what drives them; the truth and the number of runs stand in `[ranking]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrategiesRecipe {
    /// Names that `fewshot strategies` lists; `random` must be among them.
    pub names: Vec<String>,
    /// Evaluations of each search, 1 to 1,000,000. A repeat counts as one.
    pub evaluations: usize,
    /// Evaluations after which tables show where a search stands, ascending, 1 to `evaluations`.
    pub marks: Vec<usize>,
    /// What scores the architectures: each strategy runs once with each.
    pub modes: Vec<ModeRecipe>,
}

/// One source of scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModeRecipe {
    /// What to call it.
    pub name: String,
    /// Column of the scores; empty for the truth itself (vanilla search).
    #[serde(default)]
    pub column: String,
    /// CSV file with the column; empty for the file of the truth.
    #[serde(default)]
    pub table: String,
}

impl StrategiesRecipe {
    /// Whether it says nothing, as those of other kinds.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Checks all ranges.
    ///
    /// # Errors
    /// The first setting that is out of its range.
    pub fn check(&self) -> Result<(), RecipeError> {
        let fail = |key: &'static str, value: String, allowed: &'static str| {
            Err(RecipeError::range("strategies", ConfigError { key, value, allowed }))
        };
        let unique = |names: &[&String]| (1..names.len()).all(|at| !names[..at].contains(&names[at]));
        let names: Vec<&String> = self.names.iter().collect();
        if !unique(&names) || !self.names.iter().any(|name| name == Random::NAME) {
            return fail("names", format!("{:?}", self.names), "different names, `random` among them");
        }
        for (index, name) in self.names.iter().enumerate() {
            known_strategy(&format!("strategies.names[{index}]"), name)?;
        }
        if !(1..=1_000_000).contains(&self.evaluations) {
            return fail("evaluations", self.evaluations.to_string(), "1 to 1000000");
        }
        let ascending = self.marks.windows(2).all(|pair| pair[0] < pair[1]);
        let inside = self.marks.iter().all(|mark| (1..=self.evaluations).contains(mark));
        if self.marks.is_empty() || !ascending || !inside {
            return fail("marks", format!("{:?}", self.marks), "1 to `evaluations`, ascending");
        }
        let modes: Vec<&String> = self.modes.iter().map(|mode| &mode.name).collect();
        if modes.is_empty() || !unique(&modes) || modes.iter().any(|name| name.is_empty()) {
            return fail("modes", format!("{modes:?}"), "one or more, with different names");
        }
        Ok(())
    }
}
