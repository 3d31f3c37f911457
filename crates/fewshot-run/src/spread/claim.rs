//! Claims on attempts: made by one, kept alive by a counter, taken over when it stands still.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use fewshot_guard::read_file;
use serde::{Deserialize, Serialize};

use super::super::file_error::FileError;
use super::super::interrupt::Interrupt;
use super::holder::Holder;
use super::layout::Attempts;
use super::stop::is_asked_to_stop;

/// How long things may take among processes that share a run.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// A claim's counter moves so often.
    pub beat: Duration,
    /// A claim whose counter has not moved for so long is dead. Many beats: a busy file server must not look like an end.
    pub stale: Duration,
    /// How often the folder is looked at by who waits.
    pub look: Duration,
}

impl Default for Patience {
    /// A beat every 10 seconds, dead after 2 minutes, a look every half second.
    fn default() -> Self {
        let (beat, stale, look) = (Duration::from_secs(10), Duration::from_secs(120), Duration::from_millis(500));
        Self { beat, stale, look }
    }
}

/// How an attempt stands, by its own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Its holder works on it, unless he is dead.
    Working,
    /// It was told to stop, and saved what it had.
    Stopped,
    /// The stage's work failed.
    Failed,
    /// It was no attempt: it lifts the failure before it, so that the stage is tried again.
    Again,
}

/// A claim, as its file tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    /// Who made it.
    pub holder: Holder,
    /// How the attempt stands.
    pub standing: Standing,
    /// Moves while the holder lives.
    pub beat: u64,
    /// When it was made, by the holder's clock: RFC 3339 in UTC.
    pub since: String,
    /// What there is to say of how it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Claimed {
    fn new(holder: Holder, standing: Standing) -> Self {
        let since = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        Self { holder, standing, beat: 0, since, note: None }
    }

    /// What the file says; `None` where it is being written, or is gone.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, FileError> {
        match read_file(path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(FileError::new("read", path, e)),
        }
    }
}

/// A claim file that this process writes, always in place: were it renamed or removed, what is written would reach nobody.
#[derive(Debug)]
struct Slate {
    file: File,
    claimed: Claimed,
    longest: usize,
}

impl Slate {
    /// Writes the claim. It never gets shorter, so that no reader finds the end of an earlier one behind it: JSON may end in spaces.
    fn write(&mut self) -> std::io::Result<()> {
        let mut bytes = serde_json::to_vec(&self.claimed)?;
        bytes.resize(bytes.len().max(self.longest), b' ');
        self.longest = bytes.len();
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&bytes)?;
        // Other machines see it from here on.
        self.file.sync_data()
    }
}

/// A claim of this process. Its counter moves until it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    slate: Arc<Mutex<Slate>>,
    lost: Arc<AtomicBool>,
    beating: Option<(Sender<()>, JoinHandle<()>)>,
    number: u64,
    attempts: Attempts,
}

impl Claim {
    /// Makes the claim on attempt `number`, unless there is one already.
    pub(super) fn make(
        attempts: &Attempts,
        number: u64,
        holder: Holder,
        standing: Standing,
    ) -> Result<Option<Self>, FileError> {
        let path = attempts.claim(number);
        let file = match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::AlreadyExists => return Ok(None),
            Err(e) => return Err(FileError::new("make", path, e)),
        };
        let mut slate = Slate { file, claimed: Claimed::new(holder, standing), longest: 0 };
        slate.write().map_err(|e| FileError::new("write", path, e))?;
        let (slate, lost) = (Arc::new(Mutex::new(slate)), Arc::default());
        Ok(Some(Self { slate, lost, beating: None, number, attempts: attempts.clone() }))
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Moves the counter from now on, by a thread. A claim that is lost halts the work of `interrupt`; a run that is asked to
    /// stop requests it.
    pub(super) fn beat(&mut self, run: PathBuf, interrupt: &Interrupt, beat: Duration) -> Result<(), FileError> {
        let (stop, stopped): (Sender<()>, Receiver<()>) = channel();
        let (slate, lost, interrupt) = (Arc::clone(&self.slate), Arc::clone(&self.lost), interrupt.clone());
        let (own, next) = (self.attempts.claim(self.number), self.attempts.claim(self.number + 1));
        let work = move || {
            let halt = interrupt.halt();
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(beat) {
                // What cannot be seen just now (a file server that does not answer) is no loss.
                if is_over(&own, &next).unwrap_or(false) {
                    lost.store(true, Ordering::SeqCst);
                    halt.call();
                    // Until the work has seen it.
                    let _ = stopped.recv();
                    return;
                }
                if is_asked_to_stop(&run) {
                    interrupt.request();
                }
                let mut slate = slate.lock().unwrap_or_else(PoisonError::into_inner);
                slate.claimed.beat += 1;
                // If it cannot be written for long, another process takes over, which the next round sees.
                let _ = slate.write();
            }
        };
        let thread = std::thread::Builder::new().name(String::from("claim")).spawn(work);
        let thread = thread.map_err(|e| FileError::new("watch over", self.attempts.claim(self.number), e))?;
        self.beating = Some((stop, thread));
        Ok(())
    }

    /// Whether this is still the latest claim. What cannot be seen just now, as when a file server does not answer, is looked for again for as
    /// long as nobody else may take it for dead.
    ///
    /// # Errors
    /// [`FileError`] if it could not be seen all that time.
    pub(super) fn is_held(&self, patience: &Patience) -> Result<bool, FileError> {
        let (own, next) = (self.attempts.claim(self.number), self.attempts.claim(self.number + 1));
        let began = Instant::now();
        while !self.lost.load(Ordering::SeqCst) {
            match is_over(&own, &next) {
                Ok(is_over) => return Ok(!is_over),
                Err(error) if began.elapsed() >= patience.stale => return Err(FileError::new("see", own, error)),
                Err(_) => std::thread::sleep(patience.look),
            }
        }
        Ok(false)
    }

    /// Says how the attempt ended, and lets go of it.
    pub(super) fn end(mut self, standing: Standing, note: Option<String>) -> Result<(), FileError> {
        self.rest();
        let mut slate = self.slate.lock().unwrap_or_else(PoisonError::into_inner);
        slate.claimed.standing = standing;
        slate.claimed.note = note;
        slate.write().map_err(|e| FileError::new("write", self.attempts.claim(self.number), e))
    }

    /// Takes back a claim on a stage that turned out to be done.
    pub(super) fn withdraw(mut self) {
        self.rest();
        let _ = fs::remove_file(self.attempts.claim(self.number));
    }

    fn rest(&mut self) {
        if let Some((stop, thread)) = self.beating.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.rest();
    }
}

/// Whether the claim `own` is not the latest any more: it is gone, or `next` is there.
fn is_over(own: &Path, next: &Path) -> std::io::Result<bool> {
    Ok(next.try_exists()? || !own.try_exists()?)
}

/// Sees which claims stand still. Each process has its own, and compares with what it saw itself.
#[derive(Debug, Default)]
pub(super) struct Watch {
    seen: HashMap<PathBuf, (Option<(String, u64)>, Instant)>,
}

impl Watch {
    /// Whether who made the claim at `path`, which reads `claimed`, is dead. One that cannot be read counts as one that stands still. A
    /// process that is seen on this machine lives, however long it was not given a core.
    pub(super) fn is_dead(&mut self, path: &Path, claimed: Option<&Claimed>, patience: &Patience) -> bool {
        if claimed.is_some_and(|claimed| claimed.holder.has_surely_ended()) {
            return true;
        }
        if claimed.is_some_and(|claimed| claimed.holder.surely_lives()) {
            self.seen.remove(path);
            return false;
        }
        let now = claimed.map(|claimed| (claimed.holder.id.clone(), claimed.beat));
        let seen = self.seen.entry(path.to_path_buf()).or_insert_with(|| (now.clone(), Instant::now()));
        if seen.0 != now {
            *seen = (now, Instant::now());
        }
        seen.1.elapsed() > patience.stale
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;
    use std::thread;

    use super::*;

    #[test]
    fn a_claim_that_cannot_be_seen_for_a_while_is_not_lost() {
        let dir = tempfile::tempdir().unwrap();
        let attempts = Attempts::at(dir.path(), dir.path().join("stages/01-one"));
        let patience = Patience {
            beat: Duration::from_millis(5),
            stale: Duration::from_millis(400),
            look: Duration::from_millis(5),
        };
        // The folder is a link, which one move leads elsewhere.
        let (folder, real, new) = (dir.path().join("attempts/01-one"), dir.path().join("real"), dir.path().join("new"));
        let lead = |to: &Path| {
            symlink(to, &new).unwrap();
            fs::rename(&new, &folder).unwrap();
        };
        fs::create_dir(dir.path().join("attempts")).unwrap();
        fs::create_dir(&real).unwrap();
        lead(&real);
        let make = |number| Claim::make(&attempts, number, Holder::here(None), Standing::Working).unwrap().unwrap();
        let mut claim = make(1);
        claim.beat(dir.path().to_path_buf(), &Interrupt::new(), patience.beat).unwrap();
        assert!(claim.is_held(&patience).unwrap());
        // Of what lies behind a link to itself the system says something else than that there is none.
        lead(&folder);
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(60));
                lead(&real);
            });
            assert!(claim.is_held(&patience).unwrap());
        });
        lead(&folder);
        let error = claim.is_held(&patience).unwrap_err().to_string();
        assert!(error.contains("01-one/1.json"), "{error}");
        lead(&real);
        assert!(claim.is_held(&patience).unwrap());
        drop(make(2));
        assert!(!claim.is_held(&patience).unwrap());
    }
}
