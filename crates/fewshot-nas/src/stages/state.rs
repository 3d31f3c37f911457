//! Small states and values of stages, as JSON.

use std::collections::BTreeMap;
use std::path::Path;

use fewshot_guard::read_file;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::lab::ExperimentError;
use crate::run::{Checked, FileError, Handle, RunError, write_json};

/// The value of a stage that is done.
pub fn value<T: DeserializeOwned>(values: &BTreeMap<String, Value>, stage: &Handle<T>) -> Result<T, ExperimentError> {
    let state = |reason: String| ExperimentError::State { path: format!("{}/done.json", stage.name()), reason };
    let value = values.get(stage.name()).ok_or_else(|| state("missing".to_string()))?;
    T::deserialize(value).map_err(|error| state(error.to_string()))
}

/// Reads a small JSON state of a stage, `None` when the stage has just begun.
pub fn load_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, ExperimentError> {
    let state = |reason: String| ExperimentError::State { path: path.display().to_string(), reason };
    match read_file(path) {
        Ok(bytes) => {
            let read = serde_json::from_slice::<Checked<T>>(&bytes);
            read.map(|Checked(read)| Some(read)).map_err(|error| state(error.to_string()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::new("read", path, error).into()),
    }
}

/// Writes it with a checksum, whole or not at all.
pub fn save_json<T: Serialize>(path: &Path, state: &T) -> Result<(), ExperimentError> {
    Ok(write_json(path, &Checked(state)).map_err(RunError::from)?)
}

/// What the file holds; found and kept there the first time.
pub fn remembered<T: Serialize + DeserializeOwned>(
    path: &Path,
    find: impl FnOnce() -> Result<T, ExperimentError>,
) -> Result<T, ExperimentError> {
    if let Some(known) = load_json(path)? {
        return Ok(known);
    }
    let found = find()?;
    save_json(path, &found)?;
    Ok(found)
}

/// A name as part of a stage's: lower-case letters and digits, `-` for all else.
pub fn slug(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}
