//! A recipe of all its settings.

use toml::{Table, Value};

use super::document::{CheckedRecipe, Document, Recipe};
use crate::experiments::gradient::recipe as gradient;
use crate::experiments::ranking::recipe as ranking;
use crate::recipe::RecipeError;

/// A whole recipe, from a table that has all that its kind reads.
///
/// # Errors
/// The first setting that is missing, of the wrong type or out of range.
pub fn checked(mut table: Table) -> Result<CheckedRecipe, RecipeError> {
    ranking::complete(&mut table);
    gradient::complete(&mut table)?;
    let kind = table.get("kind").and_then(Value::as_str).unwrap_or_default().to_string();
    let document: Document = serde_path_to_error::deserialize(Value::Table(table)).map_err(|error| {
        let (path, message) = (error.path().to_string(), error.inner().message());
        of_one_kind(&kind, &path, message).unwrap_or_else(|| RecipeError::form(&path, message))
    })?;
    Recipe::try_from(document)?.checked()
}

/// Tables that one kind of experiment alone reads, that kind, and a preset that has all of it.
const OF_ONE_KIND: [(&str, &str, &str); 4] = [
    ("arms", "ranking", "splits-smoke"),
    ("gan", "gan", "autogan"),
    ("gradient", "gradient", "gradient-smoke"),
    ("strategies", "strategies", "strategies-smoke"),
];

/// What is said of a part of such a table that lies over a preset without the rest of it.
fn of_one_kind(kind: &str, path: &str, message: &str) -> Option<RecipeError> {
    let table = path.split(['.', '[']).next()?;
    let (table, of, preset) = OF_ONE_KIND.into_iter().find(|(known, ..)| *known == table)?;
    if kind != of {
        let problem = format!(
            "{table}: only experiments of kind `{of}` read this table, and this one is of kind `{kind}`: begin with `base = \"{preset}\"`, or \
             leave it out"
        );
        return Some(RecipeError::setting(path, problem));
    }
    let is_partial = message.starts_with("missing field") && matches!(table, "gan" | "gradient");
    is_partial.then(|| {
        RecipeError::setting(path, format!("{path}: {message}: begin with `base = \"{preset}\"`, which has all of it"))
    })
}
