//! Slurm's programs, called with an environment of their own.

use std::io::{self, ErrorKind, Read, Write};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

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
    /// [`SpreadError::Start`] if there is no such program; that it fails, or does not end, is an answer.
    fn call(&self, program: &str, arguments: &[String], input: &str) -> Result<Said, SpreadError>;
}

/// The programs that are installed here. One that has not ended after a while is ended, and counts as one that failed.
#[derive(Debug, Clone, Copy)]
pub struct Installed {
    limit: Duration,
}

impl Installed {
    /// They get longer than they wait for a controller themselves, as `sbatch` does for two minutes of one that has as many jobs as it takes
    /// (`MaxJobCount`): what hangs then is something else (a file system, a name server), and must not keep a driver from its work for ever.
    pub const PATIENT: Self = Self::within(Duration::from_secs(150));

    /// They get so long: for who has something better to do than to wait.
    pub const fn within(limit: Duration) -> Self {
        Self { limit }
    }
}

/// Variables by which a job around this process, or the user's shell, would set options of what is submitted.
const OPTIONS: [&str; 5] = ["SLURM_", "SBATCH_", "SQUEUE_", "SCANCEL_", "SCONTROL_"];
/// The one of them that says which cluster is meant.
const CLUSTER: &str = "SLURM_CONF";
/// How often it is looked whether a program that says nothing more has ended.
const LOOK: Duration = Duration::from_millis(2);

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
        let heard = hear(&mut child, input, Instant::now() + self.limit);
        if !matches!(heard, Ok(Some(_))) {
            let _ = child.kill();
            // One that cannot even be killed, since its file system hangs, is waited for by somebody who has the time.
            let _ = Builder::new().name(String::from("left behind")).spawn(move || child.wait());
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(match heard.map_err(failed)? {
            Some(Output { status, stdout, stderr }) => {
                Said { is_good: status.success(), out: text(&stdout), errors: text(&stderr) }
            }
            None => {
                let errors = format!("`{program}` did not answer within {} seconds", self.limit.as_secs_f64());
                Said { is_good: false, out: String::new(), errors }
            }
        })
    }
}

/// How a program ended, and what it said on both ways until then; `None` if it has not ended in time.
fn hear(child: &mut Child, input: &str, until: Instant) -> io::Result<Option<Output>> {
    let (input, stdin) = (input.to_owned(), child.stdin.take());
    // All at once: it may wait for any of them.
    let fed = beside(move || match stdin.map_or(Ok(()), |mut stdin| stdin.write_all(input.as_bytes())) {
        // One that reads nothing has its reasons, which it says.
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(e),
        _ => Ok(()),
    })?;
    let (out, errors) = (child.stdout.take(), child.stderr.take());
    let (out, errors) = (beside(move || all_of(out))?, beside(move || all_of(errors))?);
    let (Some(out), Some(errors)) = (by(&out, until), by(&errors, until)) else { return Ok(None) };
    loop {
        if let Some(status) = child.try_wait()? {
            if let Some(fed) = by(&fed, until) {
                fed?;
            }
            return Ok(Some(Output { status, stdout: out?, stderr: errors? }));
        }
        if Instant::now() >= until {
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
}

/// Has something done by a thread that nobody needs to wait for.
fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<Receiver<T>> {
    let (sender, receiver) = channel();
    // If nobody listens any more, nobody misses it.
    Builder::new().name(String::from("slurm")).spawn(move || drop(sender.send(work())))?;
    Ok(receiver)
}

fn all_of(pipe: Option<impl Read>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut bytes))?;
    Ok(bytes)
}

/// What comes until then.
fn by<T>(receiver: &Receiver<T>, until: Instant) -> Option<T> {
    receiver.recv_timeout(until.saturating_duration_since(Instant::now())).ok()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(limit: Duration, script: &str, input: &str) -> Said {
        Installed::within(limit).call("sh", &["-c", script].map(String::from), input).unwrap()
    }

    #[test]
    fn what_a_program_says_is_heard_however_much_and_in_whatever_order() {
        let long = "x".repeat(300_000);
        let said = shell(Duration::from_secs(60), "yes | head -c 200000 >&2; cat; exit 3", &long);
        assert!(!said.is_good);
        assert_eq!((said.out.len(), said.errors.len()), (300_000, 200_000));
        // It reads nothing of what it is told.
        let said = shell(Duration::from_secs(60), "exec <&-; echo 17", &long);
        assert_eq!((said.is_good, said.out.as_str()), (true, "17\n"));
    }

    #[test]
    fn a_program_that_does_not_end_is_ended_and_one_that_is_not_there_is_told() {
        let limit = Duration::from_millis(300);
        // The last leaves another process behind, with its output.
        for script in ["exec sleep 600", "exec >&- 2>&-; exec sleep 600", "sleep 5 & echo 17"] {
            let began = Instant::now();
            let said = shell(limit, script, "");
            assert!(began.elapsed() < Duration::from_secs(4), "{script}");
            assert!(!said.is_good && said.errors.contains("`sh` did not answer within 0.3 seconds"), "{said:?}");
        }
        let missing = Installed::PATIENT.call("no-such-program", &[], "").unwrap_err();
        assert!(matches!(missing, SpreadError::Start { .. }), "{missing}");
    }
}
