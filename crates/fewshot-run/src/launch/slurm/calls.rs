//! Slurm's programs, called with an environment of their own.

use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};

use crate::spread::SpreadError;

/// What a program said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Whether it ended with 0.
    pub is_good: bool,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub errors: String,
}

/// Calls of `sbatch`, `squeue`, `scancel`, `scontrol`: Slurm's own, or what tests put in their place.
pub trait SlurmCalls {
    /// Calls `program` with `arguments`, its standard input being `input`.
    ///
    /// # Errors
    /// [`SpreadError::Start`] if there is no such program; that it fails is an answer.
    fn call(&self, program: &str, arguments: &[String], input: &str) -> Result<Said, SpreadError>;
}

/// The programs that are installed here.
#[derive(Debug, Clone, Copy, Default)]
pub struct Installed;

/// Variables by which a job around this process, or the user's shell, would set options of what is submitted.
const OPTIONS: [&str; 5] = ["SLURM_", "SBATCH_", "SQUEUE_", "SCANCEL_", "SCONTROL_"];
/// The one of them that says which cluster is meant.
const CLUSTER: &str = "SLURM_CONF";

impl SlurmCalls for Installed {
    fn call(&self, program: &str, arguments: &[String], input: &str) -> Result<Said, SpreadError> {
        let failed = |source| SpreadError::Start { program: program.to_owned(), source };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text != CLUSTER && OPTIONS.iter().any(|prefix| text.starts_with(prefix)) {
                command.env_remove(&name);
            }
        }
        let mut child = command.spawn().map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            match stdin.write_all(input.as_bytes()) {
                // One that reads nothing has its reasons, which it says.
                Err(e) if e.kind() != ErrorKind::BrokenPipe => return Err(failed(e)),
                _ => {}
            }
        }
        let output = child.wait_with_output().map_err(failed)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Said { is_good: output.status.success(), out: text(&output.stdout), errors: text(&output.stderr) })
    }
}
