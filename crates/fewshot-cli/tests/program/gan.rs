//! Searches for generators, and what is done with the one that is kept.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use crate::common::{failure, fewshot, kill_and_resume, last_json, run, said, trained};

/// The comparison in small into `out`, ready to start.
fn smoke(out: &Path) -> Command {
    let mut command = fewshot(["reproduce", "autogan", "--scale", "smoke", "--threads", "1", "--json", "--out"]);
    command.arg(out);
    command
}

/// The result without its clock.
fn result(run: &Path) -> Value {
    let mut value: Value = serde_json::from_slice(&std::fs::read(run.join("result.json")).unwrap()).unwrap();
    value.as_object_mut().unwrap().remove("seconds").unwrap();
    value
}

#[test]
fn generators_are_found_and_used_and_kills_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (uncut, cut) = (dir.path().join("uncut"), dir.path().join("cut"));
    let began = Instant::now();
    let output = smoke(&uncut).output().unwrap();
    let whole = began.elapsed();
    assert!(output.status.success(), "{}", said(&output));
    let found = last_json(&output);
    let names: Vec<&str> =
        found["searches"].as_array().unwrap().iter().map(|search| search["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["one-shot", "c1.norm=none", "c1.norm=bn", "c1.norm=in", "equal cost"]);
    let found_by: Vec<&str> =
        found["derived"].as_array().unwrap().iter().map(|row| row["found_by"].as_str().unwrap()).collect();
    assert_eq!(found_by, ["one-shot", "few-shot", "equal cost", "random"]);
    assert_eq!(found["judge"]["names"], serde_json::json!(["proxy-IS", "proxy-FID"]));
    // The training images are at no distance from themselves, and scores lie between 1 and the number of classes.
    for judgement in [&found["judgement"], &found["judge"]["test"]] {
        assert!((1.0..=10.0).contains(&judgement["score"].as_f64().unwrap()), "{judgement}");
        assert!(judgement["distance"].as_f64().unwrap() >= 0.0, "{judgement}");
    }
    assert_eq!(found["ranking"]["networks"].as_array().unwrap().len(), 3);
    let page = std::fs::read_to_string(uncut.join("report.html")).unwrap();
    let from: Vec<&str> =
        found["differences"].as_array().unwrap().iter().map(|row| row["from"].as_str().unwrap()).collect();
    assert_eq!(from, ["one-shot", "equal cost", "random"]);
    assert!(found_by.contains(&found["found_by"].as_str().unwrap()), "{found}");
    for words in [
        "data:image/png;base64,",
        "What the controllers would choose",
        "few-shot minus one-shot",
        "equal cost",
        "proxy-FID",
        "a classifier that was trained on these images",
        "Loss of the generator",
    ] {
        assert!(page.contains(words), "{words}");
    }

    let output = kill_and_resume(|| smoke(&cut), &cut, whole, &[0.2, 0.3, 0.3]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(result(&cut), result(&uncut));
    for file in ["model.safetensors", "images.png"] {
        assert!(std::fs::read(cut.join(file)).unwrap() == std::fs::read(uncut.join(file)).unwrap(), "{file}");
    }

    let made = dir.path().join("made");
    let generate = |count: &str, seed: &str, out: &Path| {
        let mut command = fewshot(["generate", "--count", count, "--seed", seed, "--json"]);
        command.arg(&uncut).arg("--out").arg(out).output().unwrap()
    };
    let output = generate("5", "3", &made);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(last_json(&output)["images"].as_array().unwrap().len(), 5);
    let image = |folder: &Path, name: &str| std::fs::read(folder.join(name)).unwrap();
    assert!(made.join("grid.png").exists());
    let again = dir.path().join("again");
    assert!(generate("2", "3", &again).status.success());
    assert!(image(&made, "00001.png") == image(&again, "00001.png"));
    // The same into the same folder; fewer, or others, would be mixed with what is there.
    assert!(generate("2", "3", &again).status.success());
    assert!(failure(&generate("1", "3", &again), 2).contains("e.g. `00001.png`: name a folder that is new or empty"));
    assert!(failure(&generate("2", "4", &again), 2).contains("another image called `00000.png`"));
    assert!(image(&made, "00001.png") == image(&again, "00001.png"));
    assert!(image(&made, "00001.png") != image(&made, "00002.png"));

    // What is made can be looked at, but not by what makes it.
    let output = fewshot(["predict".as_ref(), uncut.as_os_str(), made.join("00000.png").as_os_str()]).output().unwrap();
    assert!(failure(&output, 1).contains("fewshot generate"), "{}", said(&output));
    let output = fewshot(["eval".as_ref(), uncut.as_os_str(), "--data".as_ref(), made.as_os_str()]).output().unwrap();
    assert!(failure(&output, 1).contains("cannot look at them: `fewshot generate`"), "{}", said(&output));
    let output = fewshot(["train".as_ref(), uncut.as_os_str()]).output().unwrap();
    assert!(failure(&output, 2).contains("found a generator of images"), "{}", said(&output));
    let folder = dir.path().join("torch");
    let mut export = fewshot(["export", "--format", "pytorch"]);
    assert!(export.arg(&uncut).arg("--out").arg(&folder).output().unwrap().status.success());
    assert!(std::fs::read_to_string(folder.join("model.py")).unwrap().contains("LATENT = 8"));
}

#[test]
fn a_judge_that_cannot_judge_is_refused_before_anything_runs() {
    let dir = tempfile::tempdir().unwrap();
    let (out, recipe, file) = (dir.path().join("run"), dir.path().join("judged.toml"), dir.path().join("weights.bin"));
    std::fs::write(&file, b"no weights").unwrap();
    let onnx = trained().join("model.onnx");
    let trained = trained().join("model.safetensors");
    let judged = |model: &Path, more: &str| {
        let text = format!("base = \"autogan-smoke\"\n[gan.judge]\nmodel = {:?}\n{more}", model.display().to_string());
        std::fs::write(&recipe, text).unwrap();
        let begin =
            fewshot(["search", "--preset", "autogan-smoke", "--recipe"]).arg(&recipe).arg("--out").arg(&out).output();
        let check = run(["recipes".as_ref(), "check".as_ref(), recipe.as_os_str()]);
        assert!(!out.exists());
        [begin.unwrap(), check]
    };
    for (model, more, words) in [
        (&file, "", "gan.judge.model: `"),
        (&onnx, "", "model.onnx` holds no weights that this program reads"),
        // Of images of 28 pixels, and the generators' are of 16.
        (&trained, "", "the network that judges images takes 28x28x1"),
        (
            &trained,
            "arch = \"stem=1,width=16,block1=conv,depth1=1,block2=conv,depth2=1,block3=conv,depth3=1\"",
            "line 4: gan.judge.arch: the network that `gan.judge.model` names judges",
        ),
    ] {
        for output in judged(model, more) {
            assert!(!output.status.success() && said(&output).contains(words), "{words} in {}", said(&output));
        }
    }
    // Where it is elsewhere a recipe can be checked all the same.
    let [begin, check] = judged(&dir.path().join("elsewhere"), "");
    assert!(!begin.status.success() && check.status.success(), "{}", said(&check));

    std::fs::write(&recipe, "[gan.judge]\nmodel = \"x\"\n").unwrap();
    let output = fewshot(["recipes", "check"]).arg(&recipe).output().unwrap();
    assert!(
        failure(&output, 2).contains("this one is of kind `search`: begin with `base = \"autogan\"`"),
        "{}",
        said(&output)
    );
    let output = fewshot(["generate", "--out", "made"]).arg(&onnx).output().unwrap();
    assert!(failure(&output, 1).contains("it is an ONNX file"), "{}", said(&output));
}

#[test]
fn what_does_not_fit_is_said_before_anything_runs() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    for (flags, words) in [
        (
            &["train", "--space", "autogan", "--arch", "1 0 1 1 1 0 0 1 1 1 0 1 0 3", "--epochs", "3"][..],
            "--epochs: generators are trained for steps",
        ),
        (
            &["train", "--preset", "autogan-smoke", "--arch", "1 0 1 1 1 0 0 1 1 1 0 1 0 9", "--space", "autogan"],
            "--arch: gan.given[0]: ",
        ),
        (
            &["train", "--preset", "quick", "--space", "autogan", "--arch", "1 0 1 1 1 0 0 1 1 1 0 1 0 3"],
            "only experiments of kind `gan`",
        ),
        (&["search", "--preset", "quick", "--space", "autogan"], "only experiments of kind `gan`"),
        (&["search", "--preset", "autogan", "--space", "nasbench201"], "make no images"),
        (&["search", "--space", "autogan", "--image-size", "28"], "a multiple of 8 pixels a side"),
        // Flags of other searches, by their names and with what there is in their place.
        (
            &["search", "--space", "autogan", "--finalists", "3"],
            "--finalists: search.finalists: searches for generators do not",
        ),
        (&["search", "--space", "autogan", "--pareto"], "--pareto: search.pareto: searches for generators do not"),
        (&["search", "--space", "autogan", "--verify", "5"], "`gan.controls.ranked`"),
        (&["search", "--space", "autogan", "--epochs", "3"], "--epochs: supernet.epochs: "),
        (&["search", "--space", "autogan", "--child-epochs", "3"], "--child-epochs: children.epochs: "),
        (&["search", "--space", "autogan", "--alone-epochs", "3"], "--alone-epochs: generators alone"),
        (&["search", "--space", "autogan", "--no-references"], "--no-references: standalone.references: "),
        (&["search", "--space", "autogan", "--budget", "5"], "--budget: gan.budget: "),
        (&["search", "--space", "autogan", "--strategy", "rae"], "--strategy: gan.strategy: no strategy `rae`"),
        (
            &["search", "--space", "autogan", "--randoms", "2000"],
            "--randoms: gan.controls.randoms = 2000 is out of range",
        ),
        (&["search", "--space", "autogan", "--minutes", "5"], "--minutes: budget.minutes: "),
        (&["search", "--preset", "autogan-smoke", "--max-params", "100"], "--max-params 100"),
    ] {
        let output = fewshot(flags).arg("--out").arg(&out).output().unwrap();
        assert!(!output.status.success() && said(&output).contains(words), "{words} in {}", said(&output));
        assert!(!out.exists());
    }
    let recipe = dir.path().join("wrong.toml");
    for (text, words) in [
        ("[gan.search]\nkeep = 9", "gan.search.keep = 9 is out of range"),
        ("[gan]\npart_iterations = [1]", "gan.part_iterations = [1] is out of range"),
        ("[gan.train]\nlr = -1.0", "gan.train.lr = -1 is out of range"),
        ("[gan.derived.plan]\nlr_end = 2.0", "gan.derived.plan.lr_end = 2 is out of range: 0 to 1"),
        ("[gan]\ngiven = [\"1 0\"]", "line 3: gan.given[0]: "),
        ("[scoring]\nbatch = 7", "line 3: scoring.batch: searches for generators do not read it"),
        ("[search]\nbudget = 7", "line 3: search.budget: searches for generators do not read it"),
    ] {
        std::fs::write(&recipe, format!("base = \"autogan-smoke\"\n{text}\n")).unwrap();
        let output = run(["recipes".as_ref(), "check".as_ref(), recipe.as_os_str()]);
        assert!(!output.status.success() && said(&output).contains(words), "{words} in {}", said(&output));
    }
}

/// A short search over the smallest preset, with such iterations of parts and more settings.
fn short(recipe: &Path, parts: &str, more: &str, out: &Path) -> Command {
    let controls = "[gan.controls]\nranked = 0\nequal_cost = false\n";
    let text = format!("base = \"autogan-smoke\"\n[gan]\npart_iterations = {parts}\n{controls}{more}");
    std::fs::write(recipe, text).unwrap();
    let mut command = fewshot(["search", "--threads", "1", "--json", "--recipe"]);
    command.arg(recipe).arg("--out").arg(out);
    command
}

#[test]
fn limits_and_strategies_hold_and_images_without_classes_do_where_a_judge_is_given() {
    const LIMIT: u64 = 1200;
    let dir = tempfile::tempdir().unwrap();
    let (recipe, out) = (dir.path().join("mine.toml"), dir.path().join("limited"));
    let mut command = short(&recipe, "[]", "", &out);
    command.args(["--strategy", "random", "--budget", "4", "--randoms", "2", "--max-params", &LIMIT.to_string()]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains("of 373248 generators: what leads out of them is never proposed"),
        "{}",
        said(&output)
    );
    let found = last_json(&output);
    let searched = found["searches"][0]["best"].as_array().unwrap().iter().chain(found["derived"].as_array().unwrap());
    let archs: Vec<&str> = searched.map(|row| row["arch"].as_str().unwrap()).collect();
    assert!(archs.len() >= 4, "{archs:?}");
    let params = |arch: &str| {
        let size =
            ["--space", "autogan", "--set", "width=4", "--set", "latent=8", "--image-size", "16", "--channels", "1"];
        let output = fewshot(["cost", "--json", "--arch", arch]).args(size).output().unwrap();
        last_json(&output)["params"].as_u64().unwrap()
    };
    for arch in archs {
        assert!(params(arch) <= LIMIT, "{arch}");
    }
    // The flags are the kind's own settings, and no controller was asked.
    let settings = std::fs::read_to_string(out.join("run.toml")).unwrap();
    assert!(settings.contains("proposer = \"uniform\"") && settings.contains("budget = 4"), "{settings}");
    assert!(found["searches"][0]["history"][0].get("probabilities").is_none());
    let ways: Vec<&str> =
        found["origins"].as_array().unwrap().iter().map(|row| row["found_by"].as_str().unwrap()).collect();
    assert_eq!(ways, ["one-shot", "random"]);
    // A run's own settings say everything, also what no such run reads.
    let check = run(["recipes".as_ref(), "check".as_ref(), out.join("run.toml").as_os_str()]);
    assert!(check.status.success(), "{}", said(&check));

    // What it makes, in a folder without classes.
    let made = dir.path().join("made");
    let mut generate = fewshot(["generate", "--count", "40"]);
    assert!(generate.arg(&out).arg("--out").arg(&made).output().unwrap().status.success());
    std::fs::remove_file(made.join("grid.png")).unwrap();
    let refused = short(&recipe, "[]", "", &dir.path().join("none")).arg("--data").arg(&made).output().unwrap();
    assert!(said(&refused).contains("give a network that judges (gan.judge.model"), "{}", said(&refused));
    let stages = std::fs::read_dir(out.join("stages")).unwrap().map(|stage| stage.unwrap().path());
    let judge = stages.map(|stage| stage.join("judge.safetensors")).find(|file| file.exists()).unwrap();
    let more = format!(
        "[split]\ndecisions = []\nfeature = \"params\"\nbounds = [1400]\n[gan.judge]\nmodel = {:?}\n",
        judge.display().to_string()
    );
    let again = dir.path().join("again");
    let output = short(&recipe, "[1, 1, 1]", &more, &again).arg("--data").arg(&made).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let found = last_json(&output);
    // Parts that differ in a feature alone hold that.
    for (part, fits) in [(1, (|params| params < 1400) as fn(u64) -> bool), (2, |params| params >= 1400)] {
        let best = found["searches"][part]["best"].as_array().unwrap();
        assert!(!best.is_empty() && best.iter().all(|row| fits(params(row["arch"].as_str().unwrap()))), "{best:?}");
    }
    assert_eq!(found["judge"]["given"], true);
    assert!(std::fs::read_to_string(again.join("run.toml")).unwrap().contains("unlabelled = true"));

    // One class, named or not, teaches no judge.
    let (one, class) = (dir.path().join("one"), dir.path().join("one/cat"));
    std::fs::create_dir_all(&class).unwrap();
    for name in ["00000.png", "00001.png", "00002.png", "00003.png", "00004.png", "00005.png"] {
        std::fs::copy(made.join(name), class.join(name)).unwrap();
    }
    let refused = short(&recipe, "[]", "", &dir.path().join("none")).arg("--data").arg(&one).output().unwrap();
    for part in ["has 1 class", "give a network that judges (gan.judge.model"] {
        assert!(said(&refused).contains(part), "{}", said(&refused));
    }
    assert!(!dir.path().join("none").exists());
}

#[test]
fn a_generator_that_is_given_is_trained_without_a_search() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let arch = "1 0 1 1 | 1 0 0 1 1 | 1 0 1 0 3";
    let recipe = dir.path().join("mine.toml");
    std::fs::write(&recipe, "base = \"autogan-smoke\"\n[gan.controls]\nrandoms = 0\n").unwrap();
    let mut command = fewshot(["train", "--preset", "autogan-smoke", "--threads", "1", "--json", "--arch", arch]);
    let output = command.arg("--recipe").arg(&recipe).arg("--out").arg(&out).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let found = last_json(&output);
    assert_eq!((found["arch"].as_str(), found["found_by"].as_str()), (Some(arch), Some("given")));
    assert!(found["searches"].as_array().unwrap().is_empty() && found.get("ranking").is_none(), "{found}");
    let ways: Vec<&str> =
        found["derived"].as_array().unwrap().iter().map(|row| row["found_by"].as_str().unwrap()).collect();
    assert_eq!(ways, ["given"]);
    assert!(out.join("model.safetensors").exists());
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("(given)") && !page.contains("Searches"));
}
