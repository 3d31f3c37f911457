//! Who works on a stage, and whether he can be seen to have ended.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Tells the claims of one process apart.
static CLAIMS: AtomicU64 = AtomicU64::new(0);

/// A process that holds, or held, an attempt at a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Like no other's.
    pub id: String,
    /// Name of the machine.
    pub host: String,
    /// Process id there.
    pub process: u32,
    /// The job of a cluster that the process is, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The file that the process says things in, where it knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// Which process of all that had this id; `None` where the system does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    life: Option<Life>,
}

/// What tells one process from a later one with the same id, and its machine from others that have the same name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Life {
    /// Of the machine: changes with every start of the system.
    boot: String,
    /// Processes are numbered within it: a container has its own.
    namespace: String,
    /// When the process began, in clock ticks since the system did.
    started: u64,
}

impl Holder {
    /// This process, with the file that it says things in.
    pub fn here(log: Option<&str>) -> Self {
        let process = std::process::id();
        let host = machine();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let number = CLAIMS.fetch_add(1, Ordering::Relaxed);
        let job = cluster_job();
        let id = format!("{host}-{process}-{since:x}-{number}");
        Self { id, host, process, job, log: log.map(str::to_owned), life: Life::of(process) }
    }

    /// Whether the process has surely ended: it was one of this machine, and is there no more. `false` where that cannot be seen.
    pub fn has_surely_ended(&self) -> bool {
        let (Some(life), Some(own)) = (&self.life, Life::of(std::process::id())) else { return false };
        if life.boot != own.boot || life.namespace != own.namespace {
            return false;
        }
        started(self.process) != Some(life.started)
    }

    /// Whether the process surely lives: it is one of this machine, and is there. `false` where that cannot be seen.
    pub fn surely_lives(&self) -> bool {
        let (Some(life), Some(own)) = (&self.life, Life::of(std::process::id())) else { return false };
        life.boot == own.boot && life.namespace == own.namespace && started(self.process) == Some(life.started)
    }

    /// `process 17 on node3 (job 99_4)`.
    pub fn in_words(&self) -> String {
        let Self { host, process, job, .. } = self;
        let job = job.as_ref().map(|job| format!(" (job {job})")).unwrap_or_default();
        format!("process {process} on {host}{job}")
    }
}

impl Life {
    fn of(process: u32) -> Option<Self> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
        let namespace = fs::read_link("/proc/self/ns/pid").ok()?.display().to_string();
        Some(Self { boot, namespace, started: started(process)? })
    }
}

/// When a process began; `None` if there is none that runs.
fn started(process: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in parentheses may hold anything; behind it come the state and, as 20th from there, the start.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    // A zombie has closed its files: only its exit code is left.
    let state = fields.next().filter(|state| !matches!(*state, "Z" | "X"))?;
    debug_assert_eq!(state.len(), 1);
    fields.nth(18)?.parse().ok()
}

fn machine() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| std::env::var("HOSTNAME").ok());
    let name = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    name.unwrap_or_else(|| String::from("unnamed"))
}

/// Slurm's name of this job, as `squeue -r` shows it.
fn cluster_job() -> Option<String> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match (variable("SLURM_ARRAY_JOB_ID"), variable("SLURM_ARRAY_TASK_ID")) {
        (Some(array), Some(task)) => Some(format!("{array}_{task}")),
        _ => variable("SLURM_JOB_ID"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders_differ_and_come_back() {
        let (one, other) = (Holder::here(None), Holder::here(Some("logs/a.log")));
        assert_ne!(one.id, other.id);
        let text = serde_json::to_string(&other).unwrap();
        assert_eq!(serde_json::from_str::<Holder>(&text).unwrap(), other);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_end_of_a_process_of_this_machine_is_seen_and_that_of_others_is_not() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let mut holder = Holder::here(None);
        assert!(!holder.has_surely_ended() && holder.surely_lives());
        holder.process = child.id();
        holder.life = Life::of(child.id());
        assert!(!holder.has_surely_ended());
        child.kill().unwrap();
        // Killed, and not waited for yet.
        for _ in 0..500 {
            if holder.has_surely_ended() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        assert!(holder.has_surely_ended());
        child.wait().unwrap();
        assert!(holder.has_surely_ended() && !holder.surely_lives());
        // The same process id, of another process.
        let mut later = Holder::here(None);
        later.life.as_mut().unwrap().started += 1;
        assert!(later.has_surely_ended());
        let mut elsewhere = holder.clone();
        elsewhere.life.as_mut().unwrap().boot.push('x');
        assert!(
            !elsewhere.has_surely_ended() && !elsewhere.surely_lives(),
            "another machine's processes cannot be seen"
        );
        elsewhere.life = None;
        assert!(!elsewhere.has_surely_ended());
    }
}
