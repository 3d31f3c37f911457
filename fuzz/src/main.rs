//! Feeds mutated inputs to every reader, through public functions only.
//!
//! Each target runs in processes of its own with at most [`MEMORY`] bytes of data; the parent sees to it that each case ends in
//! time. What goes wrong is kept in a folder: the input, and what was said. A case is a function of seed, target and number, so
//! `--target T --first N --count 1` repeats it.
//!
//! `cargo run --release -p fewshot-fuzz -- --seconds 60`, or `--count 1000000`; see CONTRIBUTING.md.

#![forbid(unsafe_code)]

mod mutate;
#[path = "../../crates/fewshot-data/tests/support/mod.rs"]
mod support;
mod targets;

use std::fs;
use std::io::{self, Read};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::Parser;
use fewshot_space::random;
use serde::{Deserialize, Serialize};

use targets::{Case, Seeds, Target, targets};

/// Bytes that one process may hold.
const MEMORY: u64 = 1 << 30;
/// Time that one case may take.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Parser)]
#[command(about = "Feeds mutated inputs to every reader")]
struct Args {
    /// Time for each target
    #[arg(long, default_value_t = 60.0, conflicts_with = "count")]
    seconds: f64,
    /// Targets at a time [as many as processors]
    #[arg(long)]
    jobs: Option<usize>,
    /// Cases in all, shared by the targets
    #[arg(long)]
    count: Option<u64>,
    /// Only this target
    #[arg(long)]
    target: Option<String>,
    /// Number of the first case
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Draws other mutations
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where inputs are kept that a reader did not stand
    #[arg(long, default_value = "fuzz-findings")]
    keep: PathBuf,
    /// A process that works; started by the program itself
    #[arg(long, hide = true)]
    work_in: Option<PathBuf>,
}

/// What a process has done so far; written to a file after each case.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Done {
    cases: u64,
    accepted: u64,
    panics: u64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match &args.work_in {
        Some(folder) => work(&args, folder),
        None => supervise(&args),
    }
}

/// Runs cases until count or time is over; notes each before it begins.
fn work(args: &Args, folder: &Path) -> ExitCode {
    let limit = rustix::process::Rlimit { current: Some(MEMORY), maximum: Some(MEMORY) };
    if let Err(error) = rustix::process::setrlimit(rustix::process::Resource::Data, limit) {
        eprintln!("memory cannot be limited: {error}");
        return ExitCode::FAILURE;
    }
    let seeds = Seeds::new();
    let all = targets();
    let wanted = |target: &&Target<_>| Some(target.name) == args.target.as_deref();
    let Some((place, target)) = all.iter().enumerate().find(|(_, target)| wanted(target)) else {
        eprintln!("no such target");
        return ExitCode::FAILURE;
    };
    let said = Arc::new(Mutex::new(String::new()));
    let saying = said.clone();
    std::panic::set_hook(Box::new(move |panic| {
        if let Ok(mut said) = saying.lock() {
            *said = panic.to_string();
        }
    }));
    let began = Instant::now();
    let inputs = folder.join("input");
    let mut done = Done::default();
    let mut case = args.first;
    while args.count.map_or(began.elapsed().as_secs_f64() < args.seconds, |count| done.cases < count) {
        let _ = fs::remove_dir_all(&inputs);
        if fs::create_dir_all(&inputs).and_then(|()| note(folder, case, &done)).is_err() {
            eprintln!("cannot write into {}", folder.display());
            return ExitCode::FAILURE;
        }
        let rng = random::stream(args.seed, "fuzz", place as u64, case);
        let ran = std::panic::catch_unwind(AssertUnwindSafe(|| {
            (target.run)(&mut Case { rng, folder: &inputs, seeds: &seeds })
        }));
        match ran {
            Ok(accepted) => done.accepted += u64::from(accepted),
            Err(_) => {
                done.panics += 1;
                let said = said.lock().map(|said| said.clone()).unwrap_or_default();
                keep(&args.keep, target.name, case, &inputs, &format!("panic: {said}"));
            }
        }
        done.cases += 1;
        case += 1;
    }
    match note(folder, case, &done) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn note(folder: &Path, case: u64, done: &Done) -> io::Result<()> {
    fs::write(folder.join("state"), serde_json::to_vec(&(case, done)).map_err(io::Error::other)?)
}

/// Copies an input that a reader did not stand, and what is known of it.
fn keep(to: &Path, target: &str, case: u64, inputs: &Path, said: &str) {
    println!("{target}, case {case}: {said}");
    let folder = to.join(format!("{target}-{case}"));
    let copied = support::files(inputs).into_iter().try_for_each(|file| {
        let place = folder.join(file.strip_prefix(inputs).unwrap_or(&file));
        fs::create_dir_all(place.parent().unwrap_or(&folder))?;
        fs::copy(&file, place).map(drop)
    });
    let written = copied.and_then(|()| fs::create_dir_all(&folder)).and_then(|()| fs::write(folder.join("SAID"), said));
    if let Err(error) = written {
        eprintln!("cannot keep it in {}: {error}", folder.display());
    }
}

/// Starts a process per target, again after each that fell, and prints what came of it.
fn supervise(args: &Args) -> ExitCode {
    let all = targets::<rand_chacha::ChaCha8Rng>();
    let names: Vec<&str> = all.iter().map(|target| target.name).collect();
    let chosen: Vec<&str> =
        names.iter().copied().filter(|name| args.target.as_deref().is_none_or(|one| one == *name)).collect();
    if chosen.is_empty() {
        eprintln!("no such target; there are: {}", names.join(", "));
        return ExitCode::from(2);
    }
    println!(
        "{:14} {:>10} {:>10} {:>10} {:>8} {:>8} {:>8}",
        "target", "cases", "accepted", "cases/s", "panics", "aborts", "hangs"
    );
    let jobs = args.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)).max(1);
    let (next, wrong) = (AtomicUsize::new(0), AtomicU64::new(0));
    let work_off = || {
        while let Some(name) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = supervised(args, name, chosen.len() as u64).unwrap_or_else(|error| {
                eprintln!("{name}: {error}");
                1
            });
            wrong.fetch_add(found, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(chosen.len()) {
            scope.spawn(work_off);
        }
    });
    if wrong.into_inner() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One target; how many cases went wrong.
fn supervised(args: &Args, name: &str, targets: u64) -> io::Result<u64> {
    let count = args.count.map(|count| count.div_ceil(targets));
    let folder = tempfile::tempdir()?;
    let began = Instant::now();
    let (mut first, mut sum, mut aborts, mut hangs) = (args.first, Done::default(), 0, 0);
    let mut last = (first, Done::default());
    loop {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--target", name, "--first", &first.to_string(), "--seed", &args.seed.to_string()]);
        match count {
            Some(count) => command.args(["--count", &count.saturating_sub(sum.cases).to_string()]),
            None => command.args(["--seconds", &(args.seconds - began.elapsed().as_secs_f64()).max(0.0).to_string()]),
        };
        command.arg("--keep").arg(&args.keep).arg("--work-in").arg(folder.path()).env("RAYON_NUM_THREADS", "2");
        let mut child = command.stderr(Stdio::piped()).spawn()?;
        let mut stderr = child.stderr.take();
        // A process that fills its pipe would wait for ever.
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.as_mut().map(|stderr| stderr.take(1 << 16).read_to_string(&mut text));
            text
        });
        let (mut seen, mut since) = (u64::MAX, Instant::now());
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break Some(status);
            }
            std::thread::sleep(Duration::from_millis(20));
            // While it is written there is nothing to read.
            last = state(folder.path()).unwrap_or(last);
            if last.0 != seen {
                (seen, since) = (last.0, Instant::now());
            } else if since.elapsed() > PATIENCE {
                child.kill()?;
                child.wait()?;
                break None;
            }
        };
        let said = errors.join().unwrap_or_default();
        last = state(folder.path()).unwrap_or(last);
        let (case, done) = last.clone();
        sum.cases += done.cases;
        sum.accepted += done.accepted;
        sum.panics += done.panics;
        match status {
            Some(status) if status.success() => break,
            Some(status) => {
                aborts += 1;
                keep(&args.keep, name, case, &folder.path().join("input"), &format!("{status}: {}", said.trim()));
            }
            None => {
                hangs += 1;
                keep(&args.keep, name, case, &folder.path().join("input"), "no end in time");
            }
        }
        // The case that fell counts too, and is not tried again.
        (first, sum.cases) = (case + 1, sum.cases + 1);
        if aborts + hangs > 100 {
            println!("{name}: given up after 100 of these");
            break;
        }
    }
    let rate = sum.cases as f64 / began.elapsed().as_secs_f64();
    println!("{name:14} {:>10} {:>10} {rate:>10.0} {:>8} {aborts:>8} {hangs:>8}", sum.cases, sum.accepted, sum.panics);
    Ok(sum.panics + aborts + hangs)
}

/// What a process noted last.
fn state(folder: &Path) -> io::Result<(u64, Done)> {
    serde_json::from_slice(&fs::read(folder.join("state"))?).map_err(io::Error::other)
}
