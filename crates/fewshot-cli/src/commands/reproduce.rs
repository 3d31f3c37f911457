//! Comparisons that ship with the program.

use std::path::{Path, PathBuf};

use fewshot_nas::experiments::{self, CheckedRecipe, ExperimentError, Recipe, preset_names};
use fewshot_nas::run::RunReader;

use super::comparison::comparison;
use super::layered::{absolute, base};
use super::run::{RUN_FILE, begin, fresh_folder, resume};
use crate::args::flags;
use crate::args::{ReproduceArgs, ResumeArgs, RunArgs};
use crate::console::say;
use crate::failure::Failure;

pub fn reproduce(args: ReproduceArgs) -> Result<(), Failure> {
    match experiments::series(&args.name) {
        Some(parts) => reproduce_all(&args, parts),
        None => begin(recipe_of(&args, &args.name)?, &args.run),
    }
}

/// The recipe of the comparison called `name`, at the scale that was asked for.
fn recipe_of(args: &ReproduceArgs, name: &str) -> Result<CheckedRecipe, Failure> {
    let (preset, told) = comparison(name, args.scale, &preset_names())?;
    told.iter().for_each(say);
    let layers = flags::NETWORKS.lay(base(&preset, &args.run)?, args.networks);
    let layers = flags::SEEDS.lay(layers, args.seeds);
    let layers = flags::TRUTH.lay(layers, args.truth.as_deref().map(absolute));
    let layers = flags::TRUTH_COLUMNS.lay(layers, args.truth_columns.clone());
    let layers = flags::METHODS.lay(layers, args.methods.clone());
    Ok(layers.resolve().map_err(ExperimentError::from)?)
}

/// Several comparisons one after the other, each in a folder of its own within the one that was named. Those that are there already
/// are gone on with.
fn reproduce_all(args: &ReproduceArgs, parts: &[&str]) -> Result<(), Failure> {
    let out = args.run.out.clone().unwrap_or_else(|| fresh_folder(&args.name));
    // What is wrong with any of them is told before the first one's hours.
    let mut all: Vec<(PathBuf, CheckedRecipe)> = Vec::with_capacity(parts.len());
    for part in parts {
        let (folder, recipe) = (out.join(part), recipe_of(args, part)?);
        if is_there(&folder) && !began_so(&folder, &recipe)? {
            return Err(Failure::Usage(format!(
                "{} is a run with other settings than these: give the scale and the flags that it began with, or another --out",
                folder.display()
            )));
        }
        all.push((folder, recipe));
    }
    let done = all.into_iter().try_for_each(|(folder, recipe)| match is_there(&folder) {
        true => {
            say(format_args!("run: {}, which is there and is gone on with", folder.display()));
            let RunArgs { device, json, launch, .. } = args.run.clone();
            resume(ResumeArgs { run: folder, data: None, truth: None, launch, device, json })
        }
        false => begin(recipe, &RunArgs { out: Some(folder), ..args.run.clone() }),
    });
    // What was refused before anything began is refused again.
    let has_begun = parts.iter().any(|part| is_there(&out.join(part)));
    done.inspect_err(|_| {
        let (name, out) = (&args.name, out.display());
        if has_begun {
            say(format_args!("the same command with `--out {out}` goes on with all runs of {name}"));
        }
    })
}

fn is_there(folder: &Path) -> bool {
    folder.join(RUN_FILE).exists()
}

/// Whether a run began with these settings, as far as they decide its numbers.
fn began_so(run: &Path, wanted: &Recipe) -> Result<bool, Failure> {
    let mut began = RunReader::open(run)?.recipe::<Recipe>()?;
    let (known, common) = (&mut began.common, &wanted.common);
    let same_images = known.data.path == common.data.path
        && known.data.limit == common.data.limit
        && (common.data.image_size == 0 || known.data.image_size == common.data.image_size);
    // What else is said of the images may follow from them; where a run is worked on and on how many threads changes nothing.
    known.data = common.data.clone();
    known.threads = common.threads;
    known.launch = common.launch.clone();
    known.latency = common.latency.clone();
    known.ranking.truth_digest = common.ranking.truth_digest.clone();
    Ok(same_images && began == *wanted)
}
