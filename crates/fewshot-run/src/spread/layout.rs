//! Where the attempts of a run lie.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::super::atomic::{TEMPORARY, create_folder, sync_folder, write_atomic};
use super::super::file_error::FileError;
use super::super::plan_file::DONE;
use super::holder::Holder;

/// Folder of claims and attempts in a run's.
pub(in super::super) const ATTEMPTS: &str = "attempts";
/// Event file of a stage that several processes could have worked on.
pub(in super::super) const STAGE_EVENTS: &str = "events.jsonl";
/// Files for the run's folder, in that of an attempt.
pub(super) const PUBLISHED: &str = "published";

/// Folder of what all who share a run have agreed on.
pub(super) const AGREED: &str = "instructions";

/// The attempts at one stage.
#[derive(Debug, Clone)]
pub(super) struct Attempts {
    run: PathBuf,
    /// `RUN/attempts/NN-name`.
    folder: PathBuf,
    /// `RUN/stages/NN-name`.
    stage: PathBuf,
}

impl Attempts {
    /// Those at the stage whose folder is `stage`, of the run in `run`.
    pub(super) fn at(run: &Path, stage: PathBuf) -> Self {
        let folder = run.join(ATTEMPTS).join(stage.file_name().unwrap_or_default());
        Self { run: run.to_path_buf(), folder, stage }
    }

    pub(super) fn run(&self) -> &Path {
        &self.run
    }

    /// Where the attempts lie.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of the stage once it is done.
    pub(super) fn stage(&self) -> &Path {
        &self.stage
    }

    /// Whether the stage is done.
    pub(super) fn is_done(&self) -> bool {
        self.stage.join(DONE).is_file()
    }

    pub(super) fn claim(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number}.json"))
    }

    pub(super) fn work(&self, number: u64) -> PathBuf {
        self.folder.join(number.to_string())
    }

    /// The number of the latest claim, if there is any.
    pub(super) fn latest_claim(&self) -> Result<Option<u64>, FileError> {
        Ok(self.numbers(|name| name.strip_suffix(".json")?.parse().ok())?.into_iter().max())
    }

    /// The numbers of attempts whose folders are there, ascending.
    pub(super) fn works(&self) -> Result<Vec<u64>, FileError> {
        self.numbers(|name| name.parse().ok())
    }

    fn numbers(&self, number: impl Fn(&str) -> Option<u64>) -> Result<Vec<u64>, FileError> {
        let mut found: Vec<u64> = names(&self.folder)?.iter().filter_map(|name| number(name)).collect();
        found.sort_unstable();
        Ok(found)
    }

    pub(super) fn make_folder(&self) -> Result<(), FileError> {
        create_folder(&self.folder)
    }

    /// Removes what is left of attempts at a stage that is done. Others may do the same, and one that is not heard of may still
    /// write there: what stays does no harm.
    pub(super) fn remove(&self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The word of the first who asked, by the name of the one file in a folder that is there whole or not at all.
pub(super) fn agreed(run: &Path, word: &str) -> Result<String, FileError> {
    let folder = run.join(ATTEMPTS).join(AGREED);
    let own = run.join(ATTEMPTS).join(format!("{TEMPORARY}{}-{AGREED}", Holder::here(None).id));
    loop {
        if let Some(agreed) = names(&folder)?.into_iter().next() {
            return Ok(agreed);
        }
        create_folder(&own)?;
        write_atomic(&own.join(word), b"")?;
        if !move_folder(&own, &folder)? {
            let _ = fs::remove_dir_all(&own);
        }
    }
}

/// Moves a folder to where none is, or an empty one. Whether it was free.
pub(super) fn move_folder(from: &Path, to: &Path) -> Result<bool, FileError> {
    if let Some(above) = to.parent() {
        create_folder(above)?;
    }
    match fs::rename(from, to) {
        Ok(()) => {}
        Err(_) if fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_some()) => return Ok(false),
        Err(source) => return Err(FileError::new("rename", from, source)),
    }
    for folder in [from.parent(), to.parent()].into_iter().flatten() {
        sync_folder(folder)?;
    }
    Ok(true)
}

/// The names in a folder; none where there is no folder of that name.
pub(in super::super) fn names(folder: &Path) -> Result<Vec<String>, FileError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(e) => return Err(FileError::new("list", folder, e)),
    };
    let name = |entry: std::io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    entries.map(name).collect::<std::io::Result<_>>().map_err(|e| FileError::new("list", folder, e))
}

/// The event files of a run's stages, in the order of the stages: of those that are done, and of the latest attempts at others.
pub(in super::super) fn event_files(run: &Path) -> Result<Vec<PathBuf>, FileError> {
    // A run that was never spread has none.
    if !run.join(ATTEMPTS).is_dir() {
        return Ok(Vec::new());
    }
    let stages = run.join("stages");
    let mut folders: Vec<String> = names(&stages)?;
    folders.extend(names(&run.join(ATTEMPTS))?);
    folders.sort_unstable_by_key(|name| (number(name), name.clone()));
    folders.dedup();
    let mut files = Vec::new();
    for name in folders {
        let done = stages.join(&name).join(STAGE_EVENTS);
        if done.is_file() {
            files.push(done);
            continue;
        }
        let attempts = Attempts::at(run, stages.join(&name));
        if let Some(latest) = attempts.works()?.last() {
            files.push(attempts.work(*latest).join(STAGE_EVENTS));
        }
    }
    Ok(files)
}

/// The number at the head of a stage folder's name; folders are numbered with two digits or more.
fn number(name: &str) -> u64 {
    name.split('-').next().and_then(|digits| digits.parse().ok()).unwrap_or(u64::MAX)
}
