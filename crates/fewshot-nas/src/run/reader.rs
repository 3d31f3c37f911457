//! A run as anybody may read it, while another process works on it or after it is done.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::checkpoint::hex;
use super::error::{FileError, RunError};
use super::log::{Event, read_lines};
use super::settings::{FormatOnly, Header, RecipeOnly, parse_toml};

/// Name of the settings in a run folder.
pub(super) const RUN_TOML: &str = "run.toml";
/// Name of the event log in a run folder.
pub(super) const EVENTS: &str = "events.jsonl";
/// Name of the search history in a run folder.
pub(super) const HISTORY: &str = "history.jsonl";
/// Name of the answer in a run folder.
pub(super) const RESULT: &str = "result.json";

/// A run folder opened for reading. It takes no lock and changes nothing.
#[derive(Debug)]
pub struct RunReader {
    path: PathBuf,
    header: Header,
    settings: String,
}

impl RunReader {
    /// Version of the folder's form that this program writes and reads.
    pub const FORMAT: u32 = 1;

    /// Opens the run in the folder `path`.
    ///
    /// # Errors
    /// - [`RunError::NotARun`] without a `run.toml`.
    /// - [`RunError::OlderFormat`], [`RunError::NewerFormat`] if another version wrote it.
    /// - [`RunError::Toml`] with line and key if `run.toml` is not as written.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let file = path.join(RUN_TOML);
        let settings = match fs::read_to_string(&file) {
            Ok(settings) => settings,
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Err(RunError::NotARun { path: path.display().to_string() });
            }
            Err(e) => return Err(FileError::new("read", &file, e).into()),
        };
        let format: FormatOnly = parse_toml(&file, &settings)?;
        let (found, known) = (format.format, Self::FORMAT);
        let program = format.program().to_owned();
        if found < known {
            let path = path.display().to_string();
            return Err(RunError::OlderFormat { path, found, known, program });
        }
        if found > known {
            let path = path.display().to_string();
            return Err(RunError::NewerFormat { path, found, known, program });
        }
        let header = parse_toml(&file, &settings)?;
        Ok(Self { path: path.to_path_buf(), header, settings })
    }

    /// The run's folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The resolved recipe that the run was begun with.
    ///
    /// # Errors
    /// [`RunError::Toml`] with line and key where `run.toml` is no `R`.
    pub fn recipe<R: DeserializeOwned>(&self) -> Result<R, RunError> {
        let file = self.path.join(RUN_TOML);
        Ok(parse_toml::<RecipeOnly<R>>(&file, &self.settings)?.recipe)
    }

    /// Version of the program that began the run.
    pub fn program(&self) -> &str {
        &self.header.versions.program
    }

    /// Processor and system on which the run began, e.g. `x86_64-linux`.
    pub fn target(&self) -> &str {
        &self.header.versions.target
    }

    /// The text of `run.toml`.
    pub fn settings(&self) -> &str {
        &self.settings
    }

    /// Fingerprint of the data that the run was begun with.
    pub fn data_fingerprint(&self) -> &str {
        &self.header.data.fingerprint
    }

    /// Makes sure that the run goes on with the data that it was begun with.
    ///
    /// # Errors
    /// [`RunError::DataChanged`] if `fingerprint` is another.
    pub fn check_data(&self, fingerprint: &str) -> Result<(), RunError> {
        if fingerprint == self.data_fingerprint() {
            return Ok(());
        }
        Err(RunError::DataChanged {
            path: self.path.display().to_string(),
            expected: self.data_fingerprint().to_owned(),
            found: fingerprint.to_owned(),
        })
    }

    /// The answer, or `None` while the run is not done.
    ///
    /// # Errors
    /// [`RunError::Damaged`] if `result.json` is no `T`.
    pub fn result<T: DeserializeOwned>(&self) -> Result<Option<T>, RunError> {
        read_json(&self.path.join(RESULT), "delete it and run `fewshot resume` to make it again")
    }

    /// What happened so far.
    ///
    /// # Errors
    /// [`RunError::Log`] naming a line that is no event.
    pub fn events(&self) -> Result<Vec<Event>, RunError> {
        Ok(read_lines(&self.path.join(EVENTS))?)
    }

    /// What the search saw so far: the lines of `history.jsonl`.
    ///
    /// # Errors
    /// [`RunError::Log`] naming a line that is no `T`.
    pub fn history<T: DeserializeOwned>(&self) -> Result<Vec<T>, RunError> {
        Ok(read_lines(&self.path.join(HISTORY))?)
    }

    /// Wall-clock seconds that all processes together worked on the run so far, up to their last
    /// events; see [`Event::seconds`].
    ///
    /// # Errors
    /// As [`RunReader::events`].
    pub fn seconds(&self) -> Result<f64, RunError> {
        Ok(Event::seconds(&self.events()?))
    }

    /// Folder of the stage that is number `number` (from 1) of the plan.
    pub(super) fn stage_folder(&self, number: usize, name: &str) -> PathBuf {
        self.path.join("stages").join(format!("{number:02}-{name}"))
    }

    /// SHA-256 of `run.toml`, to see that nobody edits it while the run goes on.
    pub(super) fn settings_checksum(&self) -> String {
        hex(&Sha256::digest(self.settings.as_bytes()))
    }
}

/// The JSON file `path`, or `None` where there is none; `advice` says what to do if it is damaged.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path, advice: &str) -> Result<Option<T>, RunError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(FileError::new("read", path, e).into()),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|e| RunError::Damaged {
        path: path.display().to_string(),
        reason: e.to_string(),
        advice: advice.to_owned(),
    })
}
