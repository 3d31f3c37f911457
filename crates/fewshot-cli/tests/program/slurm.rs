//! Jobs of a cluster that is made up, or that is not there: what is submitted, cancelled, and queued again.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::common::{TINY, failure, fewshot, files_in, said, tiny_search};
use crate::queue::Programs;

/// Waits until that holds.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(120), "no {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A run that a worker was at, whose driver was killed.
fn cut_run(folder: &Path, run: &Path) {
    let mut command = tiny_search(folder, run);
    command.args(["--launch", "local", "--workers", "1"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut driver = command.spawn().unwrap();
    until("stage", || run.join("stages").exists() && !files_in(&run.join("stages")).is_empty());
    driver.kill().unwrap();
    driver.wait().unwrap();
}

fn cancel(run: &Path, programs: &Programs) -> Output {
    fewshot(["cancel".as_ref(), run.as_os_str()]).env("PATH", programs.folder()).output().unwrap()
}

#[test]
fn cancelling_does_what_it_can_and_tells_what_became_of_jobs() {
    let dir = tempfile::tempdir().unwrap();
    let (run, programs) = (dir.path().join("run"), Programs::within(dir.path()));
    cut_run(dir.path(), &run);
    let told = |stops: bool| {
        let output = cancel(&run, &programs);
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(run.join("attempts/stop").exists(), stops);
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    // Nothing was ever submitted.
    assert!(!told(true).contains("jobs"));
    std::fs::create_dir(run.join("jobs")).unwrap();
    std::fs::write(run.join("jobs/fewshot-0-1.json"), "{\"tasks\": []}").unwrap();
    std::fs::remove_file(run.join("attempts/stop")).unwrap();
    let text = told(true);
    assert!(text.contains("its jobs are not cancelled") && text.contains("no `squeue` here"), "{text}");
    assert!(text.contains("on a machine of the cluster"), "{text}");
    programs.write("squeue", "echo 'Unable to contact slurm controller' >&2; exit 1");
    let text = told(true);
    assert!(text.contains("its jobs are not cancelled") && text.contains("does not answer (Unable"), "{text}");
    programs.write("squeue", "");
    assert!(told(true).contains("arrays of jobs cancelled: 0"));
}

#[test]
fn a_job_whose_time_is_up_ends_as_interrupted_where_it_cannot_be_queued_again() {
    let dir = tempfile::tempdir().unwrap();
    let (run, programs) = (dir.path().join("run"), Programs::within(dir.path()));
    cut_run(dir.path(), &run);
    // As in a container: a job, and none of Slurm's programs.
    let mut command = fewshot(["work".as_ref(), run.as_os_str()]);
    command.env("PATH", programs.folder()).env("SLURM_JOB_ID", "7").stderr(Stdio::piped());
    let worker = command.spawn().unwrap();
    let own = format!("\"process\":{},", worker.id());
    let attempts = run.join("attempts");
    until("claim", || {
        let stages = files_in(&attempts).into_iter().map(|stage| attempts.join(stage)).filter(|stage| stage.is_dir());
        let mut claims = stages.flat_map(|stage| files_in(&stage).into_iter().map(move |file| stage.join(file)));
        claims.any(|claim| claim.is_file() && std::fs::read_to_string(claim).is_ok_and(|text| text.contains(&own)))
    });
    assert!(Command::new("kill").args(["-USR1", &worker.id().to_string()]).status().unwrap().success());
    let output = worker.wait_with_output().unwrap();
    let told = said(&output);
    assert_eq!(output.status.code(), Some(130), "{told}");
    assert!(told.contains("it is not queued again (cannot start `scontrol`"), "{told}");
    assert!(told.contains("`fewshot resume`, submits it anew"), "{told}");
}

#[test]
fn lines_before_the_work_and_what_runs_it_reach_the_script_and_the_user() {
    let dir = tempfile::tempdir().unwrap();
    let (run, programs) = (dir.path().join("run"), Programs::within(dir.path()));
    let (script, words) = (dir.path().join("script"), dir.path().join("words"));
    programs.write("squeue", "");
    programs.write("scontrol", "");
    let keep = format!("printf '%s\\n' \"$@\" >'{}'; cat >'{}'", words.display(), script.display());
    programs.write("sbatch", &format!("{keep}; echo 'invalid partition specified' >&2; exit 1"));
    let recipe = dir.path().join("launch.toml");
    let table = "[launch]\npartition = \"gpu\"\nat_once = 7\nstages_per_task = 2\nprologue = [\"module load gcc/13\"]\n\
                 wrapper = [\"apptainer\", \"exec\", \"image of mine.sif\"]\n";
    std::fs::write(&recipe, format!("{TINY}{table}")).unwrap();
    let mut command =
        programs.before(fewshot(["search", "--launch", "slurm", "--prologue", "export A='1 2'", "--recipe"]));
    command.arg(&recipe).arg("--out").arg(&run).args(["--sbatch-args", "--comment='two words'"]);
    let output = command.output().unwrap();
    let told = said(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("refused the jobs: invalid partition specified"), "{told}");
    assert!(told.contains("each job first runs: module load gcc/13; export A='1 2'"), "{told}");
    assert!(told.contains("each job's worker is run by: apptainer exec image of mine.sif"), "{told}");

    let words = std::fs::read_to_string(words).unwrap();
    let words: Vec<&str> = words.lines().collect();
    assert_eq!(words[..2], ["--partition=gpu", "--comment=two words"]);
    let arrays: Vec<&&str> = words.iter().filter(|word| word.starts_with("--array")).collect();
    assert!(arrays.len() == 1 && arrays[0].starts_with("--array=0-") && arrays[0].ends_with("%7"), "{words:?}");
    let script = std::fs::read_to_string(script).unwrap();
    let lines: Vec<&str> = script.lines().collect();
    let prologue = lines.iter().position(|line| *line == "module load gcc/13").unwrap();
    assert_eq!(lines[prologue + 1], "export A='1 2'");
    let last = lines.last().unwrap();
    assert!(
        last.starts_with("exec 'apptainer' 'exec' 'image of mine.sif' '") && last.contains("fewshot' 'work' '"),
        "{last}"
    );
    // What was begun is a recipe of the run; another driver's flags may say something else.
    let mut again = programs.before(fewshot(["resume".as_ref(), run.as_os_str()]));
    let output = again.args(["--launch", "slurm", "--wrapper", "", "--sbatch-args", "--array=%2"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let script = std::fs::read_to_string(dir.path().join("script")).unwrap();
    assert!(script.contains("module load gcc/13") && !script.contains("apptainer"), "{script}");
    let unclosed = programs
        .before(fewshot(["resume".as_ref(), run.as_os_str()]))
        .args(["--launch", "slurm", "--wrapper", "a 'b"])
        .output()
        .unwrap();
    assert!(failure(&unclosed, 2).contains("--wrapper `a 'b`"));
}
