//! A run as anybody may read it, while another process works on it or after it is done.

use std::io;
use std::path::{Path, PathBuf};

use fewshot_guard::read_file;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::checked::{Checked, checksum, hex};
use super::error::RunError;
use super::file_error::FileError;
use super::log::{ANSWERED, Event, read_lines};
use super::settings::{Fingerprint, FormatOnly, Header, RecipeOnly, Versions};
use super::spread::event_files;
use super::toml_file::parse_toml;

/// Name of the settings in a run folder.
pub(super) const RUN_TOML: &str = "run.toml";
/// Name of the event log in a run folder.
pub(super) const EVENTS: &str = "events.jsonl";
/// Name of the search history in a run folder.
pub const HISTORY: &str = "history.jsonl";
/// Under this key an event has the identity of the run with the settings that it has from then on.
pub(super) const IDENTITY: &str = "identity";
/// Name of the answer in a run folder.
pub(super) const RESULT: &str = "result.json";

/// Name of the file that says where moved data is.
pub(super) const MOVED: &str = "moved.json";

/// A run folder opened for reading. It takes no lock and changes nothing.
#[derive(Debug, Clone)]
pub struct RunReader {
    path: PathBuf,
    header: Header,
    settings: String,
    identity: String,
}

impl RunReader {
    /// Version of the folder's form that this program writes and reads.
    pub const FORMAT: u32 = 1;
    /// Version of the form of `result.json`.
    pub const RESULT_FORMAT: u32 = 1;

    /// Opens the run in the folder `path`.
    ///
    /// # Errors
    /// - [`RunError::NotARun`] without a `run.toml`.
    /// - [`RunError::OlderFormat`], [`RunError::NewerFormat`] if another version wrote it.
    /// - [`RunError::Toml`] with line and key if `run.toml` is not as written; [`RunError::SettingsChanged`] if its settings are
    ///   none that the run wrote.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let file = path.join(RUN_TOML);
        let settings = match read_file(&file).and_then(|bytes| String::from_utf8(bytes).map_err(io::Error::other)) {
            Ok(settings) => settings,
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Err(RunError::NotARun { path: path.display().to_string(), runs: runs_in(path) });
            }
            Err(e) => return Err(FileError::new("read", &file, e).into()),
        };
        let run = Self::parse(path, settings)?;
        run.check_settings()?;
        Ok(run)
    }

    /// Makes sure that the run wrote these settings; older runs tell it by their plan alone.
    fn check_settings(&self) -> Result<(), RunError> {
        // A damaged log is told by who needs it.
        let Ok(events) = self.run_events() else { return Ok(()) };
        let mut written = events.iter().filter_map(|event| event.data.get(IDENTITY)?.as_str()).peekable();
        if written.peek().is_none() || written.any(|identity| identity == self.identity()) {
            return Ok(());
        }
        Err(RunError::SettingsChanged { path: self.path.join(RUN_TOML).display().to_string() })
    }

    /// The run in the folder `path` with the text of its `run.toml`.
    pub(super) fn parse(path: &Path, settings: String) -> Result<Self, RunError> {
        let file = path.join(RUN_TOML);
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
        let header: Header = parse_toml(&file, &settings)?;
        let recipe = parse_toml::<RecipeOnly<Value>>(&file, &settings).map_or(Value::Null, |whole| whole.recipe);
        // Not the versions: the same run may go on with another one, which is told.
        let identity = checksum(&json!({ "recipe": recipe, "data": header.data.training }));
        Ok(Self { path: path.to_path_buf(), header, settings, identity })
    }

    /// Tells this run from others: a checksum over the recipe, its seed included, and the fingerprint of the data.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// What is other than when the run began (program, target, and the instruction set that computes now), in words; `None` where
    /// results are the same bits.
    pub fn other_version(&self, instructions: Option<&str>) -> Option<String> {
        self.header.versions.difference(&Versions::current(instructions))
    }

    /// The instruction set that the kernels used when the run began; `None` for older runs.
    pub fn instructions(&self) -> Option<&str> {
        self.header.versions.instructions.as_deref()
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
        &self.header.data.training
    }

    /// Makes sure that the run goes on with the data that it was begun with.
    ///
    /// # Errors
    /// [`RunError::DataChanged`] if it is other data.
    pub fn check_data(&self, found: &Fingerprint) -> Result<(), RunError> {
        let began = &self.header.data;
        let changed = |what, expected: &str, found: &str| RunError::DataChanged {
            what,
            path: self.path.display().to_string(),
            expected: expected.to_owned(),
            found: found.to_owned(),
        };
        if found.training != began.training {
            return Err(changed("data", &began.training, &found.training));
        }
        match (&began.test, &found.test) {
            (Some(began), Some(found)) if began != found => Err(changed("test images", began, found)),
            _ => Ok(()),
        }
    }

    /// The answer, or `None` while the run is not done.
    ///
    /// # Errors
    /// [`RunError::Damaged`] if `result.json` is no `T`; [`RunError::NewerFormat`] if a newer program wrote it.
    pub fn result<T: DeserializeOwned>(&self) -> Result<Option<T>, RunError> {
        let (path, advice) = (self.path.join(RESULT), "delete it and run `fewshot resume` to make it again");
        // Those of the first version do not say it.
        let format = read_json::<FormatOnly>(&path, advice).ok().flatten().map_or(1, |answer| answer.format);
        if format > Self::RESULT_FORMAT {
            let (path, program) = (path.display().to_string(), self.program().to_owned());
            return Err(RunError::NewerFormat { path, found: format, known: Self::RESULT_FORMAT, program });
        }
        read_json(&path, advice)
    }

    /// Where data is now that lay elsewhere when the run began, as [`super::RunFolder::note_moved`] kept it.
    ///
    /// # Errors
    /// [`RunError::Damaged`] if the file is not as it was written.
    pub fn moved<T: DeserializeOwned>(&self) -> Result<Option<T>, RunError> {
        let advice = "delete it, and say again where the data is (`fewshot resume --data`)";
        Ok(read_json::<Checked<T>>(&self.path.join(MOVED), advice)?.map(|Checked(moved)| moved))
    }

    /// Checksum of the answer as it was last written.
    pub(super) fn answer_checksum(&self) -> Result<Option<String>, RunError> {
        let events = self.run_events()?;
        let last = events.iter().rfind(|event| event.kind == ANSWERED);
        Ok(last.and_then(|event| event.data.get("sha256")?.as_str()).map(str::to_owned))
    }

    /// What happened so far; where several processes shared the run, behind it what happened in each stage, in the order of
    /// the stages.
    ///
    /// # Errors
    /// [`RunError::Log`] naming a line that is no event.
    pub fn events(&self) -> Result<Vec<Event>, RunError> {
        let mut events = self.run_events()?;
        for file in event_files(&self.path)? {
            events.extend(read_lines::<Event>(&file)?);
        }
        Ok(events)
    }

    /// What happened to the run as a whole, and in stages while one process had all of it.
    fn run_events(&self) -> Result<Vec<Event>, RunError> {
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

    /// `run.toml` without the recipe.
    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// SHA-256 of `run.toml`, to see that nobody edits it while the run goes on.
    pub(super) fn settings_checksum(&self) -> String {
        hex(&Sha256::digest(self.settings.as_bytes()))
    }
}

/// Names of the runs that lie in a folder, sorted.
fn runs_in(folder: &Path) -> Vec<String> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let runs = entries.filter(|entry| entry.path().join(RUN_TOML).is_file());
    let mut names: Vec<String> = runs.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The JSON file `path`, or `None` where there is none; `advice` says what to do if it is damaged.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path, advice: &str) -> Result<Option<T>, RunError> {
    let bytes = match read_file(path) {
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
