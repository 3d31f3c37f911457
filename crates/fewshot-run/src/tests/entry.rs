//! Where the child processes of the tests begin.

use std::path::Path;
use std::time::Duration;

use super::super::{INTERRUPTED_EXIT_CODE, Interrupt, NoProgress, RunError, RunFolder};
use super::child::{RUN, TASK};
use super::{cluster, crowd, disk, outputs, toy};

/// Where a child begins. Called as a test of its own it has no task and does nothing: what it does
/// is asserted by the tests that start it.
#[test]
fn child_entry() {
    let (Ok(task), Ok(run)) = (std::env::var(TASK), std::env::var(RUN)) else {
        return;
    };
    let run = Path::new(&run);
    match task.as_str() {
        "toy" => match toy::run(run, &Interrupt::install(told).unwrap(), &NoProgress) {
            Ok(()) => {}
            Err(RunError::Interrupted { .. }) => std::process::exit(INTERRUPTED_EXIT_CODE),
            Err(error) => panic!("{error}"),
        },
        "work" => cluster::end(crowd::work(run)),
        "drive" => cluster::end(crowd::drive(run)),
        "job" => cluster::end(cluster::job(run)),
        "cluster" => cluster::end(cluster::drive(run)),
        "hold" => {
            let _run = RunFolder::open(run).unwrap();
            println!("ready");
            std::thread::sleep(Duration::from_secs(60));
        }
        "deaf" => {
            let interrupt = Interrupt::install(told).unwrap();
            let _working = interrupt.working();
            println!("ready");
            std::thread::sleep(Duration::from_secs(60));
        }
        "idle" => {
            let interrupt = Interrupt::install(told).unwrap();
            drop(interrupt.working());
            println!("ready");
            std::thread::sleep(Duration::from_secs(60));
        }
        "polite" => {
            let interrupt = Interrupt::install(told).unwrap();
            let _working = interrupt.working();
            println!("ready");
            while interrupt.check().is_ok() {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::process::exit(INTERRUPTED_EXIT_CODE);
        }
        "outputs" => outputs::write_all(run),
        "full" => disk::fill(run),
        #[cfg(unix)]
        "close" => disk::close(run),
        other => panic!("no task {other}"),
    }
}

fn told(line: &str) {
    println!("told: {line}");
}
