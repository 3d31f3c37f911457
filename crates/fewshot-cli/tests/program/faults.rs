//! What goes wrong around the program: each fault one clear line and its exit code, and nothing lost.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{failure, files_in, last_json, photos, program, run, said, tiny_search};

/// What a search says that must not even begin.
fn refused(mut search: Command, out: &Path) -> String {
    let output = search.output().unwrap();
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let errors: Vec<&str> = text.lines().filter(|line| !line.starts_with("run: ")).collect();
    assert_eq!(errors.len(), 1, "{text}");
    assert!(errors[0].starts_with("fewshot: ") && output.stdout.is_empty(), "{text}");
    assert!(!out.exists(), "{text}");
    errors[0].to_string()
}

#[test]
fn a_damaged_photograph_and_an_empty_class_are_named_before_anything_runs() {
    let dir = tempfile::tempdir().unwrap();
    let (photos, out) = (photos(dir.path()), dir.path().join("run"));
    let search = || {
        let mut search = tiny_search(dir.path(), &out);
        search.arg("--data").arg(&photos);
        search
    };
    let damaged = photos.join("train/noon/04.png");
    let whole = std::fs::read(&damaged).unwrap();
    std::fs::write(&damaged, &whole[..whole.len() - 20]).unwrap();
    let text = refused(search(), &out);
    assert!(text.contains("04.png") && text.contains("cannot be decoded"), "{text}");
    std::fs::write(&damaged, &whole).unwrap();

    let empty = photos.join("train/night");
    std::fs::create_dir(&empty).unwrap();
    let text = refused(search(), &out);
    assert!(text.contains("class `night` has no image"), "{text}");
    std::fs::remove_dir(&empty).unwrap();

    // With both mended the same command runs.
    let output = search().output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn a_training_of_a_run_whose_images_have_moved_says_how_to_point_at_them() {
    let dir = tempfile::tempdir().unwrap();
    let (photos, out) = (photos(dir.path()), dir.path().join("run"));
    let mut search = tiny_search(dir.path(), &out);
    let output = search.arg("--data").arg(&photos).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    // A run is measured on its own test images unless others are named.
    let output = program(&[&"eval", &out, &"--json"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(last_json(&output)["images"], 20);
    assert!(said(&output).contains("those of the run"), "{}", said(&output));

    let moved = dir.path().join("moved");
    std::fs::rename(&photos, &moved).unwrap();
    let further = dir.path().join("further");
    let output = program(&[&"train", &out, &"--out", &further, &"--epochs", &"1"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains(&format!("`fewshot train {} --data PATH`", out.display())), "{}", said(&output));
    let output = program(&[&"train", &out, &"--out", &further, &"--epochs", &"1", &"--data", &moved]);
    assert!(output.status.success(), "{}", said(&output));

    // Once the run knows where they are, all commands do.
    let output = program(&[&"resume", &out, &"--data", &moved]);
    assert!(output.status.success(), "{}", said(&output));
    let output = program(&[&"eval", &out, &"--json"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(last_json(&output)["images"], 20);
    assert!(said(&output).contains(&format!("images: {}, those of the run", moved.display())), "{}", said(&output));
    let third = dir.path().join("third");
    let output = program(&[&"train", &out, &"--out", &third, &"--epochs", &"1"]);
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "in the way").unwrap();
    // Not even root can make a folder in the second.
    let places = [dir.path().join("file/run"), PathBuf::from("/proc/fewshot-run")];
    for out in places.iter().take(if cfg!(target_os = "linux") { 2 } else { 1 }) {
        let text = refused(tiny_search(dir.path(), out), out);
        assert!(text.contains("cannot") && text.contains(out.to_str().unwrap()), "{text}");
    }
    assert_eq!(std::fs::read_to_string(dir.path().join("file")).unwrap(), "in the way");
}

#[test]
fn runs_of_other_formats_are_refused_and_left_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    for (format, advice) in [(0, "go on with that version"), (99, "use the newer program")] {
        let settings = format!("format = {format}\n[versions]\nprogram = \"8.8.8\"\n");
        std::fs::write(dir.path().join("run.toml"), &settings).unwrap();
        for command in ["resume", "report", "rank"] {
            let text = failure(&program(&[&command, &dir.path()]), 1);
            let wanted = [format!("format {format}"), "fewshot 8.8.8".to_string(), advice.to_string()];
            assert!(wanted.iter().all(|words| text.contains(words)), "{command}: {text}");
        }
        assert_eq!(files_in(dir.path()), ["run.toml"]);
        assert_eq!(std::fs::read_to_string(dir.path().join("run.toml")).unwrap(), settings);
    }
}

#[test]
#[cfg(unix)]
fn a_run_that_another_process_works_on_is_left_to_it() {
    use std::process::Stdio;

    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let mut first = tiny_search(dir.path(), &out).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !out.join("stages").exists() {
        assert!(first.try_wait().unwrap().is_none(), "it ended before its first stage");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    // Stopped, it cannot end while the second one looks.
    let pid = first.id().to_string();
    let signal = |name: &str| assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    signal("-STOP");
    let second = program(&[&"resume", &out]);
    signal("-CONT");
    let text = failure(&second, 1);
    assert!(text.contains(&format!("in use by process {pid}")) && text.contains("wait for it"), "{text}");

    assert!(first.wait().unwrap().success());
    assert!(run(["resume".as_ref(), out.as_os_str()]).status.success());
}

/// A disk of the size $1 at $2, which ends with this shell; the program $3 searches there by the recipe $4, then goes on
/// with space enough. What it says and what comes out is kept in $5.
#[cfg(target_os = "linux")]
const FULL_DISK: &str = r#"
mount -t tmpfs -o "size=$1" tmpfs "$2" 2>/dev/null || exit 77
"$3" search --recipe "$4" --out "$2/run" >/dev/null 2>"$5/full"
echo "search $?"
mount -o remount,size=64m "$2"
"$3" resume "$2/run" >/dev/null 2>"$5/resumed"
echo "resume $?"
cp "$2/run/result.json" "$2/run/model.safetensors" "$5"
"#;

#[test]
#[cfg(target_os = "linux")]
fn a_search_that_fills_the_disk_goes_on_when_there_is_space() {
    use crate::common::{TINY, result_without_seconds};

    let dir = tempfile::tempdir().unwrap();
    let (uncut, recipe) = (dir.path().join("uncut"), dir.path().join("recipe.toml"));
    std::fs::write(&recipe, TINY).unwrap();
    // The disk is full in the first stage, and in a later one.
    for size in ["64k", "320k"] {
        let (disk, kept) = (dir.path().join(format!("disk-{size}")), dir.path().join(format!("kept-{size}")));
        std::fs::create_dir(&disk).unwrap();
        std::fs::create_dir(&kept).unwrap();
        // A namespace of its own, in which an ordinary user may mount.
        let mut shell = Command::new("unshare");
        shell.args(["--user", "--map-root-user", "--mount", "sh", "-c", FULL_DISK, "sh", size]);
        let program = env!("CARGO_BIN_EXE_fewshot");
        let output = shell.arg(&disk).arg(program).arg(&recipe).arg(&kept).output();
        let said = output.as_ref().map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let Some(said) = said.ok().filter(|said| said.contains("search ")) else {
            println!("skipped: this user may make no namespace or no disk here");
            return;
        };
        let read = |name: &str| std::fs::read_to_string(kept.join(name)).unwrap();
        let full = read("full");
        assert_eq!(said, "search 1\nresume 0\n", "{size}: {full}\n{}", read("resumed"));
        let errors: Vec<&str> = full.lines().filter(|line| line.starts_with("fewshot: ")).collect();
        assert_eq!(errors.len(), 1, "{size}: {full}");
        let advice = format!("free space and run `fewshot resume {}`", disk.join("run").display());
        assert!(errors[0].contains("no space left on the disk") && errors[0].ends_with(&advice), "{size}: {full}");
        if !uncut.exists() {
            assert!(tiny_search(dir.path(), &uncut).output().unwrap().status.success());
        }
        assert_eq!(result_without_seconds(&kept), result_without_seconds(&uncut), "{size}");
        let model = |folder: &Path| std::fs::read(folder.join("model.safetensors")).unwrap();
        assert!(model(&kept) == model(&uncut), "{size}");
    }
}
