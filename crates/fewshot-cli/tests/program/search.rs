//! The program, end to end.

use std::ffi::OsStr;

use fewshot_space::{CellSkeleton, CellSpace, Space};

use crate::common::{TINY, fewshot, last_json, program, result_without_seconds, run, said, tiny_search, trained};

#[test]
fn a_search_ends_with_one_json_object_and_a_trained_network() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let output = tiny_search(dir.path(), &out).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let printed = last_json(&output);
    let stored: serde_json::Value = serde_json::from_slice(&std::fs::read(out.join("result.json")).unwrap()).unwrap();
    assert_eq!(printed, stored);
    for key in ["arch", "score", "test_accuracy", "random_test_accuracy_mean", "macs", "params", "seconds", "seed"] {
        assert!(!printed[key].is_null(), "{key} in {printed}");
    }
    for key in ["score", "test_accuracy", "random_test_accuracy_mean"] {
        assert!((0.0..=1.0).contains(&printed[key].as_f64().unwrap()), "{key} in {printed}");
    }
    assert_eq!(printed["evaluations"], 24);
    assert_eq!(printed["randoms"].as_array().unwrap().len(), 2);
    assert_eq!(printed["supernets"], 5);
    let finalists = printed["finalists"].as_array().unwrap();
    assert_eq!(finalists.len(), 2);
    // The network taken is the finalist that was best on held-out images.
    let best = |key: &str| finalists.iter().map(|f| f[key].as_f64().unwrap()).fold(0.0, f64::max);
    let taken = finalists.iter().find(|finalist| finalist["arch"] == printed["arch"]).unwrap();
    assert_eq!(taken["held_out_accuracy"].as_f64().unwrap(), best("held_out_accuracy"));
    // It went on from there.
    assert_eq!((&taken["epochs"], &printed["epochs"]), (&1.into(), &2.into()));
    assert_eq!(finalists[0]["score"].as_f64().unwrap(), best("score"));
    let history = std::fs::read_to_string(out.join("history.jsonl")).unwrap();
    assert_eq!(history.lines().count(), 24);
    assert!(out.join("model.safetensors").exists() && out.join("model.onnx").exists());
    // What the one reading of the test images showed, class by class.
    assert_eq!(printed["test"]["top1"], printed["test_accuracy"]);
    let confusion: Vec<Vec<u64>> = serde_json::from_value(printed["test"]["confusion"].clone()).unwrap();
    assert_eq!((confusion.len(), confusion.iter().flatten().sum::<u64>()), (10, 2000));

    // A finished run gives its result again, and repeats nothing.
    let again = run(["resume", "--json", out.to_str().unwrap()]);
    assert!(again.status.success());
    assert_eq!(last_json(&again)["arch"], printed["arch"]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("nothing is left to do"));

    // A second run into the same folder is refused.
    let refused = tiny_search(dir.path(), &out).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("resume"));
}

#[test]
fn the_same_seed_gives_the_same_bits_with_any_number_of_threads() {
    let dir = tempfile::tempdir().unwrap();
    let outs = [dir.path().join("one"), dir.path().join("two")];
    for (out, threads) in outs.iter().zip(["1", "2"]) {
        let output = tiny_search(dir.path(), out).args(["--threads", threads, "--splits", "0"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(result_without_seconds(&outs[0]), result_without_seconds(&outs[1]));
    let model = |out: &std::path::PathBuf| std::fs::read(out.join("model.safetensors")).unwrap();
    assert!(model(&outs[0]) == model(&outs[1]));
}

#[test]
fn a_search_can_score_by_how_fast_networks_learn() {
    let dir = tempfile::tempdir().unwrap();
    let (plain, tuned) = (dir.path().join("plain"), dir.path().join("tuned"));
    assert!(tiny_search(dir.path(), &plain).output().unwrap().status.success());
    let search = |settings: &str| {
        let mut command = tiny_search(dir.path(), &tuned);
        let recipe = dir.path().join("tiny.toml");
        let text = std::fs::read_to_string(&recipe).unwrap().replace("[scoring]", settings);
        assert!(text.contains(settings));
        std::fs::write(recipe, text).unwrap();
        command.output().unwrap()
    };
    let output = search("[scoring]\nmeasure = \"speed\"\nfine_tune.steps = 4");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let result = last_json(&output);
    assert_eq!(result["scored_by"], "speed of 4 steps");
    assert_ne!(result["score"], result_without_seconds(&plain)["score"]);
    let page = std::fs::read_to_string(tuned.join("report.html")).unwrap();
    assert!(
        page.contains("score (speed of 4 steps, training images), %") && !page.contains("score (held-out accuracy)")
    );
    // Without steps there is no speed.
    let output = search("[scoring]\nmeasure = \"speed\"");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("set scoring.fine_tune.steps"));
}

#[test]
fn limits_hold() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let output = tiny_search(dir.path(), &out).args(["--max-params", "4300", "--randoms", "1"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let history = std::fs::read_to_string(out.join("history.jsonl")).unwrap();
    for line in history.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(entry["params"].as_u64().unwrap() <= 4300, "{line}");
    }
}

#[test]
fn a_front_has_its_models_and_a_ranking_its_check() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let output =
        tiny_search(dir.path(), &out).args(["--pareto", "3", "--verify", "5", "--randoms", "0"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let result = last_json(&output);
    let settings = std::fs::read_to_string(out.join("run.toml")).unwrap();
    assert!(settings.contains("strategy = \"nsga2\""), "{settings}");

    let front = result["front"].as_array().unwrap();
    assert!((1..=3).contains(&front.len()), "{result}");
    for pair in front.windows(2) {
        assert!(pair[0]["macs"].as_u64() < pair[1]["macs"].as_u64(), "{result}");
        assert!(pair[0]["score"].as_f64() < pair[1]["score"].as_f64(), "{result}");
    }
    let last = front.last().unwrap();
    assert_eq!((&last["arch"], &last["test_accuracy"]), (&result["arch"], &result["test_accuracy"]));
    assert_eq!(result["finalists"].as_array().unwrap().len(), 0);
    // Nothing that was scored is at least as good in both and better in one: of equal functions, the cheapest code was taken.
    let space = CellSpace::by_name("nasbench201", CellSkeleton::default_for("nasbench201").unwrap()).unwrap();
    let history = std::fs::read_to_string(out.join("history.jsonl")).unwrap();
    for line in history.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        for network in front {
            let of = |one: &serde_json::Value| (one["score"].as_f64().unwrap(), one["macs"].as_u64().unwrap());
            let ((score, macs), (own_score, own_macs)) = (of(&entry), of(network));
            let beats = score >= own_score && macs <= own_macs && (score, macs) != (own_score, own_macs);
            // A network that nothing flows through is on no front, however cheap it is.
            let arch = space.parse(entry["arch"].as_str().unwrap()).unwrap();
            assert!(!beats || space.graph(&arch).is_dead(), "{line} beats {network}");
        }
    }
    for network in front {
        let model = out.join(network["model"].as_str().unwrap());
        let measured = run(["eval".as_ref(), "--json".as_ref(), model.with_extension("safetensors").as_os_str()]);
        assert!(model.exists() && measured.status.success(), "{network}");
        assert_eq!(last_json(&measured)["top1"], network["test_accuracy"]);
    }

    let verify = &result["verify"];
    let networks = verify["networks"].as_array().unwrap();
    assert_eq!(networks.len(), 5);
    assert!(networks.windows(2).all(|pair| pair[0]["score"].as_f64() >= pair[1]["score"].as_f64()), "{verify}");
    if let Some(tau) = verify["tau_b"].as_f64() {
        let [low, high] = [0, 1].map(|end| verify["interval"][end].as_f64().unwrap());
        assert!(low <= tau && tau <= high && high - low > 0.5, "five networks tell little: {verify}");
    }
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("The front") && page.contains("Can the ranking be believed?"));
}

#[test]
fn latency_is_measured_kept_and_limits() {
    let dir = tempfile::tempdir().unwrap();
    let (loose, strict) = (dir.path().join("loose"), dir.path().join("strict"));
    let flags = ["--splits", "0", "--finalists", "0", "--randoms", "0"];
    let output = tiny_search(dir.path(), &loose).args(flags).args(["--max-latency-ms", "10000"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let latency = |output: &std::process::Output, key: &str| last_json(output)["latency"][key].as_f64().unwrap();
    let predicted = latency(&output, "predicted_ms");
    assert!(predicted > 0.0 && latency(&output, "measured_ms") > 0.0);
    let shown = String::from_utf8(run(["resume", loose.to_str().unwrap()]).stdout).unwrap();
    assert!(shown.contains("predicted (") && shown.contains("% on average and"), "{shown}");

    // As if every network took a thousand times as long: that the machine is busy now does not matter then.
    let settings = std::fs::read_to_string(loose.join("run.toml")).unwrap();
    let slower = |line: &str| match line.split_once(" = ") {
        Some((key @ ("base_ms" | "scale"), value)) => format!("{key} = {:.9}", 1000.0 * value.parse::<f64>().unwrap()),
        _ => line.to_string(),
    };
    let recipe = dir.path().join("slower.toml");
    std::fs::write(&recipe, settings.lines().map(slower).collect::<Vec<_>>().join("\n")).unwrap();
    let limit = format!("{:.6}", 900.0 * predicted);
    let mut search = fewshot(["search", "--json", "--max-latency-ms", &limit]);
    let output = search.arg("--recipe").arg(&recipe).arg("--out").arg(&strict).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(latency(&output, "predicted_ms") <= 900.0 * predicted + 0.001, "the limit holds");
    assert_ne!(last_json(&output)["arch"], last_json(&run(["resume", "--json", loose.to_str().unwrap()]))["arch"]);

    let none = tiny_search(dir.path(), &dir.path().join("none")).args(["--max-latency-ms", "0.001"]).output().unwrap();
    let error = String::from_utf8_lossy(&none.stderr).into_owned();
    assert_eq!(none.status.code(), Some(2), "{error}");
    assert!(error.contains("--max-latency-ms 0.001 (latency_us<=1)") && error.contains("the fastest takes"), "{error}");
}

#[test]
fn usage_errors_exit_with_2_and_say_what_was_meant() {
    for (args, hint) in [
        (vec!["search", "--space", "nasbench20l"], "nasbench201"),
        (vec!["search", "--preset", "quik"], "quick"),
        (vec!["search", "--split", "e9"], "block3"),
        (vec!["search", "--preset", "quick", "--split", "e9"], "e3"),
        (vec!["search", "--space", "nasbench201", "--splits", "7"], "6 decisions"),
        (vec!["search", "--strategy", "ree"], "rea"),
        (vec!["search", "--device", "gpu"], "cpu"),
        (vec!["search", "--max-params", "10"], "the smallest has"),
        (vec!["reproduce", "nothing"], "proof-of-concept"),
        (vec!["reproduce", "narow"], "did you mean `narrow`?"),
        (
            vec!["reproduce", "nasbench201", "--scale", "smoke"],
            "no scale `smoke`, only --scale laptop and --scale paper",
        ),
        (vec!["rank"], "name what to rank: a run that compared scores with the truth"),
        (vec!["train", "--arch", "|none~0|"], "arch"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let output = fewshot(&args).current_dir(dir.path()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).to_lowercase();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
        assert!(text.contains(hint), "{args:?}: {text}");
        assert!(!text.contains("panicked"), "{args:?}: {text}");
        // Nothing is left behind by a run that could not begin.
        assert!(!dir.path().join("runs").exists(), "{args:?}");
    }
}

#[test]
fn missing_images_are_told_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = dir.path().join("nowhere");
    let output = fewshot(["search", "--data"]).arg(&nowhere).current_dir(dir.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("nowhere"), "{text}");
}

#[test]
fn lists_are_printed_as_text_and_as_json() {
    for (args, word) in [
        (vec!["spaces"], "nasbench201"),
        (vec!["strategies"], "rea"),
        (vec!["recipes"], "quick"),
        (vec!["recipes", "quick"], "[supernet]"),
        (vec!["data", "info"], "Sneaker"),
    ] {
        let output = run(&args);
        assert!(output.status.success(), "{args:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains(word), "{args:?}");
    }
    for args in [vec!["spaces", "--json"], vec!["strategies", "--json"], vec!["data", "info", "--json"]] {
        last_json(&run(&args));
    }
}

#[test]
fn a_damaged_test_set_is_told_before_anything_runs() {
    let sample = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/fashion-mnist-sample");
    let dir = tempfile::tempdir().unwrap();
    let images = dir.path().join("images");
    std::fs::create_dir(&images).unwrap();
    for entry in std::fs::read_dir(sample).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), images.join(entry.file_name())).unwrap();
    }
    let test = images.join("t10k-images-idx3-ubyte.gz");
    let whole = std::fs::read(&test).unwrap();
    std::fs::write(&test, &whole[..whole.len() / 2]).unwrap();

    let out = dir.path().join("run");
    let search = || tiny_search(dir.path(), &out).arg("--data").arg(&images).output().unwrap();
    let failed = search();
    let text = String::from_utf8_lossy(&failed.stderr);
    assert_eq!(failed.status.code(), Some(1), "{text}");
    assert!(text.contains("t10k-images-idx3-ubyte.gz") && text.contains("cut off"), "{text}");
    assert!(!out.exists(), "{text}");

    std::fs::write(&test, whole).unwrap();
    let mended = search();
    assert!(mended.status.success(), "{}", String::from_utf8_lossy(&mended.stderr));
    assert!(last_json(&mended)["test_accuracy"].as_f64().unwrap() > 0.0);
}

#[test]
fn one_architecture_is_trained_alone() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = dir.path().join("tiny.toml");
    std::fs::write(&recipe, crate::common::TINY).unwrap();
    let out = dir.path().join("alone");
    let arch = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|nor_conv_1x1~2|";
    let args = ["train", "--arch", arch, "--json", "--recipe"].map(std::ffi::OsStr::new);
    let output = fewshot(args).arg(&recipe).arg("--out").arg(&out).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(last_json(&output)["arch"], arch);
    assert!(out.join("model.safetensors").exists());
}

/// Five finalists are halved three times, and two epochs have no room for three rungs.
#[test]
fn more_rungs_than_epochs_end_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let flags = "search --json --preset quick --limit 200 --image-size 8 --width 4 --splits 0 --epochs 1 --budget 8 --finalists 5 \
                 --randoms 0 --alone-width 4 --alone-epochs 2";
    let output = fewshot(flags.split_whitespace()).arg("--out").arg(dir.path().join("run")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let result = last_json(&output);
    assert_eq!(
        (result["epochs"].as_u64(), result["finalists"].as_array().map(Vec::len)),
        (Some(2), Some(5)),
        "{result}"
    );
}

#[test]
fn splits_by_number_are_all_that_is_split_on() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = dir.path().join("feature.toml");
    let split = "[split]\ndecisions = []\nfeature = \"live_convs\"\nbounds = [1, 3]\n";
    std::fs::write(&recipe, TINY.replace("[split]\ndecisions = [\"e0\"]\n", split)).unwrap();
    let search = |out: &str, more: &[&str]| {
        let mut command = fewshot(["search", "--json", "--finalists", "0", "--randoms", "0", "--recipe"]);
        let output = command.arg(&recipe).arg("--out").arg(dir.path().join(out)).args(more).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        last_json(&output)["supernets"].as_u64().unwrap()
    };
    assert_eq!([search("feature", &[]), search("none", &["--splits", "0"])], [3, 1]);
}

#[test]
fn scores_on_test_images_are_called_so_everywhere() {
    let dir = tempfile::tempdir().unwrap();
    let (recipe, out) = (dir.path().join("tiny.toml"), dir.path().join("run"));
    std::fs::write(&recipe, TINY.replace("[scoring]", "[scoring]\non_test = true")).unwrap();
    let output = program(&[&"search", &"--randoms", &"0", &"--recipe", &recipe, &"--out", &out]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("scores are made on 2000 test images (scoring.on_test)"), "{}", said(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    let line = |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{text}"));
    assert!(line("score ").contains("on TEST images") && !line("score ").contains("held-out"), "{text}");
    assert!(line("test accuracy").ends_with("no fresh one: scores on these images chose the network"), "{text}");

    let result: serde_json::Value = serde_json::from_slice(&std::fs::read(out.join("result.json")).unwrap()).unwrap();
    assert_eq!(result["on_test"], true);
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    for words in ["Scores of this search are made on the test images", "no fresh one", "score (test accuracy), %"] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("score (held-out"), "{page}");
    // The model knows, and so does a training of what was found.
    let output = program(&[&"eval", &out]);
    assert!(said(&output).contains("chosen by scores on the test images"), "{}", said(&output));
    let (plain, alone) = (dir.path().join("plain.toml"), dir.path().join("alone"));
    std::fs::write(&plain, TINY).unwrap();
    let args: [&dyn AsRef<OsStr>; 9] =
        [&"train", &"--arch", &out, &"--epochs", &"1", &"--recipe", &plain, &"--out", &alone];
    let output = program(&args);
    assert!(output.status.success(), "{}", said(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("no fresh one"), "{}", said(&output));
    // Other searches say none of that.
    let page = std::fs::read_to_string(trained().join("report.html")).unwrap();
    assert!(!page.contains("no fresh one"));
}
