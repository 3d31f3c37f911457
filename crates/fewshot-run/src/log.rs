//! Files that grow by whole lines of JSON: what happened, and what the search saw.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use fewshot_guard::read_file;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::atomic::sync_folder;
use super::fault;
use super::file_error::FileError;

/// A line file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A line is not what it should be.
    #[error("`{path}` line {line}: {reason}; delete that line, or bring back a copy of the file")]
    Line {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
        /// What the reader said.
        reason: String,
    },
    /// The file has fewer lines than the checkpoint that goes with it says.
    #[error(
        "`{path}` has {found} lines, but the checkpoint counts {wanted}: bring back a copy of the file, or delete the stage's folder to repeat it"
    )]
    Short {
        /// The file.
        path: String,
        /// The lines that there are.
        found: usize,
        /// The lines that there should be at least.
        wanted: usize,
    },
}

/// A file of one JSON value a line, written only at its end.
///
/// A line is written by one call. Whoever is killed while writing leaves at most one torn line at
/// the end, which the next [`JsonLines::open`] cuts off. Threads may share it.
///
/// To keep the file in step with a checkpoint: [`JsonLines::sync`], then save the checkpoint with
/// [`JsonLines::lines`] in it; on resume [`JsonLines::truncate`] to that count, and to 0 if there is
/// no checkpoint. A stage that adds to a file of earlier stages saves its first checkpoint before
/// its first line, so that it knows where it began.
#[derive(Debug)]
pub struct JsonLines {
    path: PathBuf,
    tail: Mutex<Tail>,
}

#[derive(Debug)]
struct Tail {
    file: File,
    /// Bytes up to the end of the last whole line.
    len: u64,
    lines: usize,
}

impl JsonLines {
    /// Opens the file, or makes it, and cuts off a torn last line.
    ///
    /// # Errors
    /// [`FileError`] naming the file.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let fail = |action, e| FileError::new(action, path, e);
        let is_new = !path.exists();
        fault::point();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|e| fail("open", e))?;
        if is_new && let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
            sync_folder(folder)?;
        }
        let bytes = read_file(path).map_err(|e| fail("read", e))?;
        let len = whole_lines(&bytes).len() as u64;
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
        let mut tail = Tail { file, len, lines };
        if len < bytes.len() as u64 {
            fault::point();
        }
        tail.cut().map_err(|e| fail("repair", e))?;
        Ok(Self { path: path.to_path_buf(), tail: Mutex::new(tail) })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many lines the file has.
    pub fn lines(&self) -> usize {
        self.tail().lines
    }

    /// Adds one line. It is safe from a kill of this process at once, from a power cut only after
    /// [`JsonLines::sync`].
    ///
    /// # Errors
    /// [`LogError::File`] if writing fails; the file then ends as before.
    pub fn append<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), LogError> {
        let fail = |e| FileError::new("write", &self.path, e);
        let mut line = serde_json::to_vec(value).map_err(|e| fail(e.into()))?;
        line.push(b'\n');
        let mut tail = self.tail();
        fault::point();
        if let Err(error) = fault::write(&mut tail.file, &line) {
            // A part may be written; the next line must not be glued to it.
            let _ = tail.cut();
            return Err(fail(error).into());
        }
        tail.len += line.len() as u64;
        tail.lines += 1;
        Ok(())
    }

    /// Flushes the file to the disk.
    ///
    /// # Errors
    /// [`LogError::File`] naming the file.
    pub fn sync(&self) -> Result<(), LogError> {
        let synced = fault::sync(&self.tail().file);
        Ok(synced.map_err(|e| FileError::new("flush", &self.path, e))?)
    }

    /// Drops every line after the first `lines`: those written after the last checkpoint, which
    /// will be written again.
    ///
    /// # Errors
    /// [`LogError::Short`] if there are not that many.
    pub fn truncate(&self, lines: usize) -> Result<(), LogError> {
        let mut tail = self.tail();
        if lines > tail.lines {
            return Err(LogError::Short { path: self.path.display().to_string(), found: tail.lines, wanted: lines });
        }
        let bytes = read_file(&self.path).map_err(|e| FileError::new("read", &self.path, e))?;
        let kept: usize = bytes.split_inclusive(|byte| *byte == b'\n').take(lines).map(<[u8]>::len).sum();
        tail.len = kept as u64;
        tail.lines = lines;
        fault::point();
        tail.cut().map_err(|e| FileError::new("cut", &self.path, e))?;
        Ok(())
    }

    /// All lines.
    ///
    /// # Errors
    /// [`LogError::Line`] naming the first line that is no `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<Vec<T>, LogError> {
        let _tail = self.tail();
        read_lines(&self.path)
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        // A thread that panicked while writing leaves at most a torn line, which `len` leaves out.
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tail {
    /// Makes the file end after the last whole line, and the next write begin there.
    fn cut(&mut self) -> std::io::Result<()> {
        if self.file.metadata()?.len() > self.len {
            self.file.set_len(self.len)?;
        }
        self.file.seek(SeekFrom::Start(self.len)).map(drop)
    }
}

/// The lines of a file that another process may be writing: a torn last line is left out. A file
/// that is not there has no lines.
///
/// # Errors
/// [`LogError::Line`] naming the first line that is no `T`.
pub fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, LogError> {
    let bytes = match read_file(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(e) => return Err(FileError::new("read", path, e).into()),
    };
    whole_lines(&bytes)
        .split_inclusive(|byte| *byte == b'\n')
        .enumerate()
        .map(|(index, line)| {
            serde_json::from_slice(line).map_err(|e| LogError::Line {
                path: path.display().to_string(),
                line: index + 1,
                reason: e.to_string(),
            })
        })
        .collect()
}

/// `bytes` up to and with its last line break.
fn whole_lines(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    &bytes[..end]
}

/// One line of `events.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When: RFC 3339 in UTC, with milliseconds.
    pub time: String,
    /// The stage that it belongs to, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// What kind of event: "opened", "started", "checkpoint", "done", "interrupted", "failed", ..
    pub kind: String,
    /// What belongs to it.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub data: Value,
}

/// The event with which each process begins its work on a run.
pub(super) const OPENED: &str = "opened";
/// From here on its time counts: it has read the data.
pub(super) const READY: &str = "ready";
/// `run.toml` is written: when the run begins, and when what was left open then is decided.
pub(super) const SETTLED: &str = "settled";
/// The work stopped because it was asked to.
pub(super) const INTERRUPTED: &str = "interrupted";
/// An attempt at a stage does not go on with what an earlier one did, since that could not be copied.
pub(super) const BEGUN_ANEW: &str = "begun_anew";
/// A stage begins or goes on.
pub(super) const STARTED: &str = "started";
/// One of several pieces of a stage's work does, whose checkpoint the event names.
pub(super) const BEGAN: &str = "began";
/// What was done up to here is kept.
pub(super) const CHECKPOINT: &str = "checkpoint";
/// A stage has ended well.
pub(super) const STAGE_DONE: &str = "done";
/// The answer was written; no work.
pub(super) const ANSWERED: &str = "result";

impl Event {
    /// Wall-clock seconds that processes worked on a run: from each "opened", or the "ready" behind it, to the last event
    /// before the next. What a killed process did after its last event, at the latest after its last checkpoint, is lost and
    /// not counted, and neither is the time until the run goes on.
    pub fn seconds(events: &[Event]) -> f64 {
        let counts = |event: &Event| match event.kind.as_str() {
            OPENED | READY => Some(Mark::Begin),
            ANSWERED => None,
            _ => Some(Mark::Work),
        };
        spans(events, counts)
    }

    /// The same for one stage.
    pub fn stage_seconds(events: &[Event], stage: &str) -> f64 {
        let counts = |event: &Event| match (event.stage.as_deref() == Some(stage), event.kind.as_str()) {
            (true, STARTED) => Some(Mark::Begin),
            (true, _) => Some(Mark::Work),
            (false, _) => None,
        };
        spans(events, counts)
    }

    /// The same for the piece of a stage's work that is kept in this file: up to its last checkpoint.
    pub fn piece_seconds(events: &[Event], stage: &str, file: &str) -> f64 {
        let of_piece = |event: &Event| {
            event.stage.as_deref() == Some(stage) && event.data.get("file").and_then(Value::as_str) == Some(file)
        };
        let counts = |event: &Event| match (of_piece(event), event.kind.as_str()) {
            (true, BEGAN) => Some(Mark::Begin),
            (true, CHECKPOINT) => Some(Mark::Work),
            _ => None,
        };
        spans(events, counts)
    }
}

/// What an event says of a clock.
enum Mark {
    /// It starts.
    Begin,
    /// Up to here it counts.
    Work,
}

/// Seconds from each beginning to the last mark of work behind it and before the next beginning or process.
fn spans(events: &[Event], mark: impl Fn(&Event) -> Option<Mark>) -> f64 {
    let mut seconds = 0.0;
    let (mut begun, mut last) = (None, None);
    for event in events {
        let Ok(time) = humantime::parse_rfc3339(&event.time) else { continue };
        if event.kind == OPENED {
            seconds += between(begun, last);
            (begun, last) = (None, None);
        }
        match mark(event) {
            Some(Mark::Begin) => {
                seconds += between(begun, last);
                (begun, last) = (Some(time), None);
            }
            Some(Mark::Work) => last = Some(time),
            None => {}
        }
    }
    seconds + between(begun, last)
}

/// Seconds from one time to another; none if the clock was set back meanwhile.
fn between(from: Option<SystemTime>, to: Option<SystemTime>) -> f64 {
    let span = from.zip(to).and_then(|(from, to)| to.duration_since(from).ok());
    span.map_or(0.0, |span| span.as_secs_f64())
}

/// `events.jsonl` of a run.
#[derive(Debug)]
pub struct EventLog {
    lines: JsonLines,
}

impl EventLog {
    /// Opens the log, or makes it, and cuts off a torn last line.
    ///
    /// # Errors
    /// [`LogError::File`] naming the file.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        Ok(Self { lines: JsonLines::open(path)? })
    }

    /// Writes an event with the time of now.
    ///
    /// # Errors
    /// [`LogError::File`] naming the file.
    pub fn write(&self, stage: Option<&str>, kind: &str, data: Value) -> Result<(), LogError> {
        self.lines.append(&Event {
            time: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
            stage: stage.map(str::to_owned),
            kind: kind.to_owned(),
            data,
        })
    }

    /// All events so far.
    ///
    /// # Errors
    /// [`LogError::Line`] naming the first line that is no event.
    pub fn read(&self) -> Result<Vec<Event>, LogError> {
        self.lines.read()
    }
}
