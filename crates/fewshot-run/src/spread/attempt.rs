//! An attempt at a stage: taken, begun with what the one before it left, published whole.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::super::atomic::{create_folder, is_temporary};
use super::super::error::RunError;
use super::super::file_error::FileError;
use super::claim::{Claim, Claimed, Patience, Standing, Watch};
use super::holder::Holder;
use super::layout::{AGREED, ATTEMPTS, Attempts, PUBLISHED, move_folder, names};
use super::stop::forget_stop;

/// How often a folder is copied that somebody writes to meanwhile, before it is given up.
const COPIES: usize = 5;

/// What came of asking for a stage.
pub(super) enum Taken {
    /// It is this process's.
    Own(Claim),
    /// It is done.
    Done,
    /// Another process works on it, or seems to.
    Busy,
    /// It failed, and nobody asked to try it again.
    Failed(Box<Claimed>),
}

/// Asks for the next attempt at a stage. One that failed is tried again only where that is wanted.
pub(super) fn take(
    attempts: &Attempts,
    watch: &mut Watch,
    patience: &Patience,
    log: Option<&str>,
    retry: bool,
) -> Result<Taken, FileError> {
    loop {
        if attempts.is_done() {
            return Ok(Taken::Done);
        }
        let mut number = 1;
        if let Some(latest) = attempts.latest_claim()? {
            let path = attempts.claim(latest);
            let claimed = Claimed::read(&path)?;
            match claimed.as_ref().map(|claimed| claimed.standing) {
                Some(Standing::Stopped | Standing::Again) => {}
                Some(Standing::Failed) if retry => {}
                Some(Standing::Failed) => {
                    return Ok(claimed.map_or(Taken::Busy, |claimed| Taken::Failed(claimed.into())));
                }
                Some(Standing::Working) | None => {
                    if !watch.is_dead(&path, claimed.as_ref(), patience) {
                        return Ok(Taken::Busy);
                    }
                }
            }
            number = latest + 1;
        }
        attempts.make_folder()?;
        let claim = match Claim::make(attempts, number, Holder::here(log), Standing::Working) {
            Ok(Some(claim)) => claim,
            // Another was faster.
            Ok(None) => continue,
            // Another has ended the stage meanwhile and removed the folder.
            Err(error) if error.io_error().kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if attempts.is_done() {
            claim.withdraw();
            attempts.remove();
            return Ok(Taken::Done);
        }
        return Ok(Taken::Own(claim));
    }
}

/// The folder of an attempt that begins.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) folder: PathBuf,
    /// What it does not go on with, although it is there.
    pub(super) left: Option<Left>,
}

/// The work of an earlier attempt that could not be copied.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Left {
    /// Its number.
    pub(super) attempt: u64,
    pub(super) why: String,
}

/// Makes the folder of attempt `number`, with what was left of the stage in it.
pub(super) fn prepare(attempts: &Attempts, number: u64, patience: &Patience) -> Result<Prepared, FileError> {
    let folder = attempts.work(number);
    let before = attempts.works()?.into_iter().rfind(|before| *before < number);
    let mut left = None;
    match before {
        Some(attempt) => {
            let from = attempts.work(attempt);
            let claimed = Claimed::read(&attempts.claim(attempt))?;
            let has_ended = claimed
                .is_some_and(|claimed| claimed.standing != Standing::Working || claimed.holder.has_surely_ended());
            if has_ended {
                move_folder(&from, &folder)?;
            } else if let Some(why) = copy_still(&from, &folder, patience)? {
                left = Some(Left { attempt, why });
            }
        }
        // One process alone has begun the stage.
        None if attempts.stage().is_dir() => {
            move_folder(attempts.stage(), &folder)?;
        }
        None => {}
    }
    create_folder(&folder)?;
    create_folder(&folder.join(PUBLISHED))?;
    Ok(Prepared { folder, left })
}

/// Copies a folder that another may write to, as it is at one moment. If it never stands still for that long, or goes away, there is no
/// copy: why.
fn copy_still(from: &Path, to: &Path, patience: &Patience) -> Result<Option<String>, FileError> {
    let partial = to.with_extension("partial");
    let mut why = String::new();
    for number in 0..COPIES {
        if number > 0 {
            std::thread::sleep(patience.look);
        }
        let _ = fs::remove_dir_all(&partial);
        let before = list(from);
        match (copy(from, &partial), before.is_some() && before == list(from)) {
            (Ok(()), true) => {
                move_folder(&partial, to)?;
                return Ok(None);
            }
            (Ok(()), false) => why = String::from("its files do not stand still"),
            (Err(error), _) => why = error.to_string(),
        }
    }
    let _ = fs::remove_dir_all(&partial);
    Ok(Some(why))
}

/// Files of a folder and those below it, with what changes when they do; `None` where they cannot be listed.
fn list(folder: &Path) -> Option<Vec<(PathBuf, u64, SystemTime)>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).ok()? {
            let entry = entry.ok()?;
            let found = entry.metadata().ok()?;
            match found.is_dir() {
                true => folders.push(entry.path()),
                false => files.push((entry.path(), found.len(), found.modified().ok()?)),
            }
        }
    }
    files.sort_unstable();
    Some(files)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &target)?,
            false if is_temporary(&entry.file_name()) => {}
            false => {
                fs::copy(entry.path(), &target)?;
                fs::File::open(&target)?.sync_all()?;
            }
        }
    }
    Ok(())
}

/// Makes an attempt's folder the stage's, its published files first. Whether it was the first to be there; the claim ends.
pub(super) fn publish(run: &Path, attempts: &Attempts, claim: Claim) -> Result<bool, FileError> {
    let work = attempts.work(claim.number());
    install(run, &work)?;
    let is_first = move_folder(&work, attempts.stage())?;
    if !is_first && !attempts.is_done() {
        let reason = format!("`{}` holds something else: delete it", attempts.stage().display());
        return Err(FileError::new("rename", work, io::Error::other(reason)));
    }
    drop(claim);
    attempts.remove();
    Ok(is_first)
}

/// Moves the files that an attempt publishes into the run's folder.
fn install(run: &Path, work: &Path) -> Result<(), FileError> {
    let staged = work.join(PUBLISHED);
    let mut folders = vec![PathBuf::new()];
    while let Some(inside) = folders.pop() {
        let folder = staged.join(&inside);
        for name in names(&folder)? {
            let (from, to) = (folder.join(&name), run.join(&inside).join(&name));
            if from.is_dir() {
                create_folder(&to)?;
                folders.push(inside.join(&name));
            } else if !is_temporary(name.as_ref()) {
                fs::rename(&from, &to).map_err(|e| FileError::new("write", &to, e))?;
            }
        }
    }
    match fs::remove_dir_all(&staged) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(FileError::new("remove", staged, e)),
        _ => Ok(()),
    }
}

/// Takes the run in `run` back for one process: makes sure that nobody works on it, which takes at most [`Patience::stale`], and
/// lays what attempts left where that process goes on from it.
pub(in super::super) fn release(run: &Path, patience: &Patience) -> Result<(), RunError> {
    if !run.join(ATTEMPTS).is_dir() {
        return Ok(());
    }
    let (mut watch, mut first) = (Watch::default(), HashMap::new());
    loop {
        let mut is_free = true;
        for name in names(&run.join(ATTEMPTS))?.into_iter().filter(|name| name != AGREED) {
            let attempts = Attempts::at(run, run.join("stages").join(name));
            let Some(latest) = attempts.latest_claim()? else { continue };
            let path = attempts.claim(latest);
            let claimed = Claimed::read(&path)?;
            if attempts.is_done() || claimed.as_ref().is_some_and(|claimed| claimed.standing != Standing::Working) {
                continue;
            }
            let now = claimed.as_ref().map(|claimed| (claimed.holder.id.clone(), claimed.beat));
            let moves = first.entry(path.clone()).or_insert_with(|| now.clone()) != &now;
            if let Some(Claimed { holder, .. }) = &claimed
                && (moves || holder.surely_lives())
            {
                let (path, pid) = (run.display().to_string(), Some(holder.process));
                return Err(RunError::InUse { path, pid, holder: holder.in_words() });
            }
            is_free &= watch.is_dead(&path, claimed.as_ref(), patience);
        }
        if is_free {
            break;
        }
        std::thread::sleep(patience.look);
    }
    for name in names(&run.join(ATTEMPTS))?.into_iter().filter(|name| name != AGREED) {
        let attempts = Attempts::at(run, run.join("stages").join(name));
        if let Some(latest) = attempts.works()?.last().filter(|_| !attempts.is_done()) {
            let work = attempts.work(*latest);
            install(run, &work)?;
            move_folder(&work, attempts.stage())?;
        }
        attempts.remove();
    }
    forget_stop(run)?;
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_another_may_write_to_is_copied_and_what_cannot_be_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let attempts = Attempts::at(dir.path(), dir.path().join("stages/01-one"));
        let first = attempts.work(1);
        create_folder(&first).unwrap();
        fs::write(first.join("checkpoint"), "a").unwrap();
        let look = Duration::from_millis(1);
        let patience = Patience { look, ..Patience::default() };
        // There is no claim that would say that its process has ended.
        let Prepared { folder, left } = prepare(&attempts, 2, &patience).unwrap();
        assert_eq!((left, fs::read_to_string(folder.join("checkpoint")).unwrap()), (None, String::from("a")));
        assert!(first.join("checkpoint").exists(), "whose it is may go on");

        // Of a link that leads nowhere there is nothing to copy.
        std::os::unix::fs::symlink("nowhere", folder.join("link")).unwrap();
        let Prepared { folder: next, left } = prepare(&attempts, 3, &patience).unwrap();
        let Left { attempt, why } = left.expect("told");
        assert!(attempt == 2 && why.contains("os error 2"), "{attempt} {why}");
        assert_eq!(names(&next).unwrap(), [PUBLISHED], "it begins from nothing");
        assert!(!next.with_extension("partial").exists());
    }
}
