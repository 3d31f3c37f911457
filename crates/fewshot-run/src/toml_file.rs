//! Reading TOML, with errors that point at the line.

use std::path::Path;

use serde::de::DeserializeOwned;

/// TOML that does not say what it should. Prints file, line, the line itself and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TomlError {
    path: String,
    line: Option<(usize, String)>,
    reason: String,
}

impl TomlError {
    /// The line that is at fault, from 1, where the reader knows it.
    pub fn line(&self) -> Option<usize> {
        self.line.as_ref().map(|(number, _)| *number)
    }
}

impl std::fmt::Display for TomlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}`", self.path)?;
        if let Some((number, text)) = &self.line {
            write!(f, " line {number} (`{text}`)")?;
        }
        write!(f, ": {}; correct it there", self.reason)
    }
}

impl std::error::Error for TomlError {}

/// Reads TOML `text` as a `T`; `path` only names it in errors. For `run.toml` and for recipes.
///
/// # Errors
/// [`TomlError`] with file, line, the line's text (so the key) and what was expected there.
pub fn parse_toml<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, TomlError> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| {
            let before = text.get(..span.start).unwrap_or(text);
            let number = before.matches('\n').count() + 1;
            let content = text.lines().nth(number - 1).unwrap_or_default();
            (number, content.trim().to_owned())
        });
        TomlError {
            path: path.display().to_string(),
            line,
            // The reader breaks long lists of names into lines; errors here are one line.
            reason: error.message().replace('\n', ", "),
        }
    })
}
