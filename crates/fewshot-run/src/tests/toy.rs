//! A small run with everything in it that a real one has: training with checkpoints, children that
//! start from the parent's weights, a search with a history, an answer.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::{
    Checkpoint, Interrupt, Plan, Progress, RunError, RunFolder, Stage, StageContext, StageError, TensorF32,
};

/// Environment variable: milliseconds that a step takes, of one stage alone where its name stands before them (`train=500`).
pub(super) const SLOW: &str = "FEWSHOT_TEST_SLOW";
/// Environment variable: steps of each stage, in place of the recipe's own.
pub(super) const STEPS: &str = "FEWSHOT_TEST_STEPS";

const WEIGHTS: usize = 8;
const WEIGHTS_FILE: &str = "weights.safetensors";

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Recipe {
    pub(super) steps: u64,
    pub(super) lr: f64,
}

impl Default for Recipe {
    fn default() -> Self {
        Self { steps: 12, lr: 0.1 }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Counters {
    step: u64,
    loss: f64,
    lines: usize,
}

/// Begins the run; `None` if it was begun before.
pub(super) fn begin(path: &Path) -> Result<Option<RunFolder>, RunError> {
    let own = Recipe::default();
    let steps = std::env::var(STEPS).ok().and_then(|text| text.parse().ok()).unwrap_or(own.steps);
    match RunFolder::create(path, &Recipe { steps, ..own }, &"data".into()) {
        Err(RunError::Exists { .. }) => Ok(None),
        other => other.map(Some),
    }
}

/// Begins the run, or goes on with it, to its end.
pub(super) fn run(path: &Path, interrupt: &Interrupt, progress: &dyn Progress) -> Result<(), RunError> {
    let folder = begin(path)?.map_or_else(|| RunFolder::open(path), Ok)?;
    folder.check_data(&"data".into())?;
    let recipe: Recipe = folder.recipe()?;
    let values = plan(&recipe).run(&folder, interrupt, progress)?;
    folder.write_result(&values["search"])
}

/// How many stages it has.
pub(super) const STAGES: usize = 4;

/// train -> child-a, child-b -> search
pub(super) fn plan(recipe: &Recipe) -> Plan<'_> {
    let child = |name: &str, seed: u64| {
        Stage::new(name, move |context| {
            let parent = Checkpoint::load(&context.input_file("train", WEIGHTS_FILE)?)?.take("w", &[WEIGHTS])?;
            let loss: f64 = context.input("train")?;
            train(context, recipe, parent, seed, loss)
        })
        .after(["train"])
        .produces([WEIGHTS_FILE])
    };
    let stages = vec![
        Stage::new("train", |context| {
            let zeros = TensorF32::new(vec![WEIGHTS], vec![0.0; WEIGHTS])?;
            train(context, recipe, zeros, 1, 1.0)
        })
        .produces([WEIGHTS_FILE]),
        child("child-a", 2),
        child("child-b", 3),
        Stage::new("search", |context| search(context, recipe)).after(["child-a", "child-b"]),
    ];
    Plan::new(stages).unwrap()
}

/// Counter-keyed noise in [-0.5, 0.5).
fn noise(seed: u64, step: u64, index: u64) -> f64 {
    let mut x = seed << 40 ^ step << 20 ^ index;
    for _ in 0..3 {
        x = (x ^ x >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    (x >> 11) as f64 / (1u64 << 53) as f64 - 0.5
}

/// What a step of a stage takes.
pub(super) fn slow(stage: &str) {
    let Ok(text) = std::env::var(SLOW) else { return };
    let (of, millis) = text.split_once('=').unwrap_or((stage, &text));
    if let Some(millis) = millis.parse().ok().filter(|_| of == stage) {
        std::thread::sleep(Duration::from_millis(millis));
    }
}

fn train(
    context: &StageContext<'_>,
    recipe: &Recipe,
    start: TensorF32,
    seed: u64,
    loss: f64,
) -> Result<Value, StageError> {
    let path = context.file("checkpoint.safetensors");
    let (mut w, mut at) = match Checkpoint::load_if_exists(&path)? {
        Some(mut state) => (state.take("w", &[WEIGHTS])?, state.meta::<Counters>()?),
        None => (start, Counters { step: 0, loss, lines: 0 }),
    };
    let counter = context.counter("training", "steps", at.step, Some(recipe.steps));
    while at.step < recipe.steps {
        slow(context.name());
        at.step += 1;
        let moved = (0..).zip(w.data());
        let moved = moved.map(|(i, x)| x * 0.9 + (recipe.lr * noise(seed, at.step, i)) as f32);
        w = TensorF32::new(vec![WEIGHTS], moved.collect())?;
        at.loss = at.loss * 0.7 + noise(seed, at.step, 99) / 3.0;
        counter.add(1);
        if at.step % 5 == 0 {
            save(&path, &w, &at)?;
            context.event("checkpoint", json!({ "step": at.step }))?;
            context.interrupt().check()?;
        }
    }
    save(&context.file(WEIGHTS_FILE), &w, &at)?;
    Ok(json!(at.loss))
}

fn save(path: &Path, w: &TensorF32, at: &Counters) -> Result<(), StageError> {
    let mut state = Checkpoint::new(at)?;
    state.insert("w", w.clone());
    Ok(state.save(path)?)
}

fn search(context: &StageContext<'_>, recipe: &Recipe) -> Result<Value, StageError> {
    let path = context.file("checkpoint.safetensors");
    let history = context.run().open_history()?;
    let base: f64 = context.input::<f64>("child-a")? + context.input::<f64>("child-b")?;
    let mut at = match Checkpoint::load_if_exists(&path)? {
        Some(state) => state.meta::<Counters>()?,
        None => Counters { step: 0, loss: base, lines: 0 },
    };
    history.truncate(at.lines)?;
    while at.step < recipe.steps {
        slow(context.name());
        at.step += 1;
        at.loss += noise(4, at.step, 0) / 7.0;
        history.append(&json!({ "arch": at.step, "score": at.loss }))?;
        if at.step % 4 == 0 {
            history.sync()?;
            at.lines = history.lines();
            Checkpoint::new(&at)?.save(&path)?;
            context.interrupt().check()?;
        }
    }
    Ok(json!({ "arch": at.step, "score": at.loss }))
}

/// All files of a run by path, but those that tell of times and processes.
pub(super) fn files(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![run.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(run).unwrap().display().to_string();
            if name != "events.jsonl" && name != ".lock" {
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// The names in a run of [`plan`] that is done.
pub(super) const NAMES: [&str; 14] = [
    "history.jsonl",
    "plan.json",
    "result.json",
    "run.toml",
    "stages/01-train/checkpoint.safetensors",
    "stages/01-train/done.json",
    "stages/01-train/weights.safetensors",
    "stages/02-child-a/checkpoint.safetensors",
    "stages/02-child-a/done.json",
    "stages/02-child-a/weights.safetensors",
    "stages/03-child-b/checkpoint.safetensors",
    "stages/03-child-b/done.json",
    "stages/03-child-b/weights.safetensors",
    "stages/04-search/checkpoint.safetensors",
];
