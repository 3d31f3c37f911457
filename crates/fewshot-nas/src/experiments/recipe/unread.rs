//! Settings that somebody gave, and a run of this kind does not read.

use toml::{Table, Value};

use crate::experiments::gan::recipe as gan;
use crate::recipe::{Places, RecipeError};

/// Refuses settings of tables that runs of a kind read in part, where one was given that they do not read: whoever sets it expects it to
/// count. Of what a file says only what differs from `base`, the preset that it lies over, is meant so: a copy of that says everything;
/// and nothing of `whole`, the file of a whole run's settings.
///
/// # Errors
/// The first such setting, by the flag or the line that gave it, with what to set in its place.
pub fn refuse(table: &Table, base: &Table, places: &Places, whole: Option<&str>) -> Result<(), RecipeError> {
    if table.get("kind").and_then(Value::as_str) != Some("gan") {
        return Ok(());
    }
    let is_meant = |key: &str, place: &str| {
        let is_of_whole = whole.is_some_and(|whole| place.starts_with(&format!("{whole}, line ")));
        let value = value(table, key);
        // The head of a table says nothing by itself.
        let says = !value.is_some_and(Value::is_table);
        says && !is_of_whole && (is_flag(place) || value != self::value(base, key))
    };
    let refused = |key: &str, place: &str, instead: &str| {
        let problem = format!("{key}: searches for generators do not read it: {instead}");
        Err(RecipeError::Setting { origin: place.to_string(), key: key.to_string(), problem })
    };
    for (key, instead) in gan::UNREAD {
        if let Some((given, place)) = places.given(key).find(|(given, place)| is_meant(given, place)) {
            return refused(given, place, instead);
        }
    }
    // Files hold both for whoever changes the proposer.
    let proposer = value(table, "gan.proposer").and_then(Value::as_str);
    for (key, instead) in gan::WITHOUT_CONTROLLER {
        if proposer == Some("controller") && places.gives(key) && is_flag(places.of(key)) {
            return refused(key, places.of(key), instead);
        }
    }
    Ok(())
}

fn is_flag(place: &str) -> bool {
    place.starts_with("--")
}

fn value<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    let mut parts = key.split('.');
    let first = table.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}
