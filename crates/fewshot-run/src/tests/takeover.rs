//! A stage that is taken over from one whose work cannot be copied.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;

use super::super::progress::Lines;
use super::super::{Interrupt, Member, RunReader, Work, begin_session};
use super::crowd::{QUICK, files, whole};
use super::toy;

#[test]
fn what_cannot_be_copied_is_told_in_the_log_and_among_the_events() {
    let dir = tempfile::tempdir().unwrap();
    let expected = whole(dir.path());
    let run = dir.path().join("run");
    let folder = toy::begin(&run).unwrap().unwrap();
    let recipe = folder.recipe().unwrap();
    let plan = toy::plan(&recipe);
    begin_session(&plan, &folder).unwrap();
    drop(folder);
    // As from another machine, and it never moves; what it wrote cannot be read.
    let claim = BTreeMap::from([
        ("holder", json!({ "id": "x", "host": "elsewhere", "process": 1 })),
        ("standing", json!("working")),
        ("beat", json!(3)),
        ("since", json!("2026-01-01T00:00:00.000Z")),
    ]);
    let attempts = run.join("attempts/01-train");
    fs::create_dir_all(attempts.join("1")).unwrap();
    fs::write(attempts.join("1.json"), json!(claim).to_string()).unwrap();
    symlink("nowhere", attempts.join("1/checkpoint.safetensors")).unwrap();

    let (member, lines) = (Member::join(&run, None, QUICK).unwrap(), Lines::default());
    Work::new(&plan, &member, &Interrupt::new(), &lines).unwrap().any().unwrap();
    let lines = lines.0.into_inner().unwrap();
    let told: Vec<&String> = lines.iter().filter(|line| line.contains("begins from nothing")).collect();
    assert!(told.len() == 1 && told[0].contains("stage `train`") && told[0].contains("attempt 1"), "{lines:?}");
    let events = RunReader::open(&run).unwrap().events().unwrap();
    let anew: Vec<_> = events.iter().filter(|event| event.kind == "begun_anew").collect();
    assert_eq!(anew.len(), 1);
    assert_eq!((anew[0].stage.as_deref(), &anew[0].data["attempt"]), (Some("train"), &json!(1)));
    // What came out is what comes out without any of that.
    let found = files(&run);
    assert!(
        expected
            .iter()
            .filter(|(name, _)| name.starts_with("stages/"))
            .all(|(name, bytes)| found.get(name) == Some(bytes))
    );
}
