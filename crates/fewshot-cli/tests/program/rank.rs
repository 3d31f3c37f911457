//! `fewshot rank`

use std::path::PathBuf;
use std::time::Instant;

use fewshot_nas::experiments::{HistoryEntry, space_of};
use fewshot_nas::run::RunReader;

use crate::common::{failure, last_json, program, run, said, tiny_search, trained};

#[test]
fn published_scores_rank_as_published() {
    let table = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/nasbench201/cifar10.csv");
    if !table.exists() {
        println!("skipped: the NAS-Bench-201 table is not beside this checkout");
        return;
    }
    let table = table.to_str().unwrap();
    for (column, tau) in [("published_oneshot_acc", 0.485), ("published_fewshot_acc", 0.551)] {
        let args =
            ["rank", "--space", "nasbench201", "--truth", table, "--truth-column", "true_acc", "--scores", table];
        let began = Instant::now();
        let output = run(args.iter().copied().chain(["--score-column", column, "--json"]));
        let seconds = began.elapsed().as_secs_f64();
        let report = last_json(&output);
        assert!((report["tau_b"].as_f64().unwrap() - tau).abs() < 5e-4, "{report}");
        assert!((report["baselines"]["params"]["tau_b"].as_f64().unwrap() - 0.5777).abs() < 5e-4, "{report}");
        println!("{column}: {seconds:.3} s");
    }
}

#[test]
fn tables_are_paired_by_architecture() {
    let dir = tempfile::tempdir().unwrap();
    let truth = dir.path().join("truth.csv");
    let scores = dir.path().join("scores.csv");
    let arch = |ops: [&str; 4]| {
        let [a, b, c, d] = ops;
        format!("|{a}~0|+|{b}~1|+|{c}~0|{d}~2|")
    };
    let rows = [
        arch(["none", "none", "none", "none"]),
        arch(["none", "none", "skip_connect", "none"]),
        arch(["nor_conv_3x3", "skip_connect", "none", "skip_connect"]),
        arch(["nor_conv_3x3", "nor_conv_3x3", "none", "nor_conv_3x3"]),
    ];
    let csv = |values: [f64; 4], order: [usize; 4]| {
        let lines = order.map(|at| format!("\"{}\",{}\n", rows[at], values[at]));
        format!("arch,value\n{}", lines.concat())
    };
    // The second table in another order; one of six pairs is the other way round: tau-b (5 - 1) / 6.
    std::fs::write(&truth, csv([10.0, 50.0, 80.0, 90.0], [0, 1, 2, 3])).unwrap();
    std::fs::write(&scores, csv([0.1, 0.5, 0.9, 0.8], [3, 1, 0, 2])).unwrap();
    let files = [truth.to_str().unwrap(), scores.to_str().unwrap()];
    let args = ["rank", "--space", "cell1296", "--truth", files[0], "--truth-column", "value", "--scores", files[1]];
    let output = run(args.iter().copied().chain(["--score-column", "value", "--json"]));
    let report = last_json(&output);
    assert!((report["tau_b"].as_f64().unwrap() - 4.0 / 6.0).abs() < 1e-9, "{report}");
    assert_eq!(report["truth_of_best"], 80.0);
    let text = run(args.iter().copied().chain(["--score-column", "value"]));
    assert!(String::from_utf8_lossy(&text.stdout).contains("#params"));
    let wrong = run(args.iter().copied().chain(["--score-column", "valeu"]));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("did you mean `value`"));
}

/// Four networks of `cell1296`, and a table of them with these cells, separated so.
fn sheet(separator: &str, header: &str, cells: [&str; 4]) -> String {
    let arch = |a: &str, b: &str, c: &str| format!("|{a}~0|+|{b}~1|+|{c}~0|{a}~2|");
    let archs = [
        arch("none", "none", "none"),
        arch("none", "skip_connect", "none"),
        arch("nor_conv_3x3", "skip_connect", "none"),
        arch("nor_conv_3x3", "nor_conv_3x3", "nor_conv_1x1"),
    ];
    let rows = archs.iter().zip(cells).map(|(arch, cell)| format!("{arch}{separator}{cell}\r\n"));
    format!("{header}\r\n{}", rows.collect::<String>())
}

#[test]
fn tables_of_spreadsheets_are_taken_and_told_and_columns_are_called_by_their_names() {
    let dir = tempfile::tempdir().unwrap();
    let (truth, scores) = (dir.path().join("truth.csv"), dir.path().join("scores.csv"));
    std::fs::write(&truth, sheet(";", "\u{feff}Architecture;Test Acc", ["10,5 %", "50,25 %", "80 %", "90,75 %"]))
        .unwrap();
    std::fs::write(&scores, sheet("\t", "arch\tval_loss", ["0.9", "0.5", "0.3", "0.4"])).unwrap();
    let files = [truth.to_str().unwrap(), scores.to_str().unwrap()];
    let args = ["rank", "--space", "cell1296", "--truth", files[0], "--truth-column", "test_acc", "--scores", files[1]];
    let with =
        |more: &[&str]| run(args.iter().copied().chain(["--score-column", "val_loss"]).chain(more.iter().copied()));
    let told = with(&["--lower-is-better"]);
    let (text, notes) =
        (String::from_utf8_lossy(&told.stdout).into_owned(), String::from_utf8_lossy(&told.stderr).into_owned());
    assert!(told.status.success(), "{notes}");
    for note in ["`;`", "tabs", "decimal comma", "per cent", "`Test Acc` was taken for `test_acc`"] {
        assert!(notes.contains(note), "{note}: {notes}");
    }
    for part in
        ["lower is better", "higher is better", "val_loss", "best test_acc 90.7500", "test_acc of the top-scored"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    // One of six pairs is the other way round.
    let report = last_json(&with(&["--lower-is-better=scores", "--json"]));
    assert!((report["tau_b"].as_f64().unwrap() - 4.0 / 6.0).abs() < 1e-9, "{report}");
    assert_eq!((report["truth_of_best"].as_f64(), report["lower_is_better"][0].as_str()), (Some(80.0), Some("scores")));
    // Nothing is guessed, and what looks wrong is said.
    let plain = with(&["--json"]);
    assert!((last_json(&plain)["tau_b"].as_f64().unwrap() + 4.0 / 6.0).abs() < 1e-9);
    assert!(String::from_utf8_lossy(&plain.stderr).contains("--lower-is-better=scores"));
    // An error as the truth: the least is the best, and is printed as it is.
    std::fs::write(&truth, sheet(",", "arch,test_acc", ["0.9", "0.5", "0.2", "0.1"])).unwrap();
    let report = last_json(&with(&["--lower-is-better=both", "--json"]));
    assert!((report["tau_b"].as_f64().unwrap() - 4.0 / 6.0).abs() < 1e-9, "{report}");
    assert_eq!((report["best_truth"].as_f64(), report["truth_of_best"].as_f64()), (Some(0.1), Some(0.2)));
}

/// Costs are those of the networks that the run trains, for its images, not of the benchmark's.
#[test]
fn the_scores_of_a_run_are_ranked_in_its_own_space() {
    let dir = tempfile::tempdir().unwrap();
    let (out, table) = (dir.path().join("run"), dir.path().join("truth.csv"));
    let output = tiny_search(dir.path(), &out).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let reader = RunReader::open(&out).unwrap();
    let history = reader.history::<HistoryEntry>().unwrap();
    let check = || {
        let opened = space_of(&reader).unwrap();
        for entry in &history {
            let cost = opened.blueprint().cost(&opened.blueprint().parse(&entry.arch).unwrap());
            assert_eq!((cost.macs, cost.params), (entry.macs, entry.params), "{}", entry.arch);
        }
    };
    check();
    // Without its model the images say it.
    std::fs::remove_file(out.join("model.safetensors")).unwrap();
    check();

    let rows = history.iter().map(|entry| format!("\"{}\",{}\n", entry.arch, entry.macs));
    std::fs::write(&table, format!("arch,value\n{}", rows.collect::<String>())).unwrap();
    let args = [&"rank" as &dyn AsRef<std::ffi::OsStr>, &out, &"--truth", &table, &"--truth-column", &"value"];
    let report = last_json(&program(&[args.as_slice(), &[&"--json"]].concat()));
    assert!(report["baselines"]["macs"]["tau_b"].as_f64().unwrap() > 1.0 - 1e-9, "{report}");
    let refused = failure(&program(&[args.as_slice(), &[&"--set", &"width=16"]].concat()), 2);
    assert!(refused.contains("a run knows the settings of its own"), "{refused}");
    let none = [&"rank" as &dyn AsRef<std::ffi::OsStr>, &trained(), &"--truth", &table, &"--truth-column", &"value"];
    let refused = failure(&program(&none), 2);
    assert!(refused.contains("has scored no networks"), "{refused}");
}
