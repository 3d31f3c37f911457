//! `report.html`, as runs write it and as `fewshot report` does.

use std::path::Path;

use crate::common::{TINY, fewshot, last_json, run, tiny_search};

/// What every page must be: whole, loading nothing, with drawings whose elements are all closed.
fn check(page: &str) {
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
    // Pictures are part of the page.
    let loaded = page.replace("src=\"data:image/png;base64,", "");
    for loading in ["src=", "href=", "url(", "@import", "<script", "://"] {
        assert!(!loaded.contains(loading), "{loading}");
    }
    let drawings: Vec<&str> = page.split("<svg").skip(1).map(|rest| rest.split_once("</svg>").unwrap().0).collect();
    assert!(!drawings.is_empty());
    for drawing in drawings {
        assert!(!drawing.contains("NaN") && !drawing.contains("inf"), "{drawing}");
        let mut open = Vec::new();
        for tag in drawing.split('<').skip(1) {
            let name = tag.split([' ', '>']).next().unwrap();
            match name.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop(), Some(name), "{drawing}"),
                None => open.push(name),
            }
        }
        assert!(open.is_empty(), "{open:?} {drawing}");
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// A text of the page without the places where it may be broken.
fn joined(page: &str) -> String {
    page.replace("<wbr>", "")
}

#[test]
fn a_search_ends_with_a_page_and_the_page_says_how_to_repeat_it() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("my run");
    let output = tiny_search(dir.path(), &out).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let page_path = out.join("report.html");
    assert!(text.contains(&format!("report: {}", page_path.display())), "{text}");
    let page = read(&page_path);
    check(&page);
    let result = last_json(&output);
    let fact = |key: &str| result[key].as_str().unwrap().to_string();
    let accuracy = format!("{:.2} %", 100.0 * result["test_accuracy"].as_f64().unwrap());
    let parts =
        ["beside other networks", "The finalists", "The split", "e0=nor_conv_3x3", "3,125 networks", "best so far"];
    for part in parts.into_iter().chain([accuracy.as_str(), fact("arch").as_str(), "sub-supernets (5)"]) {
        assert!(joined(&page).contains(part), "{part}");
    }

    // The page follows from the folder alone.
    let other = dir.path().join("other.html");
    let again = run(["report".as_ref(), out.as_os_str(), "--out".as_ref(), other.as_os_str()]);
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    assert_eq!(String::from_utf8_lossy(&again.stdout).trim(), other.display().to_string());
    assert_eq!(read(&other), page);

    // What the page says repeats the run does.
    let command = format!("fewshot search --recipe '{}'", out.join("run.toml").display());
    assert!(page.replace("</span><span>", "").contains(&command), "{command}");
    let second = dir.path().join("second");
    let mut command = fewshot(["search", "--json", "--recipe"]);
    let output = command.arg(out.join("run.toml")).arg("--out").arg(&second).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(read(&second.join("history.jsonl")).lines().count(), 24);
    assert_eq!(last_json(&output)["test_accuracy"], result["test_accuracy"]);
}

#[test]
fn a_network_alone_and_an_unfinished_run_have_their_pages() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = dir.path().join("tiny.toml");
    std::fs::write(&recipe, TINY).unwrap();
    let out = dir.path().join("alone");
    let arch = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|nor_conv_1x1~2|";
    let args = ["train", "--arch", arch, "--recipe"].map(std::ffi::OsStr::new);
    let output = fewshot(args).arg(&recipe).arg("--out").arg(&out).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let page = read(&out.join("report.html"));
    check(&page);
    assert!(
        joined(&page).contains(arch) && page.contains("test accuracy") && page.contains("Loss: network, trained alone")
    );

    // As if the run had been cut before its test.
    std::fs::remove_file(out.join("result.json")).unwrap();
    std::fs::remove_dir_all(out.join("stages/02-test")).unwrap();
    let output = run(["report".as_ref(), out.as_os_str()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let page = read(&out.join("report.html"));
    check(&page);
    assert!(page.contains("This run has not ended: 1 of 2 stages done") && !page.contains("test accuracy"));
}

#[test]
fn a_folder_that_is_no_run_is_refused_and_a_page_that_cannot_be_written_fails_no_run() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(["report".as_ref(), dir.path().as_os_str()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("run.toml"));

    let recipe = dir.path().join("tiny.toml");
    std::fs::write(&recipe, TINY).unwrap();
    let out = dir.path().join("alone");
    let arch = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|";
    let args = ["train", "--json", "--alone-epochs", "1", "--arch", arch, "--recipe"].map(std::ffi::OsStr::new);
    assert!(fewshot(args).arg(&recipe).arg("--out").arg(&out).output().unwrap().status.success());
    std::fs::remove_file(out.join("report.html")).unwrap();
    std::fs::create_dir_all(out.join("report.html/in the way")).unwrap();
    let output = run(["resume".as_ref(), "--json".as_ref(), out.as_os_str()]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("no report of the run was written") && text.contains("report.html"), "{text}");
    assert_eq!(last_json(&output)["arch"], arch);
}
