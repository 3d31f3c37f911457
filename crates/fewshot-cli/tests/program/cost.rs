//! `fewshot cost`, and settings of spaces.

use serde_json::Value;

use crate::common::{last_json, run, said};

fn cost(flags: &[&str]) -> Value {
    let output = run(["cost", "--json"].iter().chain(flags));
    assert!(output.status.success(), "{flags:?}: {}", said(&output));
    last_json(&output)
}

#[test]
fn costs_are_the_published_ones_and_those_of_the_graph() {
    let all = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|";
    let flags = ["--space", "nasbench201", "--set", "width=16", "--set", "cells=5", "--arch", all];
    let published = cost(&flags);
    assert_eq!(published["params"], 1_531_546);
    assert_eq!((&published["macs"], &published["params"]), (&published["live_macs"], &published["live_params"]));
    // What no output depends on is counted, as in the tables, but not run.
    let dead = "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|nor_conv_3x3~2|";
    let partly = cost(&["--space", "nasbench201", "--arch", dead]);
    assert!(partly["live_params"].as_u64() < partly["params"].as_u64(), "{partly}");

    let narrow = cost(&["--space", "nasbench201", "--set", "width=4", "--set", "cells=1", "--arch", all, "--latency"]);
    assert!(narrow["params"].as_u64() < published["params"].as_u64());
    assert!(narrow["latency_ms"].as_f64().unwrap() > 0.0);
    // Counted, not built: this one would be gigabytes.
    let huge = cost(&["--space", "nasbench201", "--set", "width=2048", "--set", "cells=100", "--arch", all]);
    assert_eq!(huge["network"]["width"], 2048);
    assert!(huge["params"].as_u64().unwrap() > 100_000_000_000);
    let plain = "stem=2,width=24,block1=conv,depth1=1,block2=conv,depth2=1,block3=conv,depth3=1";
    let small = cost(&["--arch", plain, "--image-size", "16", "--channels", "1", "--classes", "3"]);
    let large = cost(&["--arch", plain]);
    assert!(small["macs"].as_u64() < large["macs"].as_u64());
}

#[test]
fn settings_are_named_by_their_space_and_wrong_ones_refused() {
    for (flags, words) in [
        (&["cost", "--space", "nasbench201", "--set", "widht=4", "--arch", "x"][..], "did you mean `width`?"),
        (&["cost", "--space", "nasbench201", "--set", "width=wide", "--arch", "x"], "give a value like 16"),
        (&["cost", "--space", "nasbench201", "--set", "width=0", "--arch", "x"], "width = 0 is out of range"),
        (&["cost", "--set", "width=4", "--arch", "x"], "all is decided"),
        (&["cost", "--set", "width", "--arch", "x"], "give KEY=VALUE"),
        (&["cost", "--space", "nasbench21", "--arch", "x"], "did you mean `nasbench201`?"),
        (&["search", "--space", "nasbench201", "--set", "depth=4"], "no setting `depth`"),
    ] {
        let output = run(flags);
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {}", said(&output));
        assert!(said(&output).contains(words), "{words} in {}", said(&output));
    }
}

#[test]
fn a_search_takes_the_settings_of_its_space() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let flags = "search --json --preset quick --space nasbench201 --set width=4 --set cells=1 --set reduction=pool --limit 200 \
                 --image-size 8 --epochs 1 --child-epochs 1 --budget 4 --finalists 1 --randoms 0 --alone-epochs 1";
    let output = run(flags.split_whitespace().chain(["--out", out.to_str().unwrap()]));
    assert!(output.status.success(), "{}", said(&output));
    let result = last_json(&output);
    let settings = "--space nasbench201 --set width=4 --set cells=1 --set reduction=pool --image-size 8 --channels 1";
    let flags: Vec<&str> = settings.split_whitespace().chain(["--arch", result["arch"].as_str().unwrap()]).collect();
    let cost = cost(&flags);
    assert_eq!((&cost["macs"], &cost["params"]), (&result["macs"], &result["params"]));
}
