//! `fewshot bench`: that it measures what it says. How fast is for the reader to judge.

use serde_json::Value;

use crate::common::{last_json, run};

fn bench(args: &str) -> Value {
    let output = run(["bench"].into_iter().chain(args.split_whitespace()).chain(["--threads", "1", "--json"]));
    assert!(output.status.success(), "{args}: {}", String::from_utf8_lossy(&output.stderr));
    last_json(&output)
}

fn refusal(args: &str) -> String {
    let output = run(["bench"].into_iter().chain(args.split_whitespace()));
    assert_eq!(output.status.code(), Some(2), "{args}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn number(report: &Value, key: &str) -> f64 {
    report[key].as_f64().unwrap_or_else(|| panic!("{key} in {report}"))
}

#[test]
fn a_step_reports_times_memory_and_the_network() {
    let report = bench("step --width 3 --cells 1 --batch 4 --steps 3 --op nor_conv_1x1");
    let [min, median, max] = ["min_seconds", "median_seconds", "max_seconds"].map(|key| number(&report, key));
    assert!(0.0 < min && min <= median && median <= max, "{report}");
    assert!(number(&report, "loss").is_finite());
    if cfg!(target_os = "linux") {
        // Hardly less than the program itself takes, hardly more than this small network needs.
        assert!((1e6..1e9).contains(&number(&report, "peak_bytes")), "{report}");
        assert!(number(&report, "step_bytes") < number(&report, "peak_bytes"));
    }
    for (key, value) in [("width", 3), ("cells", 1), ("batch", 4), ("threads", 1), ("steps", 3)] {
        assert_eq!(report[key], value, "{key}");
    }
    let op = "nor_conv_1x1";
    assert_eq!(report["architecture"], format!("|{op}~0|+|{op}~0|{op}~1|+|{op}~0|{op}~1|{op}~2|"));
    // Stem 81 + 6, six 1x1 edges per cell, two reductions with affine norms, head 24 + 120 + 10.
    let edges = 6 * (3 * 3 + 6 * 6 + 12 * 12);
    let reductions = (27 * 6 + 54 * 6 + 18 + 24) + (54 * 12 + 108 * 12 + 72 + 48);
    assert_eq!(report["parameters"], 87 + edges + reductions + 154);
}

#[test]
fn a_random_architecture_follows_the_seed_and_can_be_named() {
    let step = "step --width 2 --cells 1 --batch 2 --steps 1";
    let drawn = bench(&format!("{step} --op random --seed 5"))["architecture"].clone();
    assert_eq!(bench(&format!("{step} --op random --seed 5"))["architecture"], drawn);
    assert_ne!(bench(&format!("{step} --op random --seed 6"))["architecture"], drawn);
    assert_eq!(bench(&format!("{step} --op {}", drawn.as_str().unwrap()))["architecture"], drawn);
    assert!(refusal(&format!("{step} --op nor_conv_3x4")).contains("did you mean `nor_conv_3x3`"));
}

#[test]
fn the_networks_of_depthwise_convolutions_are_those_described() {
    // Counted by bench/pytorch/networks.py; 0.3060 M is the check value of the small MBConv space.
    assert_eq!(bench("step --space mbconv --batch 2 --steps 1")["parameters"], 306_018);
    assert_eq!(bench("step --space separable --batch 2 --steps 1")["parameters"], 34_810);
    assert!(refusal("step --space mbconv --op random").contains("leave out --op"));
}

#[test]
fn networks_of_any_space_are_timed_alone_or_mixed() {
    let step = "step --space darts --set width=4 --set cells=3 --batch 2 --steps 1";
    let alone = bench(&format!("{step} --arch few-shot"));
    assert!(alone["architecture"].as_str().unwrap().starts_with("normal|skip_connect~0|sep_conv_3x3~1|"), "{alone}");
    let mixed = bench(&format!("{step} --mixed"));
    assert_eq!(mixed["architecture"], "all operations mixed");
    assert!(number(&mixed, "parameters") > number(&alone, "parameters"));
    assert!(number(&mixed, "loss").is_finite() && number(&alone, "loss").is_finite());
    assert_eq!(bench("step --space stages --arch random --batch 2 --steps 1")["space"], "stages");
    for (flags, words) in [
        ("step --set width=4", "give --arch or --mixed too"),
        ("step --space autogan --arch random", "its networks make images"),
        ("step --space stages --mixed", "several options at once"),
        ("step --space dart --mixed", "did you mean `darts`"),
    ] {
        assert!(refusal(flags).contains(words), "{}", refusal(flags));
    }
}

#[test]
fn scoring_lists_what_it_scored() {
    let report = bench("score --width 2 --cells 1 --archs 3 --images 10 --batch 4");
    assert_eq!(report["architectures"].as_array().unwrap().len(), 3);
    let (seconds, rate) = (number(&report, "seconds"), number(&report, "architectures_per_second"));
    assert!(seconds > 0.0 && (rate * seconds - 3.0).abs() < 1e-6, "{report}");
}

#[test]
fn operations_are_chosen_by_a_word() {
    let report = bench("ops transposed --batch 2");
    assert!(number(&report, "peak_gflops") > 0.1, "{report}");
    let lines = report["operations"].as_array().unwrap();
    assert_eq!(lines.len(), 1);
    for line in lines {
        assert!(line["name"].as_str().unwrap().starts_with("transposed_conv"), "{line}");
        assert!(0.0 < number(line, "min_ms") && number(line, "min_ms") <= number(line, "median_ms"), "{line}");
        let share = number(line, "gflops") / number(&report, "peak_gflops");
        assert!((number(line, "share_of_peak") - share).abs() < 1e-9, "{line}");
    }
    assert!(refusal("ops transpoced").contains("no operation"));
}
