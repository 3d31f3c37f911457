//! Files for people that are cut while they are written.

use std::path::Path;

use super::super::fault::{CUT_AT, CUT_EXIT_CODE};
use super::super::{create_folder, write_output};
use super::child;

/// Names and contents of what is written.
const FILES: [(&str, &str); 4] =
    [("code/model.bin", "weights"), ("code/model.py", "code"), ("model.onnx", "graph"), ("model.bin", "weights")];

/// Writes all of them below `folder`, as an export does.
pub(super) fn write_all(folder: &Path) {
    create_folder(&folder.join("code")).unwrap();
    for (name, content) in FILES {
        write_output(&folder.join(name), content.as_bytes(), &[]).unwrap();
    }
}

#[test]
fn a_cut_at_any_file_operation_leaves_whole_files_and_the_next_writer_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut cut = 1;
    loop {
        let folder = dir.path().join(format!("cut-{cut}"));
        let output = child::command("outputs", &folder).env(CUT_AT, cut.to_string()).output().unwrap();
        match output.status.code() {
            Some(0) => break,
            Some(CUT_EXIT_CODE) => {}
            other => panic!("cut at {cut}: exit {other:?}\n{}", String::from_utf8_lossy(&output.stderr)),
        }
        for (name, content) in FILES {
            let found = std::fs::read(folder.join(name));
            assert!(found.map_or(true, |found| found == content.as_bytes()), "cut at {cut}: {name}");
        }
        write_all(&folder);
        assert_eq!(count(&folder), FILES.len(), "cut at {cut}");
        cut += 1;
    }
    // Each file is made, written in halves, flushed, renamed.
    assert!(cut > 4 * FILES.len() as u64, "only {cut} operations seen");
}

/// Files in a folder and those below it.
fn count(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
}
