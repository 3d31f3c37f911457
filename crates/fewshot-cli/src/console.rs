//! What the program says: the result on standard output, all else on standard error.
//!
//! Neither is worth a run. A lost terminal, a pipe that nobody reads (`2>&1 | head`) or a full disk must not end hours of
//! training, so these are the only places that write there, and the lints `print_stdout` and `print_stderr` keep it so.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use fewshot_guard::printable;

/// Says a line on standard error, in which nothing acts, whatever file it quotes. Whether anybody can read it is not asked.
pub fn say(line: impl Display) {
    let text = line.to_string();
    // One call for the whole line, so that lines of threads and of other programs do not mix.
    let _ = io::stderr().lock().write_all(format!("{}\n", printable::line(&text)).as_bytes());
}

/// Writes text and a newline to standard output. Nobody reads on at the other end of a closed pipe (`| head`) or of a terminal that
/// is gone: the rest is left out quietly.
///
/// # Errors
/// Any other failure, such as a full disk: the result that was asked for is not there.
pub fn print(text: &str) -> io::Result<()> {
    quietly(write_line(&mut io::stdout().lock(), text))
}

fn write_line(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(text.trim_end().as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

fn quietly(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe || is_hung_up(&error) => Ok(()),
        other => other,
    }
}

/// Whether an error of standard output says that the terminal there is gone: an input/output error of what is no file.
#[cfg(unix)]
fn is_hung_up(error: &io::Error) -> bool {
    use std::fs::File;
    use std::os::fd::AsFd;

    const EIO: i32 = 5;
    let is_file = || {
        let out = io::stdout().as_fd().try_clone_to_owned().map(File::from)?;
        Ok::<bool, io::Error>(out.metadata()?.is_file())
    };
    error.raw_os_error() == Some(EIO) && !is_file().unwrap_or(true)
}

#[cfg(not(unix))]
fn is_hung_up(_: &io::Error) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_no_failure_and_a_full_disk_is() {
        let failed = |kind: ErrorKind| quietly(Err(kind.into()));
        assert!(failed(ErrorKind::BrokenPipe).is_ok());
        assert_eq!(failed(ErrorKind::StorageFull).unwrap_err().kind(), ErrorKind::StorageFull);
        let mut out = Vec::new();
        write_line(&mut out, "text\n\n").unwrap();
        assert_eq!(out, b"text\n");
    }
}
