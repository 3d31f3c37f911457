//! Folders of runs.

use std::path::{Path, PathBuf};

/// The settings of a run, in its folder.
pub const RUN_FILE: &str = "run.toml";

/// Whether a folder is that of a run.
pub fn is_run(folder: &Path) -> bool {
    folder.join(RUN_FILE).exists()
}

/// `runs/KIND-N` with the first free N.
pub fn fresh_folder(what: &str) -> PathBuf {
    let mut number = 1;
    loop {
        let folder = PathBuf::from(format!("runs/{what}-{number}"));
        if !folder.exists() {
            return folder;
        }
        number += 1;
    }
}
