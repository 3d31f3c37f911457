//! Line files, torn and cut.

use std::fs;

use serde_json::{Value, json};

use super::super::{Event, EventLog, JsonLines, LogError, read_lines};

#[test]
fn a_line_torn_at_any_byte_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.jsonl");
    let lines = JsonLines::open(&path).unwrap();
    let values: Vec<Value> = (0..4).map(|i| json!({ "arch": [i, "ä\n"], "score": 0.1 * f64::from(i) })).collect();
    for value in &values {
        lines.append(value).unwrap();
    }
    drop(lines);
    let bytes = fs::read(&path).unwrap();
    for end in 0..=bytes.len() {
        let whole = bytes[..end].iter().filter(|byte| **byte == b'\n').count();
        fs::write(&path, &bytes[..end]).unwrap();
        let seen: Vec<Value> = read_lines(&path).unwrap();
        assert_eq!(seen, values[..whole], "a reader leaves out the torn line");
        assert_eq!(fs::read(&path).unwrap().len(), end, "and changes nothing");
        let lines = JsonLines::open(&path).unwrap();
        assert_eq!(lines.lines(), whole, "cut at {end}");
        assert_eq!(lines.read::<Value>().unwrap(), values[..whole]);
        lines.append(&json!("next")).unwrap();
        let seen: Vec<Value> = lines.read().unwrap();
        assert_eq!((seen.len(), &seen[whole]), (whole + 1, &json!("next")));
    }
}

#[test]
fn lines_after_a_checkpoint_are_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let lines = JsonLines::open(&dir.path().join("history.jsonl")).unwrap();
    for i in 0..5 {
        lines.append(&i).unwrap();
    }
    lines.truncate(5).unwrap();
    lines.truncate(2).unwrap();
    lines.append(&7).unwrap();
    assert_eq!(lines.read::<u32>().unwrap(), [0, 1, 7]);
    let error = lines.truncate(4).unwrap_err();
    assert!(matches!(error, LogError::Short { found: 3, wanted: 4, .. }), "{error}");
    lines.truncate(0).unwrap();
    lines.append(&8).unwrap();
    assert_eq!(lines.read::<u32>().unwrap(), [8]);
}

#[test]
fn a_wrong_line_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("events.jsonl");
    fs::write(&path, "{\"time\":\"t\",\"kind\":\"a\"}\nnonsense\n").unwrap();
    let error = EventLog::open(&path).unwrap().read().unwrap_err();
    assert!(matches!(error, LogError::Line { line: 2, .. }), "{error}");
    assert!(error.to_string().contains("events.jsonl` line 2"), "{error}");
}

#[test]
fn threads_write_whole_lines() {
    let dir = tempfile::tempdir().unwrap();
    let lines = JsonLines::open(&dir.path().join("history.jsonl")).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let lines = &lines;
            scope.spawn(move || (0..50).for_each(|i| lines.append(&(thread * 50 + i)).unwrap()));
        }
    });
    let mut seen: Vec<u32> = lines.read().unwrap();
    seen.sort_unstable();
    assert_eq!(seen, (0..200).collect::<Vec<u32>>());
}

#[test]
fn events_carry_their_time() {
    let dir = tempfile::tempdir().unwrap();
    let log = EventLog::open(&dir.path().join("events.jsonl")).unwrap();
    log.write(Some("train"), "checkpoint", json!({ "step": 3 })).unwrap();
    log.write(None, "opened", Value::Null).unwrap();
    let events = log.read().unwrap();
    assert_eq!(events[0].stage.as_deref(), Some("train"));
    assert_eq!(events[0].data, json!({ "step": 3 }));
    let time = humantime::parse_rfc3339(&events[0].time).unwrap();
    assert!(time.elapsed().unwrap().as_secs() < 60);
    assert!(events[0].time.ends_with('Z'));
}

#[test]
fn seconds_leave_out_the_time_between_processes() {
    let event = |time: &str, kind: &str| Event {
        time: format!("2026-01-01T00:{time}Z"),
        stage: None,
        kind: kind.to_owned(),
        data: Value::Null,
    };
    let events = [
        event("00:00.000", "opened"),
        event("00:10.500", "checkpoint"),
        event("30:00.000", "opened"),
        event("40:00.000", "opened"),
        event("40:01.000", "started"),
        event("40:02.000", "done"),
    ];
    assert_eq!(Event::seconds(&events), 12.5);
    assert_eq!(Event::seconds(&events[..1]), 0.0);
    let set_back = [event("10:00.000", "opened"), event("05:00.000", "done")];
    assert_eq!(Event::seconds(&set_back), 0.0);
}

#[test]
fn a_clock_counts_from_the_data_to_the_last_checkpoint() {
    let event = |seconds: u32, stage: Option<&str>, kind: &str, file: &str| Event {
        time: format!("2026-01-01T00:00:{seconds:02}.000Z"),
        stage: stage.map(str::to_owned),
        kind: kind.to_owned(),
        data: if file.is_empty() { Value::Null } else { json!({ "file": file }) },
    };
    let train = Some("train");
    let events = [
        event(0, None, "opened", ""),
        event(1, train, "started", ""),
        event(2, train, "began", "a"),
        event(2, train, "began", "b"),
        event(5, train, "checkpoint", "a"),
        event(6, train, "checkpoint", "b"),
        // Killed here, some time after; it takes four seconds to read the data again.
        event(20, None, "opened", ""),
        event(24, None, "ready", ""),
        event(25, train, "started", ""),
        event(26, train, "began", "a"),
        event(28, train, "checkpoint", "a"),
        event(29, train, "done", ""),
        event(40, None, "result", ""),
    ];
    assert_eq!(Event::seconds(&events), 6.0 + 5.0);
    assert_eq!(Event::stage_seconds(&events, "train"), 5.0 + 4.0);
    assert_eq!(Event::piece_seconds(&events, "train", "a"), 3.0 + 2.0);
    assert_eq!(Event::piece_seconds(&events, "train", "b"), 4.0);
    assert_eq!(Event::stage_seconds(&events, "test"), 0.0);
}
