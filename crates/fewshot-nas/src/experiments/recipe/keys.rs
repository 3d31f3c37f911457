//! Keys that recipe files may have.

use fewshot_space::suggest;
use toml::{Table, Value};

use crate::recipe::{Places, RecipeError};

/// Keys that a recipe leaves out where they say nothing; their values are checked when the recipe is resolved.
pub const LEFT_OUT: [(&str, &str); 24] = [
    ("data.", "used"),
    ("data.", "unlabelled"),
    ("split.", "parts"),
    ("ranking.", "alone"),
    ("ranking.", "within"),
    ("ranking.", "find"),
    ("data.", "label_column"),
    ("data.", "image_column"),
    ("data.", "ground"),
    ("data.", "auto_augment"),
    ("data.", "cut_mix"),
    ("data.", "mix_up"),
    ("supernet.", "auxiliary"),
    ("children.", "auxiliary"),
    ("standalone.train.", "auxiliary"),
    ("supernet.", "paths"),
    ("children.", "paths"),
    ("standalone.train.", "paths"),
    ("supernet.", "precise_norms"),
    ("children.", "precise_norms"),
    ("standalone.train.", "precise_norms"),
    ("supernet.", "distill"),
    ("children.", "distill"),
    ("standalone.train.", "distill"),
];

/// Presets name every other key, so a key that they lack is a misspelling: say where it stands.
pub fn check_keys(known: &Table, layer: &Table, places: &Places, prefix: &str) -> Result<(), RecipeError> {
    for (key, value) in layer {
        // Only some presets have these; what stands in them is checked when the recipe is resolved.
        if prefix.is_empty()
            && ["arms", "gan", "gradient", "latency", "launch", "shrink", "strategies"].contains(&key.as_str())
        {
            continue;
        }
        // A run's settings hold the plan that its budget led to, and which table it found.
        // Settings of a space are known to its family.
        if matches!((prefix, key.as_str()), ("budget.", "plan") | ("ranking.", "truth_digest") | ("space.", "settings"))
        {
            continue;
        }
        if LEFT_OUT.contains(&(prefix, key.as_str())) {
            continue;
        }
        let Some(expected) = known.get(key) else {
            let unsaid = LEFT_OUT.iter().filter(|(table, _)| *table == prefix).map(|(_, key)| *key);
            let mut keys: Vec<&str> = known.keys().map(String::as_str).chain(unsaid).collect();
            keys.sort_unstable();
            keys.dedup();
            let hint = suggest::hint(key, keys);
            return Err(RecipeError::Parse {
                origin: places.of(&format!("{prefix}{key}")).to_string(),
                message: format!("unknown key `{prefix}{key}`, {hint}"),
            });
        };
        if let (Value::Table(known), Value::Table(layer)) = (expected, value) {
            check_keys(known, layer, places, &format!("{prefix}{key}."))?;
        }
    }
    Ok(())
}
