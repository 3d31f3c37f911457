//! A library's whole use: recipe, images and folder by value.

use std::path::Path;
use std::sync::Mutex;

use fewshot_data::{Dataset, Shape};

use super::*;
use crate::experiments::recipe::Layers;
use crate::experiments::search::SearchResult;
use crate::run::{NoProgress, Position, StageInfo};

/// Images of three classes, which differ in where they are bright.
fn images(name: &str, count: usize, brightness: u8) -> Dataset {
    let shape = Shape { height: 8, width: 8, channels: 1 };
    let labels: Vec<u32> = (0..count).map(|index| (index % 3) as u32).collect();
    let pixel = |index: usize, at: usize| match (at / 8) % 3 == index % 3 {
        true => brightness,
        false => ((index * 31 + at * 7) % 50) as u8,
    };
    let pixels = (0..count).flat_map(|index| (0..shape.bytes()).map(move |at| pixel(index, at))).collect();
    Dataset::new(name, shape, pixels, labels, ["high", "middle", "low"].map(str::to_string).into()).unwrap()
}

fn small_search() -> CheckedRecipe {
    let layers = Layers::preset("quick").unwrap().set("space.width", 4).set("supernet.epochs", 2);
    let layers = layers.set("children.epochs", 1).set("search.budget", 12).set("search.finalists", 2);
    let layers = layers.set("standalone.width", 4).set("standalone.train.epochs", 2).set("standalone.randoms", 1);
    layers.set("scoring.batch", 20).resolve().unwrap()
}

fn found(outcome: Outcome) -> SearchResult {
    let Outcome::Search(found) = outcome else { panic!("a search") };
    // How long it took is no property of what was found.
    SearchResult { seconds: 0.0, ..*found }
}

/// Stops the run when the work of a stage begins.
struct StopAt<'a> {
    what: &'a str,
    interrupt: &'a Interrupt,
}

impl Progress for StopAt<'_> {
    fn position(&self, position: Position<'_>) {
        if position.what == self.what {
            self.interrupt.request();
        }
    }
}

#[test]
fn a_search_on_images_in_memory_ends_the_same_cut_or_uncut() {
    let dir = tempfile::tempdir().unwrap();
    let given = Images::new(images("mine", 120, 200), images("mine (test)", 30, 200)).unwrap();
    let interrupt = Interrupt::new();
    let session = Session::new(Device::flex(), &interrupt, &NoProgress).on(given.clone());
    let whole = found(start(small_search(), &dir.path().join("whole"), &session).unwrap());
    assert_eq!((whole.space.as_str(), whole.evaluations, whole.supernets), ("cell1296", 12, 6));
    assert!(dir.path().join("whole/model.safetensors").is_file());

    let cut = dir.path().join("cut");
    let stopped = Interrupt::new();
    let progress = StopAt { what: "search", interrupt: &stopped };
    let cutting = Session::new(Device::flex(), &stopped, &progress).on(given);
    let error = start(small_search(), &cut, &cutting).unwrap_err();
    assert!(crate::run::is_interrupted(&error), "{error}");
    // Other images are not taken for them.
    let others = Images::new(images("mine", 120, 90), images("mine (test)", 30, 90)).unwrap();
    let other = Session::new(Device::flex(), &interrupt, &NoProgress).on(others);
    assert!(resume(&cut, &Moved::default(), &other).is_err());
    assert_eq!(found(resume(&cut, &Moved::default(), &session).unwrap()), whole);
    // What has ended needs no images.
    let ended = Session::new(Device::flex(), &interrupt, &NoProgress);
    assert_eq!(found(resume(&cut, &Moved::default(), &ended).unwrap()).arch, whole.arch);
}

#[test]
fn what_held_out_images_judge_has_not_seen_them_under_any_protocol() {
    for (on_test, of_supernets, scorable) in [(false, 60, 60), (true, 120, 30)] {
        let layers = Layers::preset("quick").unwrap().set("scoring.on_test", on_test).set("data.val_fraction", 0.5);
        let recipe = layers.resolve().unwrap().into_inner().common;
        let given = Images::new(images("mine", 120, 200), images("mine (test)", 30, 200)).unwrap();
        let lab = Lab::open(recipe, Some(given), Device::flex(), &Interrupt::new()).unwrap();
        assert_eq!([lab.search_images(), lab.scorable_images()], [of_supernets, scorable]);
        assert_eq!((lab.judged_images(), lab.held_out_images()), (60, 60));
        let config = crate::train::TrainConfig { batch: 60, ..lab.recipe().standalone.train.clone() };
        assert_eq!(lab.judged_loader(&config, 0).unwrap().steps_per_epoch(), 1);
    }
}

/// Class folders with so many grey images of this side each.
fn photos(folder: &Path, classes: &[(&str, usize)], side: usize) {
    for (class, count) in classes {
        std::fs::create_dir(folder.join(class)).unwrap();
        for number in 0..*count {
            let pixels: Vec<u8> = (0..side * side).map(|at| ((at * (number + 3)) % 200) as u8).collect();
            let bytes = fewshot_data::png_bytes(&pixels, Shape { height: side, width: side, channels: 1 }).unwrap();
            std::fs::write(folder.join(class).join(format!("{number}.png")), bytes).unwrap();
        }
    }
}

#[test]
fn what_was_chosen_for_the_images_and_what_they_lack_is_told() {
    let dir = tempfile::tempdir().unwrap();
    photos(dir.path(), &[("common", 60), ("rare", 3)], 80);
    let told = |side: u32, balance: bool| {
        let layers = Layers::preset("images").unwrap().set("data.path", dir.path().to_str().unwrap());
        let layers = layers.set("budget.minutes", 1.0).set("data.image_size", side).set("data.balance", balance);
        let recipe = layers.resolve().unwrap().into_inner().common;
        Lab::open(recipe, None, Device::flex(), &Interrupt::new()).unwrap().told().join("\n")
    };
    let chosen = told(0, true);
    for words in [
        "images of up to 80x80 are made 32x32 for this limit and time",
        "images: all 80x80 pixels, resized to 32x32 (chosen)",
        "1 of 2 classes have at most 3 training images (`rare` 2)",
        "each of the 2 training images of `rare` comes about 12 times an epoch",
    ] {
        assert!(chosen.contains(words), "{words} in {chosen}");
    }
    let given = told(16, false);
    assert!(given.contains("resized to 16x16 (as given)") && !given.contains("--balance"), "{given}");
}

/// A supernet of Once-for-All in phases, with sub-supernets that have the same teacher.
fn shrinking_search() -> CheckedRecipe {
    let layers = Layers::preset("quick").unwrap().for_space("ofa-mbv3").set("space.name", "ofa-mbv3");
    let layers = layers.set("space.settings.width", 0.25).set("supernet.epochs", 6).set("children.epochs", 1);
    let layers = layers.set("data.image_size", 8).set("search.budget", 12).set("search.finalists", 2);
    let layers = layers.set("standalone.train.epochs", 2).set("standalone.randoms", 0);
    // The largest network, which teaches, is beyond the limit.
    layers.set("search.max_macs", 120_000).set("scoring.batch", 20).resolve().unwrap()
}

/// Stops the run in the training of each stage, once.
struct StopInEach<'a> {
    at: Mutex<String>,
    stopped: &'a Mutex<Vec<String>>,
    interrupt: &'a Interrupt,
}

impl Progress for StopInEach<'_> {
    fn stage_started(&self, stage: StageInfo<'_>) {
        *self.at.lock().unwrap() = stage.name.to_string();
    }

    fn position(&self, position: Position<'_>) {
        let (stage, mut stopped) = (self.at.lock().unwrap(), self.stopped.lock().unwrap());
        if position.what == "training" && position.done > 0 && !stopped.contains(&stage) {
            stopped.push(stage.clone());
            self.interrupt.request();
        }
    }
}

#[test]
fn a_supernet_that_is_shrunk_in_phases_ends_the_same_cut_in_each_or_uncut() {
    let dir = tempfile::tempdir().unwrap();
    let given = Images::new(images("mine", 120, 200), images("mine (test)", 30, 200)).unwrap();
    let interrupt = Interrupt::new();
    let session = Session::new(Device::flex(), &interrupt, &NoProgress).on(given.clone());
    let whole = dir.path().join("whole");
    let expected = found(start(shrinking_search(), &whole, &session).unwrap());
    assert_eq!((expected.space.as_str(), expected.evaluations, expected.supernets), ("ofa-mbv3", 12, 3));
    assert!(expected.macs <= 120_000);

    let (cut, stopped) = (dir.path().join("cut"), Mutex::new(Vec::new()));
    let outcome = loop {
        let interrupt = Interrupt::new();
        let progress = StopInEach { at: Mutex::default(), stopped: &stopped, interrupt: &interrupt };
        let session = Session::new(Device::flex(), &interrupt, &progress).on(given.clone());
        let result = match cut.join("run.toml").exists() {
            false => start(shrinking_search(), &cut, &session),
            true => resume(&cut, &Moved::default(), &session),
        };
        match result {
            Ok(outcome) => break outcome,
            Err(error) => assert!(crate::run::is_interrupted(&error), "{error}"),
        }
    };
    assert_eq!(found(outcome), expected);
    let stopped = stopped.into_inner().unwrap();
    let phases = ["full", "kernel", "depth-1", "depth-2", "width-1"].map(|phase| format!("shrink-{phase}"));
    let children = (0..3).map(|child| format!("child-{child}"));
    for stage in phases.into_iter().chain(["supernet".to_string()]).chain(children) {
        assert!(stopped.contains(&stage), "{stage}: {stopped:?}");
        assert_eq!(weights(&cut, &stage), weights(&whole, &stage), "{stage}");
    }
}

/// What a stage left of a network's weights.
fn weights(run: &Path, stage: &str) -> Vec<u8> {
    let folders = std::fs::read_dir(run.join("stages")).unwrap().map(|entry| entry.unwrap().path());
    let named = |folder: &std::path::PathBuf| folder.file_name().unwrap().to_string_lossy().ends_with(stage);
    let folder = folders.filter(named).min_by_key(|folder| folder.as_os_str().len()).unwrap();
    std::fs::read(folder.join("checkpoint.safetensors")).unwrap()
}

#[test]
fn test_images_must_be_like_those_trained_on() {
    let test = images("mine (test)", 30, 200);
    let other = Dataset::new("other", test.shape(), vec![0; 64], vec![0], vec!["a".into(), "b".into()]).unwrap();
    assert!(Images::new(test, other).is_err());
}

#[test]
fn a_budget_of_time_is_for_searches_and_trainings() {
    let error = Layers::preset("proof-of-concept-smoke").unwrap().set("budget.minutes", 5.0).resolve().unwrap_err();
    assert!(error.to_string().contains("budget.minutes"), "{error}");
    let folder = Path::new("no such folder");
    assert!(matches!(
        resume(folder, &Moved::default(), &Session::new(Device::flex(), &Interrupt::new(), &NoProgress)),
        Err(ExperimentError::Run(_))
    ));
}
