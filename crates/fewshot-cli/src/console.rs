//! What the program says: the result on standard output, all else on standard error.
//!
//! Neither is worth a run. A lost terminal, a pipe that nobody reads (`2>&1 | head`) or a full disk must not end hours of
//! training, so these are the only places that write there, and the lints `print_stdout` and `print_stderr` keep it so.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// Says a line on standard error. Whether anybody can read it is not asked.
pub fn say(line: impl Display) {
    // One call for the whole line, so that lines of threads and of other programs do not mix.
    let _ = io::stderr().lock().write_all(format!("{line}\n").as_bytes());
}

/// Writes text and a newline to standard output. Nobody reads on at the other end of a closed pipe (`| head`): the rest is left
/// out quietly.
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
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
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
