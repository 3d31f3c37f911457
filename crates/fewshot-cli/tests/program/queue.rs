//! What `fewshot status` shows of the queue of a cluster, on one that is made up: programs of these names are found first.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::common::{fewshot, last_json, said, tiny_search};

/// A folder of programs.
pub struct Programs(PathBuf);

impl Programs {
    /// One in `folder`, with none in it yet.
    pub fn within(folder: &Path) -> Self {
        let programs = Self(folder.join("bin"));
        std::fs::create_dir(&programs.0).unwrap();
        programs
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    pub fn write(&self, name: &str, lines: &str) {
        let path = self.0.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{lines}\n")).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The command where they are found before all others.
    pub fn before(&self, mut command: Command) -> Command {
        let others = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{others}", self.0.display()));
        command
    }

    /// How a run stands, as told where nothing else is found than these.
    fn status(&self, run: &Path, flags: &[&str]) -> Output {
        let mut command = fewshot(["status".as_ref(), run.as_os_str()]);
        let output = command.args(flags).env("PATH", &self.0).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        output
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn status_tells_why_a_job_waits_and_stands_by_the_folder_where_the_queue_cannot_be_asked() {
    let dir = tempfile::tempdir().unwrap();
    let programs = Programs::within(dir.path());
    let run = dir.path().join("run");
    // Jobs are taken, and none ever begins.
    let queue = dir.path().join("queue").display().to_string();
    programs.write("scontrol", "echo 'MaxArraySize = 1001'");
    let take = [
        "for word; do case $word in --job-name=*) name=${word#*=};; --array=*) last=${word#*-*-*-};; esac; done",
        &format!("id=$((100 + $(cat {queue} 2>/dev/null | cut -d'|' -f1 | sort -u | wc -l)))"),
        "reason=Resources; case \"$*\" in *afterok*) reason=Dependency;; esac",
        &format!("for task in $(seq 0 $last); do echo \"$id|$task|17|PENDING|$name|$reason\" >>{queue}; done"),
        "echo $id",
    ];
    programs.write("sbatch", &take.join("\n"));
    programs.write("squeue", &format!("cat {queue} 2>/dev/null || true"));
    let mut command = programs.before(tiny_search(dir.path(), &run));
    command.args(["--launch", "slurm"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut driver = command.spawn().unwrap();
    // As many arrays as there are sets of stages that wait for the same: until nothing more comes.
    let lines = || std::fs::read_to_string(&queue).map_or(0, |text| text.lines().count());
    let began = Instant::now();
    let mut seen = (0, Instant::now());
    while seen.0 < 3 || seen.1.elapsed() < Duration::from_secs(1) {
        assert!(began.elapsed() < Duration::from_secs(120), "{} lines", lines());
        assert!(driver.try_wait().unwrap().is_none(), "the driver has ended");
        std::thread::sleep(Duration::from_millis(20));
        if lines() != seen.0 {
            seen = (lines(), Instant::now());
        }
    }
    driver.kill().unwrap();
    driver.wait().unwrap();

    // What the queue says, to a machine that has only `squeue`; its words reach the terminal as text.
    let shown = std::fs::read_to_string(&queue).unwrap().replacen("Resources", "Resources\u{1b}[2J", 1);
    std::fs::write(dir.path().join("shown"), shown).unwrap();
    let answer =
        format!("while read -r line; do printf '%s\\n' \"$line\"; done <{}", dir.path().join("shown").display());
    programs.write("squeue", &answer);
    let status = last_json(&programs.status(&run, &["--json"]));
    assert_eq!(status["queue"]["answer"], "shown", "{status}");
    let stages = status["stages"].as_array().unwrap();
    let (first, last) = (&stages[0], stages.last().unwrap());
    assert_eq!(
        (&first["state"], &first["job"]["id"], &first["job"]["state"]),
        (&"ready".into(), &"100_0".into(), &"PENDING".into())
    );
    assert_eq!((&last["state"], &last["job"]["reason"]), (&"waiting".into(), &"Dependency".into()));
    let table = text(&programs.status(&run, &[]));
    let line = table.lines().next().unwrap();
    assert!(line.contains("ready   job 100_0 pending (Resources"), "{table}");
    assert!(!table.contains('\u{1b}'), "{table:?}");
    assert!(
        table.lines().any(|line| line.contains("waiting for ") && line.ends_with("pending (Dependency)")),
        "{table}"
    );
    assert!(table.lines().last().unwrap().contains("jobs in the queue: 0 running, "), "{table}");

    // The same stages, in words and as JSON, where it does not answer, not in time, or there is none.
    let stands = |output: &Output| {
        let mut stages = last_json(output)["stages"].clone();
        stages.as_array_mut().unwrap().iter_mut().for_each(|stage| drop(stage.as_object_mut().unwrap().remove("job")));
        stages
    };
    let expected = stands(&programs.status(&run, &["--json"]));
    programs.write("squeue", "echo 'Unable to contact slurm controller' >&2; exit 1");
    let output = programs.status(&run, &["--json"]);
    assert_eq!(last_json(&output)["queue"]["answer"], "silent");
    assert_eq!(stands(&output), expected);
    assert!(text(&programs.status(&run, &[])).contains("not shown: Unable to contact"), "{}", text(&output));
    programs.write("squeue", "exec /bin/sleep 600");
    let began = Instant::now();
    let table = text(&programs.status(&run, &[]));
    assert!(table.contains("`squeue` did not answer within 5 seconds"), "{table}");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    std::fs::remove_file(programs.0.join("squeue")).unwrap();
    let output = programs.status(&run, &["--json"]);
    assert_eq!(last_json(&output)["queue"]["answer"], "no_slurm");
    assert_eq!(stands(&output), expected);
    assert!(text(&programs.status(&run, &[])).contains("there is no `squeue` here"));
}
