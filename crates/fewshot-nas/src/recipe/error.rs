//! Recipes that cannot be used, in words.

use std::path::PathBuf;

use fewshot_space::suggest;

use crate::train::ConfigError;

/// What errors call settings that no file gave.
pub(crate) const RECIPE: &str = "recipe";

/// A recipe that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// No such preset.
    #[error("no preset `{name}`, {hint}; `fewshot recipes` lists them")]
    UnknownPreset {
        /// What was asked for.
        name: String,
        /// "did you mean ..?", or all names.
        hint: String,
    },
    /// The file cannot be read.
    #[error("cannot read the recipe {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not TOML, or a key that no recipe has.
    #[error("{origin}: {message}")]
    Parse {
        /// File and line.
        origin: String,
        /// What is wrong with it.
        message: String,
    },
    /// A setting that cannot be: of the wrong type, out of its range, or not fitting the others.
    #[error("{origin}: {problem}")]
    Setting {
        /// File and line, where a file gave the setting, or "recipe".
        origin: String,
        /// The setting, say `supernet.lr` or `arms[0].from`.
        key: String,
        /// What is wrong with it; names the setting too.
        problem: String,
    },
}

impl RecipeError {
    /// `problem` names the setting. [`Layers::resolve`](crate::experiments::Layers::resolve) adds where it comes from.
    pub(crate) fn setting(key: impl Into<String>, problem: impl Into<String>) -> Self {
        RecipeError::Setting { origin: RECIPE.to_string(), key: key.into(), problem: problem.into() }
    }

    /// A number out of its range.
    pub(crate) fn range(section: &str, source: ConfigError) -> Self {
        Self::setting(format!("{section}.{}", source.key), format!("{section}.{source}"))
    }

    /// A name that nothing has.
    pub(crate) fn unknown(key: &str, kind: &str, name: &str, known: &[&str]) -> Self {
        Self::setting(key, format!("{key}: no {kind} `{name}`, {}", suggest::hint(name, known.iter().copied())))
    }

    /// What serde says of the value at `path`, in the words of recipes.
    pub(crate) fn form(path: &str, message: &str) -> Self {
        let between = |prefix: &str| message.strip_prefix(prefix)?.split_once("`, ");
        if let Some((name, known)) = between("unknown field `") {
            return Self::setting(path, format!("unknown key `{path}`, {}", hint(name, known)));
        }
        if let Some((name, known)) = between("unknown variant `") {
            // A value that stands for a variant is reported as if it were a key.
            let path = path.strip_suffix(name).and_then(|path| path.strip_suffix('.')).unwrap_or(path);
            return Self::setting(path, format!("{path}: it cannot be `{name}`, {}", hint(name, known)));
        }
        let wrong = ["invalid type: ", "invalid value: "].iter().find_map(|prefix| message.strip_prefix(prefix));
        if let Some((found, expected)) = wrong.and_then(|rest| rest.split_once(", expected ")) {
            return Self::setting(path, format!("{path}: expected {}, found {found}", in_words(expected)));
        }
        Self::setting(path, format!("{path}: {message}"))
    }
}

/// The one of serde's list of names, each in backticks, that was meant.
fn hint(name: &str, known: &str) -> String {
    let names: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    suggest::hint(name, names)
}

/// A type as serde calls it.
fn in_words(expected: &str) -> &str {
    match expected {
        "u64" | "u32" | "usize" => "a whole number, 0 or more",
        "f64" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        _ if expected.starts_with("struct ") => "a table",
        _ => expected,
    }
}
